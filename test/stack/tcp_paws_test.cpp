/*
 * Timestamps of a connection: what is echoed, and PAWS (RFC 7323 3, 4.3, 5).
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/** A connection with timestamps; `now` is the peer's clock, at its own pace. */
struct timestamped {
    explicit timestamped(test_world &world, uint32_t begin = 1000) : peer(world, listening), now(begin)
    {
        EXPECT_TRUE(peer.establish(syn().mss(MSS).timestamps(now, 0).sack_permitted()));
        echo = peer.last().timestamps ? peer.last().timestamps->first : 0;
        peer.send(ack().timestamps(now, echo));
    }

    /** Text at the peer's next number, with this TSval. */
    void text(const std::string &what, uint32_t value)
    {
        peer.send(payload(what).timestamps(value, echo));
        peer.nxt += static_cast<uint32_t>(what.size());
    }
    /** What the stack echoes now. */
    uint32_t echoed()
    {
        peer.wait(300ms);
        peer.skip();
        EXPECT_EQ(peer.app_write("?"), 1);
        peer.expect(payload("?"));
        const uint32_t value = peer.last().timestamps ? peer.last().timestamps->second : 0;
        peer.rcv += 1;
        peer.send(ack().timestamps(now, echo));
        return value;
    }

    tcp_peer peer;
    uint32_t now;
    uint32_t echo = 0;
};

/* RFC 7323 5.3 R1: an old duplicate that is in the window because the sequence numbers have wrapped is dropped and
 * answered by an ACK. */
TEST(TcpPaws, OldDataIsRefused)
{
    test_world world;
    timestamped link(world);
    link.text("new", 2000);
    EXPECT_EQ(link.peer.app_read(), "new");
    link.peer.wait(1s);
    link.peer.skip();
    link.peer.send(payload("old").timestamps(1999, link.echo));
    link.peer.expect(ack(link.peer.nxt).within(0ms));
    EXPECT_EQ(link.peer.app_read(), "");
    EXPECT_EQ(link.peer.host().count(counter::tcp_paws_estab), 1u);
    EXPECT_EQ(link.peer.host().count(drop_reason::tcp_paws), 1u);
    link.text("now", 2000); /* equal is not old */
    EXPECT_EQ(link.peer.app_read(), "now");
}

/* RFC 7323 5.2: "old" is modulo 2^32. */
TEST(TcpPaws, ClockWraps)
{
    test_world world;
    timestamped link(world, 0xffffff00);
    link.text("a", 0xfffffff0);
    link.text("b", 0x10);
    EXPECT_EQ(link.peer.app_read(), "ab");
    link.peer.send(payload("old").timestamps(0xfffffff0, link.echo));
    EXPECT_EQ(link.peer.app_read(), "");
    link.text("c", 0x11);
    EXPECT_EQ(link.peer.app_read(), "c");
}

/* RFC 7323 5.5: after 24 days of silence the peer's clock may have gone half round, so the next segment is accepted
 * whatever its timestamp is. */
TEST(TcpPaws, LongIdleConnectionsAreNotShutOut)
{
    test_world world;
    timestamped link(world);
    link.text("a", 2000);
    EXPECT_EQ(link.peer.app_read(), "a");
    link.peer.wait(24h * 23);
    link.peer.send(payload("x").timestamps(1000, link.echo));
    EXPECT_EQ(link.peer.app_read(), "");
    link.peer.wait(24h * 2);
    link.text("b", 1000);
    EXPECT_EQ(link.peer.app_read(), "b");
    link.peer.send(payload("x").timestamps(999, link.echo));
    EXPECT_EQ(link.peer.app_read(), "") << "and is the new beginning";
}

/* RFC 7323 5.3 R1: a RST is not subject to PAWS. */
TEST(TcpPaws, RstIsNotSubjectToIt)
{
    test_world world;
    timestamped link(world);
    link.text("a", 2000);
    link.peer.send(rst().timestamps(1, 0));
    EXPECT_EQ(link.peer.app_read(), "a");
    EXPECT_EQ(link.peer.app_errno(), ECONNRESET);
}

/* RFC 7323 3.2 would drop segments without the option. As on Linux they are accepted, because some path may remove the
 * option. */
TEST(TcpPaws, SegmentsWithoutTheOptionAreTaken)
{
    test_world world;
    timestamped link(world);
    link.peer.send(payload("bare"));
    EXPECT_EQ(link.peer.app_read(), "bare");
}

/* RFC 7323 4.3: when our ACK of the data was lost, the answer to the retransmission echoes the retransmission's
 * timestamp. Otherwise the peer would measure all the time since the first transmission, and its retransmission timeout
 * would be as long as the outage. */
