/*
 * tcp_sack_test.cpp: what the SACK reporter says about random ranges, against a bitmap.
 */
#include "tcp/parts/tcp_sack.hpp"

#include "microps/random.hpp"

#include <algorithm>
#include <bitset>
#include <gtest/gtest.h>

using namespace microps;

namespace
{

constexpr tcp_seq BASE(0xffffff80); /* wraps soon */
constexpr size_t SIZE = 400;

using bitmap = std::bitset<SIZE>;

/** The bytes around @p at that are there without a gap. */
tcp_sack_block run_around(const bitmap &here, size_t at)
{
    size_t first = at;
    size_t last = at;
    while (first > 0 && here.test(first - 1)) {
        first--;
    }
    while (last < SIZE && here.test(last)) {
        last++;
    }
    return {BASE + first, BASE + last};
}

size_t runs(const bitmap &here)
{
    size_t count = 0;
    for (size_t i = 0; i < SIZE; i++) {
        if (here.test(i) && (i == 0 || !here.test(i - 1))) count++;
    }
    return count;
}

/** Every block is a whole run, and no run is there twice. */
void expect_distinct_runs(const bitmap &here, const tcp_sack_blocks &report)
{
    for (size_t i = 0; i < report.count; i++) {
        const tcp_sack_block &block = report.blocks[i];
        const tcp_sack_block run = run_around(here, block.first.since(BASE));
        EXPECT_EQ(block.first, run.first);
        EXPECT_EQ(block.last, run.last);
        for (size_t j = 0; j < i; j++) {
            EXPECT_FALSE(report.blocks[j].first == block.first);
        }
    }
}

} // namespace

/* RFC 2018 4. */
TEST(TcpSackReporter, ReportsWholeDistinctRangesTheNewestFirst)
{
    net_random random(11);
    for (int round = 0; round < 200; round++) {
        bitmap here;
        tcp_reassembly early;
        tcp_sack_reporter reporter;
        for (int i = 0; i < 60; i++) {
            const size_t first = 1 + random.below(SIZE - 1);
            const size_t last = std::min(SIZE, first + 1 + static_cast<size_t>(random.below(10)));
            ASSERT_TRUE(early.add(BASE + first, BASE + last, SIZE));
            reporter.on_out_of_order(*early.find(BASE + first));
            for (size_t at = first; at < last; at++) {
                here.set(at);
            }
            const tcp_sack_blocks report = reporter.report(early);
            EXPECT_EQ(report.count, std::min(runs(here), tcp_sack_blocks::MAX));
            EXPECT_EQ(report.blocks[0].first, run_around(here, first).first);
            expect_distinct_runs(here, report);
        }
        early.clear();
        EXPECT_TRUE(reporter.report(early).empty());
    }
}

/* RFC 2883 4. */
TEST(TcpSackReporter, DuplicateStandsInFrontOnce)
{
    tcp_reassembly early;
    tcp_sack_reporter reporter;
    for (size_t i = 1; i <= 5; i++) {
        ASSERT_TRUE(early.add(BASE + 20 * i, BASE + 20 * i + 10, 10));
        reporter.on_out_of_order(*early.find(BASE + 20 * i));
    }
    reporter.on_duplicate(BASE + 60, BASE + 65);
    EXPECT_TRUE(reporter.duplicate_pending());
    const tcp_sack_blocks first = reporter.report(early);
    EXPECT_EQ(first.count, 4u);
    EXPECT_EQ(first.blocks[0].last, BASE + 65);
    EXPECT_EQ(first.blocks[1].first, BASE + 100);
    EXPECT_FALSE(reporter.duplicate_pending());
    const tcp_sack_blocks second = reporter.report(early);
    EXPECT_EQ(second.count, 4u);
    EXPECT_EQ(second.blocks[0].first, BASE + 100);
    EXPECT_EQ(second.blocks[3].first, BASE + 40);
}
