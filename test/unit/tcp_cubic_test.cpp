/*
 * tcp_cubic_test.cpp: CUBIC (RFC 9438) against its formulas, computed here a second time, against a brute force
 * integration of the Reno-friendly window, and against the RFC's tables of average windows.
 */
#include "tcp/parts/tcp_cubic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

constexpr uint32_t MSS = 1000;

std::unique_ptr<tcp_congestion> cubic(uint32_t segments, bool hystart = false)
{
    return tcp_cubic_make({.mss = MSS, .initial_window = segments * MSS, .hystart = hystart});
}

/** A sender that always has something to send: each ACK comes when the self-clocking of a fixed round trip says. */
struct flow {
    flow(uint32_t segments, net_duration round_trip) : congestion(cubic(2)), rtt(round_trip)
    {
        congestion->adopt(segments * MSS, tcp_congestion::WINDOW_MAX);
    }

    void ack(uint32_t bytes = MSS)
    {
        now += net_duration(static_cast<int64_t>(static_cast<double>(rtt.count()) * bytes / congestion->cwnd()));
        congestion->on_ack({.now = now,
                            .acked = bytes,
                            .round_peak = congestion->cwnd(),
                            .cwnd_limited = true,
                            .rtt = rtt,
                            .srtt = rtt});
    }
    void ack_for(net_duration time)
    {
        for (const net_time end = now + time; now < end;) {
            ack();
        }
    }
    void lose() { congestion->on_loss(now, congestion->cwnd()); }
    [[nodiscard]] double window() const { return congestion->cwnd() / double{MSS}; }

    std::unique_ptr<tcp_congestion> congestion;
    net_duration rtt;
    net_time now{1h};
};

double seconds(net_duration time) { return std::chrono::duration<double>(time).count(); }

/** The cube root by bisection. */
double cube_root(double x)
{
    double low = 0;
    double high = std::max(1.0, x);
    for (int i = 0; i < 200; i++) {
        const double middle = (low + high) / 2;
        (middle * middle * middle < x ? low : high) = middle;
    }
    return low;
}

} // namespace

/* RFC 9438 4.6 */

/* RFC 9438 4.6: beta is 0.7. */
TEST(TcpCubic, LossLeavesSevenTenths)
{
    flow f(1000, 100ms);
    f.lose();
    EXPECT_EQ(f.congestion->cwnd(), 700 * MSS);
    EXPECT_EQ(f.congestion->ssthresh(), 700 * MSS);
}

TEST(TcpCubic, LossIsReckonedFromFlightSize) /* not from a window that was not used */
{
    flow f(1000, 100ms);
    f.congestion->on_loss(f.now, 100 * MSS);
    EXPECT_EQ(f.congestion->cwnd(), 70 * MSS);
}

/* RFC 9438 4.6: ssthresh is not below two segments. */
TEST(TcpCubic, LossLeavesTwoSegments)
{
    flow f(10, 100ms);
    for (int i = 0; i < 20; i++) {
        f.lose();
        EXPECT_GE(f.congestion->cwnd(), 2 * MSS);
        EXPECT_GE(f.congestion->ssthresh(), 2 * MSS);
    }
    EXPECT_EQ(f.congestion->cwnd(), 2 * MSS);
}

/* RFC 9438 4.2 to 4.5 */

/** How a window goes on that was @p start segments when it began and has its plateau at @p w_max. */
struct reference {
    double w_max;
    double start;
    double w_est = start;
    double window = start;
    double k = cube_root((w_max - start) / 0.4);

    void ack(double segments, double t)
    {
        w_est += 3 * 0.3 / 1.7 * segments / window;
        window = std::max(0.4 * std::pow(t - k, 3) + w_max, w_est);
    }
};

/** Compares at each ACK for @p time. */
void expect_to_follow(flow &f, reference expected, net_duration time)
{
    const net_time begin = f.now;
    while (f.now - begin < time) {
        const uint32_t bytes = std::max(MSS, f.congestion->cwnd() / 25 / MSS * MSS);
        const uint32_t before = f.congestion->cwnd();
        f.ack(bytes);
        expected.ack(bytes / MSS, seconds(f.now - begin));
        ASSERT_NEAR(f.window(), expected.window, 0.5 + expected.window / 100) << seconds(f.now - begin);
        ASSERT_GE(f.congestion->cwnd(), before);
    }
}

class TcpCubicCurve : public testing::TestWithParam<std::tuple<uint32_t, net_duration>>
{
};