TEST(TcpPaws, RetransmissionWhoseAckWasLostIsEchoed)
{
    test_world world;
    timestamped link(world);
    link.text("abc", 2000);
    link.peer.wait(60s);
    link.peer.skip();
    link.peer.send(payload("abc").seq(link.peer.nxt - 3).timestamps(62000, link.echo));
    link.peer.expect(ack(link.peer.nxt).within(0ms));
    ASSERT_TRUE(link.peer.last().timestamps);
    EXPECT_EQ(link.peer.last().timestamps->second, 62000u);
    /* An off-path attacker, who does not know what we have sent, does not change the echo. */
    link.peer.send(payload("abc").seq(link.peer.nxt - 3).ack(link.peer.rcv + 100).timestamps(90000, link.echo));
    link.peer.expect(ack(link.peer.nxt).within(0ms));
    EXPECT_EQ(link.peer.last().timestamps->second, 62000u);
}

/* RFC 7323 4.3 (2): the TSval that is echoed is that of the segment which our last ACK was about, not that of
 * out-of-order data. */
TEST(TcpPaws, OutOfOrderDataDoesNotMoveTheEcho)
{
    test_world world;
    timestamped link(world);
    link.text("a", 2000);
    EXPECT_EQ(link.echoed(), 2000u);
    link.peer.send(payload("c").seq(link.peer.nxt + 1).timestamps(2100, link.echo));
    EXPECT_EQ(link.peer.last().timestamps->second, 2000u);
    EXPECT_EQ(link.echoed(), 2000u);
    link.peer.send(
        payload("b").timestamps(2200, link.echo)); /* fills the hole and was sent later, so its timestamp is accepted */
    link.peer.nxt += 2;
    link.now = 2200;
    EXPECT_EQ(link.peer.app_read(), "abc");
    EXPECT_EQ(link.echoed(), 2200u);
}

/* RFC 7323 4.3: a retransmission with an older TSval than out-of-order data is no old duplicate. */
TEST(TcpPaws, RetransmissionBelowOutOfOrderDataIsAccepted)
{
    test_world world;
    timestamped link(world);
    link.peer.send(payload("b").seq(link.peer.nxt + 1).timestamps(2100, link.echo));
    link.peer.send(payload("a").timestamps(2050, link.echo));
    EXPECT_EQ(link.peer.app_read(), "ab");
    EXPECT_EQ(link.peer.host().count(counter::tcp_paws_estab), 0u);
}

/* RFC 7323 4.3: a delayed ACK echoes the TSval of the earliest unacknowledged segment, so that the delay is part of the
 * measurement. */
TEST(TcpPaws, DelayedAckEchoesTheFirstSegment)
{
    test_world world;
    timestamped link(world);
    for (int i = 0; i < 40; i++) { /* beyond the quick ACKs of the beginning */
        link.text("x", 1001);
        link.peer.wait(5ms);
    }
    link.peer.wait(50ms);
    link.peer.skip();
    link.text("a", 3000);
    link.peer.wait(1ms);
    link.text("b", 3001);
    link.peer.expect(ack(link.peer.nxt));
    ASSERT_TRUE(link.peer.last().timestamps);
    EXPECT_EQ(link.peer.last().timestamps->second, 3000u);
}

/* RFC 7323 5.3 R1 would answer every old segment. As on Linux a pure ACK below RCV.NXT, which a path has reordered,
 * gets no answer, since nobody needs one. */
TEST(TcpPaws, OldAckIsDroppedSilently)
{
    test_world world;
    timestamped link(world);
    link.text("a", 2000);
    link.peer.wait(1s);
    link.peer.skip();
    link.peer.send(ack().seq(link.peer.nxt - 1).timestamps(1999, link.echo));
    link.peer.expect_nothing(1s);
    EXPECT_EQ(link.peer.host().count(counter::tcp_paws_old_ack), 1u);
}

/* RFC 5681 2: as on Linux (tcp_disordered_ack), an ACK that was reordered within an RTO is a duplicate ACK as others
 * are, which loss recovery counts. */
TEST(TcpPaws, ReorderedDuplicateAcksCount)
{
    test_world world;
    timestamped link(world);
    tcp_peer &peer = link.peer;
    EXPECT_EQ(peer.app_write(stream(8 * 1448)), 8 * 1448);
    peer.wait(0ms);
    peer.skip();
    peer.send(ack().timestamps(2000, link.echo)); /* the last that was sent comes first */
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t begin = peer.rcv + 1448;
        peer.send(ack().timestamps(1995 + i, link.echo).sack({{begin, begin + 1448 * (i + 1)}}));
    }
    peer.expect(payload(stream(1448)).seq(peer.rcv).within(100ms));
    EXPECT_EQ(peer.host().count(counter::tcp_paws_estab), 0u);
}

