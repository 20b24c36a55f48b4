/*
 * tcp_loss.cpp: loss recovery: what ACKs and timers say about the segments we have sent (RFC 5681, RFC 6675, RFC 8985).
 *
 * Three objects are called in one fixed order, and each has its own question: the scoreboard (what is known about each
 * sent segment?), recovery (what is lost, and what may be retransmitted?), congestion control (how much may be in the
 * network?). Output then sends, when the batch is done. Fast retransmit, by DupThresh or RACK, is recovery's decision
 * (parts/tcp_recovery.cpp).
 */
#include "tcp_loss.hpp"

#include "parts/tcp_options.hpp"
#include "parts/tcp_scoreboard.hpp"
#include "parts/tcp_seq.hpp"
#include "tcp_buffers.hpp"
#include "tcp_layer.hpp"
#include "tcp_output.hpp"
#include "tcp_timestamps.hpp"
#include "tcp_user.hpp"

#include <algorithm>

namespace microps
{

tcp_recovery_rules tcp_rules(const tcp_pcb &pcb)
{
    const tcp_config &config = pcb.tcp.config;
    return {.sack = pcb.agreed.sack,
            .rack = config.rack,
            .limited_transmit = config.limited_transmit,
            .prr = config.proportional_rate_reduction,
            .frto = config.frto,
            .undo = config.undo,
            .dup_thresh = config.dup_thresh,
            .dup_thresh_max = config.dup_thresh_max};
}

tcp_recovery_view tcp_view(const tcp_pcb &pcb)
{
    return {.now = pcb.net.clock.now(),
            .una = pcb.snd.una,
            .nxt = pcb.snd.nxt,
            .mss = pcb.mss.snd,
            .srtt = pcb.rtt.srtt(),
            .min_rtt = pcb.rtt.min_rtt(),
            .timestamp = tcp_timestamp(pcb),
            .rules = tcp_rules(pcb)};
}

uint32_t tcp_pipe(const tcp_pcb &pcb) { return pcb.recovery().pipe(pcb.sent(), pcb.mss.snd, tcp_rules(pcb)); }

/** RFC 5681's FlightSize: what is @p outstanding, without the segments that limited transmit has added to it. */
static uint32_t tcp_flight_size(const tcp_congestion &congestion, uint32_t outstanding)
{
    return std::min(outstanding, congestion.cwnd());
}

/** What is learned from one ACK, while it is processed. */
struct tcp_ack_context {
    tcp_recovery_view view{};
    tcp_ack_news news{};
    std::optional<net_duration> rtt{};      /* the round trip of the oldest segment that it acknowledges */
    std::optional<net_duration> last_rtt{}; /* of the newest one: the delay of ACKs is not in it */
    std::optional<net_duration> sack_rtt{}; /* of the oldest segment that it SACKs */
    bool retransmitted = false;             /* a retransmission was acknowledged: no measurement (Karn) */
};

/** A segment is acknowledged or SACKed for the first time. */
static void tcp_delivered(tcp_pcb &pcb, const tcp_sent &segment, tcp_ack_context &ctx) MICROPS_REQUIRES(net_locked)
{
    pcb.recovery().on_delivered(pcb.sent(), segment, ctx.view, ctx.news);
    pcb.traffic.delivered++;
    net_count(pcb.net, counter::tcp_delivered);
}

/* The scoreboard */

/** Whether the first block is a DSACK (RFC 2883 4): it lies below SEG.ACK, or within the second block. */
static bool tcp_is_dsack(const tcp_segment &seg)
{
    const auto blocks = seg.options.sack.all();
    if (blocks[0].first < seg.ack) return true;
    return blocks.size() > 1 && blocks[1].first <= blocks[0].first && blocks[0].last <= blocks[1].last;
}

/** A DSACK: the peer has received something twice. */
static void tcp_dsack_input(tcp_pcb &pcb, const tcp_segment &seg, tcp_ack_context &ctx) MICROPS_REQUIRES(net_locked)
{
    const tcp_sack_block &block = seg.options.sack.blocks[0];
    /*
     * The bound of RFC 5961 5.2, for blocks: what is older than the largest window is no duplicate of this connection.
     */
    const bool sane = block.first < block.last && block.last <= pcb.snd.nxt &&
                      block.first >= pcb.snd.una - std::max(pcb.snd.wnd_max, TCP_WINDOW_MAX);
    if (!sane) return net_count(pcb.net, counter::tcp_dsack_ignored);
    ctx.news.dsacked = std::max(block.last.since(block.first) / pcb.mss.snd, uint32_t{1});
    ctx.news.dsack_last = block.last;
    pcb.traffic.dsack_dups += ctx.news.dsacked;
    net_count(pcb.net, block.first < seg.ack ? counter::tcp_dsack_recv : counter::tcp_dsack_ofo_recv);
}

/**
 * RFC 2018 5.1: marks what the SACK blocks report. Each block is checked, because it comes from the peer. The newest
 * block stands first, but they are processed in the order of sequence numbers: otherwise an ACK with two new blocks
 * would look like reordering.
 */
static void tcp_sack_input(tcp_pcb &pcb, const tcp_segment &seg, tcp_ack_context &ctx) MICROPS_REQUIRES(net_locked)
{
    if (!pcb.agreed.sack || seg.options.sack.empty()) return;
    tcp_sack_blocks list = seg.options.sack;
    std::span<tcp_sack_block> blocks(list.blocks.data(), list.count);
    if (tcp_is_dsack(seg)) {
        tcp_dsack_input(pcb, seg, ctx);
        blocks = blocks.subspan(1);
    }
    std::sort(blocks.begin(), blocks.end(), [una = pcb.snd.una](const tcp_sack_block &a, const tcp_sack_block &b) {
        return a.first.since(una) < b.first.since(una);
    });
    for (const tcp_sack_block &block : blocks) {
        if (block.first >= block.last || block.last > pcb.snd.nxt || block.first < pcb.snd.una) {
            net_count(pcb.net, counter::tcp_sack_discard);
            continue;
        }
        pcb.sent().sack(block.first, block.last, pcb.mss.snd, [&](const tcp_sent &segment) {
            net_assert_locked(pcb.net);
            const net_duration rtt = ctx.view.now - segment.when;
            if (!segment.retransmitted) ctx.sack_rtt = std::max(ctx.sack_rtt.value_or(rtt), rtt);
            ctx.news.sacked += segment.size();
            tcp_delivered(pcb, segment, ctx);
        });
    }
}

/** Removes what SEG.ACK acknowledges from the scoreboard and the send buffer. */
static void tcp_retransmit_queue_cleanup(tcp_pcb &pcb, tcp_seq ack, tcp_ack_context &ctx) MICROPS_REQUIRES(net_locked)
{
    ctx.news.acked = ack.since(pcb.snd.una);
    tcp_scoreboard &board = pcb.sent();
    while (!board.empty() && board.front().last <= ack) {
        const tcp_sent &segment = board.front();
        debugf("remove, seq=%u, flags=%s, len=%zu", segment.first.value(), tcp_flg_ntoa(segment.flags).c_str(),
               size_t{segment.data_size()});
        ctx.retransmitted = ctx.retransmitted || segment.retransmitted;
        if (!segment.sacked) {
            ctx.last_rtt = ctx.view.now - segment.when;
            if (!ctx.rtt) ctx.rtt = ctx.last_rtt;
            tcp_delivered(pcb, segment, ctx);
        }
        board.pop_front();
    }
    if (!board.empty() && board.front().first < ack) {
        ctx.retransmitted = ctx.retransmitted || board.front().retransmitted;
        if (!ctx.rtt) ctx.rtt = ctx.view.now - board.front().when;
        ctx.news.delivered += board.front().sacked ? 0 : ack.since(board.front().first);
        board.trim_front(ack);
    }
    /* Without SACK it is unknown whether the retransmission or the original has arrived. */
    if (!pcb.agreed.sack && ctx.retransmitted) ctx.news.original = false;
    pcb.snd.una = ack;
    if (ack > pcb.sndbuf.first) { /* beyond our SYN */
        const size_t bytes = std::min<size_t>(ack.since(pcb.sndbuf.first), pcb.sndbuf.ring.size());
        pcb.sndbuf.ring.consume(bytes);
        pcb.sndbuf.first += bytes;
        pcb.traffic.bytes_acked += bytes;
    }
}

/* The round trip */

/**
 * The round trip, by our clock if the segment was sent only once (Karn, RFC 6298 3), else by the timestamp (RFC 7323
 * 4.1).
 */
static std::optional<net_duration> tcp_round_trip(const tcp_pcb &pcb, const tcp_ack_context &ctx)
{
    if (ctx.rtt && !ctx.retransmitted) return ctx.rtt;
    if (ctx.sack_rtt) return ctx.sack_rtt;
    if (!ctx.view.echo || ctx.news.acked == 0) return std::nullopt;
    const auto milliseconds = static_cast<int32_t>(ctx.view.timestamp - *ctx.view.echo);
    const net_duration rtt = std::chrono::milliseconds(std::max(milliseconds, 1));
    /* The echo comes from the peer, so it is checked: a round trip of more than the largest RTO is not possible. */
    if (milliseconds < 0 || rtt > pcb.tcp.config.rto_max) return std::nullopt;
    return rtt;
}

/** Updates the RTO. Returns the round trip for congestion control; zero if this ACK measures none. */
static net_duration tcp_measure(tcp_pcb &pcb, tcp_ack_context &ctx) MICROPS_REQUIRES(net_locked)
{
    const std::optional<net_duration> rtt = tcp_round_trip(pcb, ctx);
    if (!rtt) return {};
    /* RFC 7323 appendix G: the number of measurements in a round trip; there is one ACK for two segments. */
    pcb.rtt.on_sample(*rtt, ctx.view.now, std::max(pcb.round.peak / (2 * pcb.mss.snd), uint32_t{1}));
    ctx.view.srtt = pcb.rtt.srtt();
    ctx.view.min_rtt = pcb.rtt.min_rtt();
    return ctx.last_rtt && !ctx.retransmitted ? *ctx.last_rtt : *rtt;
}

/** Whether a round trip has ended: the first data that was sent in it is acknowledged, and the next one begins. */
static bool tcp_round_start(tcp_pcb &pcb)
{
    if (pcb.snd.una <= pcb.round.end) return false;
    pcb.round.end = pcb.snd.nxt;
    return true;
}

/* Recovery, and the congestion control */

static void tcp_count_events(tcp_pcb &pcb, const tcp_ack_news &news, const tcp_recovery_events &events)
    MICROPS_REQUIRES(net_locked)
{
    net_stack &net = pcb.net;
    if (events.began) {
        net_count(net, pcb.agreed.sack ? counter::tcp_sack_recovery : counter::tcp_reno_recovery);
    }
    if (events.full_undo) net_count(net, counter::tcp_full_undo);
    if (events.partial_undo) net_count(net, counter::tcp_partial_undo);
    if (events.dsack_undo) net_count(net, counter::tcp_dsack_undo);
    if (events.loss_undo) net_count(net, counter::tcp_loss_undo);
    if (events.spurious_rto) net_count(net, counter::tcp_spurious_rtos);
    if (events.probe_repaired) net_count(net, counter::tcp_loss_probe_recovery);
    net_count(net, counter::tcp_lost_retransmit, events.lost_retransmissions);
    if (!news.reordered) return;
    pcb.traffic.reord_seen++;
    net_count(net, pcb.agreed.sack ? counter::tcp_sack_reorder : counter::tcp_ts_reorder);
}

/**
 * Tells congestion control what recovery has found. @p outstanding is what was outstanding before the ACK. An undo
 * comes first, so that FlightSize is bounded by the congestion window during which the loss happened.
 */
static void tcp_recovery_apply(tcp_pcb &pcb, const tcp_recovery_events &events, uint32_t outstanding)
    MICROPS_REQUIRES(net_locked)
{
    if (!pcb.congestion) return;
    const net_time now = pcb.net.clock.now();
    if (events.undo) pcb.congestion->on_spurious(now);
    if (events.reduce) pcb.congestion->on_loss(now, tcp_flight_size(*pcb.congestion, outstanding));
}

/** Tells congestion control of an ACK of new data, or PRR during fast recovery. */
static void tcp_congestion_ack(tcp_pcb &pcb, const tcp_ack_context &ctx, const tcp_recovery_events &events,
                               net_duration rtt) MICROPS_REQUIRES(net_locked)
{
    if (!pcb.congestion) return;
    const bool round_start = tcp_round_start(pcb);
    if (pcb.recovery().state() == tcp_recovery::phase::fast) {
        return pcb.recovery().on_reduced(pcb.sent(), ctx.view, ctx.news, events, pcb.congestion->ssthresh());
    }
    if (ctx.news.acked == 0) return;
    const bool was_conservative = pcb.congestion->in_conservative_slow_start();
    pcb.congestion->on_ack({.now = ctx.view.now,
                            .acked = ctx.news.delivered,
                            .round_peak = pcb.round.peak,
                            .cwnd_limited = pcb.round.cwnd_limited,
                            .round_start = round_start,
                            .rtt = rtt,
                            .srtt = pcb.rtt.srtt()});
    if (!was_conservative && pcb.congestion->in_conservative_slow_start()) net_count(pcb.net, counter::tcp_hystart_css);
}

/** New data is acknowledged: retries are reset, and a writer that waits for room is woken. */
static void tcp_progress(tcp_pcb &pcb, bool was_writable) MICROPS_REQUIRES(net_locked)
{
    tcp_sndbuf_expand(pcb);
    pcb.timing.retries = 0;
    pcb.timing.soft_error = 0;
    if (pcb.output.small_end && pcb.snd.una >= *pcb.output.small_end) pcb.output.small_end.reset();
    if ((!was_writable && tcp_is_writable(pcb)) || pcb.sndbuf.ring.empty()) sched_wakeup(pcb.net, pcb.ctx);
}

void tcp_acknowledged(tcp_pcb &pcb, const tcp_segment &seg, bool duplicate)
{
    tcp_ack_context ctx{.view = tcp_view(pcb)};
    ctx.news.duplicate = duplicate;
    /* RFC 7323 3.2: TSecr is valid only with an ACK; some stacks send 0 when they have no value. */
    if (pcb.agreed.timestamps && seg.options.timestamps && seg.options.timestamps->echo != 0) {
        ctx.view.echo = seg.options.timestamps->echo;
    }
    const uint32_t outstanding = pcb.sent().outstanding();
    const bool was_writable = tcp_is_writable(pcb);
    if (seg.ack > pcb.snd.una) tcp_retransmit_queue_cleanup(pcb, seg.ack, ctx);
    tcp_sack_input(pcb, seg, ctx);
    const net_duration rtt = tcp_measure(pcb, ctx);
    ctx.view.una = pcb.snd.una;
    ctx.news.new_data_may_go = tcp_unsent(pcb) > 0 && pcb.snd.una + seg.wnd > pcb.snd.nxt;
    const tcp_recovery_events events = pcb.recovery().on_ack(pcb.sent(), ctx.view, ctx.news);
    tcp_count_events(pcb, ctx.news, events);
    tcp_recovery_apply(pcb, events, outstanding);
    tcp_congestion_ack(pcb, ctx, events, rtt);
    if (events.restart_timer) pcb.timing.rto_from = ctx.view.now; /* RFC 6298 5.3 */
    if (ctx.news.acked > 0) tcp_progress(pcb, was_writable);
}

/* Timers */

void tcp_loss_timeout(tcp_pcb &pcb, bool repeated)
{
    const tcp_recovery_view view = tcp_view(pcb);
    net_count(pcb.net, counter::tcp_timeouts);
    if (pcb.sent().front().sacked) net_count(pcb.net, counter::tcp_sack_reneging);
    if (pcb.recovery().state() == tcp_recovery::phase::fast) {
        net_count(pcb.net, pcb.agreed.sack ? counter::tcp_sack_failures : counter::tcp_reno_failures);
    } else if (pcb.recovery().state() == tcp_recovery::phase::loss) {
        net_count(pcb.net, counter::tcp_loss_failures);
    }
    const bool fresh = pcb.recovery().on_timeout(pcb.sent(), view, repeated);
    pcb.timing.rto_from = view.now;
    if (!pcb.congestion) return;
    pcb.congestion->on_rto(view.now, tcp_flight_size(*pcb.congestion, pcb.sent().outstanding()), !fresh);
}

void tcp_reorder_timeout(tcp_pcb &pcb)
{
    const tcp_recovery_view view = tcp_view(pcb);
    const uint32_t outstanding = pcb.sent().outstanding();
    const tcp_recovery_events events = pcb.recovery().on_reorder_timer(pcb.sent(), view);
    tcp_count_events(pcb, {}, events);
    tcp_recovery_apply(pcb, events, outstanding);
    if (pcb.congestion) pcb.recovery().on_reduced(pcb.sent(), view, {}, events, pcb.congestion->ssthresh());
}

/* RFC 8985 7.2: two round trips; more after a single segment, whose ACK the peer may delay. */
net_time tcp_loss_probe_at(const tcp_pcb &pcb)
{
    const net_duration delay = pcb.sent().count() == 1 ? pcb.tcp.config.rto_min : std::chrono::milliseconds(2);
    const net_duration timeout = pcb.rtt.measured() ? 2 * pcb.rtt.srtt() + delay : pcb.tcp.config.rto_initial;
    return std::max(pcb.output.last_sent, pcb.timing.rto_from) + timeout;
}

bool tcp_loss_probe_wanted(const tcp_pcb &pcb)
{
    if (!pcb.congestion || !pcb.tcp.config.tail_loss_probe) return false;
    return pcb.recovery().may_probe(pcb.sent(), tcp_rules(pcb));
}

} // namespace microps
