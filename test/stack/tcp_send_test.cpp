/*
 * Sending: segmentation, the peer's window, Nagle, silly window avoidance (RFC 9293 3.7, 3.8.6).
 */
#include "support/tcp_test.hpp"

#include <netinet/tcp.h>

namespace microps
{
namespace
{

/** The stack has sent nothing behind what the peer allows. */
void expect_within_window(const tcp_peer &peer, uint32_t right_edge)
{
    EXPECT_LE(static_cast<int32_t>(peer.rcv_max() - right_edge), 0);
}

/* RFC 9293 3.9.1.1, MUST-60, MUST-61: data is sent at once, and its last segment has PSH. */
TEST(TcpSend, DataIsSentWithPushAndAck)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("hello"), 5);
    peer.expect(payload("hello").seq(peer.rcv).ack(peer.nxt).psh().within(0ms));
    EXPECT_EQ(peer.last().flags, TCP_PEER_PSH | TCP_PEER_ACK);
    EXPECT_TRUE(peer.last().options.empty());
}

/* RFC 9293 3.7.1, SHLD-28: data is cut into full-sized segments. */
TEST(TcpSend, LongDataIsCutIntoFullSegments)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(2 * MSS + 500);
    EXPECT_EQ(peer.app_write(data), static_cast<ssize_t>(data.size()));
    peer.expect(payload(data.substr(0, MSS)).seq(peer.rcv));
    peer.expect(payload(data.substr(MSS, MSS)).seq(peer.rcv + MSS));
    peer.rcv += 2 * MSS;
    peer.send(ack());
    peer.expect(payload(data.substr(2 * MSS)).seq(peer.rcv).psh());
}

/* RFC 9293 3.4: sequence numbers are compared modulo 2^32, so a long stream crosses 2^32 in both directions. In the C
 * original any stream stalls there. */
TEST(TcpSequenceWrap, LongUploadAndDownloadCrossIt)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(100000);
    EXPECT_EQ(peer.app_write(data), static_cast<ssize_t>(data.size()));
    EXPECT_EQ(download(peer, data.size()), data);
    for (size_t at = 0; at < data.size(); at += 20000) {
        upload(peer, data.substr(at, 20000));
        peer.wait(100ms);
        EXPECT_EQ(peer.una(), peer.nxt);
        EXPECT_EQ(peer.app_read(), data.substr(at, 20000));
    }
}

/* RFC 9293 MUST-16: no segment is larger than the peer's MSS option says. The C original ignores the option and sends
 * what its own MTU allows. */
TEST(TcpSend, PeersMssIsHonoured)
{
    test_world world;
    tcp_peer peer(world, connected, {.mss = 500});
    EXPECT_EQ(peer.app_write(stream(1200)), 1200);
    peer.expect(payload(stream(500)));
    peer.expect(payload(stream(500, 500)));
    peer.rcv += 1000;
    peer.send(ack());
    peer.expect(payload(stream(200, 1000)));
}

/* RFC 9293 MUST-15: without an MSS option the peer takes 536 bytes. */
TEST(TcpSend, PeerWithoutMssTakes536)
{
    test_world world;
    tcp_peer peer(world, connected, {.mss = std::nullopt});
    EXPECT_EQ(peer.app_write(stream(1072)), 1072);
    peer.expect(payload(stream(536)));
    peer.expect(payload(stream(536, 536)));
}

/* RFC 9293 3.7.1: a segment has at most the peer's MSS and what the first link carries. */
TEST(TcpSend, SegmentsFitTheLinkWhateverThePeersMss)
{
    test_world world;
    tcp_peer peer(world, connected, {.mss = 9000});
    EXPECT_EQ(peer.app_write(stream(5000)), 5000);
    peer.expect(payload(stream(1460)));
    test_world narrow;
    tcp_peer other(narrow, connected, {.mss = 1460, .mtu = 600});
    EXPECT_EQ(other.app_write(stream(5000)), 5000);
    other.expect(payload(stream(560)));
}

