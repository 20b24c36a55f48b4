/*
 * tcp_hystart_test.cpp: HyStart++ (RFC 9406): when slow start becomes conservative, when it resumes, when it ends.
 */
#include "tcp/parts/tcp_hystart.hpp"

#include <gtest/gtest.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

using phase = tcp_hystart::phase;

/** A round trip with this many ACKs, which all measure the same. */
void round_trip(tcp_hystart &hystart, net_duration rtt, int samples = 8)
{
    for (int i = 0; i < samples; i++) {
        hystart.on_ack(i == 0, rtt);
    }
}

/** Conservative after two round trips. */
tcp_hystart conservative()
{
    tcp_hystart hystart;
    round_trip(hystart, 50ms);
    round_trip(hystart, 60ms);
    return hystart;
}

} // namespace

/* RFC 9406 4.2: round trips that vary by less than RttThresh do not end slow start. */
TEST(TcpHyStart, SteadyRoundTripsLeaveSlowStartAlone)
{
    tcp_hystart hystart;
    for (int i = 0; i < 100; i++) {
        round_trip(hystart, i % 2 == 0 ? 50ms : 53ms);
        EXPECT_EQ(hystart.state(), phase::slow_start);
    }
    EXPECT_EQ(hystart.growth(1000), 1000u);
}

/* RFC 9406 4.2: RttThresh is an eighth of the last round's minimum, 4 ms at least and 16 ms at most (4.3). */
TEST(TcpHyStart, ThresholdIsAnEighthWithinBounds)
{
    struct {
        net_duration before;
        net_duration threshold;
    } const cases[] = {{1ms, 4ms}, {32ms, 4ms}, {64ms, 8ms}, {100ms, 12500us}, {128ms, 16ms}, {1s, 16ms}};
    for (const auto &[before, threshold] : cases) {
        tcp_hystart below;
        round_trip(below, before);
        round_trip(below, before + threshold - 1us);
        EXPECT_EQ(below.state(), phase::slow_start) << before.count();
        tcp_hystart at;
        round_trip(at, before);
        round_trip(at, before + threshold);
        EXPECT_EQ(at.state(), phase::conservative) << before.count();
    }
}

/* RFC 9406 4.2: fewer than N_RTT_SAMPLE samples in a round say nothing. */
TEST(TcpHyStart, NeedsEightSamplesOfARound)
{
    tcp_hystart hystart;
    for (int ms = 50; ms < 1000; ms += 50) {
        round_trip(hystart, ms * 1ms, 7);
        EXPECT_EQ(hystart.state(), phase::slow_start);
    }
}

TEST(TcpHyStart, TheShortestOfTheRoundCounts) /* one late ACK says nothing */
{
    tcp_hystart hystart;
    round_trip(hystart, 50ms);
    hystart.on_ack(true, 51ms);
    round_trip(hystart, 200ms, 1);
    tcp_hystart other;
    round_trip(other, 50ms);
    for (int i = 0; i < 20; i++) {
        other.on_ack(i == 0, i == 3 ? 51ms : 90ms);
    }
    EXPECT_EQ(other.state(), phase::slow_start);
}

/* RFC 9406 4.2: an ACK without a measured round trip does not count as a sample. */
TEST(TcpHyStart, AcksThatMeasureNothingAreNoSamples)
{
    tcp_hystart hystart;
    round_trip(hystart, 50ms);
    hystart.on_ack(true, 0ms);
    for (int i = 0; i < 7; i++) {
        hystart.on_ack(false, 80ms);
        hystart.on_ack(false, 0ms);
    }
    EXPECT_EQ(hystart.state(), phase::slow_start);
    hystart.on_ack(false, 80ms);
    EXPECT_EQ(hystart.state(), phase::conservative);
}

TEST(TcpHyStart, ConservativeSlowStartGrowsByAQuarter) /* CSS_GROWTH_DIVISOR */
{
    EXPECT_EQ(conservative().growth(1000), 250u);
}

/* RFC 9406 4.2: CSS_ROUNDS, the one in which it began included. */
TEST(TcpHyStart, EndsAfterFiveConservativeRounds)
{
    tcp_hystart hystart = conservative();
    for (int i = 1; i < 5; i++) {
        round_trip(hystart, 60ms);
        EXPECT_EQ(hystart.state(), phase::conservative) << i;
    }
    hystart.on_ack(true, 60ms);
    EXPECT_EQ(hystart.state(), phase::done);
    round_trip(hystart, 10ms);
    EXPECT_EQ(hystart.state(), phase::done);
}

/* RFC 9406 4.2: shorter round trips show that it was jitter, and slow start resumes. */
TEST(TcpHyStart, JitterLetsSlowStartResume)
{
    tcp_hystart hystart = conservative();
    round_trip(hystart, 60ms);
    round_trip(hystart, 50ms, 7);
    EXPECT_EQ(hystart.state(), phase::conservative) << "too few samples";
    hystart.on_ack(false, 50ms);
    EXPECT_EQ(hystart.state(), phase::slow_start);
    EXPECT_EQ(hystart.growth(1000), 1000u);
}

/* RFC 9406 4.2: after slow start has resumed, growing round trips begin another conservative phase, with all its
 * rounds. */
TEST(TcpHyStart, AQueueAfterJitterIsNoticedAgain)
{
    tcp_hystart hystart = conservative();
    round_trip(hystart, 50ms);
    ASSERT_EQ(hystart.state(), phase::slow_start);
    round_trip(hystart, 70ms);
    EXPECT_EQ(hystart.state(), phase::conservative);
    for (int i = 1; i < 5; i++) {
        round_trip(hystart, 70ms);
        EXPECT_EQ(hystart.state(), phase::conservative) << "counted from the beginning";
    }
    round_trip(hystart, 70ms);
    EXPECT_EQ(hystart.state(), phase::done);
}

/* The largest round trip that the type can hold does not overflow the threshold. */
TEST(TcpHyStart, AbsurdRoundTripsDoNotWrap)
{
    tcp_hystart hystart;
    for (int i = 0; i < 10; i++) {
        round_trip(hystart, net_duration::max());
        EXPECT_EQ(hystart.state(), phase::slow_start);
    }
}
