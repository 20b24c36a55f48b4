/*
 * The receive buffer that grows with what the reader takes per round trip, seen from the wire and through TCP_INFO.
 * Whole transfers are in test/sim/tcp_autotune_test.cpp.
 */
#include "support/tcp_test.hpp"

#include <netinet/tcp.h>

namespace microps
{
namespace
{

constexpr net_duration RTT = 100ms;

/** A sender that answers each of our ACKs a round trip later, as its timestamps tell. */
struct echoing_sender {
    explicit echoing_sender(std::function<void(tcp_config &)> configure = {})
        : peer(world, listening, {.configure = std::move(configure)})
    {
        peer.establish(syn().mss(MSS).sack_permitted().timestamps(1, 0).wscale(7));
        peer.send(ack().timestamps(2, echo));
    }

    /** A round trip later @p size bytes come and are read. */
    void burst(size_t size)
    {
        peer.wait(RTT);
        learn();
        for (size_t at = 0; at < size; at += MSS - 12) {
            const std::string part(std::min<size_t>(MSS - 12, size - at), 'x');
            peer.send(payload(part).timestamps(++value, echo));
            peer.nxt += static_cast<uint32_t>(part.size());
            taken += peer.app_read().size();
        }
    }
    void learn()
    {
        while (peer.pending() > 0) {
            const auto seg = peer.receive(0ms);
            if (seg->timestamps) echo = seg->timestamps->first;
            offered = uint32_t{seg->win} << 7;
        }
    }
    tcp_info_data info()
    {
        tcp_info_data result{};
        socklen_t size = sizeof(result);
        EXPECT_EQ(sock_getsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_INFO, &result, &size), 0);
        return result;
    }

    test_world world;
    tcp_peer peer;
    uint32_t value = 10;
    uint32_t echo = 0;
    uint32_t offered = 0;
    size_t taken = 0;
};

/* At least twice what is taken per round trip is offered, while the sender doubles. */
TEST(TcpReceiveBuffer, WindowKeepsAheadOfTheSender)
{
    echoing_sender sender;
    for (uint32_t size = 14480; size < 2'000'000; size *= 2) {
        sender.burst(size);
        sender.burst(1448);
        EXPECT_GE(sender.offered, 2 * size);
    }
    EXPECT_EQ(sender.taken, sender.peer.nxt - sender.peer.iss - 1);
    const tcp_info_data info = sender.info();
    EXPECT_NEAR(info.tcpi_rcv_rtt, 100'000, 10'000);
    EXPECT_GE(info.tcpi_rcv_space, 1'000'000u);
}

/* A connection that begins with a few bytes is not taken for one that has grown a thousandfold. */
TEST(TcpReceiveBuffer, SmallBeginningIsNoGrowth)
{
    echoing_sender sender;
    sender.burst(1);
    sender.burst(1448);
    for (int i = 0; i < 5; i++) {
        sender.burst(30000);
    }
    EXPECT_LE(sender.offered, 500'000u);
}

/* A steady stream keeps its buffer. */
TEST(TcpReceiveBuffer, SteadyStreamDoesNotGrow)
{
    echoing_sender sender;
    for (int i = 0; i < 5; i++) {
        sender.burst(20000);
    }
    const uint32_t before = sender.offered;
    for (int i = 0; i < 50; i++) {
        sender.burst(20000);
    }
    EXPECT_LE(sender.offered, before + 128);
}

TEST(TcpReceiveBuffer, GrowthCanBeSwitchedOff)
{
    echoing_sender sender([](tcp_config &config) { config.moderate_receive_buffer = false; });
    for (int i = 0; i < 20; i++) {
        sender.burst(60000);
    }
    EXPECT_LE(sender.info().tcpi_rcv_ssthresh, 65535u);
}

/* What TCP_INFO counts of arrivals. */
TEST(TcpReceiveBuffer, ArrivalsAreCounted)
{
    test_world world;
    tcp_peer peer(world, connected);
    const auto info = [&peer] {
        tcp_info_data result{};
        socklen_t size = sizeof(result);
        EXPECT_EQ(sock_getsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_INFO, &result, &size), 0);
        return result;
    };
    const tcp_info_data before = info();
    upload(peer, stream(3000));
    peer.send(payload("early").seq(peer.nxt + 100));
    peer.send(ack());
    const tcp_info_data after = info();
    EXPECT_EQ(after.tcpi_segs_in - before.tcpi_segs_in, 5u);
    EXPECT_EQ(after.tcpi_data_segs_in - before.tcpi_data_segs_in, 4u);
    EXPECT_EQ(after.tcpi_bytes_received - before.tcpi_bytes_received, 3000u);
    EXPECT_EQ(after.tcpi_rcv_ooopack, 1u);
}

} // namespace
} // namespace microps
