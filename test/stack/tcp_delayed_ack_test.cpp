/*
 * When the receiver acknowledges (RFC 9293 3.8.6.3, RFC 5681 4.2), as Linux does: quick ACKs, delayed ACKs whose delay
 * follows the arrivals, TCP_QUICKACK; and what it counts.
 */
#include "support/tcp_test.hpp"

#include <netinet/tcp.h>

namespace microps
{
namespace
{

tcp_peer_options quick_acks(unsigned count)
{
    return {.configure = [count](tcp_config &config) {
        config.quick_acks = count;
    }};
}

/** Sends @p data and returns how long the ACK takes, or nothing if that is longer than a second. */
std::optional<net_duration> ack_delay(tcp_peer &peer, const std::string &data)
{
    peer.skip();
    const net_time sent = peer.world().now();
    peer.send(payload(data));
    peer.nxt += static_cast<uint32_t>(data.size());
    const auto seg = peer.receive(1s);
    if (!seg || seg->ack != peer.nxt) return std::nullopt;
    return seg->at - sent;
}

int quickack(tcp_peer &peer, int value)
{
    return sock_setsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_QUICKACK, &value, sizeof(value));
}

int quickack(tcp_peer &peer)
{
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(sock_getsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_QUICKACK, &value, &size), 0);
    return value;
}

/* RFC 5681 4.2: Linux acknowledges the first segments at once (quick ACKs), since the peer's slow start counts ACKs,
 * and delays ACKs afterwards. So do we. */
TEST(TcpDelayedAck, FirstSegmentsAreAcknowledgedAtOnce)
{
    test_world world;
    tcp_peer peer(world, connected, quick_acks(5));
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(ack_delay(peer, "x"), 0ms) << i;
        peer.wait(10ms);
    }
    EXPECT_EQ(ack_delay(peer, "x"), 40ms);
    EXPECT_EQ(peer.host().count(counter::tcp_delayed_acks), 1u);
}

/* Linux sends no more quick ACKs than half the segments of our window, and so do we. */
TEST(TcpDelayedAck, QuickAcksAreBoundedByTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.receive_buffer = 6 * 1460;
                  }});
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(ack_delay(peer, stream(MSS)), 0ms) << i;
        peer.app_read();
        peer.wait(10ms);
    }
    EXPECT_EQ(ack_delay(peer, stream(MSS)), 40ms);
}

/* RFC 9293 3.8.6.3 SHLD-18: without quick ACKs, a lone segment's ACK waits 40 ms. */
TEST(TcpDelayedAck, AckWaits)
{
    test_world world;
    tcp_peer peer(world, connected, quick_acks(0));
    EXPECT_EQ(ack_delay(peer, stream(100)), 40ms);
}

TEST(TcpDelayedAck, DelayIsConfigurable)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.quick_acks = 0;
                      config.delayed_ack = 7ms;
                  }});
    EXPECT_EQ(ack_delay(peer, stream(100)), 7ms);
}

/* RFC 9293 SHLD-19: more than one full-sized segment is acknowledged at once. */
TEST(TcpDelayedAck, SecondFullSegmentIsAcknowledgedAtOnce)
{
    test_world world;
    tcp_peer peer(world, connected, quick_acks(0));
    for (int i = 0; i < 10; i++) {
        peer.send(payload(stream(MSS)));
        peer.nxt += MSS;
        peer.expect_nothing(0ms);
        EXPECT_EQ(ack_delay(peer, stream(MSS)), 0ms);
    }
}

/* RFC 9293 MUST-40: the timer of a delayed ACK is not pushed back by each small segment that arrives meanwhile. */
TEST(TcpDelayedAck, SmallSegmentsDoNotPostponeTheAck)
{
    test_world world;
    tcp_peer peer(world, connected, quick_acks(0));
    const net_time begin = world.now();
    for (int i = 0; i < 10; i++) {
        peer.send(payload("x"));
        peer.nxt += 1;
        peer.wait(5ms);
    }
    ASSERT_GT(peer.pending(), 0u);
    EXPECT_EQ(peer.receive(0ms)->at - begin, 40ms);
}

/* RFC 9293 3.8.6.3: as on Linux, the delay follows the gaps between arrivals, so that one ACK answers several segments
 * of a slow stream. It is at most 200 ms, and at most a round trip if we know one. */
