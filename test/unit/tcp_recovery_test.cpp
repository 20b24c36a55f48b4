/*
 * tcp_recovery_test.cpp: the scoreboard, and what recovery makes of it (RFC 6582, RFC 5681 3.2).
 */
#include "tcp/tcp_recovery.hpp"
#include "tcp/tcp_scoreboard.hpp"

#include <gtest/gtest.h>

using namespace microps;

namespace
{

constexpr uint32_t MSS = 100;
constexpr tcp_seq ISS(0xffffff00); /* wraps soon */
constexpr uint8_t FIN = 0x01;

/** A board with @p segments full segments, sent one nanosecond apart, and what a sender does with it. */
struct sender {
    explicit sender(uint32_t segments)
    {
        for (uint32_t i = 0; i < segments; i++) {
            send();
        }
    }

    void send()
    {
        board.on_sent(nxt, nxt + MSS, 0, net_time(net_duration(board.count())));
        nxt += MSS;
    }
    /** Acknowledges @p segments more; returns whether the timer starts anew. */
    bool ack(uint32_t segments)
    {
        for (uint32_t i = 0; i < segments; i++) {
            board.pop_front();
        }
        una += segments * MSS;
        return recovery.on_ack(board, una, segments * MSS, MSS);
    }
    bool duplicate() { return recovery.on_duplicate_ack(board, una, nxt); }
    /** Resends the next lost segment; returns where it began, as a number of segments. */
    int32_t resend()
    {
        const tcp_sent *lost = board.next_lost(MSS);
        if (!lost) return -1;
        const int32_t index = (lost->first - ISS) / static_cast<int32_t>(MSS);
        board.on_resent({});
        recovery.urgent = false;
        return index;
    }
    uint32_t in_flight() const { return recovery.in_flight(board, MSS) / MSS; }

    tcp_scoreboard board{};
    tcp_recovery recovery{};
    tcp_seq una = ISS;
    tcp_seq nxt = ISS;
};

} // namespace

TEST(TcpScoreboard, CountsWhatIsOutstandingAndLost)
{
    sender s(10);
    EXPECT_EQ(s.board.outstanding(), 10 * MSS);
    s.board.mark_all_lost();
    EXPECT_EQ(s.board.lost(), 10 * MSS);
    EXPECT_EQ(s.resend(), 0);
    EXPECT_EQ(s.resend(), 1);
    EXPECT_EQ(s.board.lost(), 8 * MSS);
    s.board.pop_front();
    s.board.pop_front();
    s.board.pop_front();
    EXPECT_EQ(s.board.outstanding(), 7 * MSS);
    EXPECT_EQ(s.board.lost(), 7 * MSS);
    EXPECT_EQ(s.resend(), 3);
}

TEST(TcpScoreboard, ResentSegmentsSaySo)
{
    sender s(2);
    EXPECT_FALSE(s.board.front().resent);
    s.board.mark_front_lost();
    EXPECT_EQ(s.resend(), 0);
    EXPECT_TRUE(s.board.front().resent);
    EXPECT_FALSE(s.board.front().lost);
}

TEST(TcpScoreboard, PartOfASegmentCanBeAcknowledged)
{
    sender s(1);
    s.board.mark_front_lost();
    s.board.trim_front(ISS + 30);
    EXPECT_EQ(s.board.outstanding(), MSS - 30);
    EXPECT_EQ(s.board.lost(), MSS - 30);
    EXPECT_EQ(s.board.front().first, ISS + 30);
}

TEST(TcpScoreboard, LongSegmentsAreResentInPieces)
{
    tcp_scoreboard board;
    board.on_sent(ISS, ISS + 251, FIN, {}); /* 250 bytes and a FIN */
    board.mark_all_lost();
    std::vector<uint32_t> sizes;
    std::vector<uint8_t> flags;
    while (const tcp_sent *lost = board.next_lost(MSS)) {
        sizes.push_back(lost->data_size());
        flags.push_back(lost->flags);
        board.on_resent({});
    }
    EXPECT_EQ(sizes, (std::vector<uint32_t>{100, 100, 50}));
    EXPECT_EQ(flags, (std::vector<uint8_t>{0, 0, FIN}));
    EXPECT_EQ(board.outstanding(), 251u);
    EXPECT_EQ(board.lost(), 0u);
}

TEST(TcpRecovery, BeginsWithTheThirdDuplicate) /* RFC 5681 3.2 */
{
    sender s(10);
    EXPECT_FALSE(s.duplicate());
    EXPECT_FALSE(s.duplicate());
    EXPECT_EQ(s.resend(), -1);
    EXPECT_TRUE(s.duplicate());
    EXPECT_TRUE(s.recovery.urgent);
    EXPECT_EQ(s.resend(), 0);
    EXPECT_FALSE(s.duplicate());
    EXPECT_EQ(s.resend(), -1);
}

