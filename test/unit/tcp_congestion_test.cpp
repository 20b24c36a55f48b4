/*
 * tcp_congestion_test.cpp: what congestion controls do alike (RFC 5681, RFC 6928, RFC 3465, RFC 2861), and NewReno's
 * window.
 */
#include "tcp/parts/tcp_congestion_builtin.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

constexpr uint32_t MSS = 1000;

tcp_ack_sample full(const tcp_congestion &congestion, uint32_t acked)
{
    return {.acked = acked, .round_peak = congestion.cwnd(), .cwnd_limited = true};
}

std::unique_ptr<tcp_congestion> newreno(uint32_t segments)
{
    return tcp_newreno_make({.mss = MSS, .initial_window = segments * MSS});
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

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)). */
TEST(TcpInitialWindow, IsTenSegmentsWithinRfc6928Bounds)
{
    EXPECT_EQ(tcp_initial_window(1000, false), 10000u);
    EXPECT_EQ(tcp_initial_window(1460, false), 14600u);
    EXPECT_EQ(tcp_initial_window(9000, false), 18000u); /* two segments of a large MSS */
    EXPECT_EQ(tcp_initial_window(4000, false), 14600u);
}

/* A route or the configuration may set another number of segments; one is the least, and the bytes are bounded. */
TEST(TcpInitialWindow, CanBeAnotherNumberOfSegments)
{
    EXPECT_EQ(tcp_initial_window(1000, false, 3), 3000u);
    EXPECT_EQ(tcp_initial_window(1460, false, 64), 64 * 1460u);
    EXPECT_EQ(tcp_initial_window(1460, false, 1), 1460u);
    EXPECT_EQ(tcp_initial_window(1460, false, 0), 1460u);
    EXPECT_EQ(tcp_initial_window(65535, false, UINT32_MAX), 1024 * 1460u);
}

TEST(TcpInitialWindow, IsOneSegmentIfOurSynWasLost) /* RFC 5681 3.1 */
{
    EXPECT_EQ(tcp_initial_window(1460, true), 1460u);
}

/* RFC 5681 3.1: in congestion avoidance cwnd grows by one segment in each round trip. */
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

/* Half of an odd number of segments: the half segment could not be sent, but the window would have to be acknowledged
   with it before it grows. Linux has whole numbers, too, because it counts segments. */
