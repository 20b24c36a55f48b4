/*
 * A live connection under attack by somebody who knows its endpoints but cannot see its segments (RFC 5961), and by a
 * peer that does not play fair.
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

void expect_challenge_of_syn(uint8_t flags, uint32_t offset, const char *data)
{
    SCOPED_TRACE("flags " + std::to_string(flags) + ", offset " + std::to_string(offset) + ", data " + data);
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(segment(flags).seq(peer.nxt + offset).payload(data).ack(peer.rcv).flags(flags));
    peer.expect(ack(peer.nxt).seq(peer.rcv).len(0));
    EXPECT_EQ(peer.host().count(counter::tcp_syn_challenge), 1u);
    EXPECT_EQ(peer.host().count(counter::tcp_challenge_acks), 1u);
    expect_alive(peer);
}

/* RFC 5961 4.2, RFC 9293 3.10.7.4, fourth: in any synchronized state a SYN is answered by a challenge ACK and changes
 * nothing, whatever its sequence number is and with or without ACK, data or FIN. */
TEST(TcpChallenge, AnySynIsChallenged)
{
    for (const uint8_t extra : octets{0, TCP_PEER_ACK, TCP_PEER_FIN, TCP_PEER_URG | TCP_PEER_PSH}) {
        for (const uint32_t offset :
             {0xfffffffdu, 0xffffffffu, 0u, 1u, 10u, 1000u, 60000u, 70000u, 100000u, 0x80000000u}) {
            for (const char *data : {"", "evil"}) {
                expect_challenge_of_syn(static_cast<uint8_t>(TCP_PEER_SYN | extra), offset, data);
            }
        }
    }
}

/* RFC 5961 4.2: a SYN that PAWS would refuse is challenged as every other SYN is. */
TEST(TcpChallenge, OutdatedSynIsChallenged)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_TRUE(peer.establish(syn().mss(MSS).timestamps(1000, 0)));
    peer.send(syn().seq(peer.nxt + 5).timestamps(1, 0));
    peer.expect(ack(peer.nxt).seq(peer.rcv).len(0));
    EXPECT_EQ(peer.host().count(counter::tcp_syn_challenge), 1u);
    EXPECT_EQ(peer.host().count(counter::tcp_paws_estab), 0u);
}

/* RFC 5961 5.2: an ACK that is older than MAX.SND.WND allows, or of what was never sent, is answered by a challenge
 * ACK, and the data that comes with it is dropped. */
TEST(TcpChallenge, ImpossibleAcksAreChallenged)
{
    for (const uint32_t offset : {1u, 1000u, 0x7fffffffu, 0x80000000u, 0u - 65537u - 10u}) {
        test_world world;
        tcp_peer peer(world, connected);
        write_acknowledged(peer, "0123456789");
        peer.send(payload("evil").ack(peer.rcv + offset));
        peer.expect(ack(peer.nxt).seq(peer.rcv).len(0));
        EXPECT_EQ(peer.app_read(), "") << offset;
        EXPECT_EQ(peer.host().count(counter::tcp_challenge_acks), 1u);
    }
}

/* RFC 5961 5.2: a connection that has sent nothing knows no old ACKs, however large the peer's window is. Linux bounds
 * the range in the same way. */
TEST(TcpChallenge, AcksFromBeforeTheConnectionAreChallenged)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("evil").ack(peer.rcv - 2));
    peer.expect(ack(peer.nxt).seq(peer.rcv).len(0));
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_EQ(peer.host().count(counter::tcp_challenge_acks), 1u);
    expect_alive(peer);
}

/* RFC 5961 7: one connection answers unacceptable segments once in half a second (Linux' tcp_invalid_ratelimit), and
 * those left unanswered are counted. */
TEST(TcpChallenge, OneConnectionIsLimited)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 100; i++) {
            peer.send(rst().seq(peer.nxt + 1 + i));
            peer.send(syn().seq(peer.nxt + i));
            peer.send(ack(peer.rcv + 1 + i));
            peer.send(ack().seq(peer.nxt - 1 - i));
        }
        EXPECT_EQ(drain(peer).size(), 1u);
        peer.wait(500ms);
    }
    EXPECT_EQ(peer.host().count(counter::tcp_ack_skipped), 5u * 399);
    expect_alive(peer);
}

