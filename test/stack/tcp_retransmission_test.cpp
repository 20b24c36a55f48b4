/*
 * Retransmission: the timer, the estimator, Karn, back-off, giving up (RFC 6298, RFC 9293 3.8.1 to 3.8.3).
 *
 * The world's wires take no time, so the round trip is what the script lets pass before it acknowledges.
 */
#include "support/tcp_test.hpp"

#include <netinet/tcp.h>

namespace microps
{
namespace
{

using seconds = std::chrono::duration<double>;

double in_seconds(net_duration span) { return seconds(span).count(); }

/** A connection whose handshake took @p rtt. */
void establish_with_rtt(tcp_peer &peer, net_duration rtt)
{
    half_open(peer);
    peer.wait(rtt);
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
}

/** Writes one byte, lets it be lost, acknowledges its retransmission and returns how long that took. */
net_duration measured_rto(tcp_peer &peer)
{
    EXPECT_EQ(peer.app_write("x"), 1);
    const auto first = peer.receive(0ms);
    const auto second = peer.receive(130s);
    if (!first || !second) {
        ADD_FAILURE() << "nothing was sent";
        return {};
    }
    EXPECT_EQ(second->seq, first->seq);
    EXPECT_EQ(second->payload, "x");
    return second->at - first->at;
}

/* RFC 9293 3.8.1: data that is not acknowledged is retransmitted, the same bytes under the same sequence number. */
TEST(TcpRetransmission, LostDataIsRetransmitted)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("important"), 9);
    peer.expect(payload("important").seq(peer.rcv));
    peer.expect(payload("important").seq(peer.rcv).ack(peer.nxt).within(3s));
    peer.rcv += 9;
    peer.send(ack());
    peer.expect_nothing(100s);
    EXPECT_GE(peer.host().count(counter::tcp_retrans_segs), 1u);
    EXPECT_GE(peer.host().count(counter::tcp_timeouts), 1u);
}

/* RFC 6298 2.4 says at least 1 s. Linux' minimum is 200 ms, and so is ours. */
TEST(TcpRetransmission, TimeoutIsNotBelowTheMinimum)
{
    test_world world;
    tcp_peer peer(world, connected);
    const net_duration rto = measured_rto(peer);
    EXPECT_GE(rto, 200ms);
    EXPECT_LE(rto, 1s);
}

/* RFC 6298 2.2: RTO = R + 4 * R/2 after the first measurement, which the handshake gives. */
TEST(TcpRetransmission, HandshakeGivesTheFirstMeasurement)
{
    for (const net_duration rtt : {100ms, 300ms, 500ms, 900ms}) {
        test_world world;
        tcp_peer peer(world, listening);
        establish_with_rtt(peer, rtt);
        EXPECT_NEAR(in_seconds(measured_rto(peer)), 3 * in_seconds(rtt), 0.05) << in_seconds(rtt);
    }
}

/* RFC 6298 2.2: the handshake of an active open gives the first measurement, too. */
TEST(TcpRetransmission, ActiveOpenMeasuresToo)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.wait(400ms);
    peer.send(syn_ack().mss(MSS));
    peer.expect(ack());
    EXPECT_NEAR(in_seconds(measured_rto(peer)), 1.2, 0.05);
}

/* RFC 6298 2.3: constant round trips let the variance fall and the RTO come near to SRTT, but not below SRTT + 4 RTTVAR
 * or, as on Linux, SRTT + 200 ms. */
TEST(TcpRetransmission, EstimatorFollowsSteadyRoundTrips)
{
    test_world world;
    tcp_peer peer(world, listening);
    establish_with_rtt(peer, 500ms);
    for (int i = 0; i < 60; i++) {
        EXPECT_EQ(peer.app_write("x"), 1);
        peer.expect(payload("x").within(0ms));
        peer.wait(500ms);
        peer.rcv += 1;
        peer.send(ack());
    }
    const double rto = in_seconds(measured_rto(peer));
    EXPECT_GE(rto, 0.5);
    EXPECT_LE(rto, 0.8);
}

/* RFC 6298 2.3: SRTT and RTTVAR after the second measurement: 7/8, 1/8 and 3/4, 1/4. */
TEST(TcpRetransmission, SecondMeasurementIsWeighed)
{
    test_world world;
    tcp_peer peer(world, listening);
    establish_with_rtt(peer, 400ms); /* SRTT 400, RTTVAR 200 */
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x"));
    peer.wait(800ms); /* RTTVAR = 3/4 200 + 1/4 400 = 250, SRTT = 7/8 400 + 1/8 800 = 450 */
    peer.rcv += 1;
    peer.send(ack());
    EXPECT_NEAR(in_seconds(measured_rto(peer)), 1.45, 0.1);
}

