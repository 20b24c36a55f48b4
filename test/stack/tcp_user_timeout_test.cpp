/*
 * How long a connection waits for a peer that does not answer: R1 and R2 (RFC 9293 3.8.3, RFC 1122 4.2.3.5), and the
 * user's own limit (RFC 5482; the option is TCP_USER_TIMEOUT).
 */
#include "support/tcp_options.hpp"

namespace microps
{
namespace
{

double seconds(net_duration time) { return std::chrono::duration<double>(time).count(); }

/** Writes data that nobody acknowledges. Returns how long it takes until the connection is given up. */
double given_up_after(tcp_peer &peer, net_duration limit)
{
    const net_time begin = peer.world().now();
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.wait(limit);
    net_time last = begin;
    for (const tcp_peer_segment &seg : drain(peer)) {
        last = seg.at;
        if (seg.flags & TCP_PEER_RST) return seconds(seg.at - begin);
    }
    ADD_FAILURE() << "not given up, last segment after " << seconds(last - begin) << " s";
    return 0;
}

/* RFC 9293 SHLD-11: R2 is at least 100 s. Linux' is the time of 15 retransmissions that begin at 200 ms, 924.6 s, and
 * so is ours. */
TEST(TcpUserTimeout, DefaultIsFifteenMinutes)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_NEAR(given_up_after(peer, 1h), 924.6, 1);
    EXPECT_EQ(peer.app_error(), ETIMEDOUT);
}

/* RFC 9293 3.8.3: R2 is a time, so a path with a long RTO is given no more of it. */
TEST(TcpUserTimeout, LongRoundTripsDoNotStretchIt)
{
    test_world world;
    tcp_peer peer(world, listening, {.configure = [](tcp_config &config) {
                      config.data_retries = 8; /* 102.2 s */
                  }});
    half_open(peer);
    peer.wait(900ms);
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    const double after = given_up_after(peer, 1h);
    EXPECT_GE(after, 102.2);
    EXPECT_LE(after, 200) << "8 retransmissions by an RTO of 2.7 s would take 23 minutes";
}

/* RFC 5482 1: after this time without an acknowledgment the connection is aborted, to the millisecond. */
TEST(TcpUserTimeout, UnacknowledgedDataEndsIt)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
    EXPECT_NEAR(given_up_after(peer, 1min), 5.0, 0.01);
    EXPECT_EQ(peer.app_error(), ETIMEDOUT);
    EXPECT_EQ(peer.host().count(counter::tcp_abort_on_timeout), 1u);
}

/* RFC 5482 1: the user timeout may be longer than R2. */
TEST(TcpUserTimeout, MayBeLongerThanTheDefault)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, IPPROTO_TCP, TCP_USER_TIMEOUT, 3 * 3600 * 1000);
    EXPECT_NEAR(given_up_after(peer, 4h), 3 * 3600, 1);
}

/* RFC 5482 3.1: each acknowledgment of new data restarts the user timeout. */
TEST(TcpUserTimeout, ProgressBeginsItAnew)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(peer.app_write("x"), 1);
        peer.wait(4s);
        peer.skip();
        peer.rcv += 1;
        peer.send(ack());
    }
    EXPECT_EQ(peer.app_error(), 0);
    peer.expect_nothing(1h);
}

/* RFC 5482 1: as on Linux, the user timeout also bounds how long a closed window is probed, whether the peer answers or
 * not. */
TEST(TcpUserTimeout, BoundsTheProbingOfAClosedWindow)
{
    for (const bool answered : {true, false}) {
        test_world world;
        tcp_peer peer(world, connected, {.win = 0});
        set_option(peer, IPPROTO_TCP, TCP_USER_TIMEOUT, 20000);
        EXPECT_EQ(peer.app_write("x"), 1);
        const net_time begin = world.now();
        bool reset = false;
        while (!reset && world.now() - begin < 60s) {
            const auto seg = peer.receive(60s);
            ASSERT_TRUE(seg);
            reset = (seg->flags & TCP_PEER_RST) != 0;
            if (!reset && answered) peer.send(ack());
        }
        EXPECT_TRUE(reset);
        EXPECT_NEAR(seconds(world.now() - begin), 20, 0.01);
        EXPECT_EQ(peer.app_error(), ETIMEDOUT);
    }
}

/* RFC 5482 1: as on Linux, an idle connection is not affected, since nothing is unacknowledged. */
TEST(TcpUserTimeout, IdleConnectionIsNotTouched)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
    peer.expect_nothing(24h);
    EXPECT_EQ(peer.app_error(), 0);
}

/** A connect() that nobody answers. Returns when it failed. */
double connect_fails_after(tcp_peer &peer, int name, int value)
{
    net_stack &net = peer.stack();
    const int id = stream_socket(net);
    EXPECT_EQ(set_option(net, id, IPPROTO_TCP, name, value), 0);
    EXPECT_EQ(error_of(connect_to(net, id, "192.0.2.1", 80)), EINPROGRESS);
    const net_time begin = peer.world().now();
    for (int i = 0; i < 3000; i++) {
        peer.wait(100ms);
        if (const int error = option_of(net, id, SOL_SOCKET, SO_ERROR)) {
            EXPECT_EQ(error, ETIMEDOUT);
            break;
        }
    }
    return seconds(peer.world().now() - begin);
}

/* RFC 9293 MUST-23: a SYN has limits of its own, by default, by Linux' TCP_SYNCNT and by the user timeout. */
TEST(TcpUserTimeout, SynHasItsOwnLimits)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    EXPECT_NEAR(connect_fails_after(peer, TCP_SYNCNT, 2), 1 + 2 + 4, 0.2);
    EXPECT_NEAR(connect_fails_after(peer, TCP_USER_TIMEOUT, 2000), 2, 0.2);
}

/* RFC 9293 3.8.3: a second attempt on the same socket has all its retransmissions again. */
TEST(TcpUserTimeout, SecondAttemptIsAsPatientAsTheFirst)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const int id = stream_socket(net);
    EXPECT_EQ(set_option(net, id, IPPROTO_TCP, TCP_SYNCNT, 2), 0);
    for (int attempt = 0; attempt < 3; attempt++) {
        EXPECT_EQ(error_of(connect_to(net, id, "192.0.2.1", 80)), EINPROGRESS);
        EXPECT_EQ(drain(peer, 6900ms).size(), 3u) << "attempt " << attempt;
        EXPECT_EQ(option_of(net, id, SOL_SOCKET, SO_ERROR), 0);
        peer.wait(200ms);
        EXPECT_EQ(option_of(net, id, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
    }
}

/* RFC 9293 3.8.3: the same holds for RFC 793's passive OPEN, which returns to LISTEN when a handshake fails. */
TEST(TcpUserTimeout, ListenerThatIsTheConnectionBeginsAnew)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle, {.configure = [](tcp_config &config) {
                      config.synack_retries = 2;
                  }});
    peer.host().spawn_daemon("opener", [&] {
        sock_open_rfc793(peer.stack(), {IP_ADDR_ANY, peer.stack_port}, nullptr, false);
    });
    peer.wait(0ms);
    for (uint16_t attempt = 0; attempt < 3; attempt++) {
        peer.peer_port = static_cast<uint16_t>(41000 + attempt);
        peer.send(syn());
        EXPECT_EQ(drain(peer, 1min).size(), 3u) << "attempt " << attempt;
    }
}

} // namespace
} // namespace microps