/* tcp_config::invalid_ratelimit of 0 switches the limit off. */
TEST(TcpChallenge, LimitCanBeSwitchedOff)
{
    test_world world;
    tcp_peer peer(world, listening, {.configure = [](tcp_config &config) {
                      config.invalid_ratelimit = 0s;
                  }});
    EXPECT_TRUE(peer.establish());
    for (uint32_t i = 0; i < 10; i++) {
        peer.send(ack().seq(peer.nxt - 1));
    }
    EXPECT_EQ(drain(peer).size(), 10u);
}

/* RFC 5961 7: all connections together send between half and one and a half of challenge_acks in a second. The number
 * varies, so that an off-path attacker cannot count what others have used up (CVE-2016-5696). */
TEST(TcpChallenge, WholeStackIsLimitedByChance)
{
    test_world world;
    tcp_peer peer(world, listening, {.backlog = 1000});
    for (uint16_t port = 1; port <= 400; port++) {
        peer.send(syn().mss(MSS).peer_port(port));
        peer.expect(syn_ack());
        peer.send(ack(peer.last().seq + 1).peer_port(port));
    }
    std::map<size_t, int> sizes;
    for (int second = 0; second < 10; second++) {
        peer.wait(1s);
        peer.skip();
        for (uint16_t port = 1; port <= 400; port++) {
            peer.send(rst().seq(peer.nxt + 5).peer_port(port));
        }
        const size_t answers = drain(peer).size();
        EXPECT_GE(answers, 50u);
        EXPECT_LE(answers, 150u);
        sizes[answers]++;
    }
    EXPECT_GT(sizes.size(), 3u);
}

/* RFC 9293 3.10.7.4, first: retransmitted data and FINs are always answered, whatever the limit of challenges is. */
TEST(TcpChallenge, RetransmissionsAreAlwaysAnswered)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("abc"));
    peer.nxt += 3;
    EXPECT_EQ(peer.app_read(), "abc");
    peer.wait(1s);
    peer.skip();
    for (int i = 0; i < 20; i++) {
        peer.send(payload("abc").seq(peer.nxt - 3));
        peer.expect(ack(peer.nxt).within(0ms));
    }
    send_fin(peer);
    for (int i = 0; i < 20; i++) {
        peer.send(fin().seq(peer.nxt - 1));
        peer.expect(ack(peer.nxt).within(0ms));
    }
}

/* RFC 9293 3.8.4: the peer's keepalives, one a second, are all answered. */
TEST(TcpChallenge, KeepaliveProbesAreAnswered)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (int i = 0; i < 20; i++) {
        peer.wait(1s);
        peer.send(ack().seq(peer.nxt - 1));
        peer.expect(ack(peer.nxt).seq(peer.rcv).within(0ms));
    }
}

/* RFC 5961 7: duplicates of a forged SYN do not make us send the owner of its address a SYN-ACK for each. */
TEST(TcpChallenge, RepeatedSynsAreAnsweredSeldom)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    for (int i = 0; i < 1000; i++) {
        peer.send(syn().mss(MSS));
    }
    EXPECT_EQ(drain(peer).size(), 1u);
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
}

/* A RST or a new SYN in the window ends a half-open connection, and is counted. */
TEST(TcpChallenge, EmbryonicResetsAreCounted)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(rst());
    half_open(peer);
    peer.send(syn().mss(MSS).seq(peer.nxt + 10));
    EXPECT_EQ(peer.host().count(counter::tcp_embryonic_rsts), 2u);
}

/* RFC 5681 3.1, RFC 3465: an ACK for each byte opens the window no faster than one ACK for all (Savage et al. 1999, ACK
 * division). */
TEST(TcpUnfairPeer, AckDivisionGainsNothing)
{
    std::map<uint32_t, uint32_t> windows;
    for (const uint32_t step : {1460u, 10u}) {
        test_world world;
        tcp_peer peer(world, connected);
        EXPECT_GT(peer.app_write(stream(250000)), 0);
        peer.wait(0ms);
        const uint32_t end = peer.rcv_max();
        while (peer.rcv != end) {
            peer.rcv += std::min(step, end - peer.rcv);
            peer.send(ack());
        }
        windows[step] = peer.rcv_max() - end;
    }
    EXPECT_LE(windows[10], windows[1460] + MSS);
}

/* RFC 9293 3.10.7.4, fifth: a peer that acknowledges what was not sent yet gains nothing, since such an ACK is
 * unacceptable (Savage et al. 1999, optimistic ACKs). */