TEST(TcpDelayedAck, DelayFollowsTheArrivalsUpToItsBound)
{
    test_world world;
    tcp_peer peer(world, listening, quick_acks(0));
    peer.wire().config(peer.host()).delay = 300ms;
    peer.establish();
    net_duration longest{};
    for (int i = 0; i < 20; i++) {
        const auto delay = ack_delay(peer, "x"); /* no second segment comes: the next ACK waits twice as long */
        ASSERT_TRUE(delay);
        EXPECT_GE(*delay - 300ms, longest);
        longest = *delay - 300ms;
    }
    EXPECT_EQ(longest, 200ms);
    for (int i = 0; i < 20; i++) { /* segments follow each other closely, so the delay is short */
        peer.send(payload("x"));
        peer.nxt += 1;
        peer.wait(1ms);
    }
    peer.wait(500ms);
    peer.skip();
    EXPECT_LE(*ack_delay(peer, "x"),
              300ms + 81ms); /* no segment came after the last of them, so the delay is doubled once */
}

/* RFC 9293 3.8.6.3: as on Linux, an ACK is delayed for a round trip at most, if that is more than the minimum. */
TEST(TcpDelayedAck, DelayIsARoundTripAtMost)
{
    test_world world;
    tcp_peer peer(world, listening, quick_acks(0));
    peer.wire().config(peer.host()).delay = 60ms;
    peer.establish();
    for (int i = 0; i < 20; i++) {
        const auto delay = ack_delay(peer, "x");
        ASSERT_TRUE(delay);
        EXPECT_LE(*delay, 120ms);
    }
}

TEST(TcpDelayedAck, BoundIsConfigurable)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.quick_acks = 0;
                      config.delayed_ack_max = 60ms;
                  }});
    for (int i = 0; i < 10; i++) {
        EXPECT_LE(ack_delay(peer, "x"), 60ms);
        peer.wait(1ms);
    }
}

/* RFC 5681 4.1: after a pause longer than the retransmission timeout the peer begins with a small window, so as on
 * Linux, quick ACKs are sent. */
TEST(TcpDelayedAck, PauseBringsQuickAcksBack)
{
    test_world world;
    tcp_peer peer(world, connected, quick_acks(2));
    for (int i = 0; i < 4; i++) {
        ack_delay(peer, "x");
        peer.wait(10ms);
    }
    EXPECT_NE(ack_delay(peer, "x"), 0ms);
    peer.wait(10s);
    EXPECT_EQ(ack_delay(peer, "x"), 0ms);
    EXPECT_EQ(ack_delay(peer, "x"), 0ms);
    EXPECT_NE(ack_delay(peer, "x"), 0ms);
}

/* RFC 5681 4.2: while there is a hole, and when it is filled, ACKs are sent at once, and as on Linux the next few as
 * well. */
TEST(TcpDelayedAck, HoleBringsQuickAcks)
{
    test_world world;
    tcp_peer peer(world, connected, quick_acks(4));
    for (int i = 0; i < 6; i++) {
        ack_delay(peer, "x");
        peer.wait(10ms);
    }
    EXPECT_NE(ack_delay(peer, "x"), 0ms);
    peer.send(payload("b").seq(peer.nxt + 1));
    peer.expect(ack(peer.nxt).within(0ms));
    peer.send(payload("a"));
    peer.nxt += 2;
    peer.expect(ack(peer.nxt).within(0ms));
    EXPECT_EQ(ack_delay(peer, "x"), 0ms);
    EXPECT_EQ(ack_delay(peer, "x"), 0ms);
    EXPECT_NE(ack_delay(peer, "x"), 0ms);
}

/* RFC 9293 3.8.6.3: as on Linux, a program that answers is taken for interactive, and the ACK waits for the answer, in
 * the phase of quick ACKs too. */
TEST(TcpDelayedAck, AnswersEndTheQuickPhase)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(ack_delay(peer, "ping"), 0ms);
    EXPECT_EQ(peer.app_write("pong"), 4);
    peer.expect(payload("pong").ack(peer.nxt));
    peer.rcv += 4;
    EXPECT_EQ(quickack(peer), 0);
    peer.send(payload("ping"));
    peer.nxt += 4;
    peer.expect_nothing(20ms);
    EXPECT_EQ(peer.app_write("pong"), 4);
    peer.expect(payload("pong").ack(peer.nxt).within(0ms));
    peer.rcv += 4;
    peer.send(ack());
    peer.expect_nothing(1s); /* the answer has carried it */
}

