/*
 * tcp_reassembly_test.cpp: ranges behind a hole, against a bitmap that does the same slowly.
 */
#include "tcp/parts/tcp_reassembly.hpp"

#include "microps/random.hpp"

#include <bitset>
#include <gtest/gtest.h>

using namespace microps;

namespace
{

constexpr tcp_seq BASE(0xffffff80); /* wraps soon */
constexpr size_t PIECES_MAX = 64;

} // namespace

/* Ranges that touch or overlap become one. */
TEST(TcpReassembly, MergesWhatTouchesOrOverlaps)
{
    tcp_reassembly early;
    EXPECT_TRUE(early.add(BASE + 10, BASE + 20, PIECES_MAX));
    EXPECT_TRUE(early.add(BASE + 30, BASE + 40, PIECES_MAX));
    EXPECT_EQ(early.ranges().size(), 2u);
    EXPECT_TRUE(early.add(BASE + 20, BASE + 30, PIECES_MAX));
    ASSERT_EQ(early.ranges().size(), 1u);
    EXPECT_EQ(early.ranges()[0].first, BASE + 10);
    EXPECT_EQ(early.ranges()[0].last, BASE + 40);
}

/* RFC 9293 3.10.7.4: when a gap is filled, the stream is complete up to the next one. */
TEST(TcpReassembly, TakesUpToTheNextHole)
{
    tcp_reassembly early;
    EXPECT_TRUE(early.add(BASE + 10, BASE + 20, PIECES_MAX));
    EXPECT_TRUE(early.add(BASE + 30, BASE + 40, PIECES_MAX));
    EXPECT_EQ(early.take(BASE + 10), BASE + 20);
    EXPECT_EQ(early.take(BASE + 35), BASE + 40);
    EXPECT_TRUE(early.empty());
}

/* At the bound a new range is refused, while a known one may still grow. */
TEST(TcpReassembly, RefusesTooManyRangesButNotTheirNeighbours)
{
    tcp_reassembly early;
    for (size_t i = 0; i < PIECES_MAX; i++) {
        EXPECT_TRUE(early.add(BASE + 10 * i + 1, BASE + 10 * i + 2, PIECES_MAX));
    }
    EXPECT_FALSE(early.add(BASE + 5, BASE + 6, PIECES_MAX));
    EXPECT_TRUE(early.add(BASE + 2, BASE + 3, PIECES_MAX));
    EXPECT_EQ(early.ranges().size(), PIECES_MAX);
}

/* Random ranges are kept as a bitmap, one bit for each byte, would keep them. */
TEST(TcpReassembly, BehavesLikeABitmap)
{
    net_random random(3);
    for (int round = 0; round < 300; round++) {
        constexpr size_t size = 300;
        std::bitset<size> model;
        tcp_reassembly early;
        size_t next = 0;
        while (next < size) {
            const auto first = next + 1 + static_cast<size_t>(random.below(size - next));
            const size_t last = std::min(size, first + 1 + static_cast<size_t>(random.below(12)));
            if (first < last && early.add(BASE + first, BASE + last, PIECES_MAX)) {
                for (size_t i = first; i < last; i++) {
                    model.set(i);
                }
            }
            if (random.below(4) != 0) continue;
            next = std::min(size, next + 1 + static_cast<size_t>(random.below(5)));
            const tcp_seq taken = early.take(BASE + next);
            while (next < size && model.test(next)) {
                next++;
            }
            ASSERT_EQ(taken, BASE + next);
        }
    }
}

/* overlap() and find() against the same bitmap. */
TEST(TcpReassembly, AnswersAboutBytesLikeABitmap)
{
    net_random random(5);
    constexpr size_t size = 200;
    for (int round = 0; round < 200; round++) {
        std::bitset<size> model;
        tcp_reassembly early;
        for (int i = 0; i < 20; i++) {
            const size_t first = random.below(size);
            const size_t last = std::min(size, first + 1 + static_cast<size_t>(random.below(15)));
            size_t same = first;
            while (same < last && !model.test(same)) {
                same++;
            }
            size_t same_end = same;
            while (same_end < last && model.test(same_end)) {
                same_end++;
            }
            const auto overlap = early.overlap(BASE + first, BASE + last);
            ASSERT_EQ(overlap.has_value(), same < last);
            if (overlap) {
                EXPECT_EQ(overlap->first, BASE + same);
                EXPECT_EQ(overlap->last, BASE + same_end);
            }
            ASSERT_TRUE(early.add(BASE + first, BASE + last, size));
            for (size_t at = first; at < last; at++) {
                model.set(at);
            }
            for (size_t at = 0; at < size; at++) {
                const tcp_reassembly::range *piece = early.find(BASE + at);
                ASSERT_EQ(piece != nullptr, model.test(at));
            }
        }
    }
}
