/*
 * Loss recovery towards a peer that SACKs, as the wire shows it: what is retransmitted, when, and how much beside it
 * (RFC 2018, RFC 8985, RFC 9937, RFC 5682, RFC 3522, RFC 3708, RFC 6675).
 *
 * The wires take no time: the round trip is what the script lets pass before it acknowledges, 100 ms unless a test says
 * otherwise. Segments are counted from the first that was sent: hole(peer, 3) is the fourth's sequence number.
 */
#include "support/tcp_test.hpp"

#include <netinet/tcp.h>

namespace microps
{
namespace
{

constexpr net_duration RTT = 100ms;

/** A connection whose handshake took one round trip, with the given options in the peer's SYN. */
void open_with(tcp_peer &peer, const tcp_pattern &peer_syn = syn().mss(MSS).sack_permitted(), net_duration rtt = RTT)
{
    peer.send(peer_syn);
    peer.expect(syn_ack());
    peer.wait(rtt);
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
}

tcp_peer_options with(std::function<void(tcp_config &)> configure) { return {.configure = std::move(configure)}; }

/** A script that has sent the initial window of ten segments, of many; a round trip has passed since. */
struct sent_window {
    explicit sent_window(const tcp_peer_options &options = {}, size_t segments = 100) : peer(world, listening, options)
    {
        open_with(peer);
        first = peer.rcv;
        EXPECT_GT(peer.app_write(stream(segments * MSS)), 0);
        EXPECT_EQ(drain(peer).size(), std::min<size_t>(segments, 10));
    }

    uint32_t number(uint32_t segment) const { return first + segment * MSS; }
    tcp_peer_sack block(uint32_t begin, uint32_t end) const { return {number(begin), number(end)}; }
    /** SACKs segments @p begin up to, without, @p end; returns what is sent at once. */
    std::vector<tcp_peer_segment> sack(uint32_t begin, uint32_t end)
    {
        peer.send(ack().sack({block(begin, end)}));
        return drain(peer);
    }
    /** Acknowledges all before segment @p segment. */
    std::vector<tcp_peer_segment> ack_up_to(uint32_t segment)
    {
        peer.rcv = number(segment);
        peer.send(ack());
        return drain(peer);
    }
    /** The numbers of the segments among @p sent that had been sent before, in order. */
    std::vector<uint32_t> retransmitted(const std::vector<tcp_peer_segment> &sent)
    {
        std::vector<uint32_t> numbers;
        for (const tcp_peer_segment &seg : sent) {
            const uint32_t index = (seg.seq - first) / MSS;
            if (!seg.payload.empty() && index < fresh) numbers.push_back(index);
            if (!seg.payload.empty() && index >= fresh) fresh = index + 1;
        }
        return numbers;
    }
    uint64_t count(counter what) { return peer.host().count(what); }
    /** Time until segment @p segment comes, retransmitted or not; nothing if it does not come within @p limit. */
    std::optional<net_duration> wait_for(uint32_t segment, net_duration limit = 10s)
    {
        const net_time begin = world.now();
        while (const auto seg = peer.receive(begin + limit - world.now())) {
            if (seg->seq == number(segment) && !seg->payload.empty()) return seg->at - begin;
        }
        return std::nullopt;
    }