/* RFC 9293 MUST-58: what is drained in one batch is answered by one ACK, in whatever mode. */
TEST(TcpDelayedAck, BatchIsAnsweredOnce)
{
    for (const unsigned quick : {0u, 16u}) {
        test_world world;
        tcp_peer peer(world, connected, quick_acks(quick));
        {
            const net_guard busy(peer.stack()); /* seven segments wait while the stack is busy */
            for (uint32_t i = 0; i < 7; i++) {
                peer.inject(peer.packet(payload(stream(MSS, i * MSS)).seq(peer.nxt + i * MSS)));
            }
        }
        peer.send(payload(stream(MSS, 7 * MSS)).seq(peer.nxt + 7 * MSS));
        peer.expect(ack(peer.nxt + 8 * MSS).within(0ms));
        peer.expect_nothing(1s);
        EXPECT_EQ(peer.app_read(), stream(8 * MSS));
    }
}

/* RFC 5681 4.2: a duplicate segment may mean that our ACK came too late. As on Linux it is counted and answered at
 * once, and quick ACKs follow. */
TEST(TcpDelayedAck, OldSegmentBringsQuickAcks)
{
    test_world world;
    tcp_peer peer(world, connected, quick_acks(3));
    for (int i = 0; i < 5; i++) {
        ack_delay(peer, "x");
        peer.wait(10ms);
    }
    peer.send(payload("x").seq(peer.nxt - 1));
    peer.expect(ack(peer.nxt).within(0ms));
    EXPECT_EQ(peer.host().count(counter::tcp_delayed_ack_lost), 1u);
    EXPECT_EQ(ack_delay(peer, "x"), 0ms);
    EXPECT_EQ(ack_delay(peer, "x"), 0ms);
    EXPECT_NE(ack_delay(peer, "x"), 0ms);
}

/* tcp(7), TCP_QUICKACK: 1 sends the ACK that waits and leaves the interactive mode, and 0 enters it. */
TEST(TcpQuickAck, SendsWhatWaits)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(quickack(peer), 1);
    EXPECT_EQ(quickack(peer, 0), 0);
    EXPECT_EQ(quickack(peer), 0);
    peer.send(payload("x"));
    peer.nxt += 1;
    peer.expect_nothing(10ms);
    EXPECT_EQ(quickack(peer, 1), 0);
    peer.expect(ack(peer.nxt).len(0).within(0ms));
    EXPECT_EQ(quickack(peer), 1);
    EXPECT_EQ(ack_delay(peer, "x"), 0ms);
}

/* Linux' TCP_QUICKACK: an even value is for the ACK that waits only. */
TEST(TcpQuickAck, EvenValueIsForOneAck)
{
    test_world world;
    tcp_peer peer(world, connected);
    quickack(peer, 0);
    peer.send(payload("x"));
    peer.nxt += 1;
    EXPECT_EQ(quickack(peer, 2), 0);
    peer.expect(ack(peer.nxt).len(0).within(0ms));
    EXPECT_EQ(quickack(peer), 0);
}

/* RFC 9293 3.8.6.2.2: a window that the reader opens again is announced at once, and Linux' counters tell of its
 * closing and opening. */
TEST(TcpZeroWindow, IsCountedAndItsEndAnnounced)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.receive_buffer = 4 * 1460;
                  }});
    upload(peer, stream(4 * MSS));
    peer.wait(300ms);
    EXPECT_EQ(peer.host().count(counter::tcp_to_zero_window_adv), 1u);
    EXPECT_EQ(peer.host().count(counter::tcp_from_zero_window_adv), 0u);
    peer.skip();
    EXPECT_EQ(peer.app_read(MSS).size(), MSS);
    peer.expect(ack(peer.nxt).len(0).within(0ms));
    EXPECT_GE(peer.last().win, MSS);
    EXPECT_EQ(peer.host().count(counter::tcp_from_zero_window_adv), 1u);
}

/* RFC 9293 3.8.6 SHLD-14: a receive buffer that is made smaller does not shrink the window that was offered, and that
 * is counted. */
TEST(TcpZeroWindow, SmallerBufferDoesNotShrinkTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    upload(peer, stream(10 * MSS));
    peer.wait(300ms);
    const int size = 4096;
    EXPECT_EQ(sock_setsockopt(peer.stack(), peer.app(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
    upload(peer, stream(2 * MSS));
    peer.wait(300ms);
    EXPECT_EQ(peer.una(), peer.nxt);
    EXPECT_GE(peer.host().count(counter::tcp_want_zero_window_adv), 1u);
    EXPECT_EQ(peer.host().count(counter::tcp_to_zero_window_adv), 0u);
}

} // namespace
} // namespace microps
