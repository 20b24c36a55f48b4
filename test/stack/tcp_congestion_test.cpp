/*
 * Congestion control as the wire shows it: initial window, slow start, congestion avoidance, fast retransmit and
 * recovery without SACK (RFC 5681, RFC 6582), whichever control it is; where it matters, NewReno's.
 *
 * The peer's SYN does not permit SACK, so recovery is NewReno whatever else the stack can do.
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/** For what RFC 5681 says about the size of the window after a loss: NewReno's half, not CUBIC's seven tenths. */
const tcp_peer_options newreno{.configure = [](tcp_config &config) {
    config.congestion_control = "reno";
}};

/** Writes more than anybody may send. */
void write_much(tcp_peer &peer) { EXPECT_GT(peer.app_write(stream(262144)), 200000); }

/** Segments outstanding. */
uint32_t flight_size(const tcp_peer &peer) { return (peer.rcv_max() - peer.rcv + MSS - 1) / MSS; }

/** Slow start until at least @p segments are outstanding. */
void grow_to(tcp_peer &peer, uint32_t segments)
{
    drain(peer);
    while (flight_size(peer) < segments) {
        peer.rcv += MSS;
        peer.send(ack());
    }
    peer.skip();
}

/** The earliest outstanding segment is lost, the next three arrive; the stack retransmits it. */
void lose_the_earliest(tcp_peer &peer)
{
    for (int i = 0; i < 3; i++) {
        peer.send(ack());
    }
}

/** The number of segments that begin at @p seq. */
size_t count_from(const std::vector<tcp_peer_segment> &segments, uint32_t seq)
{
    return static_cast<size_t>(std::count_if(segments.begin(), segments.end(),
                                             [seq](const auto &s) { return s.seq == seq && !s.payload.empty(); }));
}

/* RFC 5681 3.1 allows an initial window of 3 segments for this MSS, and RFC 6928 allows 10. */
TEST(TcpCongestion, InitialWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    const auto segments = drain(peer, 100ms);
    EXPECT_GE(segments.size(), 2u);
    EXPECT_LE(segments.size(), 10u);
    EXPECT_EQ(payload_size(segments), segments.size() * MSS);
}

/* RFC 5681 3.1: a handshake that lost SYN-ACKs more than once gives one segment. */
TEST(TcpCongestion, InitialWindowAfterALossyHandshakeIsOneSegment)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    for (int i = 0; i < 2; i++) {
        peer.expect(syn_ack().within(4s));
    }
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    write_much(peer);
    EXPECT_EQ(drain(peer, 100ms).size(), 1u);
}

/* RFC 5681 3.1: in slow start one segment that is acknowledged lets two out. */
TEST(TcpCongestion, SlowStartGrowsBySegmentPerAck)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    const size_t first = drain(peer).size();
    for (size_t i = 0; i < first; i++) {
        peer.rcv += MSS;
        peer.send(ack());
        EXPECT_EQ(drain(peer).size(), 2u) << i;
    }
}

/* RFC 5681 3.1: the window doubles per round trip, up to the peer's window. */
TEST(TcpCongestion, SlowStartDoublesPerRoundTrip)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    const size_t first = drain(peer).size();
    EXPECT_EQ(ack_round(peer), 2 * first * MSS);
    EXPECT_EQ(ack_round(peer), std::min<size_t>(4 * first, 65535 / MSS) * MSS);
}

/* RFC 5681 3.1 (ACK division): cwnd grows by the bytes acknowledged, not by the number of ACKs. */
TEST(TcpCongestion, DividedAcksDoNotInflateTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    drain(peer);
    const uint32_t before = peer.rcv_max();
    const uint32_t begin = peer.rcv;
    while (peer.rcv != begin + MSS) {
        peer.rcv += 10;
        peer.send(ack());
    }
    EXPECT_LE(peer.rcv_max() - before, 2 * MSS);
}

/* RFC 5681 3.2: the third duplicate ACK retransmits, the first two do not. */
TEST(TcpFastRetransmit, ThirdDuplicateAckRetransmits)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    grow_to(peer, 10);
    for (int i = 0; i < 2; i++) {
        peer.send(ack());
        EXPECT_EQ(count_from(drain(peer), peer.rcv), 0u);
    }
    peer.send(ack());
    const auto segments = drain(peer);
    ASSERT_FALSE(segments.empty());
    EXPECT_EQ(segments[0].seq, peer.rcv);
    EXPECT_EQ(segments[0].payload.size(), MSS);
    EXPECT_EQ(peer.host().count(counter::tcp_timeouts), 0u);
    EXPECT_GE(peer.host().count(counter::tcp_fast_retrans), 1u);
}