    test_world world{};
    tcp_peer peer;
    uint32_t first = 0;
    uint32_t fresh = 10; /* the next segment that was never sent */
};

using numbers = std::vector<uint32_t>;

/* What is retransmitted */

/* RFC 2018 5.1, RFC 6675 5: what is SACKed is not retransmitted. */
TEST(TcpSackLoss, OnlyTheHolesAreRetransmitted)
{
    sent_window f;
    f.peer.wait(RTT);
    f.peer.send(ack().sack({f.block(3, 10), f.block(1, 2)}));
    EXPECT_EQ(f.retransmitted(drain(f.peer)), (numbers{0, 2}));
    EXPECT_EQ(f.count(counter::tcp_sack_recovery), 1u);
    EXPECT_EQ(f.count(counter::tcp_fast_retrans), 2u);
    EXPECT_EQ(f.count(counter::tcp_timeouts), 0u);
}

/* RFC 6675 5: all holes of a window are one event for the congestion control, and recovery ends where it began. */
TEST(TcpSackLoss, SeveralHolesAreOneRecovery)
{
    sent_window f;
    f.peer.wait(RTT);
    f.sack(1, 4);
    f.peer.wait(RTT);
    f.peer.rcv = f.number(4);
    f.peer.send(ack().sack({f.block(5, 10)}));
    f.peer.wait(RTT);
    f.ack_up_to(10);
    EXPECT_EQ(f.count(counter::tcp_sack_recovery), 1u);
    EXPECT_EQ(f.count(counter::tcp_timeouts), 0u);
}

/* RFC 2018 2: blocks are ignored if SACK was not agreed on. */
TEST(TcpSackLoss, BlocksAreIgnoredWithoutAgreement)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_GT(peer.app_write(stream(20 * MSS)), 0);
    EXPECT_EQ(drain(peer).size(), 10u);
    for (int i = 0; i < 2; i++) {
        peer.send(ack().sack({{peer.rcv + MSS, peer.rcv + 9 * MSS}}));
    }
    for (const auto &seg : drain(peer)) {
        EXPECT_NE(seg.seq, peer.rcv);
    }
    EXPECT_EQ(peer.host().count(counter::tcp_retrans_segs), 0u);
}

/* RFC 2018 8: the receiver may discard what it has SACKed, and a timeout retransmits it. */
TEST(TcpSackLoss, RenegedDataIsRetransmitted)
{
    sent_window f({}, 10);
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(1, 10)), numbers{0});
    f.peer.wait(RTT);
    f.ack_up_to(1); /* and nothing more of the rest */
    const std::string data = download(f.peer, 9 * MSS);
    EXPECT_EQ(data, stream(9 * MSS, MSS));
    EXPECT_EQ(f.count(counter::tcp_sack_reneging), 1u);
}

/* RFC 8985 6.2: a lost retransmission is noticed by what was sent with it, and not by the timer. */
TEST(TcpSackLoss, LostRetransmissionIsRepeatedWithoutTheTimer)
{
    sent_window f;
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(1, 8)), numbers{0});
    ASSERT_GT(f.fresh, 10u) << "new segments are sent, too";
    f.peer.wait(RTT);
    f.peer.send(ack().sack({f.block(10, 11), f.block(1, 10)}));
    EXPECT_EQ(f.retransmitted(drain(f.peer)), numbers{0});
    EXPECT_EQ(f.count(counter::tcp_lost_retransmit), 1u);
    EXPECT_EQ(f.count(counter::tcp_timeouts), 0u);
}

/* RACK (RFC 8985 6) */

/* RFC 8985 6.2 step 4: behind fewer than DupThresh SACKed segments the hole may be reordered, so it is waited for a
 * quarter of a round trip. */
TEST(TcpRackTimer, FewSackedSegmentsWaitAQuarterOfARoundTrip)
{
    sent_window f;
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(1, 2)), numbers{});
    const auto after = f.wait_for(0);
    ASSERT_TRUE(after);
    EXPECT_GE(*after, RTT / 4 - 1ms);
    EXPECT_LE(*after, RTT / 4 + 2ms);
    EXPECT_EQ(f.count(counter::tcp_timeouts), 0u);
}

/* RFC 8985 6.2 step 4: a segment that arrives within that time is not retransmitted. */
TEST(TcpRackTimer, WhatWasOnlyLateIsNotRetransmitted)
{
    sent_window f;
    f.peer.wait(RTT);
    f.sack(1, 3);
    f.peer.wait(RTT / 5);
    f.ack_up_to(3);
    f.peer.wait(RTT / 2);
    EXPECT_EQ(f.count(counter::tcp_retrans_segs), 0u);
    EXPECT_EQ(f.count(counter::tcp_sack_recovery), 0u);
    EXPECT_EQ(f.count(counter::tcp_sack_reorder), 1u);
}

