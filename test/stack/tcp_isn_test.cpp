/*
 * Initial sequence numbers (RFC 9293 3.4.1, RFC 6528): a clock and a secret; and what happens where ours wrap.
 */
#include "support/tcp_test.hpp"

#include <set>

namespace microps
{
namespace
{

/** The ISS that the stack would use now with the peer's @p port; the attempt is given up. */
uint32_t sampled_iss(tcp_peer &peer, uint16_t port)
{
    peer.skip();
    peer.send(syn().mss(MSS).peer_port(port));
    const auto answer = peer.receive(0ms);
    if (!answer || answer->flags != (TCP_PEER_SYN | TCP_PEER_ACK)) {
        ADD_FAILURE() << "no SYN-ACK";
        return 0;
    }
    peer.send(rst().seq(peer.iss + 1).peer_port(port));
    peer.skip();
    return answer->seq;
}

/** Lets time pass until the connection from peer_port begins @p before numbers below 2^32, and establishes it. */
void establish_before_wrap(tcp_peer &peer, uint32_t before)
{
    const uint32_t first = sampled_iss(peer, peer.peer_port);
    peer.wait(1s);
    const uint32_t second = sampled_iss(peer, peer.peer_port);
    const uint32_t per_second = second - first;
    ASSERT_GT(per_second, 0u);
    const double missing = static_cast<double>(0u - before - second) / per_second;
    peer.wait(std::chrono::duration_cast<net_duration>(std::chrono::duration<double>(missing)));
    EXPECT_TRUE(peer.establish());
    EXPECT_LE(0u - peer.irs, before + 1000);
}

/* RFC 9293 MUST-8: for one pair of endpoints the initial sequence number grows by about one per 4 microseconds. */
TEST(TcpIsn, GrowsWithTime)
{
    test_world world;
    tcp_peer peer(world, listening);
    uint32_t before = sampled_iss(peer, peer.peer_port);
    for (int i = 0; i < 10; i++) {
        peer.wait(1s);
        const uint32_t now = sampled_iss(peer, peer.peer_port);
        EXPECT_NEAR(now - before, 250000, 2500);
        before = now;
    }
}

/* RFC 6528 3, SHLD-1: the offset depends on the whole pair of endpoints, and says nothing about another pair. */
TEST(TcpIsn, DiffersBetweenPairs)
{
    test_world world;
    tcp_peer peer(world, listening);
    std::set<uint32_t> steps;
    uint32_t before = 0;
    for (uint16_t port = 1000; port < 1100; port++) {
        const uint32_t iss = sampled_iss(peer, port);
        steps.insert(iss - before);
        before = iss;
    }
    EXPECT_EQ(steps.size(), 100u);
}

/* RFC 9293 MUST-9: without the stack's secret its initial sequence numbers cannot be computed. The C original begins
 * with the same number after every start. */
TEST(TcpIsn, DiffersBetweenStacks)
{
    std::set<uint32_t> all;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        test_world world(seed);
        tcp_peer peer(world, listening);
        all.insert(sampled_iss(peer, peer.peer_port));
    }
    EXPECT_EQ(all.size(), 50u);
}

/* RFC 9293 MUST-8, RFC 6528 3: the initial sequence numbers of active opens differ in the same way. */
TEST(TcpIsn, ActiveOpensDiffer)
{
    std::set<uint32_t> all;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        test_world world(seed);
        tcp_peer peer(world, connecting);
        peer.expect(syn());
        all.insert(peer.last().seq);
    }
    EXPECT_EQ(all.size(), 20u);
}

/* RFC 9293 3.4: sequence numbers are compared modulo 2^32, so our data may follow a SYN that has one of the last
 * numbers. In the C original any stream that crosses 2^32 stalls. */
TEST(TcpSequenceWrap, OurDataCrossesIt)
{
    for (const uint32_t before : {1u, 2u, 5u, 100u}) {
        test_world world(before);
        tcp_peer peer(world, listening);
        establish_before_wrap(peer, before);
        const std::string text = stream(5000);
        EXPECT_EQ(peer.app_write(text), 5000);
        EXPECT_EQ(download(peer, 5000), text);
        reach_fin_wait2(peer);
        peer.send(fin());
        peer.expect(ack(peer.nxt + 1));
    }
}

/* RFC 9293 3.4: retransmission, duplicate ACKs and recovery have sequence numbers on both sides of 2^32. */
TEST(TcpSequenceWrap, OurRecoveryCrossesIt)
{
    test_world world;
    tcp_peer peer(world, listening);
    establish_before_wrap(peer, 4 * MSS);
    const std::string text = stream(60000);
    EXPECT_EQ(peer.app_write(text), 60000);
    reassembly got;
    std::set<uint32_t> lost;
    while (got.stream().size() < text.size()) {
        const auto seg = peer.receive(60s);
        ASSERT_TRUE(seg);
        const uint32_t at = seg->seq - peer.irs - 1;
        if (at / MSS % 3 == 0 && lost.insert(at).second) continue; /* every third segment is lost once */
        got.take(peer, *seg);
    }
    EXPECT_EQ(got.stream(), text);
}

/* RFC 9293 3.4: the right edge of the peer's window lies beyond 2^32. */
TEST(TcpSequenceWrap, OurWindowCrossesIt)
{
    test_world world;
    tcp_peer peer(world, listening, {.win = 3000});
    establish_before_wrap(peer, 1000);
    EXPECT_EQ(peer.app_write(stream(20000)), 20000);
    drain(peer);
    EXPECT_LE(static_cast<int32_t>(peer.rcv_max() - (peer.rcv + 3000)), 0);
    peer.send(ack().win(0));
    peer.skip();
    EXPECT_EQ(download(peer, 20000, 60s), stream(20000));
}

} // namespace
} // namespace microps