TEST(TcpUnfairPeer, OptimisticAcksAreRefused)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_GT(peer.app_write(stream(250000)), 0);
    peer.wait(0ms);
    const uint32_t sent = peer.rcv_max();
    for (uint32_t i = 1; i < 200; i++) {
        peer.send(ack(sent + i * MSS));
    }
    EXPECT_EQ(peer.rcv_max(), sent);
    EXPECT_LE(peer.host().count(counter::tcp_challenge_acks), 1u);
}

/**
 * A blind attacker's segment: in the window or near it, everything else by chance, except for lucky hits, which RFC
 * 5961 leaves to chance, too: RCV.NXT itself for a RST, our recent numbers for an ACK.
 */
tcp_pattern blind_segment(tcp_peer &peer, net_random &random)
{
    const auto flags = static_cast<uint8_t>(random.below(64));
    uint32_t seq = peer.nxt + static_cast<uint32_t>(random.below(60000)) - 5000;
    if ((flags & TCP_PEER_RST) && seq == peer.nxt) seq++;
    const uint32_t number = peer.rcv_max() + 1 + static_cast<uint32_t>(random.below(0xf0000000));
    tcp_pattern what = segment(flags).seq(seq).ack(number).flags(flags);
    what.win(random.u16());
    if (random.chance(0.7)) what.payload(std::string(random.below(6000) % 1400, '!'));
    if (random.chance(0.7)) what.timestamps(random.u32(), random.u32());
    if (random.chance(0.3)) what.sack({{random.u32(), random.u32()}, {peer.rcv - 100, peer.rcv + 100}});
    if (random.chance(0.1)) what.wscale(14);
    return what;
}

/* RFC 5961: an off-path attacker sends a hundred segments into the window for each one of the peer's. The stream
 * arrives in both directions, byte by byte, and we answer far fewer segments than the attacker sends. */
TEST(TcpUnderAttack, BlindSegmentsInTheWindowChangeNothing)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        test_world world(seed);
        tcp_peer peer(world, listening, {.iss = static_cast<uint32_t>(0xffffff00 - seed * 1000)});
        uint32_t clock = 1000;
        EXPECT_TRUE(peer.establish(syn().mss(MSS).timestamps(clock, 0).wscale(2).sack_permitted()));
        net_random random(seed);
        const std::string data = stream(30000);
        const uint32_t begin = peer.nxt;
        std::string got;
        std::string back;
        while (got.size() < data.size()) {
            for (int i = 0; i < 100; i++) {
                peer.send(blind_segment(peer, random));
            }
            const std::string part = data.substr(peer.nxt - begin, 300);
            peer.send(payload(part).timestamps(++clock, 0));
            peer.nxt += static_cast<uint32_t>(part.size());
            const std::string now = peer.app_read();
            ASSERT_EQ(now, part);
            got += now;
            EXPECT_EQ(peer.app_write(part), static_cast<ssize_t>(part.size()));
            for (const tcp_peer_segment &seg : drain(peer, 5ms)) {
                if (seg.seq != peer.rcv) continue;
                back += seg.payload;
                peer.rcv += static_cast<uint32_t>(seg.payload.size());
            }
            peer.send(ack().timestamps(clock, 0));
        }
        EXPECT_EQ(back, data);
        EXPECT_LT(peer.host().count(counter::tcp_challenge_acks), 10u);
        EXPECT_LT(peer.host().count(counter::tcp_out_segs), 8000u) << "to 10,000 of the attacker's";
    }
}

/* RFC 5961 5.2, RFC 7323 7: a segment that begins before RCV.NXT is in the window, too. Its timestamp must not become
 * the one that PAWS compares the peer's next segments with until its ACK was found acceptable. */
TEST(TcpUnderAttack, ForgedTimestampDoesNotShutThePeerOut)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_TRUE(peer.establish(syn().mss(MSS).timestamps(1000, 0)));
    peer.send(payload("abc").timestamps(1001, 0));
    peer.nxt += 3;
    EXPECT_EQ(peer.app_read(), "abc");
    peer.send(payload("abcd").seq(peer.nxt - 3).ack(peer.rcv + 12345).timestamps(0x7fffff00, 0));
    peer.send(segment(0).seq(peer.nxt - 3).payload("abcd").timestamps(0x7fffff00, 0));
    peer.send(payload("def").timestamps(1002, 0));
    EXPECT_EQ(peer.app_read(), "def");
}

} // namespace
} // namespace microps