/* RFC 8985 6.2 step 4: DupThresh SACKed segments are enough as long as the path was never seen to reorder. */
TEST(TcpRackTimer, ThreeSackedSegmentsAreProof)
{
    sent_window f;
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(1, 4)), numbers{0});
}

/* RFC 8985 6.2 step 4: a path that was seen to reorder is given a quarter of a round trip, however many later segments
 * are SACKed. */
TEST(TcpRackTimer, PathsThatReorderAreGivenTime)
{
    sent_window f;
    f.peer.wait(RTT);
    f.sack(1, 2);
    f.ack_up_to(2);
    f.peer.wait(RTT / 10);
    EXPECT_EQ(f.retransmitted(f.sack(3, 9)), numbers{});
    const auto after = f.wait_for(2);
    ASSERT_TRUE(after);
    EXPECT_LE(*after, RTT / 4 + 2ms);
    EXPECT_EQ(f.count(counter::tcp_timeouts), 0u);
}

/* RFC 6675 4 and 5: with RACK switched off segments count, and not time. */
TEST(TcpRfc6675, ThreeLaterSegmentsAreALoss)
{
    sent_window f(with([](tcp_config &config) { config.rack = config.tail_loss_probe = false; }));
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(1, 3)), numbers{});
    EXPECT_EQ(f.retransmitted(drain(f.peer, RTT)), numbers{}) << "two are not, however long they wait";
    EXPECT_EQ(f.retransmitted(f.sack(1, 4)), numbers{0});
}

/* RFC 6675 4, IsLost(): a hole with fewer than DupThresh SACKed segments behind it is not lost yet. */
TEST(TcpRfc6675, EachHoleNeedsItsOwnProof)
{
    sent_window f(with([](tcp_config &config) { config.rack = config.tail_loss_probe = false; }));
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(1, 4)), numbers{0});
    f.peer.send(ack().sack({f.block(5, 7), f.block(1, 4)}));
    EXPECT_EQ(f.retransmitted(drain(f.peer)), numbers{});
    f.peer.send(ack().sack({f.block(5, 8), f.block(1, 4)}));
    EXPECT_EQ(f.retransmitted(drain(f.peer)), numbers{4});
}

/* RFC 8985 6.3: a timeout marks as lost only what is old enough, since what was sent just before it may well be on its
 * way. */
TEST(TcpRackTimer, TimeoutSparesWhatWasSentLately)
{
    for (const bool rack : {true, false}) {
        sent_window f(with([rack](tcp_config &config) {
                          config.rack = rack;
                          config.tail_loss_probe = config.frto = config.undo = false;
                      }),
                      3);
        f.peer.wait(290ms);
        EXPECT_EQ(f.peer.app_write(stream(3 * MSS)), 3 * 1460);
        EXPECT_EQ(drain(f.peer).size(), 3u);
        ASSERT_TRUE(f.wait_for(0, 20ms));
        f.peer.wait(10ms);
        const std::vector<uint32_t> again = f.retransmitted(f.ack_up_to(3));
        EXPECT_EQ(again.empty(), rack) << "without RACK all of it is retransmitted";
    }
}

/* RFC 8985 6.2 step 3: an ACK that tells of several places, because other ACKs were lost, is no sign of reordering,
 * whatever the order of its blocks is. */
TEST(TcpRackTimer, NewsOfSeveralPlacesIsNotReordering)
{
    sent_window f;
    f.peer.wait(RTT);
    f.peer.rcv = f.number(2);
    f.peer.send(ack().sack({f.block(8, 10), f.block(3, 7)}));
    EXPECT_EQ(f.retransmitted(drain(f.peer)), (numbers{2, 7}));
    EXPECT_EQ(f.count(counter::tcp_sack_reorder), 0u);
}

/* Loss probes (RFC 8985 7) */

/* RFC 8985 7.2: the loss probe comes after two round trips of silence, and without new data it is the last segment
 * (7.3). */
