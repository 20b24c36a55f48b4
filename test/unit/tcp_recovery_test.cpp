/*
 * tcp_recovery_test.cpp: the scoreboard, and what recovery makes of it (RFC 6582, RFC 5681 3.2, RFC 8985, RFC 6675).
 */
#include "tcp/parts/tcp_recovery.hpp"
#include "tcp/parts/tcp_scoreboard.hpp"

#include <gtest/gtest.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

constexpr uint32_t MSS = 100;
constexpr tcp_seq ISS(0xffffff00); /* wraps soon */
constexpr uint8_t FIN = 0x01;

/** A board with @p segments full segments, sent one nanosecond apart, and what a sender does with it. */
struct sender {
    explicit sender(uint32_t segments, const tcp_recovery_rules &rules = {})
    {
        view.rules = rules;
        view.mss = MSS;
        view.srtt = view.min_rtt = 100ms;
        for (uint32_t i = 0; i < segments; i++) {
            send();
        }
    }

    void send()
    {
        view.now += net_duration(1);
        board.on_sent(nxt, nxt + MSS, 0, view.now);
        nxt += MSS;
    }
    void pass(net_duration span)
    {
        view.now += span;
        view.timestamp += static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(span).count());
    }
    const tcp_recovery_view &now()
    {
        view.una = una;
        view.nxt = nxt;
        return view;
    }
    tcp_recovery_events acknowledged(tcp_ack_news &news)
    {
        events = recovery.on_ack(board, now(), news);
        return events;
    }
    void deliver(const tcp_sent &segment, tcp_ack_news &news) { recovery.on_delivered(board, segment, now(), news); }
    /** Acknowledges @p segments more; returns whether the timer starts anew. */
    bool ack(uint32_t segments)
    {
        tcp_ack_news news{.acked = segments * MSS};
        bool retransmitted = false;
        for (uint32_t i = 0; i < segments; i++) {
            retransmitted = retransmitted || board.front().retransmitted;
            if (!board.front().sacked) deliver(board.front(), news);
            board.pop_front();
        }
        if (retransmitted && !view.rules.sack) news.original = false;
        una += segments * MSS;
        return acknowledged(news).restart_timer;
    }
    /** SACKs the segments from @p first up to, without, @p last; counted from the beginning. */
    tcp_recovery_events sack(uint32_t first, uint32_t last, unsigned dsacked = 0)
    {
        tcp_ack_news news{.dsacked = dsacked, .dsack_last = una};
        board.sack(ISS + first * MSS, ISS + last * MSS, MSS, [&](const tcp_sent &segment) {
            news.sacked += segment.size();
            deliver(segment, news);
        });
        return acknowledged(news);
    }
    /** Whether fast recovery begins by it. */
    bool duplicate()
    {
        tcp_ack_news news{.duplicate = true};
        return acknowledged(news).began;
    }
    void time_out(bool repeated = false) { fresh = recovery.on_timeout(board, now(), repeated); }
    /** Resends the next lost segment; returns where it began, as a number of segments. */
    int32_t resend()
    {
        const tcp_sent *lost = board.next_lost(MSS);
        if (!lost) return -1;
        const int32_t index = (lost->first - ISS) / static_cast<int32_t>(MSS);
        recovery.on_sent(MSS, true, now());
        board.on_retransmitted(view.now);
        recovery.urgent = false;
        return index;
    }
    uint32_t pipe() const { return recovery.pipe(board, MSS, view.rules) / MSS; }

    tcp_scoreboard board{};
    tcp_recovery recovery{};
    tcp_recovery_view view{.now = net_time(1s)};
    tcp_recovery_events events{};
    tcp_seq una = ISS;
    tcp_seq nxt = ISS;
    bool fresh = false;
};

constexpr tcp_recovery_rules RACK{.sack = true};
bool all(const tcp_sent &) { return true; }

constexpr tcp_recovery_rules RFC6675{.sack = true, .rack = false};

} // namespace