/* RFC 5681 2: an ACK that changes the window is no duplicate ACK. */
TEST(TcpFastRetransmit, WindowUpdatesAreNoDuplicates)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    grow_to(peer, 6);
    for (uint16_t i = 0; i < 8; i++) {
        peer.send(ack().win(static_cast<uint16_t>(60000 + i)));
        EXPECT_EQ(count_from(drain(peer), peer.rcv), 0u);
    }
}

/* RFC 5681 2: a segment that carries data is no duplicate ACK. */
TEST(TcpFastRetransmit, SegmentsWithDataAreNoDuplicates)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    grow_to(peer, 6);
    for (int i = 0; i < 8; i++) {
        peer.send(payload("text"));
        peer.nxt += 4;
        EXPECT_EQ(count_from(drain(peer), peer.rcv), 0u);
    }
}

/* RFC 5681 2: an ACK with nothing outstanding is no duplicate ACK. */
TEST(TcpFastRetransmit, AcksOfAnIdleConnectionAreNoDuplicates)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (int i = 0; i < 10; i++) {
        peer.send(ack());
    }
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x"));
    peer.send(ack());
    peer.send(ack());
    peer.expect_nothing(100ms);
}

/* RFC 5681 3.2, step 2: fast retransmit halves the window, so that no more than half of it goes out after the full ACK.
 */
TEST(TcpFastRecovery, WindowIsHalved)
{
    test_world world;
    tcp_peer peer(world, connected, newreno);
    write_much(peer);
    grow_to(peer, 20);
    const uint32_t before = flight_size(peer);
    lose_the_earliest(peer);
    EXPECT_EQ(count_from(drain(peer), peer.rcv), 1u);
    acknowledge_everything(peer);
    peer.skip();
    const uint32_t after = flight_size(peer);
    EXPECT_LE(after, before / 2 + 1);
    EXPECT_GE(after, 1u);
    ack_round(peer);
    EXPECT_GE(flight_size(peer), before / 2 - 2) << "the window is ssthresh, not one segment";
    EXPECT_LE(flight_size(peer), before / 2 + 3);
}

/* RFC 5681 3.2, step 4: each further duplicate ACK means that a segment has left the network, and new data follows, up
 * to half a window. */
TEST(TcpFastRecovery, DuplicateAcksLetNewDataOut)
{
    test_world world;
    tcp_peer peer(world, connected, newreno);
    write_much(peer);
    grow_to(peer, 20);
    const uint32_t before = flight_size(peer);
    const uint32_t sent = peer.rcv_max();
    for (uint32_t i = 0; i + 1 < before; i++) {
        peer.send(ack());
    }
    EXPECT_EQ(count_from(drain(peer), peer.rcv), 1u) << "the hole is retransmitted once";
    const uint32_t fresh = (peer.rcv_max() - sent) / MSS;
    EXPECT_GE(fresh, before / 2 - 3);
    EXPECT_LE(fresh, before / 2 + 1);
}

/* RFC 6582 3.2: a partial ACK retransmits the next hole at once, without duplicate ACKs or a timeout. */
TEST(TcpFastRecovery, PartialAckRetransmitsTheNextHole)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    grow_to(peer, 12);
    const uint32_t first = peer.rcv;
    lose_the_earliest(peer);
    EXPECT_EQ(count_from(drain(peer), first), 1u);
    for (uint32_t hole = 3; hole <= 9; hole += 3) { /* segments 0, 3, 6 and 9 are lost */
        peer.rcv = first + hole * MSS;
        peer.send(ack());
        EXPECT_EQ(count_from(drain(peer), peer.rcv), 1u) << hole;
    }
    EXPECT_EQ(peer.host().count(counter::tcp_timeouts), 0u);
    acknowledge_everything(peer);
    peer.skip();
    EXPECT_GT(ack_round(peer), 0u);
}

/* RFC 6582 3.2: one window is halved once, however many of its segments were lost. */
TEST(TcpFastRecovery, SeveralLossesOfOneWindowAreOneEvent)
{
    test_world world;
    tcp_peer peer(world, connected, newreno);
    write_much(peer);
    grow_to(peer, 24);
    const uint32_t before = flight_size(peer);
    const uint32_t first = peer.rcv;
    lose_the_earliest(peer);
    drain(peer);
    const uint32_t recover = peer.rcv_max();
    for (uint32_t hole = 2; hole <= 8; hole += 2) {
        peer.rcv = first + hole * MSS;
        peer.send(ack());
        drain(peer);
    }
    peer.rcv = recover;
    peer.send(ack());
    peer.skip();
    ack_round(peer);
    ack_round(peer);
    EXPECT_GE(flight_size(peer), before / 2 - 3);
}