TEST(TcpTailLoss, ProbeComesAfterTwoRoundTrips)
{
    sent_window f({}, 3);
    const auto after = f.wait_for(2);
    ASSERT_TRUE(after);
    EXPECT_GE(*after, 2 * RTT);
    EXPECT_LE(*after, 2 * RTT + 5ms);
    EXPECT_EQ(f.count(counter::tcp_loss_probes), 1u);
    EXPECT_EQ(f.count(counter::tcp_timeouts), 0u);
}

/* RFC 8985 7.2: the probe for a single segment comes later, since the peer may delay its ACK. */
TEST(TcpTailLoss, LoneSegmentsProbeAllowsForADelayedAck)
{
    test_world world;
    tcp_peer peer(world, listening);
    open_with(peer, syn().mss(MSS).sack_permitted(), 400ms);
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x"));
    peer.expect(payload("x").after(995ms).within(1010ms)); /* 2 * SRTT + 200 ms; RTO is 1200 ms */
    EXPECT_EQ(peer.host().count(counter::tcp_loss_probes), 1u);
}

/* RFC 8985 7.3: the probe is new data if there is some. */
TEST(TcpTailLoss, NewDataIsPreferred)
{
    sent_window f({}, 20);
    const auto seg = f.peer.receive(2 * RTT + 5ms);
    ASSERT_TRUE(seg);
    EXPECT_EQ(seg->seq, f.number(10));
    EXPECT_EQ(f.count(counter::tcp_loss_probes), 1u);
    EXPECT_EQ(f.count(counter::tcp_retrans_segs), 0u);
}

/* RFC 8985 7.3: there is one probe, and then the retransmission timer, counted from the probe, retransmits the first
 * segment. */
TEST(TcpTailLoss, TimeoutFollowsTheProbe)
{
    sent_window f({}, 3);
    ASSERT_TRUE(f.wait_for(2));
    const auto after = f.wait_for(0);
    ASSERT_TRUE(after);
    EXPECT_GE(*after, 3 * RTT - 5ms); /* RTO: SRTT + 4 * RTTVAR */
    EXPECT_LE(*after, 3 * RTT + 5ms);
    EXPECT_EQ(f.count(counter::tcp_loss_probes), 1u);
    EXPECT_EQ(f.count(counter::tcp_timeouts), 1u);
}

/* RFC 8985 7: the answer to the probe shows what else is missing, and recovery begins. */
TEST(TcpTailLoss, AnswerToTheProbeBeginsRecovery)
{
    sent_window f({}, 5);
    ASSERT_TRUE(f.wait_for(4));
    f.peer.wait(RTT);
    f.peer.send(ack().sack({f.block(4, 5)}));
    EXPECT_EQ(download(f.peer, 4 * MSS, 50ms), stream(4 * MSS)) << "as fast as they are acknowledged";
    EXPECT_EQ(f.count(counter::tcp_sack_recovery), 1u);
    EXPECT_EQ(f.count(counter::tcp_timeouts), 0u);
}

/* RFC 8985 7.1: without SACK there is no probe but only the retransmission timer. */
TEST(TcpTailLoss, NoProbeWithoutSack)
{
    test_world world;
    tcp_peer peer(world, listening);
    open_with(peer, syn().mss(MSS));
    EXPECT_GT(peer.app_write(stream(3 * MSS)), 0);
    EXPECT_EQ(drain(peer).size(), 3u);
    peer.expect(segment().seq(peer.rcv).after(3 * RTT - 5ms).within(3 * RTT + 5ms));
    EXPECT_EQ(peer.host().count(counter::tcp_loss_probes), 0u);
    EXPECT_EQ(peer.host().count(counter::tcp_timeouts), 1u);
}

TEST(TcpTailLoss, ProbesCanBeSwitchedOff)
{
    sent_window f(with([](tcp_config &config) { config.tail_loss_probe = false; }), 3);
    f.peer.expect(segment().seq(f.number(0)).after(3 * RTT - 5ms).within(3 * RTT + 5ms));
    EXPECT_EQ(f.count(counter::tcp_loss_probes), 0u);
}