/* RFC 6298 5.5: the retransmission timeout doubles with each retransmission. */
TEST(TcpRetransmission, TimeoutBacksOff)
{
    test_world world;
    tcp_peer peer(world, listening);
    establish_with_rtt(peer, 100ms);
    EXPECT_EQ(peer.app_write("x"), 1);
    const auto times = arrival_times(peer, 8);
    ASSERT_EQ(times.size(), 8u);
    for (size_t i = 2; i < times.size(); i++) {
        EXPECT_NEAR(in_seconds(times[i] - times[i - 1]) / in_seconds(times[i - 1] - times[i - 2]), 2, 0.1) << i;
    }
}

/* RFC 6298 2.5: the RTO is at most 60 s. */
TEST(TcpRetransmission, TimeoutIsBounded)
{
    test_world world;
    tcp_peer peer(world, listening);
    establish_with_rtt(peer, 100ms);
    EXPECT_EQ(peer.app_write("x"), 1);
    const auto times = arrival_times(peer, 14);
    ASSERT_EQ(times.size(), 14u);
    for (size_t i = 1; i < times.size(); i++) {
        EXPECT_LE(in_seconds(times[i] - times[i - 1]), 121);
    }
    EXPECT_GE(in_seconds(times[13] - times[12]), 59);
}

/* RFC 6298 3, RFC 9293 MUST-18 (Karn): an ACK of a retransmitted segment is no measurement, and the backed-off timeout
 * stays for the next segment. */
TEST(TcpRetransmission, AckOfARetransmissionIsNoMeasurement)
{
    test_world world;
    tcp_peer peer(world, listening);
    establish_with_rtt(peer, 300ms); /* RTO 0.9 s */
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x"));
    peer.expect(payload("x").within(1s).after(800ms));
    peer.expect(payload("x").within(2s).after(1600ms));
    peer.wait(1ms); /* a measurement from here would give a tiny SRTT, from the beginning a huge one */
    peer.rcv += 1;
    peer.send(ack());
    const double rto = in_seconds(measured_rto(peer));
    EXPECT_GE(rto, 0.85);
    EXPECT_LE(rto, 3.8);
}

/* RFC 7323 4.1: the echo says which transmission is acknowledged, so the ACK of a retransmission is a measurement. */
TEST(TcpRetransmission, TimestampsMeasureRetransmissionsToo)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().mss(MSS).timestamps(1, 0));
    peer.expect(syn_ack());
    peer.wait(300ms);
    peer.send(ack().timestamps(2, peer.last().timestamps.value_or(std::pair{0u, 0u}).first));
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_write("x"), 1);
    std::optional<tcp_peer_segment> last;
    for (int i = 0; i < 5; i++) { /* the RTO is some 14 s now */
        last = peer.receive(200s);
    }
    ASSERT_TRUE(last && last->timestamps);
    peer.wait(300ms);
    peer.rcv += 1;
    peer.send(ack().timestamps(3, last->timestamps->first));
    EXPECT_EQ(peer.app_write("y"), 1);
    EXPECT_EQ(arrival_times(peer, 1).size(), 1u);
    const net_time sent = world.now();
    const auto times = arrival_times(peer, 1);
    ASSERT_EQ(times.size(), 1u);
    EXPECT_LE(in_seconds(times[0] - sent), 1.5) << "the back-off is over";
}

/* RFC 6298 5: a measurement ends the back-off (the second half of Karn's algorithm). */
TEST(TcpRetransmission, MeasurementEndsTheBackOff)
{
    test_world world;
    tcp_peer peer(world, listening);
    establish_with_rtt(peer, 300ms);
    EXPECT_EQ(peer.app_write("x"), 1);
    arrival_times(peer, 6);
    peer.rcv += 1;
    peer.send(ack());
    EXPECT_EQ(peer.app_write("y"), 1);
    peer.expect(payload("y"));
    peer.wait(300ms);
    peer.rcv += 1;
    peer.send(ack());
    EXPECT_LE(in_seconds(measured_rto(peer)), 1.5);
}

/* RFC 6298 5.7: when our SYN was lost, data begins with an RTO of 3 s. */
TEST(TcpRetransmission, LostSynGivesThreeSeconds)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.expect(syn().within(1s));
    peer.send(syn_ack().mss(MSS));
    peer.expect(ack());
    EXPECT_NEAR(in_seconds(measured_rto(peer)), 3, 0.1);
}

