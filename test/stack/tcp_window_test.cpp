/*
 * The receive window: what is offered, what is kept open, when it is announced (RFC 9293 3.8.6, 3.8.6.2.2).
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

tcp_peer_options small_buffer(size_t size)
{
    return {.configure = [size](tcp_config &config) {
        config.receive_buffer = size;
    }};
}

/** Sends data until the stack's window is shut; the application reads nothing. Returns what was accepted. */
std::string fill_receive_buffer(tcp_peer &peer)
{
    std::string data;
    for (int i = 0; i < 100; i++) {
        const std::string part = stream(MSS, data.size());
        peer.send(payload(part));
        peer.wait(500ms);
        const uint32_t taken = peer.una() - peer.nxt;
        data += part.substr(0, taken);
        peer.nxt += taken;
        std::optional<uint16_t> window;
        while (peer.pending() > 0) {
            window = peer.receive(0ms)->win;
        }
        if (window == 0) return data;
    }
    ADD_FAILURE() << "the window never closes";
    return data;
}

/* RFC 9293 3.8.6: the window is the free buffer, and SYN-ACK and ACK show it unscaled. */
TEST(TcpReceiveWindow, HandshakeOffersTheBuffer)
{
    test_world world;
    tcp_peer peer(world, listening, small_buffer(8000));
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().win(8000));
}

/* RFC 9293 3.8.6: without window scaling no more than 65535 can be offered. */
TEST(TcpReceiveWindow, LargeBufferOffersNoMoreThanTheFieldHolds)
{
    test_world world;
    tcp_peer peer(world, listening, small_buffer(1 << 20));
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().win(65535));
}

/* RFC 9293 3.8.6, SHLD-14: the right edge of the window never moves left. */
TEST(TcpReceiveWindow, RightEdgeNeverMovesLeft)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(20000));
    peer.send(payload("x").seq(peer.nxt - 1)); /* makes it tell the window */
    peer.expect(ack(peer.nxt));
    uint32_t edge = peer.last().ack + peer.last().win;
    net_random random(7);
    for (int i = 0; i < 200; i++) {
        const uint32_t room = edge - peer.nxt;
        const auto size = static_cast<size_t>(std::min<uint64_t>(room, 1 + random.below(MSS)));
        peer.send(payload(std::string(size, 'x')));
        peer.nxt += static_cast<uint32_t>(size);
        peer.app_read(random.below(MSS));
        for (const tcp_peer_segment &seg : drain(peer, 100ms)) {
            EXPECT_GE(static_cast<int32_t>(seg.ack + seg.win - edge), 0);
            edge = seg.ack + seg.win;
        }
    }
}

/* RFC 7323 2.4: rounding may take less than a step from a scaled window, but whatever was in the window once is
 * accepted. */
TEST(TcpReceiveWindow, RoundingLosesNothingThatWasOffered)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().mss(MSS).wscale(7));
    peer.expect(syn_ack());
    ASSERT_TRUE(peer.last().wscale);
    const uint8_t shift = *peer.last().wscale;
    EXPECT_GE(shift, 5) << "enough for the largest buffer";
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    uint32_t edge = peer.nxt;
    net_random random(7);
    for (int i = 0; i < 1000; i++) {
        const auto size = static_cast<size_t>(1 + random.below(50));
        peer.send(payload(std::string(size, 'x')));
        peer.nxt += static_cast<uint32_t>(size);
        for (const tcp_peer_segment &seg : drain(peer, 100ms)) {
            const auto ahead = static_cast<int32_t>(seg.ack + (uint32_t{seg.win} << shift) - edge);
            EXPECT_GT(ahead, -(1 << shift));
            if (ahead > 0) edge += static_cast<uint32_t>(ahead);
        }
    }
    while (peer.nxt != edge) {
        const uint32_t size = std::min(MSS, edge - peer.nxt);
        peer.send(payload(std::string(size, 'x')));
        peer.nxt += size;
    }
    peer.wait(500ms);
    EXPECT_EQ(peer.una(), edge);
}