/* RFC 9293 3.8.6: not a byte beyond SND.UNA + SND.WND is sent. */
TEST(TcpSend, WindowIsNotOverrun)
{
    for (const uint16_t window : words{1, 10, 500, 1000, 1460, 1461, 2000, 2919, 4000}) {
        test_world world;
        tcp_peer peer(world, connected, {.win = window});
        EXPECT_EQ(peer.app_write(stream(20000)), 20000);
        const auto segments = drain(peer, 10s);
        expect_within_window(peer, peer.rcv + window);
        const size_t used = data_of(segments, peer.rcv).size();
        EXPECT_GE(used, std::min<size_t>(window, MSS)) << "window " << window;
    }
}

/* RFC 9293 3.10.7.4, fifth: the window slides with each ACK, and widens with each update. */
TEST(TcpSend, TransferThroughASmallWindowIsComplete)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 3000});
    const std::string data = stream(60000);
    EXPECT_EQ(peer.app_write(data), 60000);
    std::string got;
    while (got.size() < data.size()) {
        const auto seg = peer.receive(5s);
        ASSERT_TRUE(seg);
        expect_within_window(peer, peer.rcv + peer.win);
        if (seg->seq != peer.rcv) continue;
        got += seg->payload;
        peer.rcv += static_cast<uint32_t>(seg->payload.size());
        peer.send(ack());
    }
    EXPECT_EQ(got, data);
}

/* RFC 9293 3.10.7.4, fifth: a pure window update, which acknowledges nothing new (SEG.ACK = SND.UNA), is accepted. The
 * C original ignores it and never sends again after a zero window. */
TEST(TcpSend, PureWindowUpdateReleasesTheSender)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 0});
    EXPECT_EQ(peer.app_write("waiting"), 7);
    peer.expect_nothing();
    peer.send(ack().win(1000));
    peer.expect(payload("waiting").within(0ms));
}

/* RFC 9293 3.8.6, MUST-34, SHLD-15: a window that shrinks below what is outstanding stops the sender. The C original
 * computes the usable window unsigned, which makes it huge. */
TEST(TcpSend, ShrunkWindowStopsTheSender)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(50000)), 50000);
    drain(peer);
    const uint32_t sent = peer.rcv_max();
    ASSERT_GT(sent - peer.rcv, MSS);
    peer.rcv += MSS;
    peer.send(ack().win(10));
    drain(peer, 20s);
    EXPECT_EQ(peer.rcv_max(), sent) << "new text was sent into a shrunk window";
    peer.rcv = sent;
    peer.send(ack().win(65535));
    EXPECT_FALSE(drain(peer).empty()) << "the connection survives (SHLD-17), and goes on";
}

/* RFC 9293 3.8.6, SHLD-15: while the peer's window is shrunk below what is outstanding, an ACK stands at the end of
 * that window, as Linux' do. At SND.NXT it would be outside of the window, and a peer that drops it there would never
 * learn that its data has arrived. */
TEST(TcpSend, AckFitsIntoAShrunkWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), 3 * 1460);
    drain(peer);
    for (const uint16_t window : words{1000, 0}) {
        peer.win = window;
        peer.send(ack());
        peer.send(payload("text"));
        peer.nxt += 4;
        peer.expect(ack(peer.nxt).seq(peer.rcv + window).len(0).within(0ms));
    }
}

/** A connection with a window of 1024 bytes, scaled or not, that the application has filled. */
void fill_window(tcp_peer &peer, bool scaled)
{
    tcp_pattern handshake = syn().mss(MSS);
    if (scaled) handshake.wscale(7);
    peer.win = scaled ? 8 : 1024;
    peer.establish(handshake);
    EXPECT_EQ(peer.app_write(stream(1024)), 1024);
    drain(peer);
    EXPECT_EQ(peer.rcv_max(), peer.rcv + 1024);
}

/* RFC 9293 3.8.6, SHLD-15: the same holds for a FIN, which needs no room in the window to be sent, but which the peer
 * may have refused. */
