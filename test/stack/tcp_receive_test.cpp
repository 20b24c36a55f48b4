/*
 * Receiving: acceptance, trimming to the window, reassembly, acknowledgments (RFC 9293 3.4, 3.8.6, 3.10.7.4).
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/* RFC 9293 3.10.7.4, seventh: data in order is delivered and acknowledged. */
TEST(TcpReceive, DataIsDeliveredAndAcknowledged)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("hello"));
    peer.expect(ack(peer.nxt + 5).len(0));
    EXPECT_EQ(peer.app_read(), "hello");
    EXPECT_FALSE(peer.app_eof());
}

/* RFC 9293 3.9.1.1: PSH decides nothing about delivery. */
TEST(TcpReceive, DataWithoutPushIsDelivered)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(segment(TCP_PEER_ACK).payload("no push"));
    EXPECT_EQ(peer.app_read(), "no push");
}

/* RFC 5681 4.2, RFC 9293 SHLD-31: out-of-order data is kept and acknowledged immediately, by a duplicate ACK. The C
 * original delivers it at once and drops the missing data when that arrives. */
TEST(TcpReceive, GapIsAnsweredWithDuplicateAck)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("bbbb").seq(peer.nxt + 4));
    peer.expect(ack(peer.nxt).within(0ms));
    EXPECT_EQ(peer.app_read(), "");
    peer.send(payload("aaaa"));
    peer.expect(ack(peer.nxt + 8).within(0ms));
    EXPECT_EQ(peer.app_read(), "aaaabbbb");
}

/* RFC 5681 4.2: each segment above a gap is answered at once, so that the sender can count. */
TEST(TcpReceive, EverySegmentAboveAGapIsAnswered)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (uint32_t i = 1; i <= 4; i++) {
        peer.send(payload(stream(100, i * 100)).seq(peer.nxt + i * 100));
        peer.expect(ack(peer.nxt).within(0ms));
    }
    peer.send(payload(stream(100)));
    peer.expect(ack(peer.nxt + 500).within(0ms));
    EXPECT_EQ(peer.app_read(), stream(500));
}

/* RFC 9293 3.10.7.4, first: bytes that have been received before are trimmed, so that each is delivered once. The C
 * original appends an overlapping retransmission to the stream. */
TEST(TcpReceive, OverlapWithOldDataIsTrimmed)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("AAAA"));
    peer.send(payload("AAAABBBB"));
    peer.wait(100ms);
    EXPECT_EQ(peer.una(), peer.nxt + 8);
    EXPECT_EQ(peer.app_read(), "AAAABBBB");
}

/* RFC 9293 3.10.7.4, first: a segment without anything new is dropped and acknowledged. */
TEST(TcpReceive, DuplicateIsDroppedAndAcknowledgedAtOnce)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("once"));
    peer.expect(ack(peer.nxt + 4));
    peer.send(payload("once"));
    peer.expect(ack(peer.nxt + 4).len(0).within(0ms));
    EXPECT_EQ(peer.app_read(), "once");
}

/* RFC 9293 3.10.7.4, seventh: out-of-order data that a later segment overlaps from below or from above, or covers, is
 * delivered once. */
TEST(TcpReceive, OverlapsAboveAGapAreDeliveredOnce)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(100);
    const auto send_range = [&](uint32_t from, uint32_t to) {
        peer.send(payload(data.substr(from, to - from)).seq(peer.nxt + from));
    };
    send_range(40, 60);
    send_range(30, 45); /* from below */
    send_range(55, 70); /* from above */
    send_range(35, 65); /* inside */
    send_range(80, 90);
    send_range(20, 95); /* covers both */
    EXPECT_EQ(peer.app_read(), "");
    send_range(0, 25);
    send_range(90, 100);
    peer.wait(100ms);
    EXPECT_EQ(peer.una(), peer.nxt + 100);
    EXPECT_EQ(peer.app_read(), data);
}

/* RFC 9293 3.10.7.4, seventh: data that was not received is never acknowledged. In the C original RCV.NXT jumps over
 * gaps. */
TEST(TcpReceive, AckNeverCoversAGap)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("c").seq(peer.nxt + 2));
    peer.expect(ack(peer.nxt));
    peer.send(payload("e").seq(peer.nxt + 4));
    peer.expect(ack(peer.nxt));
    peer.send(payload("a"));
    peer.expect(ack(peer.nxt + 1));
    peer.send(payload("d").seq(peer.nxt + 3));
    peer.expect(ack(peer.nxt + 1));
    peer.send(payload("b").seq(peer.nxt + 1));
    peer.expect(ack(peer.nxt + 5));
    EXPECT_EQ(peer.app_read(), "abcde");
}