/* RFC 9293 3.8.6: the receiver accepts all that it has offered, and not a byte more. The C original writes what comes
 * beyond the window past the end of its buffer. */
TEST(TcpReceiveWindow, FullBufferShutsTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(10000));
    const std::string data = fill_receive_buffer(peer);
    EXPECT_EQ(data.size(), 10000u);
    peer.send(payload("y"));
    peer.expect(ack(peer.nxt).win(0));
    EXPECT_EQ(peer.app_read(), data);
}

/* RFC 9293 3.8.6.2.2: when the reader drains a full buffer, the stack announces the new window by itself. The C
 * original stays silent until the peer probes. */
TEST(TcpReceiveWindow, DrainedBufferIsAnnounced)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(10000));
    const std::string data = fill_receive_buffer(peer);
    EXPECT_EQ(peer.app_read(), data);
    peer.expect(ack(peer.nxt).len(0).within(0ms));
    EXPECT_GE(peer.last().win, MSS);
    peer.send(payload("more"));
    EXPECT_EQ(peer.app_read(), "more");
}

/* RFC 9293 3.8.6.2.2: the same holds for the default buffer, which is larger than a window field less one segment. */
TEST(TcpReceiveWindow, DrainedDefaultBufferIsAnnounced)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = fill_receive_buffer(peer);
    EXPECT_EQ(data.size(), 65535u);
    EXPECT_EQ(peer.app_read(), data);
    const auto updates = drain(peer);
    ASSERT_FALSE(updates.empty());
    EXPECT_EQ(updates.back().ack, peer.nxt);
    EXPECT_GE(updates.back().win, 60000);
    EXPECT_LE(updates.size(), 25u) << "an update is worth two segments";
}

/* RFC 9293 MUST-39: a reader that takes byte by byte opens the window by a segment, or by half the buffer, at once. */
TEST(TcpReceiveWindow, SmallReadsDoNotOpenASillyWindow)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(10000));
    fill_receive_buffer(peer);
    size_t read = 0;
    while (read < 6000) {
        read += peer.app_read(1).size();
        if (peer.pending() > 0) break;
        if (read % 500 == 0) { /* a probe must not make it show a sliver either */
            peer.send(payload("z"));
            peer.expect(segment());
            if (peer.last().win == 0) {
                EXPECT_EQ(peer.last().ack, peer.nxt);
            } else {
                EXPECT_GE(read, MSS);
                return;
            }
        }
    }
    ASSERT_TRUE(peer.expect(ack(peer.nxt)));
    EXPECT_GE(peer.last().win, MSS);
    EXPECT_GE(read, MSS);
    EXPECT_LE(read, 5000u);
}

/* RFC 9293 MUST-39: the threshold is half the buffer where that is less than a segment. */
TEST(TcpReceiveWindow, SmallBufferIsAnnouncedByHalf)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(1000));
    const std::string data = fill_receive_buffer(peer);
    EXPECT_EQ(data.size(), 1000u);
    peer.app_read(400);
    peer.expect_nothing(300ms);
    peer.app_read(200);
    peer.expect(ack(peer.nxt).len(0).within(0ms));
    EXPECT_GE(peer.last().win, 500);
}

/* RFC 9293 MUST-35: while its window is shut the stack answers each probe, so that the peer knows that it is alive. */
TEST(TcpReceiveWindow, ProbesOfAShutWindowAreAnswered)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(5000));
    fill_receive_buffer(peer);
    for (int i = 0; i < 10; i++) {
        peer.send(payload("p"));
        peer.expect(ack(peer.nxt).win(0).len(0).within(0ms));
        peer.send(ack().seq(peer.nxt - 1)); /* Linux' probe */
        peer.expect(ack(peer.nxt).win(0).len(0).within(0ms));
        peer.wait(60s);
    }
}

/* RFC 9293 3.10.7.4, first, MUST-66: with a shut window, acceptable ACKs are still processed. */
TEST(TcpReceiveWindow, ShutWindowStillAcceptsAcks)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(5000));
    fill_receive_buffer(peer);
    EXPECT_EQ(peer.app_write("hello"), 5);
    peer.expect(payload("hello").win(0));
    peer.rcv += 5;
    peer.send(ack());
    peer.expect_nothing(10s);
}