TEST(TcpSend, AckFitsIntoAWindowThatHadNoRoomForTheFin)
{
    for (const bool scaled : {false, true}) {
        test_world world;
        tcp_peer peer(world, listening);
        fill_window(peer, scaled);
        EXPECT_EQ(peer.app_shutdown(), 0);
        peer.expect(fin().seq(peer.rcv + 1024));
        peer.rcv += 1024;
        peer.win = 0;
        peer.send(payload("text"));
        peer.nxt += 4;
        peer.expect(ack(peer.nxt).seq(peer.rcv).len(0).within(0ms));
        peer.rcv += 1;
        peer.send(payload("more"));
        peer.nxt += 4;
        peer.expect(ack(peer.nxt).seq(peer.rcv).len(0).within(0ms));
    }
}

/* RFC 7323 2.4: a window that has lost less than a step of its scale was rounded and not shrunk, so the peer may have
 * everything by now. */
TEST(TcpSend, AckIsNotHeldBackByARoundedWindow)
{
    test_world world;
    tcp_peer peer(world, listening);
    fill_window(peer, true);
    peer.rcv += 100;
    peer.win = 7;
    peer.send(payload("text"));
    peer.nxt += 4;
    peer.expect(ack(peer.nxt).seq(peer.rcv + 924).len(0).within(0ms));
}

/* RFC 9293 3.10.7.4, first: a segment behind the window is refused, and with it what it acknowledges. So when a window
 * has shrunk, our ACKs and our RST stand at its end, as Linux' do. */
TEST(TcpSend, AcksStandWithinAShrunkWindow)
{
    for (const uint16_t window : words{0, 10}) {
        test_world world;
        tcp_peer peer(world, connected);
        EXPECT_EQ(peer.app_write(stream(3 * MSS)), 3 * 1460);
        drain(peer);
        peer.send(ack().win(window));
        peer.send(payload("x").win(window));
        peer.nxt += 1;
        peer.expect(ack(peer.nxt).len(0).seq(peer.rcv + window));
        EXPECT_EQ(peer.app_close(), 0) << "with the x unread";
        peer.expect(rst().seq(peer.rcv + window));
    }
}

/* RFC 9293 3.10.7.4, fifth: SND.WL1 and SND.WL2 keep an old segment from setting an old window. */
TEST(TcpSend, OldSegmentDoesNotSetTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("abc"));
    peer.nxt += 3;
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.wait(100ms);
    peer.skip();
    peer.rcv += 1;
    peer.send(ack().win(0));
    peer.send(ack(peer.rcv - 1).win(5000));       /* older ACK */
    peer.send(ack().seq(peer.nxt - 3).win(5000)); /* older SEQ */
    peer.skip();
    EXPECT_EQ(peer.app_write("held back"), 9);
    peer.expect_nothing();
    peer.send(ack().win(5000));
    peer.expect(payload("held back"));
}

/* RFC 9293 3.10.7.4, fifth, compares SND.WL1, but a segment that acknowledges more is newer, wherever it stands: here
 * the data that fills a gap. As on Linux it sets the window. Otherwise the window would stay as large while SND.UNA
 * moves on, and data would be sent beyond what the peer has offered. */
TEST(TcpSend, RetransmissionThatAcknowledgesSetsTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.win = 2000;
    peer.send(payload("behind").seq(peer.nxt + 10));
    const uint32_t edge = peer.rcv + 2000;
    EXPECT_EQ(peer.app_write(stream(5000)), 5000);
    drain(peer);
    EXPECT_EQ(peer.rcv_max(), edge - 540) << "a full segment; the rest of the window waits (Nagle)";
    peer.rcv += 1460;
    peer.win = 540;
    peer.send(payload("the gap is"));
    peer.nxt += 16;
    drain(peer, 10s);
    EXPECT_EQ(peer.rcv_max(), edge);
    EXPECT_EQ(peer.app_read(), "the gap isbehind");
}

/* RFC 9293 MUST-1: the window is an unsigned 16-bit number. */
TEST(TcpSend, WindowIsUnsigned)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 40000});
    EXPECT_EQ(peer.app_write(stream(60000)), 60000);
    size_t rounds = 0;
    while (peer.rcv_max() - peer.rcv < 30000 && rounds++ < 30) { /* slow start until the window is what limits */
        ack_round(peer);
        if (peer.rcv_max() - peer.rcv == 0) break;
    }
    EXPECT_GE(peer.rcv_max() - peer.irs - 1, 60000u);
}