/* RFC 9293 3.4: out-of-order data is put together across 2^32, wherever the wrap lies in it. */
TEST(TcpSequenceWrap, OutOfOrderDataIsJoinedAcrossTheWrap)
{
    for (uint32_t before = 0; before < 12; before++) {
        test_world world;
        tcp_peer peer(world, connected, {.iss = 0xffffffffu - before});
        peer.send(payload("cccc").seq(peer.nxt + 8));
        peer.expect(ack(peer.nxt));
        peer.send(payload("aaaabb"));
        peer.expect(ack(peer.nxt + 6));
        peer.send(payload("bbbbcc").seq(peer.nxt + 4));
        peer.expect(ack(peer.nxt + 12));
        EXPECT_EQ(peer.app_read(), "aaaabbbbcccc") << before;
    }
}

/* RFC 9293 3.10.7.4, seventh: segments with random bounds, in random order and with duplicates, make up the stream. */
TEST(TcpReceive, RandomSegmentsAreTheStream)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        test_world world(seed);
        tcp_peer peer(world, connected);
        net_random random(seed);
        const std::string data = stream(30000);
        for (int i = 0; i < 120; i++) {
            const auto from = static_cast<uint32_t>(random.below(data.size()));
            const size_t size = 1 + random.below(random.chance(0.5) ? 1460 : 30);
            peer.send(payload(data.substr(from, size)).seq(peer.nxt + from));
        }
        while (peer.una() - peer.nxt != data.size()) { /* fill what is missing */
            const uint32_t from = peer.una() - peer.nxt;
            peer.send(payload(data.substr(from, 700)).seq(peer.una()));
            peer.wait(50ms);
            ASSERT_GT(peer.una() - peer.nxt, from) << "seed " << seed;
        }
        EXPECT_EQ(peer.app_read(), data) << "seed " << seed;
    }
}

/* RFC 9293 3.10.7.4, first: a segment to the left or to the right of the window is dropped and answered by an ACK. */
TEST(TcpReceive, SegmentOutsideTheWindowIsDroppedAndAcknowledged)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("old").seq(peer.nxt - 3));
    peer.expect(ack(peer.nxt).within(0ms));
    peer.send(payload("new").seq(peer.nxt + 70000));
    peer.expect(ack(peer.nxt).within(0ms));
    peer.send(payload("far").seq(peer.nxt + 0x80000000));
    peer.expect(ack(peer.nxt).within(0ms));
    EXPECT_EQ(peer.app_read(), "");
    peer.send(payload("right"));
    EXPECT_EQ(peer.app_read(), "right");
}

/* RFC 9293 3.10.7.4, first: data beyond the window is trimmed. The C original does not limit a segment to its free
 * buffer and overwrites what lies behind it. */
TEST(TcpReceive, DataBeyondTheWindowIsTrimmed)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.receive_buffer = 4000;
                  }});
    peer.send(ack());
    peer.skip();
    const std::string data = stream(4380);
    for (uint32_t at = 0; at < data.size(); at += MSS) {
        peer.send(payload(data.substr(at, MSS)).seq(peer.nxt + at));
    }
    peer.wait(500ms);
    EXPECT_EQ(peer.una(), peer.nxt + 4000);
    EXPECT_EQ(peer.app_read(), data.substr(0, 4000));
}

/* RFC 9293 3.10.7.4, first: out-of-order data beyond the window is trimmed in the same way and never overruns the
 * buffer. */
TEST(TcpReceive, HeldDataBeyondTheWindowIsTrimmed)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.receive_buffer = 4000;
                  }});
    const std::string data = stream(4380);
    peer.send(payload(data.substr(2920)).seq(peer.nxt + 2920));
    peer.send(payload(data.substr(1460, 1460)).seq(peer.nxt + 1460));
    peer.send(payload(data.substr(0, 1460)));
    peer.wait(500ms);
    EXPECT_EQ(peer.una(), peer.nxt + 4000);
    EXPECT_EQ(peer.app_read(), data.substr(0, 4000));
}