/* RFC 9293 MUST-66: an ACK that comes with data for which there is no room is processed, too, or two hosts with full
 * buffers would block each other. */
TEST(TcpReceiveWindow, ShutWindowAcceptsTheAckOfADataSegment)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(5000));
    fill_receive_buffer(peer);
    EXPECT_EQ(peer.app_write("hello"), 5);
    peer.expect(payload("hello"));
    peer.rcv += 5;
    peer.send(payload("x"));
    peer.expect(ack(peer.nxt).win(0).len(0));
    peer.expect_nothing(10s);
}

/* RFC 9293 MUST-66: the peer's window in such a segment is processed, too. */
TEST(TcpReceiveWindow, ShutWindowAcceptsWindowUpdates)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(5000));
    fill_receive_buffer(peer);
    EXPECT_EQ(peer.app_write(stream(100)), 100);
    peer.expect(payload(stream(100)));
    peer.rcv += 100;
    peer.send(ack().win(0));
    EXPECT_EQ(peer.app_write("more"), 4);
    peer.expect_nothing();
    peer.send(payload("x").win(1000));
    peer.wait(0ms);
    EXPECT_EQ(data_of(drain(peer), peer.rcv), "more");
}

/* RFC 9293 MUST-66: a RST is processed, too. */
TEST(TcpReceiveWindow, ShutWindowAcceptsRst)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(5000));
    fill_receive_buffer(peer);
    peer.send(rst());
    peer.expect_nothing(5s);
    EXPECT_EQ(peer.app_error(), ECONNRESET);
}

/* RFC 9293 3.10.7.4, eighth: a FIN needs no room in the buffer, but all data in front of it must have arrived. */
TEST(TcpReceiveWindow, FinAfterAShutWindowIsAcceptedWhenTheDataIsRead)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(5000));
    const std::string data = fill_receive_buffer(peer);
    peer.send(fin());
    peer.wait(500ms);
    peer.skip();
    EXPECT_EQ(peer.app_read(), data);
    if (peer.una() == peer.nxt) {
        peer.send(fin());
        peer.wait(500ms);
    }
    EXPECT_EQ(peer.una(), peer.nxt + 1);
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_TRUE(peer.app_eof());
}

/* RFC 9293 3.8.6: out-of-order data does not move the right edge of the window in either direction. */
TEST(TcpReceiveWindow, HeldDataDoesNotMoveTheRightEdge)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(10000));
    peer.send(payload(stream(1000, 1000)).seq(peer.nxt + 1000));
    peer.expect(ack(peer.nxt));
    const uint32_t edge = peer.last().ack + peer.last().win;
    peer.send(payload(stream(1000)));
    peer.expect(ack(peer.nxt + 2000));
    EXPECT_EQ(peer.last().ack + peer.last().win, edge);
}

/* RFC 9293 3.9.1.1: a transfer through a small buffer, whose reader is always a little late, is complete. */
TEST(TcpReceiveWindow, TransferThroughASmallBufferIsComplete)
{
    test_world world;
    tcp_peer peer(world, connected, small_buffer(4096));
    const std::string data = stream(50000);
    const uint32_t begin = peer.nxt;
    std::string got;
    uint32_t edge = begin + 4096;
    for (int turns = 0; got.size() < data.size() && turns < 1000; turns++) {
        const size_t at = peer.nxt - begin;
        const size_t room = std::min<size_t>({data.size() - at, edge - peer.nxt, MSS});
        if (room > 0) {
            peer.send(payload(data.substr(at, room)));
            peer.nxt += static_cast<uint32_t>(room);
        }
        got += peer.app_read(900);
        for (const tcp_peer_segment &seg : drain(peer, 50ms)) {
            edge = seg.ack + seg.win;
        }
    }
    EXPECT_EQ(got, data);
}

} // namespace
} // namespace microps
