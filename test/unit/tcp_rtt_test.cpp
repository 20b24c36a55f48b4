/*
 * tcp_rtt_test.cpp: RFC 6298 section 2 and 5.
 */
#include "tcp/parts/tcp_rtt.hpp"

#include <gtest/gtest.h>

using namespace microps;
using namespace std::chrono_literals;

TEST(TcpRtt, BeginsWithOneSecond) /* 2.1 */ { EXPECT_EQ(tcp_rtt(1s, 200ms, 60s).rto(), 1s); }

TEST(TcpRtt, FirstMeasurementSetsBothEstimates) /* 2.2 */
{
    tcp_rtt rtt(1s, 200ms, 60s);
    rtt.on_sample(400ms, {});
    EXPECT_EQ(rtt.srtt(), 400ms);
    EXPECT_EQ(rtt.rttvar(), 200ms);
    EXPECT_EQ(rtt.rto(), 1200ms); /* SRTT + 4 * RTTVAR */
}

TEST(TcpRtt, LaterMeasurementsAreSmoothed) /* 2.3 */
{
    tcp_rtt rtt(1s, 200ms, 60s);
    rtt.on_sample(400ms, {});
    rtt.on_sample(480ms, {});
    EXPECT_EQ(rtt.rttvar(), 170ms); /* 3/4 * 200 + 1/4 * 80 */
    EXPECT_EQ(rtt.srtt(), 410ms);   /* 7/8 * 400 + 1/8 * 480 */
    EXPECT_EQ(rtt.rto(), 1090ms);
}

TEST(TcpRtt, TimeoutLeavesRoomForADelayedAckHoweverSteadyThePath) /* 2.4 */
{
    tcp_rtt rtt(1s, 200ms, 60s);
    for (int i = 0; i < 100; i++) {
        rtt.on_sample(10ms, {});
    }
    EXPECT_GE(rtt.rto(), 210ms);
    EXPECT_LT(rtt.rto(), 211ms);
}

TEST(TcpRtt, DoublesUpToItsBoundAndCollapsesByAMeasurement) /* 5.5, 2.5 */
{
    tcp_rtt rtt(1s, 200ms, 60s);
    rtt.on_sample(10ms, {});
    const net_duration rto = rtt.rto();
    rtt.back_off();
    EXPECT_EQ(rtt.rto(), 2 * rto);
    for (int i = 0; i < 20; i++) {
        rtt.back_off();
    }
    EXPECT_EQ(rtt.rto(), 60s);
    rtt.on_sample(10ms, {});
    EXPECT_LT(rtt.rto(), 300ms);
}

TEST(TcpRtt, RestartForgetsTheEstimates) /* 5.7 */
{
    tcp_rtt rtt(1s, 200ms, 60s);
    rtt.on_sample(10ms, {});
    rtt.restart(3s);
    EXPECT_EQ(rtt.rto(), 3s);
    EXPECT_FALSE(rtt.measured());
    rtt.on_sample(100ms, {});
    EXPECT_EQ(rtt.srtt(), 100ms);
}

TEST(TcpRtt, ManySamplesOfARoundTripWeighAsOne) /* RFC 7323 4.2, appendix G */
{
    tcp_rtt one(1s, 200ms, 60s);
    tcp_rtt many(1s, 200ms, 60s);
    one.on_sample(400ms, {});
    many.on_sample(400ms, {});
    one.on_sample(480ms, {});
    for (int i = 0; i < 16; i++) {
        many.on_sample(480ms, {}, 16);
    }
    EXPECT_NEAR(std::chrono::duration<double>(many.srtt() - one.srtt()).count(), 0, 0.001);
    EXPECT_NEAR(std::chrono::duration<double>(many.rttvar() - one.rttvar()).count(), 0, 0.005);
}

TEST(TcpRtt, ShortestRoundTripIsThatOfSomeMinutes) /* RFC 8985 6.2 step 1 */
{
    tcp_rtt rtt(1s, 200ms, 60s);
    const net_time begin = net_time(1h);
    rtt.on_sample(30ms, begin);
    rtt.on_sample(80ms, begin + 1s);
    EXPECT_EQ(rtt.min_rtt(), 30ms);
    rtt.on_sample(20ms, begin + 2s);
    EXPECT_EQ(rtt.min_rtt(), 20ms);
    for (int i = 1; i <= 11; i++) { /* the path has become longer */
        rtt.on_sample(90ms, begin + i * 60s);
    }
    EXPECT_EQ(rtt.min_rtt(), 90ms);
}