/* The scoreboard counts the bytes that are outstanding and those that are marked lost. */
TEST(TcpScoreboard, CountsWhatIsOutstandingAndLost)
{
    sender s(10);
    EXPECT_EQ(s.board.outstanding(), 10 * MSS);
    s.board.mark_lost_if(all);
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

/* A retransmitted segment is marked as such, and is not lost any more. */
TEST(TcpScoreboard, ResentSegmentsSaySo)
{
    sender s(2);
    EXPECT_FALSE(s.board.front().retransmitted);
    s.board.mark_front_lost();
    EXPECT_EQ(s.resend(), 0);
    EXPECT_TRUE(s.board.front().retransmitted);
    EXPECT_FALSE(s.board.front().lost);
}

/* RFC 9293 3.10.7.4: an ACK may end within a segment, of which the rest stays outstanding. */
TEST(TcpScoreboard, PartOfASegmentCanBeAcknowledged)
{
    sender s(1);
    s.board.mark_front_lost();
    s.board.trim_front(ISS + 30);
    EXPECT_EQ(s.board.outstanding(), MSS - 30);
    EXPECT_EQ(s.board.lost(), MSS - 30);
    EXPECT_EQ(s.board.front().first, ISS + 30);
}

/* When segments have to be smaller than they were, a lost one is retransmitted in several; the last one has the
 * FIN. */
TEST(TcpScoreboard, LongSegmentsAreRetransmittedInSeveral)
{
    tcp_scoreboard board;
    board.on_sent(ISS, ISS + 251, FIN, {}); /* 250 bytes and a FIN */
    board.mark_lost_if(all);
    std::vector<uint32_t> sizes;
    std::vector<uint8_t> flags;
    while (const tcp_sent *lost = board.next_lost(MSS)) {
        sizes.push_back(lost->data_size());
        flags.push_back(lost->flags);
        board.on_retransmitted({});
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

/* RFC 5681 3.2: only consecutive duplicate ACKs are counted. */
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
    EXPECT_EQ(s.pipe(), 10u);
    EXPECT_FALSE(s.duplicate());
    EXPECT_EQ(s.pipe(), 9u);
    EXPECT_FALSE(s.duplicate());
    EXPECT_TRUE(s.duplicate());
    EXPECT_EQ(s.pipe(), 6u); /* three have left, one is lost */
    EXPECT_EQ(s.resend(), 0);
    EXPECT_EQ(s.pipe(), 7u);
}

TEST(TcpRecovery, PartialAckResendsTheNextHole) /* RFC 6582 3.2 step 3 */
{
    sender s(10); /* 0 and 4 are lost */
    for (int i = 0; i < 8; i++) {
        (void)s.duplicate();
    }
    EXPECT_EQ(s.resend(), 0);
    EXPECT_TRUE(s.ack(4)) << "the first partial ACK starts the timer anew";
    EXPECT_EQ(s.recovery.state(), tcp_recovery::phase::fast);
    EXPECT_EQ(s.resend(), 4);
    EXPECT_EQ(s.resend(), -1);
    EXPECT_TRUE(s.ack(6));
    EXPECT_EQ(s.recovery.state(), tcp_recovery::phase::open);
    EXPECT_EQ(s.pipe(), 0u);
}

/* RFC 6582 3.2 step 3: only the first partial ACK restarts the retransmission timer. */
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
    s.time_out();
    while (s.resend() != -1) {
    }
    s.ack(5); /* exactly up to `recover` */
    EXPECT_EQ(s.recovery.state(), tcp_recovery::phase::open);
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
    s.time_out();
    EXPECT_EQ(s.pipe(), 0u);
    EXPECT_TRUE(s.recovery.urgent);
    EXPECT_EQ(s.resend(), 0);
    EXPECT_EQ(s.pipe(), 1u);
    EXPECT_FALSE(s.duplicate());
    EXPECT_TRUE(s.ack(1));
    EXPECT_EQ(s.recovery.state(), tcp_recovery::phase::loss);
    EXPECT_EQ(s.resend(), 1);
    EXPECT_EQ(s.resend(), 2);
    EXPECT_EQ(s.resend(), 3);
    EXPECT_TRUE(s.ack(3));
    EXPECT_EQ(s.recovery.state(), tcp_recovery::phase::open);
}

/* RFC 6582 3.2: recover moves along with SND.UNA, so that it does not seem to lie ahead after 2^31 bytes. */
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
        tcp_ack_news news{.acked = 0x20000000};
        s.acknowledged(news);
    }
    s.send();
    EXPECT_FALSE(s.duplicate());
    EXPECT_FALSE(s.duplicate());
    EXPECT_TRUE(s.duplicate());
}

/* SACK: the scoreboard. */