/* RFC 9293 3.7.4, SHLD-7 (Nagle): while data is unacknowledged, small writes wait and are sent together. */
TEST(TcpNagle, SmallDataWaitsForTheAck)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("a"), 1);
    peer.expect(payload("a").within(0ms));
    EXPECT_EQ(peer.app_write("b"), 1);
    EXPECT_EQ(peer.app_write("c"), 1);
    EXPECT_EQ(peer.app_write("d"), 1);
    peer.expect_nothing(100ms);
    peer.rcv += 1;
    peer.send(ack());
    peer.expect(payload("bcd").within(0ms));
}

/* RFC 9293 3.7.4: a full segment does not wait. */
TEST(TcpNagle, FullSegmentDoesNotWait)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("a"), 1);
    peer.expect(payload("a"));
    EXPECT_EQ(peer.app_write(stream(MSS)), 1460);
    peer.expect(payload(stream(MSS)).within(0ms));
}

/* RFC 9293 3.7.4: with nothing outstanding, small data does not wait. */
TEST(TcpNagle, SmallDataOnAnIdleConnectionDoesNotWait)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (int i = 0; i < 20; i++) {
        EXPECT_EQ(peer.app_write("x"), 1);
        peer.expect(payload("x").within(0ms));
        peer.rcv += 1;
        peer.send(ack());
    }
}

/* RFC 9293 MUST-17: the user can switch Nagle's algorithm off, and what it has held back is sent at once. */
TEST(TcpNagle, NodelaySendsAtOnce)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("a"), 1);
    peer.expect(payload("a"));
    EXPECT_EQ(peer.app_write("b"), 1);
    peer.expect_nothing();
    const int yes = 1;
    EXPECT_EQ(sock_setsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)), 0);
    peer.expect(payload("b").within(0ms));
    EXPECT_EQ(peer.app_write("c"), 1);
    peer.expect(payload("c").within(0ms));
}

/* RFC 9293 MAY-15: as on Linux, MSG_MORE holds a partial segment back until more data comes. */
TEST(TcpSend, MsgMoreGathers)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_stack &net = peer.stack();
    EXPECT_EQ(sock_send(net, peer.app(), "head ", 5, MSG_MORE), 5);
    peer.expect_nothing(100ms);
    EXPECT_EQ(sock_send(net, peer.app(), "body", 4), 4);
    peer.expect(payload("head body").psh());
}

/* RFC 9293 3.8.6.2.1, MUST-38: a few bytes of window are not filled while more is outstanding. */
TEST(TcpSend, SliverOfWindowIsNotFilled)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 2930});
    EXPECT_EQ(peer.app_write(stream(20000)), 20000);
    peer.expect(payload(stream(MSS)));
    peer.expect(payload(stream(MSS, MSS)));
    peer.expect_nothing(100ms); /* 10 bytes of window are left */
    peer.rcv += MSS;
    peer.send(ack().win(1480)); /* 20 bytes */
    peer.expect_nothing(100ms);
    peer.send(ack().win(2920));
    peer.expect(payload(stream(MSS, 2 * MSS)).within(0ms));
}

/* RFC 9293 3.8.6.2.1, rule 3: half of the largest window ever offered is worth a segment. */
TEST(TcpSend, HalfTheLargestWindowIsWorthASegment)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 1000});
    EXPECT_EQ(peer.app_write(stream(2500)), 2500);
    EXPECT_EQ(data_of(drain(peer), peer.rcv), stream(1000));
    peer.rcv += 1000;
    peer.send(ack());
    EXPECT_EQ(data_of(drain(peer), peer.rcv), stream(1000, 1000));
    peer.rcv += 1000;
    peer.send(ack());
    EXPECT_EQ(data_of(drain(peer), peer.rcv), stream(500, 2000));
}

/* RFC 9293 3.8.6.2.1, rule 4: a window that stays small is filled after a while, so that nothing stalls for ever. Linux
 * does so by the persist timer. */