/* RFC 7323 4.3: a retransmission fills the first hole, and what fills the second one was sent before it. Its older
 * TSval does not make it an old duplicate. */
TEST(TcpPaws, DataThatARetransmissionOvertookIsAccepted)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().mss(MSS).timestamps(1000, 0).sack_permitted());
    peer.expect(syn_ack());
    const uint32_t echo = peer.last().timestamps->first;
    peer.rcv = peer.last().seq + 1;
    peer.nxt = peer.iss + 1;
    peer.wait(20ms); /* the round trip */
    peer.send(ack().timestamps(1020, echo));
    ASSERT_TRUE(peer.app_accept());
    const uint32_t first = peer.nxt;
    peer.send(payload("c").seq(first + 2).timestamps(1030, echo));
    peer.send(payload("a").seq(first).timestamps(1050, echo));     /* a duplicate */
    peer.send(payload("x").seq(first + 1).timestamps(1029, echo)); /* 21 ms: older than the round trip explains */
    EXPECT_EQ(peer.app_read(), "a");
    peer.send(payload("b").seq(first + 1).timestamps(1030, echo));
    EXPECT_EQ(peer.app_read(), "bc");
    EXPECT_EQ(peer.host().count(drop_reason::tcp_paws), 1u);
}

/* RFC 7323 5.3 R1: old data is always answered, and old ACKs beyond RCV.NXT twice a second. */
TEST(TcpPaws, AnswersAreLimited)
{
    test_world world;
    timestamped link(world);
    link.text("a", 2000);
    link.peer.wait(1s);
    link.peer.skip();
    for (int i = 0; i < 100; i++) {
        link.peer.send(ack().seq(link.peer.nxt + 5).timestamps(1000, link.echo));
    }
    EXPECT_EQ(drain(link.peer).size(), 1u);
    for (int i = 0; i < 10; i++) {
        link.peer.send(payload("old").timestamps(1000, link.echo));
    }
    EXPECT_EQ(drain(link.peer).size(), 10u);
}

/* RFC 7323 3.2: a SYN without ACK echoes nothing, every later segment echoes the peer's last value. */
TEST(TcpPaws, SynEchoesNothing)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    ASSERT_TRUE(peer.last().timestamps);
    EXPECT_EQ(peer.last().timestamps->second, 0u);
    peer.send(syn_ack().mss(MSS).timestamps(77, peer.last().timestamps->first));
    peer.expect(ack(peer.iss + 1));
    ASSERT_TRUE(peer.last().timestamps);
    EXPECT_EQ(peer.last().timestamps->second, 77u);
}

/* RFC 7323 3.2: as on Linux (PAWSActive), a SYN-ACK that echoes what we have not sent belongs to another connection. It
 * is answered by a RST, and we go on trying. */
TEST(TcpPaws, SynAckMustEchoOurSyn)
{
    for (const int lost : {0, 1}) {
        test_world world;
        tcp_peer peer(world, connecting);
        peer.expect(syn());
        ASSERT_TRUE(peer.last().timestamps);
        const uint32_t first = peer.last().timestamps->first;
        for (int i = 0; i < lost; i++) {
            peer.expect(syn().within(2s));
        }
        const uint32_t last = peer.last().timestamps->first;
        for (const uint32_t echo : {first - 1, last + 1}) {
            peer.send(syn_ack().mss(MSS).timestamps(77, echo));
            peer.expect_rst();
        }
        EXPECT_EQ(peer.host().count(counter::tcp_paws_active), 2u);
        peer.send(syn_ack().mss(MSS).timestamps(77, first)); /* the answer to the first is as good as to the last */
        peer.expect(ack(peer.iss + 1));
    }
}

/* RFC 7323 5.4: our clock is one of milliseconds, and begins elsewhere for every pair of hosts. */
TEST(TcpPaws, OurClockIsOfMilliseconds)
{
    test_world world;
    timestamped link(world);
    EXPECT_EQ(link.peer.app_write("a"), 1);
    link.peer.expect(payload("a"));
    const uint32_t before = link.peer.last().timestamps->first;
    link.peer.rcv += 1;
    link.peer.send(ack().timestamps(1001, before));
    link.peer.wait(1234ms);
    EXPECT_EQ(link.peer.app_write("b"), 1);
    link.peer.expect(payload("b"));
    EXPECT_EQ(link.peer.last().timestamps->first - before, 1234u);
}

} // namespace
} // namespace microps
