/*
 * transfer_test.cpp: many seeds of hostile wires: no wrong byte, no stuck connection, nothing left behind.
 *
 * MICROPS_SIM_SEEDS says how many seeds (the build's default: 1000, with sanitizers 100), MICROPS_SIM_SEED runs a
 * single one, with its log if MICROPS_LOG is set. The seeds are dealt out to several tests, so that ctest -j runs them
 * side by side.
 */
#include "sim/transfers.hpp"

#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#ifndef MICROPS_SIM_SEEDS
#define MICROPS_SIM_SEEDS 1000
#endif

namespace microps
{

namespace
{

constexpr uint64_t SHARES = 8;

uint64_t environment(const char *name, uint64_t otherwise)
{
    const char *text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/** Hosts of a run: two in most, now and then up to eight. */
transfer_plan plan_of(uint64_t seed)
{
    transfer_plan plan;
    plan.switches = true;
    if (seed % 8 == 7) plan.hosts = static_cast<unsigned>(3 + seed / 8 % 6);
    if (seed % 8 == 7) plan.bytes_max = 200000;
    return plan;
}

/** What a share of the seeds came to, for the curious. */
struct totals {
    uint64_t bytes = 0;
    uint64_t frames = 0;
};

void run_one(uint64_t seed, totals &all)
{
    const transfer_result result = run_transfers(seed, plan_of(seed));
    all.bytes += result.bytes;
    all.frames += result.frames;
    EXPECT_EQ(result.wrong, "") << "repeat it by MICROPS_SIM_SEED=" << seed;
}

class Transfers : public ::testing::TestWithParam<uint64_t>
{
};

} // namespace

TEST_P(Transfers, SurviveHostileWires)
{
    totals all;
    if (const uint64_t seed = environment("MICROPS_SIM_SEED", 0)) {
        if (seed % SHARES == GetParam()) run_one(seed, all);
        return;
    }
    const uint64_t seeds = environment("MICROPS_SIM_SEEDS", MICROPS_SIM_SEEDS);
    for (uint64_t seed = 1; seed <= seeds && !HasFailure(); seed++) {
        if (seed % SHARES == GetParam()) run_one(seed, all);
    }
    RecordProperty("bytes", std::to_string(all.bytes));
    std::printf("%.1f MB in %.1f million frames\n", static_cast<double>(all.bytes) / 1e6,
                static_cast<double>(all.frames) / 1e6);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Transfers, ::testing::Range<uint64_t>(0, SHARES));

TEST(TransfersTwice, GiveTheSameBytes)
{
    for (const uint64_t seed : {1u, 7u, 15u, 22u, 23u, 31u}) {
        const transfer_result first = run_transfers(seed, plan_of(seed));
        const transfer_result second = run_transfers(seed, plan_of(seed));
        EXPECT_EQ(first.frames, second.frames) << "seed " << seed;
        EXPECT_EQ(first.digest, second.digest) << "seed " << seed;
    }
}

} // namespace microps