/* RFC 5681 3.1: in congestion avoidance the window grows by about one segment per round trip. */
TEST(TcpCongestion, AvoidanceGrowsByASegmentPerRoundTrip)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.congestion_control = "reno";
                      config.send_buffer = 1 << 20;
                  }});
    EXPECT_GT(peer.app_write(stream(1000000)), 900000);
    grow_to(peer, 20);
    lose_the_earliest(peer);
    peer.wait(100ms);
    acknowledge_everything(peer);
    peer.skip();
    ack_round(peer);
    peer.wait(100ms);
    uint32_t before = flight_size(peer);
    const uint32_t begin = before;
    for (int i = 0; i < 12; i++) {
        ack_round(peer);
        peer.wait(100ms);
        const uint32_t now = flight_size(peer);
        EXPECT_LE(now, before + 1) << "round " << i;
        before = now;
    }
    EXPECT_GE(before, begin + 5);
}

/* RFC 9438 4.6: CUBIC, the default, reduces the window to seven tenths. */
TEST(TcpCongestion, CubicLeavesSevenTenths)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    grow_to(peer, 20);
    const uint32_t before = flight_size(peer);
    lose_the_earliest(peer);
    acknowledge_everything(peer);
    peer.skip();
    EXPECT_NEAR(flight_size(peer), before * 0.7, 1.1);
}

/* RFC 9406: round trips that grow longer end slow start before a loss does. */
TEST(TcpCongestion, SlowStartBecomesConservativeWhenRoundTripsGrow)
{
    for (const bool hystart : {false, true}) {
        test_world world;
        tcp_peer peer(world, connected, {.configure = [hystart](tcp_config &config) {
                          config.hystart = hystart;
                      }});
        write_much(peer);
        for (const net_duration rtt : {50ms, 50ms, 80ms}) {
            peer.wait(rtt);
            ack_round(peer);
        }
        EXPECT_EQ(peer.host().count(counter::tcp_hystart_css), hystart ? 1u : 0u);
    }
}

/** Grows to some 40 segments, all acknowledged; then nothing for @p idle; then there is much to send. */
size_t burst_after(tcp_peer &peer, net_duration idle)
{
    EXPECT_GT(peer.app_write(stream(100 * MSS)), 0);
    download(peer, 100 * MSS);
    peer.wait(idle);
    write_much(peer);
    return drain(peer).size();
}

/* RFC 2861, RFC 5681 4.1: after a pause no ACKs clock a large window out, so the restart window is the initial one. */
TEST(TcpCongestion, PauseLeavesTheInitialWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_LE(burst_after(peer, 10s), 10u);
}

TEST(TcpCongestion, ShortPauseLeavesTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_GE(burst_after(peer, 100ms), 40u);
}

TEST(TcpCongestion, RestCanBeSwitchedOff) /* net.ipv4.tcp_slow_start_after_idle */
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.slow_start_after_idle = false;
                  }});
    EXPECT_GE(burst_after(peer, 10s), 40u);
}

/* RFC 7661: an application that sends little for a while has a small window afterwards. */
TEST(TcpCongestion, WindowThatIsNotUsedShrinks)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_GT(peer.app_write(stream(100 * MSS)), 0);
    download(peer, 100 * MSS);
    for (int i = 0; i < 50; i++) { /* no pause is as long as the retransmission timeout */
        peer.wait(50ms);
        EXPECT_EQ(peer.app_write(stream(MSS)), MSS);
        download(peer, MSS);
    }
    write_much(peer);
    EXPECT_LE(drain(peer).size(), 12u);
}

/* RFC 3465 2.2: with L = 1 an ACK counts for one segment at most. */
TEST(TcpCongestion, AckCountsForOneSegmentIfWanted)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.appropriate_byte_counting = 1;
                  }});
    write_much(peer);
    EXPECT_EQ(drain(peer).size(), 10u);
    peer.rcv += 10 * MSS;
    peer.send(ack());
    EXPECT_EQ(drain(peer).size(), 11u);
}

TEST(TcpCongestion, InitialWindowCanBeAnother)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.initial_window = 3;
                  }});
    write_much(peer);
    EXPECT_EQ(drain(peer).size(), 3u);
}