/* RFC 8985 7.4.2: a probe that has repaired the only loss hides it, and the ACK of what was sent after it shows that
 * there was one. */
TEST(TcpTailLoss, RepairedLossIsALoss)
{
    sent_window f({}, 3);
    ASSERT_TRUE(f.wait_for(2));
    f.ack_up_to(3);
    EXPECT_EQ(f.count(counter::tcp_loss_probe_recovery), 0u) << "a DSACK may follow";
    EXPECT_GT(f.peer.app_write(stream(MSS)), 0);
    f.ack_up_to(4);
    EXPECT_EQ(f.count(counter::tcp_loss_probe_recovery), 1u);
}

/* RFC 8985 7.4.2: a DSACK of the probe shows that nothing was lost. */
TEST(TcpTailLoss, DsackShowsThatTheProbeWasForNothing)
{
    sent_window f({}, 3);
    ASSERT_TRUE(f.wait_for(2));
    f.ack_up_to(3);
    f.peer.send(ack().sack({f.block(2, 3)}));
    EXPECT_GT(f.peer.app_write(stream(MSS)), 0);
    f.ack_up_to(4);
    EXPECT_EQ(f.count(counter::tcp_loss_probe_recovery), 0u);
    EXPECT_EQ(f.count(counter::tcp_dsack_recv), 1u);
}

/* What turns out to be wrong */

const tcp_peer_options no_probes = with([](tcp_config &config) { config.tail_loss_probe = false; });

/* RFC 5682 3, step 3: when a segment that was not retransmitted arrives after the timeout, the timeout was spurious and
 * is undone. */
TEST(TcpSpuriousLoss, OriginalsAfterATimeoutUndoIt)
{
    sent_window f(no_probes);
    ASSERT_TRUE(f.wait_for(0)); /* retransmitted by the timer */
    EXPECT_EQ(f.retransmitted(f.ack_up_to(3)), numbers{});
    EXPECT_EQ(f.retransmitted(f.ack_up_to(10)), numbers{});
    EXPECT_EQ(f.count(counter::tcp_spurious_rtos), 1u);
    EXPECT_EQ(f.count(counter::tcp_retrans_segs), 1u);
    EXPECT_GE(f.fresh, 20u) << "the window is what it was before";
}

/* RFC 5682 3, step 2: the first ACK after a timeout lets new data out, and what is marked lost waits. */
TEST(TcpSpuriousLoss, NewDataGoesFirstAfterATimeout)
{
    sent_window f(no_probes);
    ASSERT_TRUE(f.wait_for(0));
    const auto sent = f.ack_up_to(1);
    ASSERT_FALSE(sent.empty());
    EXPECT_LE(sent.size(), 2u);
    EXPECT_EQ(f.retransmitted(sent), numbers{});
    EXPECT_EQ(f.fresh, 10u + sent.size());
    /* ... and if its ACKs are duplicates, the loss was real (step 3a). */
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(10, 11)).front(), 1u);
    EXPECT_EQ(f.count(counter::tcp_spurious_rtos), 0u);
}

/* RFC 5682 2: a spurious timeout is noticed without SACK, too. */
TEST(TcpSpuriousLoss, IsNoticedWithoutSack)
{
    test_world world;
    tcp_peer peer(world, listening);
    open_with(peer, syn().mss(MSS));
    EXPECT_GT(peer.app_write(stream(40 * MSS)), 0);
    EXPECT_EQ(drain(peer).size(), 10u);
    const uint32_t end = peer.rcv_max();
    peer.expect(segment().seq(peer.rcv));
    peer.rcv += MSS;
    peer.send(ack());
    const auto sent = drain(peer);
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(sent[0].seq, end);
    peer.rcv += MSS;
    peer.send(ack());
    EXPECT_EQ(peer.host().count(counter::tcp_spurious_rtos), 1u);
    EXPECT_EQ(peer.host().count(counter::tcp_retrans_segs), 1u);
}