/* RFC 6298 5.1, 5.2: the timer runs while data is outstanding, and only then. */
TEST(TcpRetransmission, TimerStopsWhenEverythingIsAcknowledged)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_acknowledged(peer, "x");
    peer.expect_nothing(1h);
}

/* RFC 6298 5.3: an ACK of new data restarts the timer. */
TEST(TcpRetransmission, TimerRestartsWithEachAckOfNewData)
{
    test_world world;
    tcp_peer peer(world, listening);
    establish_with_rtt(peer, 200ms); /* RTO about 600 ms */
    EXPECT_EQ(peer.app_write(stream(2 * MSS)), 2 * 1460);
    peer.expect(payload(stream(MSS)));
    peer.expect(payload(stream(MSS, MSS)));
    peer.wait(500ms);
    peer.rcv += MSS;
    peer.send(ack());
    peer.expect_nothing(400ms);
    peer.expect(payload(stream(MSS, MSS)).seq(peer.rcv).within(2s));
}

/* RFC 9293 3.10.7.4, fifth: an ACK of a part of a segment leaves the rest on the retransmission queue. The C original
 * removes the whole segment and never retransmits the rest. */
TEST(TcpRetransmission, PartialAckLeavesTheRest)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("0123456789"), 10);
    peer.expect(payload("0123456789"));
    peer.rcv += 4;
    peer.send(ack());
    peer.expect(payload("456789").seq(peer.rcv).within(3s));
    peer.rcv += 6;
    peer.send(ack());
    peer.expect_nothing(100s);
}

/* RFC 6298 5.4: a timeout retransmits only the earliest segment. The C original has a timeout for each segment and
 * retransmits all that have expired. */
TEST(TcpRetransmission, OnlyTheEarliestSegmentIsRetransmitted)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(2 * MSS)), 2 * 1460);
    peer.expect(payload(stream(MSS)));
    peer.expect(payload(stream(MSS, MSS)));
    peer.expect(payload(stream(MSS)).seq(peer.rcv).within(3s));
    peer.expect_nothing(150ms);
}

/* RFC 9293 3.8.1: the whole window is lost, and all of it arrives in the end. */
TEST(TcpRetransmission, WholeWindowLost)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(40000)), 40000);
    drain(peer);
    EXPECT_EQ(download(peer, 40000, 10s), stream(40000));
}

/* RFC 9293 3.8.1: every second segment is lost, retransmissions included, and all data arrives in the end. */
TEST(TcpRetransmission, EverySecondSegmentLost)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(100000);
    EXPECT_EQ(peer.app_write(data), 100000);
    reassembly got;
    for (int i = 0; got.stream().size() < data.size() && i < 5000; i++) {
        const auto seg = peer.receive(130s);
        ASSERT_TRUE(seg);
        if (i % 2 == 0) continue;
        got.take(peer, *seg);
    }
    EXPECT_EQ(got.stream(), data);
}

/* RFC 9293 3.8.1: a retransmission shows the newest acknowledgment and window. */
TEST(TcpRetransmission, RetransmissionCarriesTheNewestAck)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x").ack(peer.nxt));
    upload_acknowledged(peer, "hello");
    peer.expect(payload("x").ack(peer.nxt).within(3s));
}

/* RFC 9293 3.8.1: small writes may be joined in a retransmission, and nothing is lost or duplicated. */
TEST(TcpRetransmission, SmallWritesMayJoin)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("one "), 4);
    EXPECT_EQ(peer.app_write("two "), 4);
    EXPECT_EQ(peer.app_write("three"), 5);
    drain(peer);
    EXPECT_EQ(download(peer, 13, 10s), "one two three");
    peer.expect_nothing(100s);
}

/* RFC 9293 3.7.4: tiny segments that were lost are joined when they are retransmitted. The window would admit all of
 * them, but where only a few packets may wait, for an address or for a link, the first one would never get through. */
TEST(TcpRetransmission, TinySegmentsAreJoined)
{
    test_world world;
    tcp_peer peer(world, connected);
    const int on = 1;
    EXPECT_EQ(sock_setsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    for (int i = 0; i < 40; i++) {
        EXPECT_EQ(peer.app_write(stream(10, static_cast<size_t>(i) * 10)), 10);
        peer.expect(segment().len(10));
    }
    peer.expect(payload(stream(400)).seq(peer.rcv).within(3s));
    peer.expect_nothing(100ms);
    peer.rcv += 400;
    peer.send(ack());
    peer.expect_nothing(100s);
}

/* RFC 5682 2.1 step 2b: F-RTO asks for new data, but Nagle's algorithm holds it back. What is lost must not wait for
 * it. */
TEST(TcpRetransmission, NewDataThatWaitsHoldsNothingUp)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(2 * MSS + 100)), 2 * MSS + 100);
    EXPECT_EQ(peer.app_write("new"), 3);
    drain(peer);
    EXPECT_EQ(peer.rcv_max() - peer.rcv, 2 * MSS + 100);
    peer.expect(segment().seq(peer.rcv).len(MSS).within(3s));
    peer.rcv += MSS;
    peer.send(ack());
    peer.expect(segment().seq(peer.rcv).len(MSS).within(0ms));
}

