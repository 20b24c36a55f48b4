/*
 * tcp_congestion_test.cpp: NewReno's window (RFC 5681, RFC 6928).
 */
#include "tcp/tcp_congestion.hpp"

#include <gtest/gtest.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

constexpr uint32_t MSS = 1000;

tcp_ack_sample full(const tcp_congestion &congestion, uint32_t acked)
{
    return {.acked = acked, .in_flight = congestion.cwnd(), .cwnd_limited = true};
}

std::unique_ptr<tcp_congestion> newreno(uint32_t segments)
{
    return tcp_congestion_make("reno", {.mss = MSS, .initial_window = segments * MSS});
}

/** Acknowledges one whole window, segment by segment. */
void one_round_trip(tcp_congestion &congestion)
{
    const uint32_t segments = congestion.cwnd() / MSS;
    for (uint32_t i = 0; i < segments; i++) {
        congestion.on_ack(full(congestion, MSS));
    }
}

} // namespace

TEST(TcpInitialWindow, IsTenSegmentsWithinRfc6928Bounds)
{
    EXPECT_EQ(tcp_initial_window(1000, false), 10000u);
    EXPECT_EQ(tcp_initial_window(1460, false), 14600u);
    EXPECT_EQ(tcp_initial_window(9000, false), 18000u); /* two segments of a large MSS */
    EXPECT_EQ(tcp_initial_window(4000, false), 14600u);
}

TEST(TcpInitialWindow, IsOneSegmentIfOurSynWasLost) /* RFC 5681 3.1 */
{
    EXPECT_EQ(tcp_initial_window(1460, true), 1460u);
}

TEST(TcpNewReno, SlowStartDoublesPerRoundTrip) /* RFC 5681 3.1 */
{
    const auto congestion = newreno(2);
    for (uint32_t expected : {4u, 8u, 16u, 32u}) {
        one_round_trip(*congestion);
        EXPECT_EQ(congestion->cwnd(), expected * MSS);
    }
}

TEST(TcpNewReno, CongestionAvoidanceAddsOneSegmentPerRoundTrip)
{
    const auto congestion = newreno(20);
    congestion->on_loss({}, 20 * MSS);
    EXPECT_EQ(congestion->cwnd(), 10 * MSS);
    for (uint32_t expected = 11; expected < 15; expected++) {
        one_round_trip(*congestion);
        EXPECT_EQ(congestion->cwnd(), expected * MSS);
    }
}

TEST(TcpNewReno, DividedAcksGainNothing) /* RFC 3465: bytes count, not ACKs */
{
    const auto congestion = newreno(10);
    for (int i = 0; i < 10000; i++) {
        congestion->on_ack(full(*congestion, 1));
    }
    EXPECT_EQ(congestion->cwnd(), 20 * MSS);
}

TEST(TcpNewReno, LossHalvesButLeavesTwoSegments) /* RFC 5681 equation 4 */
{
    const auto congestion = newreno(20);
    congestion->on_loss({}, 3 * MSS);
    EXPECT_EQ(congestion->ssthresh(), 2 * MSS);
    EXPECT_EQ(congestion->cwnd(), 2 * MSS);
}

TEST(TcpNewReno, TimeoutBeginsWithOneSegmentAndASecondHoldsSsthresh) /* RFC 5681 3.1 */
{
    const auto congestion = newreno(20);
    congestion->on_rto({}, 20 * MSS, false);
    EXPECT_EQ(congestion->cwnd(), MSS);
    EXPECT_EQ(congestion->ssthresh(), 10 * MSS);
    congestion->on_rto({}, MSS, true);
    EXPECT_EQ(congestion->ssthresh(), 10 * MSS);
    for (int i = 0; i < 4; i++) {
        one_round_trip(*congestion);
    }
    EXPECT_EQ(congestion->cwnd(), 10 * MSS); /* slow start ends at ssthresh */
}

TEST(TcpNewReno, UnusedWindowDoesNotGrow) /* RFC 7661, as Linux */
{
    const auto congestion = newreno(10);
    for (int i = 0; i < 1000; i++) {
        congestion->on_ack({.acked = MSS, .in_flight = MSS, .cwnd_limited = false});
    }
    EXPECT_EQ(congestion->cwnd(), 10 * MSS);
}

TEST(TcpNewReno, IdleConnectionBeginsWithTheInitialWindow) /* RFC 5681 4.1 */
{
    const auto congestion = newreno(10);
    one_round_trip(*congestion);
    congestion->on_idle(1s, 200ms);
    EXPECT_EQ(congestion->cwnd(), 10 * MSS);
}

TEST(TcpNewReno, SpuriousLossIsUndone)
{
    const auto congestion = newreno(20);
    const uint32_t ssthresh = congestion->ssthresh();
    congestion->on_rto({}, 20 * MSS, false);
    congestion->on_spurious({});
    EXPECT_EQ(congestion->cwnd(), 20 * MSS);
    EXPECT_EQ(congestion->ssthresh(), ssthresh);
}