TEST(TcpRecovery, NewAckForgetsDuplicates)
{
    sender s(10);
    EXPECT_FALSE(s.duplicate());
    EXPECT_FALSE(s.duplicate());
    s.ack(1);
    EXPECT_FALSE(s.duplicate());
    EXPECT_FALSE(s.duplicate());
}

TEST(TcpRecovery, EachDuplicateTakesASegmentOffTheNetwork) /* RFC 3042, RFC 6582 3.2 step 2 */
{
    sender s(10);
    EXPECT_EQ(s.in_flight(), 10u);
    EXPECT_FALSE(s.duplicate());
    EXPECT_EQ(s.in_flight(), 9u);
    EXPECT_FALSE(s.duplicate());
    EXPECT_TRUE(s.duplicate());
    EXPECT_EQ(s.in_flight(), 6u); /* three have left, one is lost */
    EXPECT_EQ(s.resend(), 0);
    EXPECT_EQ(s.in_flight(), 7u);
}

TEST(TcpRecovery, PartialAckResendsTheNextHole) /* RFC 6582 3.2 step 3 */
{
    sender s(10); /* 0 and 4 are lost */
    for (int i = 0; i < 8; i++) {
        (void)s.duplicate();
    }
    EXPECT_EQ(s.resend(), 0);
    EXPECT_TRUE(s.ack(4)) << "the first partial ACK starts the timer anew";
    EXPECT_EQ(s.recovery.now(), tcp_recovery::phase::fast);
    EXPECT_EQ(s.resend(), 4);
    EXPECT_EQ(s.resend(), -1);
    EXPECT_TRUE(s.ack(6));
    EXPECT_EQ(s.recovery.now(), tcp_recovery::phase::open);
    EXPECT_EQ(s.in_flight(), 0u);
}

TEST(TcpRecovery, OnlyTheFirstPartialAckStartsTheTimerAnew)
{
    sender s(10);
    for (int i = 0; i < 5; i++) {
        (void)s.duplicate();
    }
    EXPECT_TRUE(s.ack(2));
    EXPECT_FALSE(s.ack(2));
    EXPECT_FALSE(s.ack(2));
}

TEST(TcpRecovery, DuplicatesOfAnOldRecoveryBeginNoNewOne) /* RFC 6582 3.2 step 1 */
{
    sender s(5);
    s.recovery.on_timeout(s.board, s.nxt);
    while (s.resend() != -1) {
    }
    s.ack(5); /* exactly up to `recover` */
    EXPECT_EQ(s.recovery.now(), tcp_recovery::phase::open);
    s.send();
    for (int i = 0; i < 5; i++) {
        EXPECT_FALSE(s.duplicate());
    }
    s.ack(1);
    s.send();
    s.send();
    EXPECT_FALSE(s.duplicate());
    EXPECT_FALSE(s.duplicate());
    EXPECT_TRUE(s.duplicate());
}

TEST(TcpRecovery, TimeoutMeansEverythingIsLost) /* RFC 6298 5.4, RFC 5681 3.1 */
{
    sender s(4);
    s.recovery.on_timeout(s.board, s.nxt);
    EXPECT_EQ(s.in_flight(), 0u);
    EXPECT_TRUE(s.recovery.urgent);
    EXPECT_EQ(s.resend(), 0);
    EXPECT_EQ(s.in_flight(), 1u);
    EXPECT_FALSE(s.duplicate());
    EXPECT_TRUE(s.ack(1));
    EXPECT_EQ(s.recovery.now(), tcp_recovery::phase::loss);
    EXPECT_EQ(s.resend(), 1);
    EXPECT_EQ(s.resend(), 2);
    EXPECT_EQ(s.resend(), 3);
    EXPECT_TRUE(s.ack(3));
    EXPECT_EQ(s.recovery.now(), tcp_recovery::phase::open);
}

TEST(TcpRecovery, HoldsNothingForTwoGigabytes)
{
    /* `recover` must not stay behind while the numbers go once around half the circle. */
    sender s(1);
    for (int i = 0; i < 3; i++) {
        (void)s.duplicate();
    }
    s.ack(1);
    for (int i = 0; i < 5; i++) {
        s.board.on_sent(s.nxt, s.nxt + 0x20000000, 0, {});
        s.nxt += 0x20000000;
        s.una = s.nxt;
        s.board.pop_front();
        (void)s.recovery.on_ack(s.board, s.una, 0x20000000, MSS);
    }
    s.send();
    EXPECT_FALSE(s.duplicate());
    EXPECT_FALSE(s.duplicate());
    EXPECT_TRUE(s.duplicate());
}