TEST(TcpSpuriousLoss, FrtoCanBeSwitchedOff)
{
    sent_window f(with([](tcp_config &config) { config.tail_loss_probe = config.frto = false; }));
    ASSERT_TRUE(f.wait_for(0));
    EXPECT_EQ(f.retransmitted(f.ack_up_to(1)), (numbers{1, 2}));
    EXPECT_EQ(f.count(counter::tcp_spurious_rtos), 0u);
}

/* Text of one segment that carries timestamps. */
constexpr uint32_t STAMPED = MSS - 12;

/** With timestamps: ten segments, the first of them retransmitted by the timer. Returns both timestamps of it. */
std::pair<uint32_t, uint32_t> time_out_with_timestamps(tcp_peer &peer)
{
    open_with(peer, syn().mss(MSS).sack_permitted().timestamps(1000, 0));
    EXPECT_GT(peer.app_write(stream(40 * STAMPED)), 0);
    const auto sent = drain(peer);
    EXPECT_EQ(sent.size(), 10u);
    const auto again = peer.receive(1s);
    if (sent.empty() || !again || !sent[0].timestamps || !again->timestamps) {
        ADD_FAILURE() << "no timestamps, or nothing retransmitted";
        return {};
    }
    EXPECT_EQ(again->seq, peer.rcv);
    return {sent[0].timestamps->first, again->timestamps->first};
}

const tcp_peer_options eifel_only = with([](tcp_config &config) { config.tail_loss_probe = config.frto = false; });

/* RFC 3522 3.2: an ACK that echoes the original transmission shows that the timeout was spurious, and RFC 4015 3 undoes
 * it. */
TEST(TcpSpuriousLoss, EchoOfTheOriginalUndoesATimeout)
{
    test_world world;
    tcp_peer peer(world, listening, eifel_only);
    const auto [original, again] = time_out_with_timestamps(peer);
    EXPECT_LT(original, again);
    peer.rcv += STAMPED;
    peer.send(ack().timestamps(1000, original));
    EXPECT_EQ(peer.host().count(counter::tcp_loss_undo), 1u);
    drain(peer, RTT);
    EXPECT_EQ(peer.host().count(counter::tcp_retrans_segs), 1u);
}

TEST(TcpSpuriousLoss, EchoOfTheRetransmissionDoesNot)
{
    test_world world;
    tcp_peer peer(world, listening, eifel_only);
    const auto [original, again] = time_out_with_timestamps(peer);
    peer.wait(RTT);
    peer.rcv += STAMPED;
    peer.send(ack().timestamps(1000, again));
    EXPECT_EQ(peer.host().count(counter::tcp_loss_undo), 0u);
    EXPECT_GT(peer.host().count(counter::tcp_retrans_segs), 1u);
}

/* RFC 3708 2, RFC 2883 5: when DSACKs report everything that was retransmitted, nothing was lost, and the reduction is
 * undone. */
TEST(TcpSpuriousLoss, DsackUndoesFastRecovery)
{
    sent_window f;
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(1, 4)), numbers{0});
    f.ack_up_to(10); /* the first was only late */
    EXPECT_EQ(f.count(counter::tcp_dsack_undo), 0u);
    f.peer.send(ack().sack({f.block(0, 1)}));
    EXPECT_EQ(f.count(counter::tcp_dsack_undo), 1u);
}

/* RFC 3708 2: a DSACK of one of two retransmissions says nothing of the other. */
TEST(TcpSpuriousLoss, DsackOfAPartDoesNot)
{
    sent_window f;
    f.peer.wait(RTT);
    f.peer.send(ack().sack({f.block(3, 10), f.block(1, 2)}));
    EXPECT_EQ(f.retransmitted(drain(f.peer)), (numbers{0, 2}));
    f.ack_up_to(10);
    f.peer.send(ack().sack({f.block(0, 1)}));
    EXPECT_EQ(f.count(counter::tcp_dsack_undo), 0u);
}

/* RFC 4015 3: one ACK may undo a reduction and show a real loss. The window is then reduced once, from what it was
 * before; otherwise each segment that is only reordered would halve it again. */