/* RFC 9438 4.2, 4.3: from one loss to the next, the window is the larger of the cubic curve and Reno's. */
TEST_P(TcpCubicCurve, IsFollowedBetweenTwoLosses)
{
    const auto [segments, rtt] = GetParam();
    flow f(segments, rtt);
    f.lose();
    f.ack(1); /* congestion avoidance begins */
    const double w_max = segments;
    const auto twice_k = net_duration(static_cast<int64_t>(2e9 * cube_root(w_max * 0.3 / 0.4)));
    expect_to_follow(f, {.w_max = w_max, .start = w_max * 0.7}, twice_k);
}

INSTANTIATE_TEST_SUITE_P(
    Windows, TcpCubicCurve,
    testing::Combine(testing::Values(10u, 50u, 100u, 500u, 1000u, 10000u), testing::Values(5ms, 20ms, 100ms, 400ms)),
    [](const auto &param) {
        const auto rtt = std::chrono::duration_cast<std::chrono::milliseconds>(std::get<1>(param.param));
        return std::to_string(std::get<0>(param.param)) + "Segments" + std::to_string(rtt.count()) + "Ms";
    });

/* RFC 9438 4.4, 4.5: the curve is concave up to the window of the last loss, and convex beyond it. */
TEST(TcpCubic, GrowthSlowsTowardsTheLastLossAndQuickensBeyondIt)
{
    flow f(1000, 100ms); /* K = 9.09 s */
    f.lose();
    std::vector<double> growth;
    for (int second = 0; second < 18; second++) {
        const double before = f.window();
        f.ack_for(1s);
        growth.push_back(f.window() - before);
    }
    EXPECT_TRUE(std::is_sorted(growth.begin(), growth.begin() + 9, std::greater<>())) << "concave";
    EXPECT_TRUE(std::is_sorted(growth.begin() + 9, growth.end())) << "convex";
    EXPECT_GT(growth.front(), 50);
    EXPECT_LT(growth[9], 1);
    EXPECT_GT(growth.back(), 50);
}

/* RFC 9438 4.2: the target is 1.5 cwnd at most. */
TEST(TcpCubic, GrowsByHalfPerRoundTripAtMost)
{
    flow f(100, 20s); /* the curve would triple the window in one round trip */
    f.lose();
    for (int i = 0; i < 10; i++) {
        const double before = f.window();
        f.ack_for(20s);
        EXPECT_LE(f.window(), before * 1.7); /* the window grows while the round trip is on */
        EXPECT_GT(f.window(), before * 1.2);
    }
}

/* RFC 9438 4.3: alpha 0.53, segment by segment, also beyond the window of the loss, or our flows would
 * take more than their share beside those of Linux, which does so. */
TEST(TcpCubic, GrowsAsRenoWhereRoundTripsAreShort)
{
    flow f(20, 1ms);
    f.lose();
    f.ack(1);
    double expected = 14 + 0.53 / 14000;
    for (int i = 0; i < 2000; i++) {
        expected += 9.0 / 17 / expected;
        f.ack();
        ASSERT_NEAR(f.window(), expected, 0.01) << i;
    }
    EXPECT_GT(expected, 45);
}

/* RFC 9438 4.7: a loss below the last one's window is met with a lower plateau. */
TEST(TcpCubic, FastConvergenceLowersThePlateau)
{
    flow f(1000, 100ms);
    f.lose();
    f.ack_for(3s);
    const double lost_at = f.window();
    ASSERT_LT(lost_at, 1000);
    f.lose();
    f.ack(1);
    expect_to_follow(f, {.w_max = lost_at * 0.85, .start = lost_at * 0.7}, 15s);
}

TEST(TcpCubic, LossBeyondThePlateauSetsANewOne) /* no fast convergence */
{
    flow f(1000, 100ms);
    f.lose();
    f.ack_for(15s);
    const double lost_at = f.window();
    ASSERT_GT(lost_at, 1000);
    f.lose();
    f.ack(1);
    expect_to_follow(f, {.w_max = lost_at, .start = lost_at * 0.7}, 20s);
}

/* RFC 9438 4.8 */