/* RFC 9293 3.10.7.4, fifth: a segment without the ACK bit is dropped. */
TEST(TcpReceive, SegmentWithoutAckBitIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(segment(TCP_PEER_PSH).payload("blind"));
    peer.send(segment(TCP_PEER_FIN));
    peer.send(segment(0).payload("null"));
    peer.expect_nothing(1s);
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_FALSE(peer.app_eof());
}

/* RFC 5961 5.2: data is delivered although the ACK beside it is old, since the segment may have been reordered or be a
 * retransmission. */
TEST(TcpReceive, DataWithAnOldAckIsDelivered)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_acknowledged(peer, "0123456789");
    peer.send(payload("late").ack(peer.rcv - 10));
    peer.expect(ack(peer.nxt + 4));
    EXPECT_EQ(peer.app_read(), "late");
}

/* RFC 9293 3.8.6.3, MUST-40: the ACK may be delayed (SHLD-18), but not for 500 ms. */
TEST(TcpAcknowledgment, SmallSegmentIsAcknowledgedWithin500Milliseconds)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (int i = 0; i < 50; i++) {
        peer.send(payload("x"));
        peer.nxt += 1;
        peer.expect(ack(peer.nxt).within(499ms));
        peer.wait(600ms);
        peer.skip();
    }
}

/* RFC 9293 SHLD-19, RFC 5681 4.2: every second full-sized segment is acknowledged at once. */
TEST(TcpAcknowledgment, EverySecondFullSegmentIsAcknowledgedAtOnce)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (int i = 0; i < 10; i++) {
        upload(peer, stream(2 * MSS));
        EXPECT_EQ(peer.una(), peer.nxt) << i;
        peer.app_read();
    }
}

/* RFC 9293 MUST-58: acknowledgments are aggregated, so data in order gets no more ACKs than it has segments. */
TEST(TcpAcknowledgment, ThereAreNotMoreAcksThanSegments)
{
    test_world world;
    tcp_peer peer(world, connected);
    upload(peer, stream(20 * MSS));
    EXPECT_LE(drain(peer, 500ms).size(), 20u);
    EXPECT_EQ(peer.una(), peer.nxt);
}

/* RFC 9293 3.8.6.3: an answer carries the acknowledgment, and no segment of its own is sent for that. */
TEST(TcpAcknowledgment, AnswerCarriesTheAcknowledgment)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("ping"));
    peer.nxt += 4;
    EXPECT_EQ(peer.app_read(), "ping");
    EXPECT_EQ(peer.app_write("pong"), 4);
    const auto segments = drain(peer);
    ASSERT_FALSE(segments.empty());
    EXPECT_EQ(segments.back().payload, "pong");
    EXPECT_EQ(segments.back().ack, peer.nxt);
    peer.rcv += 4;
    peer.send(ack());
    peer.expect_nothing(1s);
}

/* RFC 9293 3.10.7.4, first: ACKs are not acknowledged, or two stacks would never stop. */
TEST(TcpAcknowledgment, PureAckIsNotAnswered)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (int i = 0; i < 10; i++) {
        peer.send(ack().win(static_cast<uint16_t>(1000 + i)));
    }
    peer.expect_nothing(1s);
}

/* RFC 9293 3.10.7.4, eighth: a segment may carry data and a FIN, and RCV.NXT counts both. The C original sets RCV.NXT
 * right and then moves it back, so that all later ACKs are wrong. */
TEST(TcpReceiveFin, DataAndFinTogether)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("hello").fin());
    peer.expect(ack(peer.nxt + 6));
    EXPECT_EQ(peer.app_read(), "hello");
    EXPECT_TRUE(peer.app_eof());
    peer.send(payload("hello").fin()); /* our ACK was lost */
    peer.expect(ack(peer.nxt + 6));
    EXPECT_EQ(peer.app_write("bye"), 3);
    peer.expect(payload("bye").ack(peer.nxt + 6));
}

/* RFC 9293 3.10.7.4, eighth: an out-of-order FIN waits for the data below it. The C original accepts it at once and
 * acknowledges the gap. */
TEST(TcpReceiveFin, FinAboveAGapWaits)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("world").fin().seq(peer.nxt + 6));
    peer.expect(ack(peer.nxt).within(0ms));
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_FALSE(peer.app_eof());
    peer.send(payload("hello "));
    if (!peer.expect(segment())) return;
    if (peer.last().ack != peer.nxt + 12) { /* the FIN need not be remembered, but then it must be asked for */
        EXPECT_EQ(peer.last().ack, peer.nxt + 11);
        peer.send(payload("world").fin().seq(peer.nxt + 6));
        peer.expect(ack(peer.nxt + 12));
    }
    EXPECT_EQ(peer.app_read(), "hello world");
    EXPECT_TRUE(peer.app_eof());
}

