/*
 * tcp_scoreboard_test.cpp: the scoreboard against a naive one that keeps marks for each sequence number, through long
 * random sequences of everything that can happen to it; and what a hostile peer can make of it.
 */
#include "microps/random.hpp"
#include "tcp/parts/tcp_scoreboard.hpp"

#include <deque>
#include <functional>
#include <gtest/gtest.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

constexpr uint32_t MSS = 10;
constexpr uint8_t FIN = 0x01;

/** What is known of one sequence number. */
struct mark {
    bool lost = false;
    bool sacked = false;
    bool retransmitted = false;

    bool operator==(const mark &) const = default;
};

/** A board, and the naive one beside it. */
struct twin {
    explicit twin(uint64_t seed) : random(seed), una(random.u32()), nxt(una) {}

    uint32_t below(uint32_t n) { return static_cast<uint32_t>(random.below(n)); }
    tcp_seq somewhere() { return una + below(static_cast<uint32_t>(marks.size()) + 1); }
    mark &at(tcp_seq seq) { return marks[seq.since(una)]; }

    void send()
    {
        if (finished || marks.size() > 500) return;
        const uint32_t size = random.chance(0.2) ? 1 + below(5 * MSS) : random.chance(0.5) ? MSS : 1 + below(MSS);
        finished = random.chance(0.01);
        const auto piece = static_cast<uint16_t>(1 + below(2 * MSS));
        board.on_sent(nxt, nxt + size + (finished ? 1 : 0), finished ? FIN : 0, now, piece);
        nxt += size + (finished ? 1 : 0);
        marks.resize(nxt.since(una));
    }
    void acknowledge()
    {
        const tcp_seq ack = una + below(std::min(static_cast<uint32_t>(marks.size()), 4 * MSS) + 1);
        while (!board.empty() && board.front().last <= ack) {
            board.pop_front();
        }
        if (!board.empty() && board.front().first < ack) board.trim_front(ack);
        marks.erase(marks.begin(), marks.begin() + static_cast<std::ptrdiff_t>(ack.since(una)));
        una = ack;
        finished = finished && !marks.empty();
    }
    /** The board may ignore the ends of a block; between them it marks what it marks. */
    void sack()
    {
        const tcp_seq first = somewhere();
        const tcp_seq last = first + below(static_cast<uint32_t>(nxt.since(first)) + 1);
        uint32_t news = 0;
        board.sack(first, last, MSS, [&](const tcp_sent &segment) {
            EXPECT_FALSE(segment.sacked);
            news += segment.size();
        });
        for (const tcp_sent &segment : board.all()) {
            EXPECT_TRUE(segment.sacked || segment.first < first || segment.last > last);
            if (!segment.sacked) continue;
            for (tcp_seq seq = segment.first; seq < segment.last; seq += 1) {
                if (at(seq).sacked) continue;
                EXPECT_TRUE(first <= seq && seq < last);
                at(seq).sacked = true;
                at(seq).lost = false;
                news--;
            }
        }
        EXPECT_EQ(news, 0u);
    }
    void lose(const std::function<bool(const tcp_sent &)> &is_lost)
    {
        for (const tcp_sent &segment : board.all()) {
            for (tcp_seq seq = segment.first; is_lost(segment) && seq < segment.last; seq += 1) {
                if (!at(seq).sacked) at(seq).lost = true;
            }
        }
    }
    void lose_some()
    {
        const uint32_t salt = random.u32();
        const auto is_lost = [&](const tcp_sent &s) {
            return ((s.first.value() * 2654435761u) ^ salt) % 5 == 0;
        };
        lose(is_lost);
        board.mark_lost_if(is_lost);
    }
    void lose_large()
    {
        const uint32_t size = below(2 * MSS);
        lose([&](const tcp_sent &s) { return s.data_size() > size && s.gso_size > size; });
        board.mark_larger_lost(size);
    }
    void lose_back()
    {
        if (board.empty() || board.back().sacked) return;
        const uint32_t size = 1 + below(MSS);
        board.mark_back_lost(size);
        EXPECT_LE(board.back().data_size(), size);
        lose([&](const tcp_sent &s) { return s.last == nxt; });
    }
    void resend()
    {
        const uint32_t max = 1 + below(2 * MSS);
        const tcp_sent *lost = board.next_lost(max);
        if (!lost) return;
        EXPECT_GT(lost->size(), 0u);
        EXPECT_LE(lost->data_size(), max);
        for (tcp_seq seq = una; seq < lost->first; seq += 1) {
            EXPECT_FALSE(at(seq).lost); /* it is the first */
        }
        if (random.chance(0.2)) return; /* no room in the window after all */
        for (tcp_seq seq = lost->first; seq < lost->last; seq += 1) {
            EXPECT_TRUE(at(seq).lost);
            at(seq).lost = false;
            at(seq).retransmitted = true;
        }
        board.on_retransmitted(now);
    }
    void forget(bool mark::*which)
    {
        for (mark &m : marks) {
            m.*which = false;
        }
    }