/* RFC 6675 4: pipe leaves out what is SACKed. */
TEST(TcpScoreboard, SackedSegmentsAreNotInThePipe)
{
    sender s(10, RACK);
    s.sack(3, 5);
    EXPECT_EQ(s.board.sacked(), 2 * MSS);
    EXPECT_EQ(s.board.highest_sacked(), ISS + 5 * MSS);
    EXPECT_EQ(s.pipe(), 8u);
    s.sack(3, 5); /* no news */
    EXPECT_EQ(s.board.sacked(), 2 * MSS);
}

TEST(TcpScoreboard, PartOfASegmentIsNotSacked) /* the peer does not have the rest of it, so it must be retransmitted */
{
    tcp_scoreboard board;
    board.on_sent(ISS, ISS + MSS, 0, {});
    board.on_sent(ISS + MSS, ISS + 2 * MSS, 0, {});
    unsigned count = 0;
    board.sack(ISS + 50, ISS + 2 * MSS - 1, MSS, [&](const tcp_sent &) { count++; });
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(board.sacked(), 0u);
}

TEST(TcpScoreboard, SeveralSegmentsInOneAreSackedInPart) /* what the device has cut */
{
    tcp_scoreboard board;
    board.on_sent(ISS, ISS + 10 * MSS, 0, {});
    uint32_t sacked = 0;
    board.sack(ISS + 2 * MSS, ISS + 5 * MSS, MSS, [&](const tcp_sent &segment) { sacked += segment.size(); });
    EXPECT_EQ(sacked, 3 * MSS);
    EXPECT_EQ(board.sacked(), 3 * MSS);
    EXPECT_EQ(board.outstanding(), 10 * MSS);
    EXPECT_EQ(board.count(), 3u);
}

/* RACK (RFC 8985) */

TEST(TcpRack, WhatWasSentARoundTripBeforeADeliveredSegmentIsLost) /* 6.2 step 5 */
{
    sender s(5, RACK);
    s.pass(100ms);
    s.send(); /* 5 */
    s.pass(100ms);
    const auto events = s.sack(5, 6);
    EXPECT_TRUE(events.began);
    EXPECT_TRUE(events.reduce);
    EXPECT_EQ(s.board.lost(), 5 * MSS);
}

TEST(TcpRack, FewSackedSegmentsWaitForTheReorderingWindow) /* 6.2 step 4: a quarter of the shortest round trip */
{
    sender s(5, RACK);
    s.pass(100ms);
    const auto events = s.sack(1, 2);
    EXPECT_FALSE(events.began);
    EXPECT_EQ(s.board.lost(), 0u);
    ASSERT_NE(s.recovery.reorder_at(), NET_TIME_NEVER);
    EXPECT_GE(s.recovery.reorder_at() - s.view.now, 24ms);
    EXPECT_LE(s.recovery.reorder_at() - s.view.now, 25ms);
    s.pass(25ms);
    EXPECT_TRUE(s.recovery.on_reorder_timer(s.board, s.now()).began);
    EXPECT_EQ(s.resend(), 0);
    EXPECT_EQ(s.resend(), -1);
}

TEST(TcpRack, ThreeSackedSegmentsDoNotWait) /* 6.2 step 4: DupThresh, as long as no reordering was seen */
{
    sender s(5, RACK);
    s.pass(100ms);
    EXPECT_TRUE(s.sack(1, 4).began);
    EXPECT_EQ(s.resend(), 0);
    EXPECT_EQ(s.resend(), -1);
}

TEST(TcpRack, LostRetransmissionIsFoundByLaterOnes) /* the timer is not needed */
{
    sender s(10, RACK);
    s.pass(100ms);
    EXPECT_TRUE(s.sack(1, 4).began);
    EXPECT_EQ(s.resend(), 0); /* and the retransmission is lost, too */
    s.send();                 /* 10 */
    s.pass(100ms);
    const auto events = s.sack(10, 11);
    EXPECT_GE(events.lost_retransmissions, 1u);
    EXPECT_EQ(s.resend(), 0);
}

/* RFC 8985 6.2 step 2: an ACK that comes sooner after a retransmission than the shortest round trip is that of the
 * first transmission. */
