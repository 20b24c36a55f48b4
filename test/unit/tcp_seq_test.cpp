/*
 * tcp_seq_test.cpp: sequence numbers wrap (RFC 9293 3.4).
 */
#include "tcp/parts/tcp_seq.hpp"

#include "microps/random.hpp"

#include <gtest/gtest.h>

using namespace microps;

/* RFC 9293 3.4: sequence numbers compare modulo 2^32. */
TEST(TcpSeq, ComparesModulo2To32)
{
    const tcp_seq last(0xffffffff);
    const tcp_seq zero(0);
    EXPECT_LT(last, zero);
    EXPECT_GT(zero, last);
    EXPECT_LE(last, last);
    EXPECT_GE(zero, last);
    EXPECT_EQ(last + 1, zero);
    EXPECT_EQ(zero - 1, last);
}

/* The difference of two numbers says how far one is ahead of the other, or behind. */
TEST(TcpSeq, DistanceIsSigned)
{
    EXPECT_EQ(tcp_seq(5) - tcp_seq(0xfffffffb), 10);
    EXPECT_EQ(tcp_seq(0xfffffffb) - tcp_seq(5), -10);
    EXPECT_EQ(tcp_seq(5).since(tcp_seq(0xfffffffb)), 10u);
}

/* RFC 9293 3.4: within half of the circle the order is the same wherever it begins. */
TEST(TcpSeq, OrderHoldsEverywhereOnTheCircle)
{
    net_random random(1);
    for (int i = 0; i < 10000; i++) {
        const tcp_seq a(random.u32());
        const auto distance = static_cast<uint32_t>(1 + random.below(0x7fffffff));
        EXPECT_LT(a, a + distance);
        EXPECT_GT(a + distance, a);
        EXPECT_EQ(tcp_seq_max(a, a + distance), a + distance);
        EXPECT_EQ(tcp_seq_min(a, a + distance), a);
        EXPECT_EQ((a + distance).since(a), distance);
    }
}