    void step()
    {
        now += 1ms;
        switch (below(24)) {
        case 0:
            forget(&mark::sacked);
            return board.forget_sacks();
        case 1:
            forget(&mark::lost);
            return board.forget_losses();
        case 2:
            lose([](const tcp_sent &) { return true; });
            board.mark_lost_if([](const tcp_sent &) { return true; });
            return;
        case 3:
            lose([this](const tcp_sent &s) { return s.first == una; });
            return board.mark_front_lost();
        case 4:
            return lose_back();
        case 5:
            return lose_large();
        case 6:
        case 7:
            return lose_some();
        case 8:
        case 9:
        case 10:
            return acknowledge();
        case 11:
        case 12:
        case 13:
            return sack();
        case 14:
        case 15:
        case 16:
        case 17:
            return resend();
        default:
            return send();
        }
    }

    /** The counters are what a walk finds, and the marks are those of the naive board. */
    void compare()
    {
        tcp_seq seq = una;
        uint32_t lost = 0;
        uint32_t sacked = 0;
        bool retransmitted = false;
        for (const tcp_sent &segment : board.all()) {
            ASSERT_EQ(segment.first, seq);
            ASSERT_LT(segment.first, segment.last);
            ASSERT_FALSE(segment.lost && segment.sacked);
            lost += segment.lost ? segment.size() : 0;
            sacked += segment.sacked ? segment.size() : 0;
            retransmitted = retransmitted || segment.retransmitted;
            ASSERT_TRUE(!segment.sacked || board.highest_sacked() >= segment.last);
            for (; seq < segment.last; seq += 1) {
                ASSERT_EQ(at(seq).lost, segment.lost);
                ASSERT_EQ(at(seq).sacked, segment.sacked);
                ASSERT_TRUE(segment.retransmitted || !at(seq).retransmitted); /* joined, it says so of the whole */
            }
            ASSERT_TRUE(segment.last == nxt || !(segment.flags & FIN));
        }
        ASSERT_EQ(seq, nxt);
        ASSERT_EQ(board.outstanding(), marks.size());
        ASSERT_EQ(board.lost(), lost);
        ASSERT_EQ(board.sacked(), sacked);
        ASSERT_EQ(board.has_retransmitted(), retransmitted);
        ASSERT_LE(board.pipe(), board.outstanding());
    }

    net_random random;
    tcp_scoreboard board{};
    tcp_seq una;
    tcp_seq nxt;
    std::deque<mark> marks{};
    net_time now{1s};
    bool finished = false; /* a FIN is the last thing that is sent */
};

} // namespace

/* Random ACKs, SACKs and losses do to the scoreboard what they do to a list that is searched from end to end. */
TEST(TcpScoreboardTwin, AgreesWithTheNaiveBoard)
{
    for (uint64_t seed = 1; seed <= 30 && !testing::Test::HasFailure(); seed++) {
        twin boards(seed);
        for (int i = 0; i < 600 && !testing::Test::HasFailure(); i++) {
            boards.step();
            boards.compare();
        }
        if (testing::Test::HasFailure()) ADD_FAILURE() << "seed " << seed;
    }
}

/* What the device has cut comes as whole segments; a peer that reports single bytes makes no scoreboard of bytes. */
TEST(TcpScoreboard, BytewiseSackDividesAtSegmentsOnly)
{
    tcp_scoreboard board;
    board.on_sent(tcp_seq(0), tcp_seq(40 * MSS), 0, net_time(1s));
    for (uint32_t i = 1; i < 40 * MSS; i += 2) {
        board.sack(tcp_seq(i), tcp_seq(i + 1), MSS, [](const tcp_sent &) {});
    }
    EXPECT_EQ(board.sacked(), 0u);
    EXPECT_LE(board.count(), 40u);
    board.sack(tcp_seq(5), tcp_seq(4 * MSS + 5), MSS, [](const tcp_sent &) {});
    EXPECT_EQ(board.sacked(), 3 * MSS); /* the second segment to the fourth */
}