/* RFC 9438 4.8: after a timeout cwnd is one segment and slow start leads to ssthresh. */
TEST(TcpCubic, TimeoutBeginsWithOneSegmentAndSlowStart)
{
    flow f(1000, 100ms);
    f.congestion->on_rto(f.now, 1000 * MSS, false);
    EXPECT_EQ(f.congestion->cwnd(), MSS);
    EXPECT_EQ(f.congestion->ssthresh(), 700 * MSS);
    f.congestion->on_rto(f.now, MSS, true);
    EXPECT_EQ(f.congestion->ssthresh(), 700 * MSS) << "RFC 5681 3.1: held";
    for (uint32_t expected = 2; expected <= 512; expected *= 2) {
        f.ack(f.congestion->cwnd());
        EXPECT_EQ(f.congestion->cwnd(), expected * MSS);
    }
}

TEST(TcpCubic, AfterATimeoutTheCurveIsConvexFromSsthresh) /* K = 0, W_max = cwnd */
{
    flow f(1000, 100ms);
    f.lose();
    f.ack_for(5s);
    const double lost_at = f.window();
    f.congestion->on_rto(f.now, f.congestion->cwnd(), false);
    while (f.congestion->cwnd() < f.congestion->ssthresh()) {
        f.ack(std::min(f.congestion->cwnd(), f.congestion->ssthresh() - f.congestion->cwnd()));
    }
    f.ack(1);
    const double start = f.window();
    EXPECT_NEAR(start, lost_at * 0.7, 0.1);
    expect_to_follow(f, {.w_max = start, .start = start}, 10s);
}

/* RFC 9438 4.9 */

/* RFC 9438 4.9: after an undo the window grows exactly as if nothing had been lost. */
TEST(TcpCubic, SpuriousLossIsUndoneWithoutTrace)
{
    for (const bool timeout : {false, true}) {
        flow undisturbed(1000, 100ms);
        flow disturbed(1000, 100ms);
        for (flow *f : {&undisturbed, &disturbed}) {
            f->lose();
            f->ack_for(5s);
        }
        if (timeout) {
            disturbed.congestion->on_rto(disturbed.now, disturbed.congestion->cwnd(), false);
            disturbed.congestion->on_rto(disturbed.now, disturbed.congestion->cwnd(), true);
        } else {
            disturbed.lose();
        }
        const net_time then = disturbed.now;
        disturbed.ack_for(50ms);
        EXPECT_LT(disturbed.congestion->cwnd(), undisturbed.congestion->cwnd());
        disturbed.congestion->on_spurious(disturbed.now);
        disturbed.now = then;
        for (int i = 0; i < 100000; i++) {
            ASSERT_EQ(disturbed.congestion->cwnd(), undisturbed.congestion->cwnd()) << i;
            ASSERT_EQ(disturbed.congestion->ssthresh(), undisturbed.congestion->ssthresh());
            disturbed.ack();
            undisturbed.ack();
        }
        const uint32_t cwnd = disturbed.congestion->cwnd();
        disturbed.congestion->on_spurious(disturbed.now);
        EXPECT_EQ(disturbed.congestion->cwnd(), cwnd) << "once";
    }
}

/* RFC 9438 4.2, 5.8 */

/* RFC 9438 4.2: the curve's time does not go on while the application does not fill the window. */
TEST(TcpCubic, TimeThatDoesNotUseTheWindowDoesNotCount)
{
    flow busy(1000, 100ms);
    flow lazy(1000, 100ms);
    for (flow *f : {&busy, &lazy}) {
        f->lose();
        f->ack_for(5s);
    }
    for (int i = 0; i < 100; i++) { /* a segment each second */
        lazy.now += 1s;
        lazy.congestion->on_ack({.now = lazy.now, .acked = MSS, .round_peak = MSS, .rtt = 100ms, .srtt = 100ms});
    }
    for (int i = 0; i < 20000; i++) {
        ASSERT_EQ(lazy.congestion->cwnd(), busy.congestion->cwnd()) << i;
        lazy.ack();
        busy.ack();
    }
}

/* RFC 9438 5.8: the curve's time does not go on while nothing is sent. */
TEST(TcpCubic, IdleTimeDoesNotCount)
{
    flow busy(1000, 100ms);
    flow idle(1000, 100ms);
    for (flow *f : {&busy, &idle}) {
        f->lose();
        f->ack_for(5s);
    }
    idle.now += 10s;
    idle.congestion->on_idle(10s, 20s); /* not so long that the window would shrink */
    for (int i = 0; i < 20000; i++) {
        ASSERT_EQ(idle.congestion->cwnd(), busy.congestion->cwnd()) << i;
        idle.ack();
        busy.ack();
    }
}