TEST(TcpRack, AnswerTooSoonAfterARetransmissionIsTheOriginals)
{
    const tcp_sent retransmitted{.first = ISS, .last = ISS + MSS, .when = net_time(2s), .retransmitted = true};
    const tcp_sent other{.first = ISS + MSS, .last = ISS + 2 * MSS, .when = net_time(1s)};
    tcp_rack rack;
    rack.on_delivered(retransmitted, net_time(2s) + 10ms, 100ms);
    EXPECT_FALSE(rack.is_overtaken(other));
    rack.on_delivered(retransmitted, net_time(2s) + 100ms, 100ms);
    EXPECT_TRUE(rack.is_overtaken(other));
    EXPECT_EQ(rack.overdue_at(other, 25ms), net_time(1s) + 125ms);
}

TEST(TcpRack, DsackWidensTheReorderingWindow) /* 6.2 step 4 */
{
    tcp_rack rack;
    EXPECT_EQ(rack.window(true, 100ms, 200ms), 25ms);
    rack.on_dsack(ISS, ISS + 100);
    EXPECT_EQ(rack.window(true, 100ms, 200ms), 50ms);
    rack.on_dsack(ISS + 50, ISS + 150); /* the same round trip */
    EXPECT_EQ(rack.window(true, 100ms, 200ms), 50ms);
    for (uint32_t i = 1; i < 10; i++) {
        rack.on_dsack(ISS + i * 1000, ISS + i * 1000 + 100);
    }
    EXPECT_EQ(rack.window(true, 100ms, 200ms), 200ms) << "never more than the smoothed round trip";
    for (int i = 0; i < 16; i++) {
        rack.on_recovered();
    }
    EXPECT_EQ(rack.window(true, 100ms, 200ms), 25ms) << "forgotten after sixteen recoveries";
}

/* RFC 6675 */

TEST(TcpSackRecovery, ThreeLaterSegmentsMakeALoss) /* 4, IsLost() */
{
    sender s(10, RFC6675);
    EXPECT_FALSE(s.sack(1, 2).began);
    EXPECT_FALSE(s.sack(1, 3).began);
    EXPECT_TRUE(s.sack(1, 4).began);
    EXPECT_EQ(s.resend(), 0);
    EXPECT_EQ(s.resend(), -1);
    s.sack(6, 9); /* 4 and 5 are behind three now */
    EXPECT_EQ(s.resend(), 4);
    EXPECT_EQ(s.resend(), 5);
    EXPECT_EQ(s.resend(), -1);
}

/* Taking back */

TEST(TcpUndo, OriginalsAfterATimeoutUndoIt) /* RFC 5682 3: F-RTO with SACK */
{
    sender s(4, RACK);
    s.pass(1s);
    s.time_out();
    EXPECT_EQ(s.resend(), 0);
    tcp_ack_news news{.acked = MSS, .new_data_may_go = true};
    s.deliver(s.board.front(), news);
    s.board.pop_front();
    s.una += MSS;
    EXPECT_FALSE(s.acknowledged(news).undo);
    EXPECT_TRUE(s.recovery.prefers_new_data()) << "step 2b: new data shows what has arrived";
    s.send();
    s.ack(1); /* a segment that was sent once, before the timeout */
    EXPECT_TRUE(s.events.undo);
    EXPECT_TRUE(s.events.spurious_rto);
    EXPECT_EQ(s.recovery.state(), tcp_recovery::phase::open);
    EXPECT_EQ(s.resend(), -1) << "nothing is lost after all";
}

TEST(TcpUndo, EchoOfTheOriginalUndoesTheTimeoutAtOnce) /* RFC 3522: Eifel */
{
    sender s(4, RACK);
    s.view.timestamp = 5000;
    s.pass(1s);
    s.time_out();
    EXPECT_EQ(s.resend(), 0); /* at 6000 */
    s.pass(10ms);
    s.view.echo = 5000;
    s.ack(1);
    EXPECT_TRUE(s.events.undo);
    EXPECT_EQ(s.recovery.state(), tcp_recovery::phase::open);
}

/* RFC 3522 3.2: an ACK that echoes the retransmission's timestamp shows no spurious timeout. */
TEST(TcpUndo, EchoOfTheRetransmissionDoesNot)
{
    sender s(4, RACK);
    s.view.timestamp = 5000;
    s.pass(1s);
    s.time_out();
    EXPECT_EQ(s.resend(), 0); /* at 6000 */
    s.pass(100ms);
    s.view.echo = 6000;
    s.ack(1);
    EXPECT_FALSE(s.events.undo);
    EXPECT_EQ(s.recovery.state(), tcp_recovery::phase::loss);
}

