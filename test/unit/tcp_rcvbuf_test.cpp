/*
 * tcp_rcvbuf_test.cpp: what a reader's receive buffer should be, from what it takes per round trip.
 */
#include "tcp/parts/tcp_rcvbuf.hpp"

#include <algorithm>
#include <gtest/gtest.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

constexpr net_duration RTT = 100ms;
constexpr net_time START = net_time(1000s);
constexpr tcp_seq FIRST(0xfffff000); /* wraps soon */
constexpr uint32_t SPACE = 14600;
constexpr uint32_t WINDOW = 65535;

tcp_rcvbuf measured()
{
    tcp_rcvbuf buf;
    buf.begin(START, FIRST, FIRST + WINDOW, SPACE);
    buf.on_echo(1, RTT);
    return buf;
}

} // namespace

/* The shortest round trip is the path's; a longer one, which may hold a queue or a pause, counts an eighth. */
TEST(TcpRcvbuf, RoundTripFallsAtOnceAndRisesByAndBy)
{
    tcp_rcvbuf buf = measured();
    EXPECT_EQ(buf.rtt(), 100ms);
    buf.on_echo(2, 180ms);
    EXPECT_EQ(buf.rtt(), 110ms);
    buf.on_echo(2, 10s); /* the same echo as before, since the sender had paused */
    EXPECT_EQ(buf.rtt(), 110ms);
    buf.on_echo(3, 50ms);
    EXPECT_EQ(buf.rtt(), 50ms);
    buf.on_echo(4, 0ms); /* less than our clock can tell */
    EXPECT_EQ(buf.rtt(), 1ms);
}

/* Without timestamps a window's worth of data is taken for a round trip. */
TEST(TcpRcvbuf, WindowIsARoundTripAtMost)
{
    tcp_rcvbuf buf;
    buf.begin(START, FIRST, FIRST + 1000, SPACE);
    buf.on_data(START + 10ms, FIRST + 999, FIRST + 1999);
    EXPECT_EQ(buf.rtt(), 0ms);
    buf.on_data(START + 80ms, FIRST + 1000, FIRST + 2000);
    EXPECT_EQ(buf.rtt(), 80ms);
    buf.on_data(START + 110ms, FIRST + 2000, FIRST + 3000);
    EXPECT_EQ(buf.rtt(), 30ms);
    buf.on_data(START + 9s, FIRST + 3000, FIRST + 4000); /* a pause is no round trip */
    EXPECT_EQ(buf.rtt(), 30ms);
}

/* The reader's rate is measured over a whole round trip, and not without one. */
TEST(TcpRcvbuf, NothingIsSaidBeforeARoundTripIsOver)
{
    tcp_rcvbuf unknown;
    unknown.begin(START, FIRST, FIRST + WINDOW, SPACE);
    EXPECT_EQ(unknown.on_read(START + 10s, FIRST + 50000), 0u);
    tcp_rcvbuf buf = measured();
    EXPECT_EQ(buf.on_read(START + RTT - 1ms, FIRST + 50000), 0u);
    EXPECT_GE(buf.on_read(START + RTT, FIRST + 50000), 100000u);
    EXPECT_EQ(buf.space(), 50000u);
}

/* A reader that takes the same in each round trip gets one increase and no more. */
TEST(TcpRcvbuf, SteadyReaderKeepsItsBuffer)
{
    tcp_rcvbuf buf = measured();
    tcp_seq taken = FIRST;
    EXPECT_GE(buf.on_read(START + RTT, taken += 50000), 100000u);
    for (int i = 2; i < 50; i++) {
        EXPECT_EQ(buf.on_read(START + i * RTT, taken += 50000), 0u);
    }
    EXPECT_EQ(buf.space(), 50000u);
}

/* A sender in slow start is never stopped: what arrives doubles, and the window that counts is one round trip old. */
TEST(TcpRcvbuf, KeepsAheadOfSlowStart)
{
    tcp_rcvbuf buf = measured();
    uint64_t window = WINDOW;
    tcp_seq taken = FIRST;
    uint64_t flight = SPACE;
    for (int round = 1; flight < 100'000'000; round++) {
        ASSERT_GE(window, flight) << round; /* sent in this round by the window of the last one */
        window = std::max(window, buf.on_read(START + round * RTT, taken += flight));
        EXPECT_GE(window, 2 * flight);
        flight *= 2;
    }
}

/* From nothing to a gigabyte within one round trip, the calculation does not overflow. */
TEST(TcpRcvbuf, TinyBeginningsDoNotOverflow)
{
    tcp_rcvbuf buf;
    buf.begin(START, FIRST, FIRST, 0);
    buf.on_echo(1, RTT);
    const uint64_t most = uint64_t{1} << 30;
    EXPECT_GE(buf.on_read(START + RTT, FIRST + most), 2 * most);
    EXPECT_EQ(buf.space(), most);
}
