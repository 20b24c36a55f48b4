/*
 * tcp_ack_delay_test.cpp: quick and delayed ACKs, event by event.
 */
#include "tcp/parts/tcp_ack_delay.hpp"

#include <gtest/gtest.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

constexpr net_duration MIN = 40ms;
constexpr net_duration MAX = 200ms;
constexpr net_duration RTO = 300ms;
constexpr net_time START = net_time(1000s);

} // namespace

TEST(TcpAckDelay, QuickPhaseIsUsedUpByAcks)
{
    tcp_ack_delay ack;
    EXPECT_FALSE(ack.at_once());
    ack.on_data(START, MIN, RTO, 2);
    EXPECT_TRUE(ack.at_once());
    ack.on_sent(START, false);
    EXPECT_TRUE(ack.at_once());
    ack.on_sent(START, false);
    EXPECT_FALSE(ack.at_once());
    ack.on_data(START + 10ms, MIN, RTO, 2);
    EXPECT_FALSE(ack.at_once());
    EXPECT_EQ(ack.delay(MIN, MAX, 0ms), MIN);
}

TEST(TcpAckDelay, AnsweringSoonIsInteractive)
{
    tcp_ack_delay ack;
    ack.on_data(START, MIN, RTO, 10);
    ack.on_sent(START + 50ms, true); /* too late to have been the answer */
    EXPECT_FALSE(ack.interactive());
    ack.on_data(START + 60ms, MIN, RTO, 10);
    ack.on_sent(START + 61ms, true);
    EXPECT_TRUE(ack.interactive());
    EXPECT_FALSE(ack.at_once());
    ack.quicken(MIN, 3);
    EXPECT_TRUE(ack.at_once());
}

TEST(TcpAckDelay, DelayFollowsTheGapsBetweenSegments)
{
    tcp_ack_delay ack;
    net_time now = START;
    ack.on_data(now, MIN, RTO, 0);
    for (int i = 0; i < 20; i++) {
        ack.on_data(now += 39ms, MIN, RTO, 0);
        EXPECT_GT(ack.timeout(), 39ms);
    }
    EXPECT_GT(ack.timeout(), 70ms);
    EXPECT_EQ(ack.delay(MIN, 60ms, 0ms), 60ms); /* the bound */
    EXPECT_EQ(ack.delay(MIN, MAX, 50ms), 50ms); /* a round trip */
    EXPECT_EQ(ack.delay(MIN, MAX, 1ms), MIN);
    for (int i = 0; i < 40; i++) {
        ack.on_data(now += 1ms, MIN, RTO, 0);
    }
    EXPECT_LE(ack.timeout(), MIN + 1us);
}

TEST(TcpAckDelay, WaitingInVainDoublesTheDelayUpToTheTimeout)
{
    tcp_ack_delay ack;
    ack.on_data(START, MIN, RTO, 0);
    for (const net_duration expected : {80ms, 160ms, 300ms, 300ms}) {
        ack.on_timer(MIN, RTO);
        EXPECT_EQ(ack.timeout(), expected);
    }
    EXPECT_EQ(ack.delay(MIN, MAX, 0ms), MAX);
}

TEST(TcpAckDelay, WaitingInVainEndsTheInteractiveMode)
{
    tcp_ack_delay ack;
    ack.on_data(START, MIN, RTO, 0);
    ack.on_sent(START, true);
    EXPECT_TRUE(ack.interactive());
    ack.on_timer(MIN, RTO);
    EXPECT_FALSE(ack.interactive());
    EXPECT_EQ(ack.timeout(), MIN);
}

TEST(TcpAckDelay, PauseBeginsAnew)
{
    tcp_ack_delay ack;
    ack.on_data(START, MIN, RTO, 1);
    ack.on_sent(START, false);
    ack.on_data(START + RTO, MIN, RTO, 1);
    EXPECT_FALSE(ack.at_once());
    ack.on_data(START + 2 * RTO + 1ms, MIN, RTO, 1);
    EXPECT_TRUE(ack.at_once());
}