/* A window that idle time has halved grows on a new curve, which begins at the smaller window. */
TEST(TcpCubic, AWindowThatHasShrunkForWantOfUseBeginsAnotherStage)
{
    flow f(1000, 100ms);
    f.lose();
    f.ack_for(5s);
    const double before = f.window();
    f.now += 300ms;
    f.congestion->on_idle(300ms, 200ms);
    EXPECT_NEAR(f.window(), before / 2, 0.01);
    EXPECT_NEAR(f.congestion->ssthresh() / double{MSS}, before * 0.75, 0.01);
    while (f.congestion->cwnd() < f.congestion->ssthresh()) {
        f.ack();
    }
    f.ack(1);
    const double start = f.window();
    expect_to_follow(f, {.w_max = 1000, .start = start}, 12s);
}

/* Others */

/* TCP_CONGESTION may change the control of a connection: cwnd and ssthresh are taken over. */
TEST(TcpCubic, TakesOverFromAnotherControl)
{
    flow f(10, 100ms);
    f.congestion->adopt(200 * MSS, 100 * MSS);
    EXPECT_EQ(f.congestion->cwnd(), 200 * MSS);
    EXPECT_EQ(f.congestion->ssthresh(), 100 * MSS);
    f.ack(1);
    expect_to_follow(f, {.w_max = 200, .start = 200}, 10s);
}

/* Whatever happens, in whatever order: the window stays within bounds, and no ACK shrinks it. */
TEST(TcpCubic, StaysWithinBoundsWhateverHappens)
{
    const auto congestion = cubic(10, true);
    uint32_t random = 1;
    const auto pick = [&random](uint32_t n) {
        random = random * 1664525 + 1013904223;
        return (random >> 8) % n;
    };
    net_time now{};
    uint32_t mss = MSS;
    for (int i = 0; i < 300000; i++) {
        now += net_duration(int64_t{1} << pick(40));
        const uint32_t amount = uint32_t{1} << pick(32);
        const uint32_t before = congestion->cwnd();
        switch (pick(50)) {
        case 0:
            congestion->on_loss(now, amount);
            break;
        case 1:
            congestion->on_rto(now, amount, pick(2) == 0);
            break;
        case 2:
            congestion->on_spurious(now);
            break;
        case 3:
            congestion->on_idle(net_duration(int64_t{1} << pick(45)), 1s);
            break;
        case 4:
            congestion->on_application_limited(now, amount, 1s);
            break;
        case 5:
            congestion->on_mss(mss = 48 + pick(65000));
            break;
        case 6:
            congestion->adopt(amount, uint32_t{1} << pick(32));
            break;
        default:
            congestion->on_ack({.now = now,
                                .acked = std::min(amount, tcp_congestion::WINDOW_MAX),
                                .round_peak = congestion->cwnd(),
                                .cwnd_limited = pick(4) > 0,
                                .round_start = pick(10) == 0,
                                .rtt = net_duration(int64_t{1} << pick(45)),
                                .srtt = net_duration(int64_t{1} << pick(45))});
            ASSERT_GE(congestion->cwnd(), before);
        }
        ASSERT_GE(congestion->cwnd(), std::min(mss, before));
        ASSERT_LE(congestion->cwnd(), tcp_congestion::WINDOW_MAX);
        ASSERT_LE(congestion->ssthresh(), tcp_congestion::WINDOW_MAX);
    }
}

/* The calculation does not overflow on the way to the largest window there is. */
TEST(TcpCubic, GrowsUpToTheLargestWindow)
{
    flow f(10, 100ms);
    f.congestion->adopt(tcp_congestion::WINDOW_MAX / 2, tcp_congestion::WINDOW_MAX / 4);
    for (int i = 0; i < 20000; i++) {
        f.ack(f.congestion->cwnd() / 10);
    }
    EXPECT_EQ(f.congestion->cwnd(), tcp_congestion::WINDOW_MAX);
    f.lose();
    EXPECT_NEAR(f.congestion->cwnd(), tcp_congestion::WINDOW_MAX * 0.7, 1);
}

/* RFC 9438 4.10: HyStart++ in the first slow start */

/** One round trip of ten ACKs that measure this; returns by what factor the window grew. */
double round_trip(tcp_congestion &congestion, net_duration rtt)
{
    const uint32_t before = congestion.cwnd();
    for (int i = 0; i < 10; i++) {
        congestion.on_ack({.now = net_time(1s),
                           .acked = before / 10,
                           .round_peak = before,
                           .cwnd_limited = true,
                           .round_start = i == 0,
                           .rtt = rtt,
                           .srtt = rtt});
    }
    return static_cast<double>(congestion.cwnd()) / before;
}