TEST(TcpUndo, DsackOfEverythingRetransmittedUndoesTheReduction) /* RFC 3708 */
{
    sender s(10, RACK);
    s.pass(100ms);
    EXPECT_TRUE(s.sack(1, 4).began);
    EXPECT_EQ(s.resend(), 0);
    s.ack(10);
    EXPECT_FALSE(s.events.undo);
    tcp_ack_news news{.dsacked = 1, .dsack_last = ISS + MSS};
    EXPECT_TRUE(s.acknowledged(news).undo);
    EXPECT_TRUE(s.events.dsack_undo);
}

/* Loss probes (RFC 8985 7) */

/* RFC 8985 7.2: while the effect of a probe is not known, no other probe is sent. */
TEST(TcpLossProbe, OneUntilItsEffectIsKnown)
{
    sender s(4, RACK);
    EXPECT_TRUE(s.recovery.may_probe(s.board, RACK));
    s.recovery.on_probe(s.nxt, true);
    EXPECT_FALSE(s.recovery.may_probe(s.board, RACK));
    s.sack(1, 2);
    s.ack(4);
    s.send();
    EXPECT_FALSE(s.recovery.may_probe(s.board, RACK)) << "what the probe did is not certain yet";
    s.ack(1);
    EXPECT_TRUE(s.events.reduce) << "no DSACK: the probe has repaired a loss (7.4.2)";
    EXPECT_TRUE(s.events.probe_repaired);
    s.send();
    EXPECT_TRUE(s.recovery.may_probe(s.board, RACK));
}

/* RFC 8985 7.4.2: a DSACK for the probe shows that the original has arrived, and the window is not reduced. */
TEST(TcpLossProbe, DsackShowsThatNothingWasLost)
{
    sender s(4, RACK);
    s.recovery.on_probe(s.nxt, true);
    s.ack(4);
    s.send();
    EXPECT_FALSE(s.sack(0, 0, 1).reduce);
    s.ack(1);
    EXPECT_FALSE(s.events.reduce);
}

/* Proportional rate reduction (RFC 9937) */

/* RFC 9937 6: for each two segments delivered, one is sent, since ssthresh is half of FlightSize. */
TEST(TcpPrr, WindowFallsInProportionToWhatIsDelivered)
{
    tcp_prr prr;
    prr.begin(20 * MSS);
    uint32_t pipe = 19 * MSS;
    uint32_t sent = 0;
    for (int i = 0; i < 18; i++) { /* one delivered segment each */
        pipe -= MSS;
        uint32_t window = prr.on_ack(MSS, pipe, 10 * MSS, true, MSS);
        while (pipe + MSS <= window) {
            prr.on_sent(MSS);
            pipe += MSS;
            sent++;
        }
    }
    EXPECT_GE(sent, 9u);
    EXPECT_LE(sent, 10u) << "one for two, as ssthresh is half of FlightSize";
    EXPECT_GE(pipe, 9 * MSS);
    EXPECT_LE(pipe, 11 * MSS);
}

/* RFC 9937 6: when pipe is below ssthresh, PRR grows as slow start does if SND.UNA advances without further loss,
 * and else sends what is delivered. */
TEST(TcpPrr, BelowTheThresholdItSlowStartsOnGoodNewsOnly)
{
    tcp_prr prr;
    prr.begin(20 * MSS);
    prr.on_sent(MSS);
    EXPECT_EQ(prr.on_ack(MSS, 2 * MSS, 10 * MSS, true, MSS), 4 * MSS);
    EXPECT_EQ(prr.on_ack(MSS, 2 * MSS, 10 * MSS, false, MSS), 3 * MSS);
}

/* RACK may be switched off while segments wait for its timer, which then expires no more. */
TEST(TcpRack, SwitchedOffItsTimerStops)
{
    sender s(10, RACK);
    s.pass(100ms);
    s.sack(1, 2);
    ASSERT_NE(s.recovery.reorder_at(), NET_TIME_NEVER);
    s.view.rules.rack = false;
    s.pass(200ms);
    const tcp_recovery_events events = s.recovery.on_reorder_timer(s.board, s.now());
    EXPECT_FALSE(events.began);
    EXPECT_EQ(s.recovery.reorder_at(), NET_TIME_NEVER);
}
