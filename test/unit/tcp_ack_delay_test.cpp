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

/* RFC 5681 4.2 permits to acknowledge at once: as many ACKs as are granted are quick, the next one waits. */
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

/* Data sent soon after data has come shows an application that answers, whose ACKs may ride on its data. */
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

/* RFC 9293 3.8.6.3: the delay follows the time between segments, within its bounds and not beyond a round trip. */
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

/* A delay that ended without data of our own was too short or needless, so the next one is twice as long, up to
 * the RTO. */
TEST(TcpAckDelay, UnusedDelayDoublesUpToTheTimeout)
{
    tcp_ack_delay ack;
    ack.on_data(START, MIN, RTO, 0);
    for (const net_duration expected : {80ms, 160ms, 300ms, 300ms}) {
        ack.on_timer(MIN, RTO);
        EXPECT_EQ(ack.timeout(), expected);
    }
    EXPECT_EQ(ack.delay(MIN, MAX, 0ms), MAX);
}

/* When the delay ends without data of our own, the application is not taken for an interactive one any more. */
TEST(TcpAckDelay, UnusedDelayEndsTheInteractiveMode)
{
    tcp_ack_delay ack;
    ack.on_data(START, MIN, RTO, 0);
    ack.on_sent(START, true);
    EXPECT_TRUE(ack.interactive());
    ack.on_timer(MIN, RTO);
    EXPECT_FALSE(ack.interactive());
    EXPECT_EQ(ack.timeout(), MIN);
}

/* After a pause of more than an RTO the ACKs are quick again, because the sender may be in slow start. */
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