/* RFC 9293 3.8.1: a FIN is retransmitted as data is. */
TEST(TcpRetransmission, FinIsRetransmitted)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin().seq(peer.rcv));
    peer.expect(fin().seq(peer.rcv).within(3s));
    peer.expect(fin().seq(peer.rcv).within(5s));
    peer.rcv += 1;
    peer.send(ack());
    peer.expect_nothing(30s);
}

/* RFC 9293 3.8.1: when the data is acknowledged and the FIN behind it is not, only the FIN is retransmitted. */
TEST(TcpRetransmission, OnlyTheFinIsRetransmitted)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("bye"), 3);
    EXPECT_EQ(peer.app_close(), 0);
    drain(peer);
    peer.rcv += 3;
    peer.send(ack());
    peer.wait(0ms);
    peer.skip();
    peer.expect(fin().seq(peer.rcv).len(0).within(3s));
}

/* RFC 9293 MUST-20, SHLD-11: data that nobody acknowledges is given up after R2, which is at least 100 s, and the user
 * is told. The C original gives up after 12 s and tells nobody. */
TEST(TcpRetransmission, PeerThatNeverAcknowledgesIsGivenUp)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.wait(100s);
    EXPECT_EQ(peer.app_error(), 0);
    peer.wait(40min);
    EXPECT_TRUE(peer.app_poll() & (POLLERR | POLLHUP));
    EXPECT_EQ(peer.app_error(), ETIMEDOUT);
    peer.skip();
    peer.expect_nothing(1h);
    peer.send(payload("too late"));
    peer.expect_rst();
    EXPECT_GE(peer.host().count(counter::tcp_abort_on_timeout), 1u);
}

/* tcp_config::data_retries says how many retransmissions there are before ETIMEDOUT. */
TEST(TcpRetransmission, NumberOfRetriesIsConfigured)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.data_retries = 3;
                  }});
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x"));
    size_t retransmissions = 0;
    for (const tcp_peer_segment &seg : drain(peer, 100s)) {
        retransmissions += seg.payload.size();
    }
    EXPECT_EQ(retransmissions, 3u);
    EXPECT_EQ(peer.app_error(), ETIMEDOUT);
}

/* RFC 9293 3.9.1.8 (MUST-47): a reader that sleeps when the connection times out wakes with the error. */
TEST(TcpRetransmission, SleepingReaderLearnsOfTheTimeout)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("x"), 1);
    make_blocking(peer.stack(), peer.app());
    char c = 0;
    EXPECT_EQ(error_of(sock_recv(peer.stack(), peer.app(), &c, 1)), ETIMEDOUT);
    EXPECT_GE(world.elapsed(), 100s);
}

/* RFC 9293 3.8.1: progress, however slow, starts R2 anew. */
TEST(TcpRetransmission, ProgressKeepsTheConnection)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.data_retries = 5;
                  }});
    const std::string data = stream(20);
    EXPECT_EQ(peer.app_write(data), 20);
    for (uint32_t i = 1; i <= 20; i++) {
        arrival_times(peer, 4);
        peer.skip();
        peer.rcv += 1;
        peer.send(ack());
        EXPECT_EQ(peer.app_error(), 0) << i;
    }
    peer.expect_nothing(100s);
}

/* RFC 6298 5: an old duplicate ACK neither stops nor restarts the timer. */
TEST(TcpRetransmission, OldAckDoesNotTouchTheTimer)
{
    test_world world;
    tcp_peer peer(world, listening);
    establish_with_rtt(peer, 200ms);
    EXPECT_EQ(peer.app_write("x"), 1);
    const auto first = peer.receive(0ms);
    ASSERT_TRUE(first);
    for (int i = 0; i < 5; i++) {
        peer.wait(100ms);
        peer.send(ack(peer.rcv - 1 - static_cast<uint32_t>(i)));
    }
    peer.skip();
    const auto second = peer.receive(1s);
    ASSERT_TRUE(second);
    EXPECT_NEAR(in_seconds(second->at - first->at), 0.6, 0.1);
}

} // namespace
} // namespace microps
