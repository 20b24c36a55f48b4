/*
 * ip_pmtu_test.cpp: the cache of path MTUs (RFC 1191 6.3), against a list that forgets nothing, and RFC 1191's
 * plateaus.
 */
#include "ip_pmtu.hpp"

#include "microps/random.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <vector>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

ip_addr_t host(uint32_t number) { return ip_addr_t(be32(0x0a000000 + number)); }

size_t mtu_of(const ip_pmtu_cache &cache, const ip_iface *iface, uint32_t number, net_time now)
{
    const auto known = cache.find(iface, host(number), now);
    return known ? known->mtu : 0;
}

} // namespace

TEST(IpPmtu, PlateausAreThoseOfRfc1191) /* 7.1 */
{
    EXPECT_EQ(ip_pmtu_plateau(65535), 32000u);
    EXPECT_EQ(ip_pmtu_plateau(9000), 8166u);
    EXPECT_EQ(ip_pmtu_plateau(1500), 1492u);
    EXPECT_EQ(ip_pmtu_plateau(1492), 1006u);
    EXPECT_EQ(ip_pmtu_plateau(1006), 508u);
    EXPECT_EQ(ip_pmtu_plateau(297), 296u);
    EXPECT_EQ(ip_pmtu_plateau(69), 68u);
    EXPECT_EQ(ip_pmtu_plateau(0), 68u);
}

TEST(IpPmtu, IsForgottenAfterTenMinutes) /* 6.3 */
{
    ip_pmtu_cache cache;
    const ip_iface link;
    const net_time start{};
    cache.insert(&link, host(1), 1400, start);
    EXPECT_EQ(mtu_of(cache, &link, 1, start + 9min + 59s), 1400u);
    EXPECT_EQ(mtu_of(cache, &link, 1, start + 10min), 0u);
    cache.insert(&link, host(1), 1300, start + 11min);
    EXPECT_EQ(mtu_of(cache, &link, 1, start + 20min), 1300u);
}

/* RFC 1191 6.3: what is learnt about a path is kept with the route, and another interface is another path. */
TEST(IpPmtu, BelongsToTheInterfaceItWasLearntBy)
{
    ip_pmtu_cache cache;
    const ip_iface one;
    const ip_iface other;
    cache.insert(&one, host(1), 1400, net_time{});
    EXPECT_EQ(mtu_of(cache, &one, 1, net_time{}), 1400u);
    EXPECT_EQ(mtu_of(cache, &other, 1, net_time{}), 0u) << "another way, another MTU";
}

/* RFC 1191 3: sizes below the floor become the floor, and the entry says so, because packets of this size may have
 * to be fragmented. */
TEST(IpPmtu, TinySizesBecomeTheFloorAndSaySo)
{
    ip_pmtu_cache cache;
    const ip_iface link;
    for (const size_t mtu : {size_t{1}, size_t{68}, IP_PMTU_MIN - 1}) {
        cache.insert(&link, host(1), mtu, net_time{});
        EXPECT_EQ(cache.find(&link, host(1), net_time{})->mtu, IP_PMTU_MIN);
        EXPECT_TRUE(cache.find(&link, host(1), net_time{})->floor);
    }
    cache.insert(&link, host(2), IP_PMTU_MIN, net_time{});
    EXPECT_FALSE(cache.find(&link, host(2), net_time{})->floor);
}

/* A full cache forgets what it has learnt first; what it keeps is what a model without a bound knows. */
TEST(IpPmtu, IsBoundedAndTheOldestMakesRoom)
{
    struct learnt {
        size_t mtu = 0;
        net_time at{};
    };
    constexpr uint32_t hosts = 2 * IP_PMTU_MAX;
    net_random random(7);
    ip_pmtu_cache cache;
    const ip_iface link;
    std::array<learnt, hosts> all{};
    net_time now{};
    for (int i = 0; i < 20000; i++) {
        now += 1ms;
        const auto number = static_cast<uint32_t>(random.below(hosts));
        all[number] = {.mtu = IP_PMTU_MIN + random.below(1000), .at = now};
        cache.insert(&link, host(number), all[number].mtu, now);
    }
    ASSERT_EQ(cache.size(), IP_PMTU_MAX);
    std::array<learnt, hosts> newest = all;
    std::sort(newest.begin(), newest.end(), [](const learnt &a, const learnt &b) { return a.at > b.at; });
    const net_time oldest = newest[IP_PMTU_MAX - 1].at;
    for (uint32_t number = 0; number < hosts; number++) {
        EXPECT_EQ(mtu_of(cache, &link, number, now), all[number].at >= oldest ? all[number].mtu : 0u);
    }
}
