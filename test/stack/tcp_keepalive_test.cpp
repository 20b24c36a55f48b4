/*
 * Keepalives (RFC 9293 3.8.4, RFC 1122 4.2.3.6): off unless asked for; then an idle peer that has gone is noticed.
 */
#include "support/tcp_options.hpp"

namespace microps
{
namespace
{

bool is_keepalive(const tcp_peer &peer, const tcp_peer_segment &seg)
{
    return seg.seq == peer.rcv - 1 && seg.ack == peer.nxt && seg.payload.empty() && seg.flags == TCP_PEER_ACK;
}

/** Keepalives after 10 s, every 5 s, 3 of them. */
void keep_alive(tcp_peer &peer)
{
    set_option(peer, IPPROTO_TCP, TCP_KEEPIDLE, 10);
    set_option(peer, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set_option(peer, IPPROTO_TCP, TCP_KEEPCNT, 3);
    set_option(peer, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/** The peer has just been heard: nothing for nine seconds, and then a keepalive. */
void expect_keepalive_after_ten_seconds(tcp_peer &peer)
{
    peer.expect_nothing(9s);
    const auto probe = peer.receive(2s);
    ASSERT_TRUE(probe);
    EXPECT_TRUE(is_keepalive(peer, *probe));
}

tcp_peer_options three_data_retries()
{
    return {.configure = [](tcp_config &config) {
        config.data_retries = 3;
    }};
}

void leave_two_keepalives_unanswered(tcp_peer &peer)
{
    keep_alive(peer);
    EXPECT_EQ(arrival_times(peer, 2).size(), 2u);
}

/* RFC 9293 MUST-25: keepalives are off by default, and then no timer runs for them. */
TEST(TcpKeepalive, OffUnlessAskedFor)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(option_of(peer, SOL_SOCKET, SO_KEEPALIVE), 0);
    peer.expect_nothing(24h);
    const size_t timers = peer.stack().timers.size();
    set_option(peer, SOL_SOCKET, SO_KEEPALIVE, 1);
    EXPECT_EQ(peer.stack().timers.size(), timers + 1);
    set_option(peer, SOL_SOCKET, SO_KEEPALIVE, 0);
    EXPECT_EQ(peer.stack().timers.size(), timers);
    peer.expect_nothing(24h);
}

/* RFC 9293 MUST-28: the interval is two hours by default, and the first keepalive has no data and asks for an ACK. */
TEST(TcpKeepalive, IdlePeerIsAskedAfterTwoHours)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, SOL_SOCKET, SO_KEEPALIVE, 1);
    peer.expect_nothing(7199s);
    const auto probe = peer.receive(2s);
    ASSERT_TRUE(probe);
    EXPECT_TRUE(is_keepalive(peer, *probe));
    EXPECT_EQ(peer.host().count(counter::tcp_keep_alive), 1u);
    EXPECT_EQ(peer.host().count(counter::tcp_zero_window_probes), 0u);
}

/* RFC 9293 3.8.4: each answer begins the idle time anew, for ever. */
TEST(TcpKeepalive, AnswersKeepTheConnection)
{
    test_world world;
    tcp_peer peer(world, connected);
    keep_alive(peer);
    for (int i = 0; i < 100; i++) {
        expect_keepalive_after_ten_seconds(peer);
        peer.send(ack());
    }
    EXPECT_EQ(peer.app_error(), 0);
}

/* RFC 9293 MUST-29: one unanswered keepalive is no proof, but TCP_KEEPCNT of them end the connection with a RST and
 * ETIMEDOUT. */
TEST(TcpKeepalive, SilentPeerIsGivenUpAfterSeveralProbes)
{
    test_world world;
    tcp_peer peer(world, connected);
    keep_alive(peer);
    const net_time begin = world.now();
    const std::vector<net_time> times = arrival_times(peer, 3);
    ASSERT_EQ(times.size(), 3u);
    for (size_t i = 0; i < times.size(); i++) {
        EXPECT_NEAR(std::chrono::duration<double>(times[i] - begin).count(), 10 + 5.0 * static_cast<double>(i), 0.1);
    }
    peer.expect(rst().seq(peer.rcv).after(4900ms).within(5100ms));
    EXPECT_EQ(peer.app_error(), ETIMEDOUT);
    EXPECT_EQ(peer.host().count(counter::tcp_keep_alive), 3u);
    EXPECT_EQ(peer.host().count(counter::tcp_abort_on_timeout), 1u);
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 9293 3.8.4: a call that sleeps on the connection returns the error. */
TEST(TcpKeepalive, SleepingReaderLearnsOfIt)
{
    test_world world;
    tcp_peer peer(world, connected);
    keep_alive(peer);
    make_blocking(peer.stack(), peer.app());
    char c = 0;
    EXPECT_EQ(error_of(sock_recv(peer.stack(), peer.app(), &c, 1)), ETIMEDOUT);
}

/* RFC 9293 MUST-29: a lost keepalive or a lost answer does no harm, and the count begins anew with the next answer. */
TEST(TcpKeepalive, AnswerToALaterProbeIsEnough)
{
    test_world world;
    tcp_peer peer(world, connected);
    keep_alive(peer);
    for (int round = 0; round < 3; round++) {
        ASSERT_EQ(arrival_times(peer, 3).size(), 3u);
        peer.send(ack());
        peer.expect_nothing(9s);
    }
    EXPECT_EQ(peer.app_error(), 0);
}

/* RFC 9293 3.8.4: answers count with Linux' interval of 75 s, too, which is longer than the idle time that programs
 * like to set. */
TEST(TcpKeepalive, AnswersCountThoughTheIntervalIsLongerThanTheIdleTime)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, IPPROTO_TCP, TCP_KEEPIDLE, 10);
    set_option(peer, SOL_SOCKET, SO_KEEPALIVE, 1);
    for (int i = 0; i < 20; i++) {
        const auto probe = peer.receive(80s);
        ASSERT_TRUE(probe);
        ASSERT_TRUE(is_keepalive(peer, *probe)) << i;
        peer.send(ack());
    }
    EXPECT_EQ(peer.app_error(), 0);
}

/* RFC 9293 MUST-26: a keepalive is sent only when nothing has come within the interval. */
TEST(TcpKeepalive, TrafficPostponesIt)
{
    test_world world;
    tcp_peer peer(world, connected);
    keep_alive(peer);
    for (int i = 0; i < 5; i++) {
        peer.wait(8s);
        upload(peer, "x");
        peer.expect(ack(peer.nxt));
    }
    expect_keepalive_after_ten_seconds(peer);
}

/* RFC 9293 3.8.4: while data is outstanding no keepalive is sent, and R2 decides when the peer is given up. */
TEST(TcpKeepalive, NotWhileDataIsOutstanding)
{
    test_world world;
    tcp_peer peer(world, connected);
    keep_alive(peer);
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.wait(60s);
    EXPECT_EQ(peer.app_error(), 0) << "three probes would have ended it";
    for (const tcp_peer_segment &seg : drain(peer)) {
        EXPECT_EQ(seg.payload, "x");
    }
    EXPECT_EQ(peer.host().count(counter::tcp_keep_alive), 0u);
    peer.rcv += 1;
    peer.send(ack());
    expect_keepalive_after_ten_seconds(peer);
}

/* RFC 9293 3.8.4: unanswered keepalives do not count against data that is sent then. */
TEST(TcpKeepalive, DataAfterUnansweredProbesHasAllItsRetries)
{
    test_world world;
    tcp_peer peer(world, connected, three_data_retries());
    leave_two_keepalives_unanswered(peer);
    EXPECT_EQ(peer.app_write("x"), 1);
    EXPECT_EQ(payload_size(drain(peer, 60s)), 4u);
}

/* RFC 9293 3.8.4: the same holds when the user has switched keepalives off meanwhile. */
TEST(TcpKeepalive, SwitchedOffTheyDoNotCountEither)
{
    test_world world;
    tcp_peer peer(world, connected, three_data_retries());
    leave_two_keepalives_unanswered(peer);
    set_option(peer, SOL_SOCKET, SO_KEEPALIVE, 0);
    EXPECT_EQ(peer.app_write("x"), 1);
    EXPECT_EQ(payload_size(drain(peer, 60s)), 4u);
}

/* RFC 5482: as on Linux, TCP_USER_TIMEOUT says how long a silent peer is asked, instead of the number of keepalives. */
TEST(TcpKeepalive, UserTimeoutTakesThePlaceOfTheCount)
{
    test_world world;
    tcp_peer peer(world, connected);
    keep_alive(peer);
    set_option(peer, IPPROTO_TCP, TCP_USER_TIMEOUT, 32000);
    peer.wait(34s);
    EXPECT_EQ(peer.app_error(), 0);
    peer.wait(2s);
    EXPECT_EQ(peer.app_error(), ETIMEDOUT) << "the probe at 35 s finds the time over";
    EXPECT_EQ(drain(peer).size(), 6u) << "at 10, 15, 20, 25, 30 s, and the RST";
}

/* Linux' TCP_KEEPIDLE and SO_KEEPALIVE: an accepted connection inherits them from its listener. */
TEST(TcpKeepalive, AcceptedConnectionHasTheListenersOptions)
{
    test_world world;
    tcp_peer peer(world, listening);
    net_stack &net = peer.stack();
    EXPECT_EQ(set_option(net, peer.listener(), SOL_SOCKET, SO_KEEPALIVE, 1), 0);
    EXPECT_EQ(set_option(net, peer.listener(), IPPROTO_TCP, TCP_KEEPIDLE, 10), 0);
    peer.establish();
    EXPECT_EQ(option_of(peer, IPPROTO_TCP, TCP_KEEPIDLE), 10);
    expect_keepalive_after_ten_seconds(peer);
}

/* Linux' TCP_KEEPIDLE: a change holds at once, for a connection that has been idle, too. */
TEST(TcpKeepalive, ChangesHoldAtOnce)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.wait(1h);
    keep_alive(peer);
    peer.expect(ack(peer.nxt).seq(peer.rcv - 1).within(10ms));
    peer.send(ack());
    set_option(peer, IPPROTO_TCP, TCP_KEEPIDLE, 100);
    peer.expect_nothing(99s);
    peer.expect(ack(peer.nxt).seq(peer.rcv - 1).within(2s));
}

/* RFC 9293 3.8.4: a connection that is closed on one side is kept alive, too. */
TEST(TcpKeepalive, HalfClosedConnectionsToo)
{
    for (const bool ours : {true, false}) {
        test_world world;
        tcp_peer peer(world, connected);
        keep_alive(peer);
        if (ours) {
            half_close(peer);
        } else {
            send_fin(peer);
        }
        expect_keepalive_after_ten_seconds(peer);
    }
}

/* RFC 9293 3.10.7.4: we answer the peer's keepalives, with or without a byte. */
TEST(TcpKeepalive, PeersKeepalivesAreAnswered)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(ack().seq(peer.nxt - 1));
    peer.expect(ack(peer.nxt).seq(peer.rcv).len(0).within(0ms));
    peer.wait(1h);
    peer.send(payload("x").seq(peer.nxt - 1));
    peer.expect(ack(peer.nxt).seq(peer.rcv).len(0).within(0ms));
    EXPECT_EQ(peer.app_read(), "");
}

} // namespace
} // namespace microps