TEST(TcpNewReno, HalfAWindowIsAWholeNumberOfSegments)
{
    const auto congestion = newreno(20);
    congestion->on_loss({}, 7 * MSS + 1);
    EXPECT_EQ(congestion->ssthresh(), 3 * MSS);
    one_round_trip(*congestion);
    EXPECT_EQ(congestion->cwnd(), 4 * MSS);
    congestion->on_rto({}, 9 * MSS, false);
    EXPECT_EQ(congestion->ssthresh(), 4 * MSS);
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

/* RFC 3465 2.2: with a limit of L segments; Linux' default is none. */
TEST(TcpNewReno, OneAckCountsForAtMostTheLimitInSlowStart)
{
    const auto limited = tcp_newreno_make({.mss = MSS, .initial_window = 20 * MSS, .ack_limit = 2});
    limited->on_ack(full(*limited, 10 * MSS));
    EXPECT_EQ(limited->cwnd(), 22 * MSS);
    const auto unlimited = newreno(20);
    unlimited->on_ack(full(*unlimited, 10 * MSS));
    EXPECT_EQ(unlimited->cwnd(), 30 * MSS);
}

/* RFC 5681 3.1: an ACK that leads beyond ssthresh counts in slow start up to there, and the rest in congestion
 * avoidance. */
TEST(TcpNewReno, AnAckBeyondSsthreshGoesOnInCongestionAvoidance)
{
    const auto congestion = newreno(20);
    congestion->adopt(9 * MSS, 10 * MSS);
    congestion->on_ack(full(*congestion, 9 * MSS)); /* one segment in slow start, eight in congestion avoidance */
    EXPECT_EQ(congestion->cwnd(), 10 * MSS);
    congestion->on_ack(full(*congestion, 2 * MSS));
    EXPECT_EQ(congestion->cwnd(), 11 * MSS);
}

/* What all do alike, whatever their name. */

class TcpCongestionControl : public testing::TestWithParam<tcp_congestion_builtin>
{
protected:
    /** In slow start, no loss yet. */
    [[nodiscard]] std::unique_ptr<tcp_congestion> fresh(uint32_t segments, bool rest = true) const
    {
        auto congestion = GetParam().make({.mss = MSS, .initial_window = 10 * MSS, .rest = rest});
        congestion->adopt(segments * MSS, tcp_congestion::WINDOW_MAX);
        return congestion;
    }
    /** In congestion avoidance. */
    [[nodiscard]] std::unique_ptr<tcp_congestion> settled(uint32_t segments, bool rest = true) const
    {
        auto congestion = fresh(segments, rest);
        congestion->adopt(segments * MSS, segments / 2 * MSS);
        return congestion;
    }
};

INSTANTIATE_TEST_SUITE_P(Controls, TcpCongestionControl, testing::ValuesIn(TCP_CONGESTION_BUILTINS),
                         [](const auto &param) { return std::string(param.param.name); });

/* RFC 5681 3.1: a new one has the initial window, and an ssthresh that is arbitrarily high. */
TEST_P(TcpCongestionControl, IsMadeByItsName)
{
    const auto congestion = GetParam().make({.mss = MSS, .initial_window = 10 * MSS});
    ASSERT_TRUE(congestion);
    EXPECT_EQ(congestion->name(), std::string_view(GetParam().name));
    EXPECT_EQ(congestion->cwnd(), 10 * MSS);
    EXPECT_EQ(congestion->ssthresh(), tcp_congestion::WINDOW_MAX); /* RFC 5681 3.1: arbitrarily high */
}

TEST_P(TcpCongestionControl, SlowStartDoublesPerRoundTrip) /* RFC 5681 3.1 */
{
    const auto congestion = fresh(2);
    for (uint32_t expected : {4u, 8u, 16u, 32u}) {
        one_round_trip(*congestion);
        EXPECT_EQ(congestion->cwnd(), expected * MSS);
    }
}

/* RFC 7661: no growth without use, but in slow start half the window is enough. */
TEST_P(TcpCongestionControl, UnusedWindowDoesNotGrow)
{
    for (const auto &congestion : {fresh(10), settled(10)}) {
        for (int i = 0; i < 1000; i++) {
            congestion->on_ack({.acked = MSS, .round_peak = 5 * MSS, .cwnd_limited = false});
        }
        EXPECT_EQ(congestion->cwnd(), 10 * MSS);
    }
    const auto congestion = fresh(10);
    congestion->on_ack({.acked = MSS, .round_peak = 6 * MSS, .cwnd_limited = false});
    EXPECT_EQ(congestion->cwnd(), 11 * MSS);
}

/* RFC 2861 2: half for each idle RTO, but not below the restart window of RFC 5681 4.1. */
TEST_P(TcpCongestionControl, IdleTimeHalvesTheWindow)
{
    const auto congestion = settled(100);
    congestion->on_idle(200ms, 200ms);
    EXPECT_EQ(congestion->cwnd(), 100 * MSS);
    congestion->on_idle(201ms, 200ms);
    EXPECT_EQ(congestion->cwnd(), 50 * MSS);
    EXPECT_EQ(congestion->ssthresh(), 75 * MSS) << "slow start leads back to three quarters";
    congestion->on_idle(401ms, 200ms);
    EXPECT_EQ(congestion->cwnd(), 12500u);
    congestion->on_idle(2h, 200ms);
    EXPECT_EQ(congestion->cwnd(), 10 * MSS);
}

/* RFC 5681 4.1: a window below the restart window stays as it is. */
TEST_P(TcpCongestionControl, IdleTimeLeavesASmallWindowAlone)
{
    const auto congestion = settled(4);
    congestion->on_idle(2h, 200ms);
    EXPECT_EQ(congestion->cwnd(), 4 * MSS);
}

/* RFC 2861 2: before the first loss ssthresh is arbitrarily high, and idle time leaves it so. */
TEST_P(TcpCongestionControl, IdleTimeBeforeTheFirstLossSetsNoThreshold)
{
    const auto congestion = fresh(100);
    congestion->on_idle(201ms, 200ms);
    EXPECT_EQ(congestion->cwnd(), 50 * MSS);
    EXPECT_EQ(congestion->ssthresh(), tcp_congestion::WINDOW_MAX);
}

/* RFC 2861 2, RFC 7661: after an RTO halfway down to what was used. */
TEST_P(TcpCongestionControl, WindowThatIsNotUsedUpShrinksTowardsWhatIs)
{
    const auto congestion = settled(100);
    const net_time begin(1h);
    congestion->on_application_limited(begin, 20 * MSS, 200ms);
    congestion->on_application_limited(begin + 100ms, 40 * MSS, 200ms);
    congestion->on_application_limited(begin + 199ms, 20 * MSS, 200ms);
    EXPECT_EQ(congestion->cwnd(), 100 * MSS);
    congestion->on_application_limited(begin + 200ms, 20 * MSS, 200ms);
    EXPECT_EQ(congestion->cwnd(), 70 * MSS) << "the most that was used was 40";
    EXPECT_EQ(congestion->ssthresh(), 75 * MSS);
    for (int i = 2; i < 20; i++) {
        congestion->on_application_limited(begin + i * 200ms, MSS, 200ms);
    }
    EXPECT_EQ(congestion->cwnd() / MSS, 10u) << "not below the initial window";
}

/* RFC 2861 2: a window that is filled within the RTO is in use, even if the application pauses now and then. */
TEST_P(TcpCongestionControl, WindowThatWasUsedUpMeanwhileDoesNotShrink)
{
    const auto congestion = settled(100);
    net_time now(1h);
    for (int i = 0; i < 100; i++) {
        now += 150ms;
        congestion->on_application_limited(now, 20 * MSS, 200ms);
        congestion->on_ack({.now = now, .acked = 1, .round_peak = 100 * MSS, .cwnd_limited = true});
    }
    EXPECT_GE(congestion->cwnd(), 100 * MSS);
}

TEST_P(TcpCongestionControl, RestCanBeSwitchedOff) /* tcp_slow_start_after_idle = 0 */
{
    const auto congestion = settled(100, false);
    congestion->on_idle(2h, 200ms);
    for (int i = 0; i < 20; i++) {
        congestion->on_application_limited(net_time(i * 1s), MSS, 200ms);
    }
    EXPECT_EQ(congestion->cwnd(), 100 * MSS);
}

/* RFC 4015 3.2: undo gives cwnd and ssthresh the values from before the reduction, and a second undo has no
 * effect. */
TEST_P(TcpCongestionControl, SpuriousLossIsUndoneOnce)
{
    const auto congestion = settled(100);
    for (const bool timeout : {false, true}) {
        if (timeout) {
            congestion->on_rto({}, 100 * MSS, false);
        } else {
            congestion->on_loss({}, 100 * MSS);
        }
        EXPECT_LT(congestion->cwnd(), 100 * MSS);
        EXPECT_GT(congestion->ssthresh(), 50 * MSS - 1);
        congestion->on_spurious({});
        EXPECT_EQ(congestion->cwnd(), 100 * MSS);
        EXPECT_EQ(congestion->ssthresh(), 50 * MSS);
    }
    congestion->adopt(20 * MSS, 20 * MSS);
    congestion->on_spurious({});
    EXPECT_EQ(congestion->cwnd(), 20 * MSS);
}

TEST_P(TcpCongestionControl, SegmentSizeChangesButNotTheBytes) /* RFC 1191 6.5 */
{
    const auto congestion = settled(100);
    congestion->on_mss(500);
    EXPECT_EQ(congestion->cwnd(), 100 * MSS);
    congestion->on_rto({}, 100 * MSS, false);
    EXPECT_EQ(congestion->cwnd(), 500u);
    congestion->on_mss(9000);
    EXPECT_EQ(congestion->cwnd(), 9000u) << "one segment fits always";
}

/* The names are those of Linux' tcp_congestion_control, which programs use. */
TEST(TcpCongestionNames, AreCubicAndReno)
{
    ASSERT_EQ(TCP_CONGESTION_BUILTINS.size(), 2u);
    EXPECT_EQ(TCP_CONGESTION_BUILTINS[0].name, std::string_view("cubic"));
    EXPECT_EQ(TCP_CONGESTION_BUILTINS[1].name, std::string_view("reno"));
}
