/*
 * tcp_syncookie_test.cpp: SYN cookies (RFC 4987 3.6) come back as they went, live two minutes, and cannot be forged.
 */
#include "tcp/parts/tcp_syncookie.hpp"

#include <gtest/gtest.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

const ip_endpoint LOCAL{ip_addr_t(be32(0xc0000202)), 80};
const ip_endpoint FOREIGN{ip_addr_t(be32(0xc0000201)), 40000};
const tcp_seq IRS(0xfffffff0);

struct cookies_of_a_seed {
    explicit cookies_of_a_seed(uint64_t seed) : random(seed), cookies(random.key(), random.key()) {}
    net_random random;
    tcp_syncookies cookies;
};

} // namespace

/* RFC 4987 3.6: each segment size of the table comes back from a cookie. */
TEST(TcpSynCookie, EverySizeOfTheTableSurvives)
{
    const cookies_of_a_seed all(1);
    for (const uint16_t mss : tcp_syncookies::SIZES) {
        const tcp_seq iss = all.cookies.make(LOCAL, FOREIGN, IRS, mss, net_time(5s));
        EXPECT_EQ(all.cookies.check(LOCAL, FOREIGN, IRS, iss, net_time(6s)), mss);
    }
}

/* A peer never gets larger segments than it asked for, except below the smallest size there is. */
TEST(TcpSynCookie, OtherSizesAreRoundedDown)
{
    const cookies_of_a_seed all(2);
    for (uint32_t mss = 1; mss <= 65535; mss += 7) {
        const tcp_seq iss = all.cookies.make(LOCAL, FOREIGN, IRS, mss, net_time(5s));
        const auto got = all.cookies.check(LOCAL, FOREIGN, IRS, iss, net_time(5s));
        ASSERT_TRUE(got);
        uint16_t expected = tcp_syncookies::SIZES[0];
        for (const uint16_t size : tcp_syncookies::SIZES) {
            if (size <= mss) expected = size;
        }
        ASSERT_EQ(*got, expected) << mss;
    }
}

/* "Older than two periods": made at any time, it is good for one period at least, and for less than two. */
TEST(TcpSynCookie, LivesBetweenOneAndTwoPeriods)
{
    cookies_of_a_seed all(3);
    for (int i = 0; i < 10000; i++) {
        const auto made = net_time(net_duration(all.random.below(uint64_t{1} << 62)));
        const tcp_seq iss = all.cookies.make(LOCAL, FOREIGN, IRS, 1460, made);
        EXPECT_TRUE(all.cookies.check(LOCAL, FOREIGN, IRS, iss, made + tcp_syncookies::PERIOD));
        EXPECT_FALSE(all.cookies.check(LOCAL, FOREIGN, IRS, iss, made + 2 * tcp_syncookies::PERIOD));
    }
}

/* A cookie has eight bits of the period, which wrap every 4.5 hours. Cookies go on working then, and an old one does
 * not become good. */
TEST(TcpSynCookie, PeriodWraps)
{
    const cookies_of_a_seed all(4);
    for (int64_t period = 250; period < 1030; period++) {
        const net_time made = net_time(64s * period + 63s);
        const tcp_seq iss = all.cookies.make(LOCAL, FOREIGN, IRS, 536, made);
        EXPECT_EQ(all.cookies.check(LOCAL, FOREIGN, IRS, iss, made + 64s), 536) << period;
        EXPECT_FALSE(all.cookies.check(LOCAL, FOREIGN, IRS, iss, made + 64s * 256)) << period;
    }
}

/* RFC 4987 3.6: an off-path attacker, who has not seen our SYN-ACK, must guess: 100,000 random ACKs make no connection.
 */
TEST(TcpSynCookie, RandomNumbersAreRefused)
{
    cookies_of_a_seed all(5);
    for (int i = 0; i < 100000; i++) {
        EXPECT_FALSE(
            all.cookies.check(LOCAL, FOREIGN, tcp_seq(all.random.u32()), tcp_seq(all.random.u32()), net_time(1000s)));
    }
}

/* RFC 4987 3.6: a cookie is good for one SYN, and not for another port, address, sequence number or stack. */
TEST(TcpSynCookie, IsBoundToItsSyn)
{
    const cookies_of_a_seed all(6);
    const cookies_of_a_seed other(7);
    const tcp_seq iss = all.cookies.make(LOCAL, FOREIGN, IRS, 1460, net_time(5s));
    const ip_endpoint neighbour{FOREIGN.addr, 40001};
    EXPECT_FALSE(all.cookies.check(LOCAL, neighbour, IRS, iss, net_time(5s)));
    EXPECT_FALSE(all.cookies.check(FOREIGN, LOCAL, IRS, iss, net_time(5s)));
    EXPECT_FALSE(all.cookies.check({LOCAL.addr, 81}, FOREIGN, IRS, iss, net_time(5s)));
    EXPECT_FALSE(other.cookies.check(LOCAL, FOREIGN, IRS, iss, net_time(5s)));
    for (uint32_t step = 1; step < 100000; step++) { /* shifting both numbers alike is no way round it either */
        EXPECT_FALSE(all.cookies.check(LOCAL, FOREIGN, IRS + step, iss + step, net_time(5s)));
    }
}

/* Options survive in the timestamp, which never runs ahead of the clock, and lags by less than 128 ms. */
TEST(TcpSynCookie, TimestampCarriesOptions)
{
    for (uint32_t now : {0u, 1u, 63u, 64u, 1000u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
        for (int shift = -1; shift <= 14; shift++) {
            for (const bool sack : {false, true}) {
                const auto wanted = shift < 0 ? std::nullopt : std::optional(static_cast<uint8_t>(shift));
                const uint32_t value = tcp_syncookie_timestamp(now, wanted, sack);
                EXPECT_LT(now - value, 128u);
                const tcp_options options = tcp_syncookie_options(value);
                EXPECT_EQ(options.window_shift, wanted);
                EXPECT_EQ(options.sack_permitted, sack);
                EXPECT_FALSE(options.mss);
            }
        }
    }
}

/* Two SYN-ACKs with the same options, one after another: PAWS at the peer must not refuse the second. */
TEST(TcpSynCookie, TimestampIsMonotonic)
{
    uint32_t last = tcp_syncookie_timestamp(0xfffff000, 7, true);
    for (uint32_t step = 1; step < 10000; step++) {
        const uint32_t next = tcp_syncookie_timestamp(0xfffff000 + step, 7, true);
        EXPECT_GE(static_cast<int32_t>(next - last), 0);
        last = next;
    }
}