TEST(TcpSpuriousLoss, UndoComesBeforeTheNextReduction)
{
    sent_window f(with([](tcp_config &config) { config.congestion_control = "reno"; }));
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(1, 4)), numbers{0});
    f.ack_up_to(4); /* the first was only late */
    f.peer.wait(RTT);
    f.peer.send(ack().sack({f.block(0, 1), f.block(5, 10)}));
    EXPECT_EQ(f.retransmitted(drain(f.peer)), numbers{4});
    EXPECT_EQ(f.count(counter::tcp_dsack_undo), 1u);
    EXPECT_EQ(f.count(counter::tcp_sack_recovery), 2u);
    tcp_info_data info{};
    socklen_t size = sizeof(info);
    EXPECT_EQ(sock_getsockopt(f.peer.stack(), f.peer.app(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    EXPECT_EQ(info.tcpi_snd_ssthresh, 3u); /* half of FlightSize, which is seven, not of a window of five */
}

TEST(TcpSpuriousLoss, UndoCanBeSwitchedOff)
{
    sent_window f(with([](tcp_config &config) { config.undo = false; }));
    f.peer.wait(RTT);
    EXPECT_EQ(f.retransmitted(f.sack(1, 4)), numbers{0});
    f.ack_up_to(10);
    f.peer.send(ack().sack({f.block(0, 1)}));
    EXPECT_EQ(f.count(counter::tcp_dsack_undo), 0u);
}

/* How much */

/* RFC 3042 2: each of the first two duplicates lets a new segment out, though the window is full. */
TEST(TcpLimitedTransmit, EachOfTheFirstTwoLetsASegmentOut)
{
    sent_window f;
    f.peer.wait(RTT);
    EXPECT_EQ(payload_size(f.sack(1, 2)), MSS);
    EXPECT_EQ(payload_size(f.sack(1, 3)), MSS);
    EXPECT_EQ(f.count(counter::tcp_retrans_segs), 0u);
}

TEST(TcpLimitedTransmit, CanBeSwitchedOff)
{
    sent_window f(with([](tcp_config &config) { config.limited_transmit = false; }));
    f.peer.wait(RTT);
    EXPECT_EQ(payload_size(f.sack(1, 2)), 0u);
    EXPECT_EQ(payload_size(f.sack(1, 3)), 0u);
}

/**
 * Slow start until twenty segments are outstanding; then the first is lost, and the others are SACKed one by one.
 * Returns how many segments each of these ACKs lets out.
 */
std::vector<size_t> sent_by_each_ack(bool prr)
{
    sent_window f(with([prr](tcp_config &config) {
        config.congestion_control = "reno";
        config.proportional_rate_reduction = prr;
    }));
    f.peer.wait(RTT);
    for (uint32_t segment = 1; segment <= 10; segment++) {
        f.ack_up_to(segment);
    }
    f.peer.wait(RTT);
    std::vector<size_t> sent;
    for (uint32_t segment = 12; segment <= 30; segment++) {
        sent.push_back(f.sack(11, segment).size());
    }
    return sent;
}

/* RFC 9937 6.2: PRR sends one segment for two that have arrived, evenly, until the window is halved. */
TEST(TcpPrrPace, OneSegmentForTwoDelivered)
{
    const std::vector<size_t> sent = sent_by_each_ack(true);
    for (const size_t count : sent) {
        EXPECT_LE(count, 1u);
    }
    size_t in_recovery = 0;
    for (size_t i = 2; i < sent.size(); i++) {
        in_recovery += sent[i];
        if (i > 3) {
            EXPECT_LE(sent[i - 1] + sent[i], 2u) << i;
        }
    }
    EXPECT_GE(in_recovery, 7u);
    EXPECT_LE(in_recovery, 11u);
}

/* RFC 6675 5: without PRR nothing is sent until half of FlightSize has arrived, and then one segment for each that
 * arrives. */
TEST(TcpPrrPace, WithoutItTheFirstHalfIsSilent)
{
    const std::vector<size_t> sent = sent_by_each_ack(false);
    size_t quiet = 0;
    for (size_t i = 3; i < 10; i++) {
        quiet += sent[i] == 0 ? 1 : 0;
    }
    EXPECT_GE(quiet, 6u);
    EXPECT_EQ(sent.back(), 1u);
}

/* Peers that lie */

/* RFC 2018 5.1: blocks beyond what was sent, below what is acknowledged, inverted or empty are ignored, and each is
 * counted. */
TEST(TcpHostileSack, ImpossibleBlocksAreIgnored)
{
    sent_window f;
    f.peer.wait(RTT);
    const std::vector<tcp_peer_sack> impossible{
        {f.number(5), f.number(11)},                  /* not sent yet */
        {f.number(40), f.number(41)},                 /* nor this */
        {f.number(5), f.number(2)},                   /* inverted */
        {f.number(5), f.number(5)},                   /* empty */
        {f.first + 0x7fffffff, f.first + 0x80000001}, /* around the circle */
    };
    for (const tcp_peer_sack &block : impossible) {
        f.peer.send(ack().sack({block}));
    }
    f.peer.send(ack().sack({f.block(5, 2), {f.first - MSS, f.number(1)}})); /* below, not as the first block */
    EXPECT_EQ(f.retransmitted(drain(f.peer, RTT / 2)), numbers{});
    EXPECT_EQ(f.count(counter::tcp_sack_discard), impossible.size() + 2);
    EXPECT_EQ(f.count(counter::tcp_sack_recovery), 0u);
    EXPECT_EQ(download(f.peer, 0), "");
    f.ack_up_to(10);
    EXPECT_EQ(download(f.peer, 10 * MSS).size(), 10 * MSS) << "the connection works";
}

/* RFC 2883 4, RFC 5961 5.2: a DSACK of what this connection has never sent is ignored. */
TEST(TcpHostileSack, DuplicatesFromBeforeTheConnectionAreIgnored)
{
    sent_window f;
    f.peer.send(ack().sack({{f.first - 0x10000000, f.first - 0x0fff0000}}));
    EXPECT_EQ(f.count(counter::tcp_dsack_ignored), 1u);
    EXPECT_EQ(f.count(counter::tcp_dsack_recv), 0u);
}

/* RFC 2018 5.1: thousands of blocks at random places leave the scoreboard as small as what was sent, and no data is
 * forgotten. */
TEST(TcpHostileSack, ThousandsOfBlocksDoNoHarm)
{
    sent_window f({}, 40);
    f.peer.wait(RTT);
    uint32_t state = 12345;
    const auto random = [&state](uint32_t bound) {
        state = state * 1664525 + 1013904223;
        return (state >> 8) % bound;
    };
    std::vector<tcp_peer_segment> sent;
    for (int i = 0; i < 3000; i++) {
        const uint32_t begin = f.first + random(10 * MSS);
        const uint32_t other = f.first + random(10 * MSS);
        f.peer.send(ack().sack({{begin, begin + random(2 * MSS)}, {other, other + 1}, {begin, other}}));
        f.peer.skip();
    }
    /* Nothing was acknowledged, so all of it is retransmitted in the end. */
    EXPECT_EQ(download(f.peer, 40 * MSS, 130s), stream(40 * MSS));
}

/* RFC 2018 5.1: a peer that SACKs everything and acknowledges nothing gets no more than its window from SND.UNA, and is
 * given up. */
TEST(TcpHostileSack, SackingEverythingReleasesNothing)
{
    sent_window f({}, 100);
    for (int round = 0; round < 20; round++) {
        f.peer.wait(RTT);
        f.peer.send(ack().sack({{f.number(1), f.peer.rcv_max()}}));
        f.peer.skip();
    }
    EXPECT_LE(f.peer.rcv_max() - f.first, 65535u) << "the peer's window is still from SND.UNA";
    f.peer.wait(20min);
    EXPECT_EQ(f.peer.app_error(), ETIMEDOUT);
}

} // namespace
} // namespace microps