/* RFC 9293 3.10.7.4, eighth: an out-of-order FIN without data does not end the stream. */
TEST(TcpReceiveFin, BareFinAboveAGapDoesNotEndTheStream)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(fin().seq(peer.nxt + 5));
    peer.expect(ack(peer.nxt).within(0ms));
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_FALSE(peer.app_eof());
    peer.send(payload("hello"));
    peer.wait(100ms);
    EXPECT_EQ(peer.app_read(), "hello");
    if (peer.una() == peer.nxt + 5) {
        peer.send(fin().seq(peer.nxt + 5));
        peer.wait(100ms);
    }
    EXPECT_EQ(peer.una(), peer.nxt + 6);
    peer.app_read();
    EXPECT_TRUE(peer.app_eof());
}

/* RFC 9293 3.10.7.4, first and eighth: a FIN that lies beyond the window is trimmed off. */
TEST(TcpReceiveFin, FinBeyondTheWindowIsTrimmed)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.receive_buffer = 3000;
                  }});
    const std::string data = stream(3200);
    peer.send(payload(data.substr(0, 1400)));
    peer.send(payload(data.substr(1400, 1400)).seq(peer.nxt + 1400));
    peer.send(payload(data.substr(2800)).fin().seq(peer.nxt + 2800));
    peer.wait(500ms);
    EXPECT_EQ(peer.una(), peer.nxt + 3000);
    EXPECT_EQ(peer.app_read(), data.substr(0, 3000));
    EXPECT_FALSE(peer.app_eof());
    peer.send(payload(data.substr(2800)).fin().seq(peer.nxt + 2800));
    peer.wait(500ms);
    EXPECT_EQ(peer.app_read(), data.substr(3000));
    EXPECT_TRUE(peer.app_eof());
    EXPECT_EQ(peer.una(), peer.nxt + 3201);
}

/* RFC 9293 3.10.7.4, seventh: data behind the FIN is ignored. */
TEST(TcpReceiveFin, DataBehindTheFinIsIgnored)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("end").fin());
    peer.expect(ack(peer.nxt + 4));
    peer.send(payload("ghost").seq(peer.nxt + 4));
    peer.wait(500ms);
    EXPECT_EQ(peer.una(), peer.nxt + 4);
    EXPECT_EQ(peer.app_read(), "end");
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_TRUE(peer.app_eof());
}

/* RFC 9293 3.4: the FIN occupies the last sequence number before 2^32. */
TEST(TcpSequenceWrap, FinAtTheWrap)
{
    test_world world;
    tcp_peer peer(world, connected, {.iss = 0xfffffffbu}); /* nxt is 0xfffffffc: 3 bytes of data, FIN at 0xffffffff */
    peer.send(payload("end").fin());
    peer.expect(ack(0));
    EXPECT_EQ(peer.app_read(), "end");
    EXPECT_TRUE(peer.app_eof());
}

/* RFC 9293 3.8.5, MUST-30, MUST-31: urgent data of any length is accepted and delivered in line, as Linux does with
 * SO_OOBINLINE. */
TEST(TcpReceive, UrgentDataIsDeliveredInLine)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("urgent!").urg(3));
    peer.nxt += 7;
    peer.expect(ack(peer.nxt));
    peer.send(payload("more").urg(0));
    peer.nxt += 4;
    peer.send(payload("beyond").urg(0xffff));
    peer.nxt += 6;
    peer.wait(500ms);
    EXPECT_EQ(peer.una(), peer.nxt);
    EXPECT_EQ(peer.app_read(), "urgent!morebeyond");
}

/* RFC 9293 3.10.7.4, seventh (MUST-59): all queued segments are processed before the ACK is sent. */
TEST(TcpReceive, FilledGapIsAcknowledgedInOne)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(10 * 1000);
    for (uint32_t at = 1000; at < data.size(); at += 1000) {
        peer.send(payload(data.substr(at, 1000)).seq(peer.nxt + at));
    }
    peer.skip();
    peer.send(payload(data.substr(0, 1000)));
    peer.expect(ack(peer.nxt + 10000).within(0ms));
    peer.expect_nothing(500ms);
    EXPECT_EQ(peer.app_read(), data);
}

} // namespace
} // namespace microps