TEST(TcpSend, SmallWindowDoesNotStallForEver)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(100)), 100);
    peer.expect(payload(stream(100)));
    peer.rcv += 100;
    peer.send(ack().win(50)); /* far less than half of 65535 */
    EXPECT_EQ(peer.app_write(stream(500, 100)), 500);
    std::string got;
    for (int i = 0; i < 200 && got.size() < 500; i++) {
        const auto seg = peer.receive(130s);
        ASSERT_TRUE(seg);
        expect_within_window(peer, peer.rcv + 50);
        if (seg->seq != peer.rcv) {
            peer.send(ack().win(50)); /* a probe */
            continue;
        }
        got += seg->payload;
        peer.rcv += static_cast<uint32_t>(seg->payload.size());
        peer.send(ack().win(50));
    }
    EXPECT_EQ(got, stream(500, 100));
}

/* RFC 9293 3.10.7.4, fifth: an ACK of what was not sent acknowledges nothing and is answered. */
TEST(TcpSend, AckOfTheFutureIsNotAcceptable)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(50000)), 50000);
    drain(peer);
    const uint32_t sent = peer.rcv_max();
    peer.send(ack(sent + 1));
    for (const tcp_peer_segment &seg : drain(peer)) {
        EXPECT_EQ(seg.payload.size(), 0u);
    }
    EXPECT_EQ(peer.rcv_max(), sent);
    EXPECT_EQ(download(peer, 50000), stream(50000)) << "nothing was taken for acknowledged";
}

/* RFC 9293 3.10.7.4, fifth: an ACK frees the send buffer and wakes a blocked writer. In the C original no ACK wakes it,
 * and a long upload stops for ever. */
TEST(TcpSend, BlockedWriterGoesOnWithTheAcks)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.send_buffer = 16384;
                  }});
    const std::string data = stream(200000);
    ssize_t sent = -1;
    const int id = peer.app();
    make_blocking(peer.stack(), id);
    peer.host().spawn("writer", [&] { sent = sock_send(peer.stack(), id, data.data(), data.size()); });
    EXPECT_EQ(download(peer, data.size()), data);
    world.run_for(1s);
    EXPECT_EQ(sent, static_cast<ssize_t>(data.size()));
}

/* tcp_config::send_buffer bounds what is written: a non-blocking writer gets as much as fits, then EAGAIN. */
TEST(TcpSend, SendBufferIsBounded)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 1000, .configure = [](tcp_config &config) {
                                         config.send_buffer = 20000;
                                     }});
    size_t taken = 0;
    for (int i = 0; i < 100; i++) {
        const ssize_t n = peer.app_write(stream(1000));
        if (n == -1) break;
        taken += static_cast<size_t>(n);
    }
    EXPECT_EQ(peer.app_errno(), EAGAIN);
    EXPECT_GE(taken, 10000u);
    EXPECT_LE(taken, 40000u);
    EXPECT_FALSE(peer.app_poll() & POLLOUT);
    drain(peer);
    while (peer.rcv != peer.rcv_max()) {
        ack_round(peer);
    }
    EXPECT_TRUE(peer.app_poll() & POLLOUT);
}

/* RFC 9293 3.10.2: streams in both directions at once arrive complete. */
TEST(TcpSend, BothDirectionsAtOnce)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string down = stream(40000);
    const std::string up = stream(40000, 7);
    EXPECT_EQ(peer.app_write(down), 40000);
    std::string got;
    std::string read;
    size_t at = 0;
    for (int turns = 0; (got.size() < down.size() || read.size() < up.size()) && turns < 1000; turns++) {
        while (peer.pending() > 0) {
            const auto seg = peer.receive(0ms);
            if (seg->seq != peer.rcv) continue;
            got += seg->payload;
            peer.rcv += static_cast<uint32_t>(seg->payload.size());
        }
        const std::string part = up.substr(std::min(at, up.size()), 1000);
        part.empty() ? peer.send(ack()) : peer.send(payload(part));
        at += part.size();
        peer.nxt += static_cast<uint32_t>(part.size());
        read += peer.app_read();
    }
    EXPECT_EQ(got, down);
    EXPECT_EQ(read, up);
}

} // namespace
} // namespace microps