/* RFC 9438 4.10, RFC 9406 4.2: growing round trips end the first slow start by way of a conservative phase. */
TEST(TcpCubic, LeavesTheFirstSlowStartWhenRoundTripsGrow)
{
    const auto congestion = cubic(10, true);
    EXPECT_EQ(round_trip(*congestion, 50ms), 2);
    EXPECT_EQ(round_trip(*congestion, 52ms), 2);
    EXPECT_LT(round_trip(*congestion, 60ms), 2) << "noticed by the eighth sample";
    for (int round = 1; round < 5; round++) {
        EXPECT_NEAR(round_trip(*congestion, 60ms), 1.25, 0.001) << round;
        EXPECT_EQ(congestion->ssthresh(), tcp_congestion::WINDOW_MAX);
    }
    const uint32_t cwnd = congestion->cwnd();
    EXPECT_LT(round_trip(*congestion, 60ms), 1.05);
    EXPECT_EQ(congestion->ssthresh(), cwnd);
}

/* Without HyStart++ slow start does not look at round trips. */
TEST(TcpCubic, WithoutHyStartSlowStartEndsByALoss)
{
    const auto congestion = cubic(10, false);
    for (int ms = 50; ms < 500; ms += 50) {
        EXPECT_EQ(round_trip(*congestion, ms * 1ms), 2);
    }
}

/* RFC 9406 4.3: HyStart++ is for the first slow start; later ones have an ssthresh to end at. */
TEST(TcpCubic, LaterSlowStartsEndAtSsthresh)
{
    const auto congestion = cubic(10, true);
    congestion->adopt(1000 * MSS, tcp_congestion::WINDOW_MAX);
    congestion->on_rto({}, 1000 * MSS, false);
    for (int ms = 50; ms < 500; ms += 50) {
        EXPECT_EQ(round_trip(*congestion, ms * 1ms), 2);
    }
}

/*
 * RFC 9438 5.1, tables 1 and 2: the average window where one packet of 1/p is lost. Where CUBIC is in its
 * Reno-friendly region, that is Reno's.
 */
struct average_window {
    double rtt;
    double loss;
    double segments;
};

class TcpCubicAverage : public testing::TestWithParam<average_window>
{
};

/* RFC 9438 5.1: the average window at a loss rate is that of its tables. */
TEST_P(TcpCubicAverage, IsThatOfTheTable)
{
    const auto [rtt, loss, segments] = GetParam();
    flow f(static_cast<uint32_t>(segments), net_duration(static_cast<int64_t>(rtt * 1e9)));
    double sent = 0; /* segments since the last loss */
    double total = 0;
    net_time since{};
    constexpr int settled = 60; /* losses */
    for (int losses = 0; losses < settled + 20;) {
        const uint32_t bytes = std::max(MSS, f.congestion->cwnd() / 25 / MSS * MSS);
        f.ack(bytes);
        sent += bytes / MSS;
        if (sent < 1 / loss) continue;
        if (losses >= settled) total += sent;
        sent = 0;
        f.lose();
        losses++;
        if (losses == settled) since = f.now;
    }
    const double average = total / (seconds(f.now - since) / rtt);
    EXPECT_GT(average, segments * 0.93); /* the RFC's formula does not know fast convergence */
    EXPECT_LT(average, segments * 1.11); /* at each moment the larger of both; the table: on average */
}

INSTANTIATE_TEST_SUITE_P(LongRoundTrip, TcpCubicAverage,
                         testing::Values(average_window{0.1, 1e-2, 12}, average_window{0.1, 1e-3, 38},
                                         average_window{0.1, 1e-4, 187}, average_window{0.1, 1e-5, 1054},
                                         average_window{0.1, 1e-6, 5926}, average_window{0.1, 1e-7, 33325},
                                         average_window{0.1, 1e-8, 187400}));
INSTANTIATE_TEST_SUITE_P(ShortRoundTrip, TcpCubicAverage,
                         testing::Values(average_window{0.01, 1e-2, 12}, average_window{0.01, 1e-3, 38},
                                         average_window{0.01, 1e-4, 120}, average_window{0.01, 1e-5, 379},
                                         average_window{0.01, 1e-6, 1200}, average_window{0.01, 1e-7, 5926},
                                         average_window{0.01, 1e-8, 33325}));