/* RFC 5681 3.1: after a timeout the window is one segment, and slow start begins again. */
TEST(TcpCongestion, TimeoutFallsBackToOneSegment)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    grow_to(peer, 16);
    const auto again = peer.receive(5s);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->seq, peer.rcv);
    peer.expect_nothing(100ms);
    peer.rcv += MSS;
    peer.send(ack());
    EXPECT_LE(drain(peer).size(), 2u);
    peer.rcv += MSS;
    peer.send(ack());
    EXPECT_LE(drain(peer).size(), 2u);
}

/* RFC 5681 3.1: after a timeout ssthresh is half of FlightSize, so slow start ends there. */
TEST(TcpCongestion, SlowStartAfterATimeoutEndsAtHalfOfFlightSize)
{
    test_world world;
    tcp_peer peer(world, connected, newreno);
    write_much(peer);
    grow_to(peer, 32);
    const uint32_t before = flight_size(peer);
    ASSERT_TRUE(peer.receive(5s));
    peer.rcv = peer.rcv_max(); /* only the first was lost */
    peer.send(ack());
    peer.skip();
    for (int i = 0; i < 6; i++) {
        ack_round(peer);
    }
    EXPECT_GE(flight_size(peer), before / 4);
    EXPECT_LE(flight_size(peer), before / 2 + 8);
}

/* RFC 5681 3.1: a second timeout of the same segment does not reduce ssthresh again. */
TEST(TcpCongestion, RepeatedTimeoutKeepsTheThreshold)
{
    test_world world;
    tcp_peer peer(world, connected, newreno);
    write_much(peer);
    grow_to(peer, 32);
    const uint32_t before = flight_size(peer);
    EXPECT_EQ(arrival_times(peer, 4, 10s).size(), 4u); /* four timeouts */
    acknowledge_everything(peer);
    peer.skip();
    for (int i = 0; i < 5; i++) {
        ack_round(peer);
    }
    EXPECT_GE(flight_size(peer), before / 4) << "ssthresh was kept, so slow start gets that far";
}

/* RFC 6582 3.2, step 1: duplicate ACKs that the retransmissions of a timeout cause start no fast retransmit. */
TEST(TcpFastRetransmit, DuplicateAcksAfterATimeoutDoNotRetransmit)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    grow_to(peer, 10);
    const auto again = peer.receive(5s);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->seq, peer.rcv);
    for (int i = 0; i < 5; i++) { /* answers to the segments of before the timeout */
        peer.send(ack());
    }
    EXPECT_EQ(count_from(drain(peer), peer.rcv), 0u);
}

/* RFC 5681 3.2: a retransmission that is lost is repeated by the timer, and the transfer is complete. */
TEST(TcpFastRecovery, LostRetransmissionIsRepeatedByTheTimer)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_much(peer);
    grow_to(peer, 10);
    const uint32_t hole = peer.rcv;
    lose_the_earliest(peer);
    EXPECT_EQ(count_from(drain(peer), hole), 1u);
    peer.expect(segment().seq(hole).len(MSS).within(10s));
    acknowledge_everything(peer);
    peer.skip();
    EXPECT_GT(ack_round(peer), 0u);
}

/* RFC 5681 3.2: one loss in a long transfer costs no timeout. */
TEST(TcpFastRecovery, SingleLossNeedsNoTimeout)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(200000);
    EXPECT_EQ(peer.app_write(data), 200000);
    reassembly got;
    bool lost = false;
    while (got.stream().size() < data.size()) {
        const auto seg = peer.receive(5s);
        ASSERT_TRUE(seg);
        const uint32_t at = seg->seq - peer.irs - 1;
        if (!lost && at >= 50000) {
            lost = true;
            continue;
        }
        got.take(peer, *seg);
    }
    EXPECT_EQ(got.stream(), data);
    EXPECT_TRUE(lost);
    EXPECT_EQ(peer.host().count(counter::tcp_timeouts), 0u);
    EXPECT_EQ(peer.host().count(counter::tcp_retrans_segs), 1u);
}

/* RFC 5681 3.2: fewer than three duplicate ACKs start no fast retransmit, so the loss waits for the timer. */
TEST(TcpFastRetransmit, LossOfASmallWindowWaitsForTheTimer)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(2 * MSS)), 2 * 1460);
    EXPECT_EQ(drain(peer).size(), 2u);
    peer.send(ack()); /* one duplicate: too few to tell */
    peer.expect_nothing(100ms);
    peer.expect(payload(stream(MSS)).seq(peer.rcv).within(3s));
}

} // namespace
} // namespace microps
