/*
 * random_test.cpp: SipHash against its authors' vectors, and the generator made of it.
 */
#include "microps/random.hpp"

#include <array>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

namespace microps
{

/* Aumasson, Bernstein, "SipHash: a fast short-input PRF", appendix A and the reference implementation's vectors. */
TEST(SipHash, AgreesWithTheReferenceVectors)
{
    const siphash_key key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    std::array<uint8_t, 15> bytes{};
    std::iota(bytes.begin(), bytes.end(), uint8_t{0});
    const std::span<const uint8_t> all = bytes;
    EXPECT_EQ(siphash(key, all.first(0)), 0x726fdb47dd0e0e31u);
    EXPECT_EQ(siphash(key, all.first(1)), 0x74f839c593dc67fdu);
    EXPECT_EQ(siphash(key, all.first(7)), 0xab0200f58b01d137u);
    EXPECT_EQ(siphash(key, all.first(8)), 0x93f5f5799a932462u);
    EXPECT_EQ(siphash(key, all), 0xa129ca6149be45e5u);
}

/* The same seed gives the same numbers, which is what makes simulations repeatable. */
TEST(Random, SameSeedGivesTheSameNumbers)
{
    net_random a(42);
    net_random b(42);
    net_random c(43);
    EXPECT_EQ(a.u64(), b.u64());
    EXPECT_EQ(a.u32(), b.u32());
    EXPECT_NE(a.u64(), c.u64());
}

/* Without a seed of its own a generator is seeded by the operating system. */
TEST(Random, UnseededGeneratorsDiffer)
{
    net_random a;
    net_random b;
    EXPECT_NE(a.u64(), b.u64());
}

/* below(n) gives every number less than n, and no other. */
TEST(Random, BelowStaysBelowAndReachesEverything)
{
    net_random random(1);
    std::set<uint64_t> seen;
    for (int i = 0; i < 1000; i++) {
        seen.insert(random.below(10));
    }
    EXPECT_EQ(seen.size(), 10u);
    EXPECT_EQ(*seen.rbegin(), 9u);
    EXPECT_EQ(random.below(0), 0u);
    EXPECT_EQ(random.below(1), 0u);
}

/* chance(p) is true as often as p says. */
TEST(Random, ChanceIsWhatItSays)
{
    net_random random(1);
    unsigned hits = 0;
    for (int i = 0; i < 10000; i++) {
        hits += random.chance(0.25) ? 1 : 0;
        EXPECT_FALSE(random.chance(0));
        EXPECT_TRUE(random.chance(1));
    }
    EXPECT_NEAR(hits, 2500, 150);
}

} // namespace microps
