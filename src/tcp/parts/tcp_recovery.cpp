/*
 * tcp_recovery.cpp: loss detection, fast retransmit, and the undoing of reductions: what each ACK and each timer means.
 */
#include "tcp_recovery.hpp"

#include "tcp_options.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace microps
{

/** Returns whether the ACK answers an earlier transmission of @p segment: its TSecr is from before the last one. */
static bool echo_is_older(const tcp_recovery_view &view, const tcp_sent &segment)
{
    if (!view.echo) return false;
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(view.now - segment.when);
    const uint32_t sent = view.timestamp - static_cast<uint32_t>(age.count());
    return tcp_timestamp_before(*view.echo, sent - 1); /* 1 ms earlier, because both are rounded to milliseconds */
}

/* Delivered segments, and reordering */

void tcp_recovery::on_delivered(const tcp_scoreboard &board, const tcp_sent &segment, const tcp_recovery_view &view,
                                tcp_ack_news &news)
{
    news.delivered += segment.size();
    if (!segment.retransmitted && recover_ && segment.last <= *recover_) news.original = true;
    if (!(segment.retransmitted && echo_is_older(view, segment))) rack_.on_delivered(segment, view.now, view.min_rtt);
    const bool overtaken = board.sacked() > 0 && segment.last < board.highest_sacked();
    if (segment.retransmitted || !overtaken) return;
    news.reordered = true;
    const uint32_t distance = board.highest_sacked().since(segment.first) / view.mss;
    reordering_distance_ =
        static_cast<uint16_t>(std::max<uint32_t>(reordering_distance_, std::min(distance, view.rules.dup_thresh_max)));
}

uint32_t tcp_recovery::dup_thresh(const tcp_recovery_rules &rules) const
{
    return std::max<uint32_t>(rules.dup_thresh, reordering_distance_);
}

/* Without SACK, each duplicate ACK shows that one out-of-order segment has arrived (RFC 5681 3.2, RFC 6582 3.2). */
void tcp_recovery::count_duplicates(const tcp_recovery_view &view, tcp_ack_news &news)
{
    if (news.duplicate) {
        /* After a timeout, duplicate ACKs only show that segments arrived which we retransmitted unnecessarily. */
        if (phase_ == phase::loss && !(recover_ && view.nxt > *recover_)) return;
        dup_acks_++;
        news.delivered += view.mss;
    }
    if (news.acked == 0) return;
    if (phase_ != phase::fast) {
        dup_acks_ = 0;
        return;
    }
    /* RFC 6582 3.2 step 3: what this partial ACK covers beyond the hole was counted by duplicate ACKs already. */
    const uint32_t segments = std::max(news.acked / view.mss, uint32_t{1});
    const uint32_t counted = std::min(dup_acks_, segments - 1);
    dup_acks_ -= counted;
    news.delivered -= std::min(news.delivered, counted * view.mss);
}

/* Loss detection */

/*
 * RFC 8985 6.2 step 5, RACK_detect_loss(). Without a SACKed or a retransmitted segment there is nothing to do, because
 * no outstanding segment was sent before a delivered one.
 */
void tcp_recovery::mark_overdue(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events)
{
    if (board.sacked() == 0 && !board.has_retransmitted()) return;
    const bool waiting = phase_ == phase::open && board.sacked() < dup_thresh(view.rules) * view.mss;
    const net_duration window = rack_.window(waiting, view.min_rtt, view.srtt);
    net_time latest{};
    events.newly_lost += board.mark_lost_if([&](const tcp_sent &segment) {
        if (!rack_.is_overtaken(segment)) return false;
        const net_time overdue = rack_.overdue_at(segment, window);
        if (overdue > view.now) {
            latest = std::max(latest, overdue);
            return false;
        }
        if (segment.retransmitted) events.lost_retransmissions++;
        return true;
    });
    if (latest > net_time{}) reorder_at_ = latest;
}

/* RFC 6675 4, IsLost(): DupThresh later segments are SACKed, or more than (DupThresh - 1) * SMSS later bytes. */
void tcp_recovery::mark_overtaken(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events)
{
    const uint32_t threshold = dup_thresh(view.rules);
    if (board.sacked() <= (threshold - 1) * view.mss && board.sacked() / view.mss + 1 < threshold) return;
    const auto segments = board.all();
    uint32_t count = 0;
    uint32_t bytes = 0;
    size_t i = segments.size();
    while (i > 0 && count < threshold && bytes <= (threshold - 1) * view.mss) {
        i--;
        if (!segments[i].sacked) continue;
        count++;
        bytes += segments[i].size();
    }
    if (count < threshold && bytes <= (threshold - 1) * view.mss) return;
    const tcp_seq limit = segments[i].first;
    events.newly_lost +=
        board.mark_lost_if([&](const tcp_sent &segment) { return segment.last <= limit && !segment.retransmitted; });
}

void tcp_recovery::mark(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events)
{
    reorder_at_ = NET_TIME_NEVER;
    if (!view.rules.sack || board.empty()) return;
    if (view.rules.rack) return mark_overdue(board, view, events);
    mark_overtaken(board, view, events);
}

void tcp_recovery::mark_front(tcp_scoreboard &board, tcp_recovery_events &events)
{
    events.newly_lost += board.front().size();
    board.mark_front_lost();
}

bool tcp_recovery::loss_is_certain(const tcp_scoreboard &board, const tcp_recovery_view &view,
                                   const tcp_ack_news &news) const
{
    if (view.rules.sack) return board.lost() > 0;
    if (!news.duplicate || dup_acks_ < dup_thresh(view.rules)) return false;
    /* RFC 6582 3.2 step 2: unless the ACK covers more than recover, the last recovery has caused the duplicate ACKs. */
    return !recover_ || view.una > *recover_;
}

/* Fast retransmit and fast recovery, and undo */

/* Begins to collect the evidence on which the reduction that happens now may be undone. */
void tcp_recovery::remember(const tcp_recovery_view &view)
{
    undo_una_ = view.una;
    retransmit_ts_.reset();
    undo_retrans_ = 0;
}

/* RFC 5681 3.2, RFC 6675 5: fast retransmit of the first lost segment, then fast recovery. */
void tcp_recovery::begin(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events)
{
    phase_ = phase::fast;
    recover_ = view.nxt;
    first_partial_ = true;
    urgent = true;
    tlp_end_seq_.reset();
    remember(view);
    prr_.begin(board.outstanding());
    if (!view.rules.sack) mark_front(board, events);
    events.began = events.reduce = true;
}

void tcp_recovery::finish(const tcp_recovery_view &view)
{
    phase_ = phase::open;
    frto_ = false;
    urgent = false;
    dup_acks_ = 0;
    rack_.on_recovered();
    /* RFC 6582 3.2 step 2: without SACK recover is kept until an ACK covers more, as duplicate ACKs may still come. */
    if (view.rules.sack || (recover_ && view.una > *recover_)) recover_.reset();
}

/* RFC 3522 3.2, Eifel detection: the ACK answers an original transmission, sent before the first retransmission. */
bool tcp_recovery::echoes_original(const tcp_recovery_view &view) const
{
    return view.echo && retransmit_ts_ && tcp_timestamp_before(*view.echo, *retransmit_ts_);
}

/* The retransmissions were spurious: DSACKs report all of them (RFC 3708 2), or Eifel detection (RFC 3522) shows it. */
bool tcp_recovery::undo_is_due(const tcp_recovery_view &view) const
{
    if (!view.rules.undo || !undo_una_ || !retransmit_ts_) return false;
    return undo_retrans_ == 0 || echoes_original(view);
}

void tcp_recovery::dsack(const tcp_recovery_view &view, const tcp_ack_news &news)
{
    if (view.rules.rack) rack_.on_dsack(view.una, view.nxt);
    if (undo_una_ && news.dsack_last > *undo_una_) undo_retrans_ -= std::min<uint32_t>(undo_retrans_, news.dsacked);
}

/* RFC 8985 7.4.2: an ACK that covers TLP.end_seq tells whether the loss probe has repaired a loss. */
void tcp_recovery::probe_answered(const tcp_recovery_view &view, const tcp_ack_news &news, tcp_recovery_events &events)
{
    if (!tlp_end_seq_ || view.una < *tlp_end_seq_) return;
    const bool unneeded =
        !tlp_is_retrans_ || news.dsacked > 0 || (news.acked == 0 && news.duplicate && news.sacked == 0);
    /* A DSACK that reports the probe as a duplicate may still come, so wait for the next ACK. */
    if (!unneeded && view.una == *tlp_end_seq_) return;
    tlp_end_seq_.reset();
    if (unneeded || phase_ != phase::open) return;
    events.reduce = events.probe_repaired = true;
}

void tcp_recovery::fast_ack(tcp_scoreboard &board, const tcp_recovery_view &view, const tcp_ack_news &news,
                            tcp_recovery_events &events)
{
    if (view.una >= *recover_) {
        events.undo = events.full_undo = undo_is_due(view);
        return finish(view);
    }
    if (news.acked == 0) {
        if (news.dsacked == 0 || !undo_is_due(view)) return;
        events.undo = events.dsack_undo = true;
        return finish(view);
    }
    /* The hole was filled by a delayed original, and no retransmission is outstanding: nothing was lost. */
    if (view.rules.undo && undo_una_ && echoes_original(view) && !board.has_retransmitted()) {
        events.undo = events.partial_undo = true;
        board.forget_losses();
        return finish(view);
    }
    if (view.rules.sack) return;
    mark_front(board, events); /* RFC 6582 3.2 step 3: a partial ACK shows that the next hole is lost, too */
    urgent = true;
    events.restart_timer = std::exchange(first_partial_, false);
}

/*
 * F-RTO: RFC 5682 2.1, with SACK 3.1, and 4 for the undoing; the steps are those of 2.1 and 3.1. With timestamps Eifel
 * detection decides at the first ACK already.
 */
void tcp_recovery::loss_ack(tcp_scoreboard &board, const tcp_recovery_view &view, const tcp_ack_news &news,
                            tcp_recovery_events &events)
{
    const bool recovered = view.una >= *recover_;
    const bool originals_arrive = frto_ && news.original; /* step 3b */
    if ((news.acked > 0 && undo_is_due(view)) || (originals_arrive && view.rules.undo)) {
        events.undo = events.loss_undo = true;
        events.spurious_rto = originals_arrive;
        board.forget_losses();
        return finish(view);
    }
    /* Step 3a: a duplicate ACK after new data was sent shows that the loss is genuine. */
    if (frto_ && view.nxt > *recover_ && (news.sacked > 0 || news.duplicate)) frto_ = false;
    /* Step 2b: send new data before retransmitting more. */
    if (frto_ && view.nxt == *recover_ && news.acked > 0 && !recovered) {
        prefer_new_data_ = news.new_data_may_go;
        frto_ = news.new_data_may_go;
    }
    if (recovered) finish(view);
}

tcp_recovery_events tcp_recovery::on_ack(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_ack_news &news)
{
    tcp_recovery_events events{.restart_timer = news.acked > 0};
    prefer_new_data_ = false;
    if (news.dsacked > 0) dsack(view, news);
    probe_answered(view, news, events);
    if (!view.rules.sack) count_duplicates(view, news);
    if (phase_ == phase::fast) {
        fast_ack(board, view, news, events);
    } else if (phase_ == phase::loss) {
        loss_ack(board, view, news, events);
    } else if (news.dsacked > 0 && undo_is_due(view)) {
        events.undo = events.dsack_undo = true;
    }
    if (events.undo) undo_una_.reset();
    if (phase_ == phase::open && recover_ && view.una > *recover_) recover_.reset();
    mark(board, view, events);
    if (phase_ == phase::open && !board.empty() && loss_is_certain(board, view, news)) begin(board, view, events);
    return events;
}

void tcp_recovery::on_reduced(const tcp_scoreboard &board, const tcp_recovery_view &view, const tcp_ack_news &news,
                              const tcp_recovery_events &events, uint32_t ssthresh)
{
    if (phase_ != phase::fast) return;
    const bool safe = news.acked > 0 && events.newly_lost == 0;
    prr_.on_ack(news.delivered, pipe(board, view.mss, view.rules), ssthresh, safe, view.mss);
}

/* Timeouts */

void tcp_recovery::enter_loss(tcp_seq nxt)
{
    phase_ = phase::loss;
    recover_ = nxt;
    dup_acks_ = 0;
    urgent = true;
    prefer_new_data_ = false;
    reorder_at_ = NET_TIME_NEVER;
    tlp_end_seq_.reset();
}

bool tcp_recovery::on_timeout(tcp_scoreboard &board, const tcp_recovery_view &view, bool repeated)
{
    const bool fresh =
        phase_ == phase::open || !recover_ || *recover_ <= view.una || (phase_ == phase::loss && !repeated);
    frto_ = view.rules.frto && (phase_ == phase::open || repeated);
    if (fresh) remember(view);
    if (board.front().sacked) board.forget_sacks(); /* RFC 2018 8: the peer has reneged */
    board.mark_front_lost();
    /*
     * RFC 8985 6.3: with RACK only what was sent at least RACK.rtt ago is lost, besides the first segment, since the
     * rest may still be on its way (the RFC adds RACK.reo_wnd, which we leave out as Linux does). As long as no segment
     * was delivered, SRTT stands for RACK.rtt.
     */
    const bool by_age = view.rules.sack && view.rules.rack;
    const net_duration substitute = rack_.measured() ? net_duration::zero() : view.srtt;
    board.mark_lost_if(
        [&](const tcp_sent &segment) { return !by_age || rack_.overdue_at(segment, substitute) <= view.now; });
    enter_loss(view.nxt);
    return fresh;
}

void tcp_recovery::on_too_large(tcp_seq nxt)
{
    enter_loss(nxt); /* so that duplicate ACKs, for the smaller segments that got through, start no fast recovery */
    undo_una_.reset();
    frto_ = false;
}

tcp_recovery_events tcp_recovery::on_reorder_timer(tcp_scoreboard &board, const tcp_recovery_view &view)
{
    tcp_recovery_events events{.restart_timer = false};
    mark(board, view, events);
    if (phase_ == phase::open && board.lost() > 0) begin(board, view, events);
    return events;
}

/* Sending */

void tcp_recovery::on_sent(uint32_t bytes, bool retransmission, const tcp_recovery_view &view)
{
    if (phase_ == phase::fast) prr_.on_sent(bytes);
    if (!retransmission) return;
    if (!retransmit_ts_) retransmit_ts_ = view.timestamp;
    undo_retrans_++;
}

bool tcp_recovery::may_probe(const tcp_scoreboard &board, const tcp_recovery_rules &rules) const
{
    return phase_ == phase::open && rules.sack && !tlp_end_seq_ && !board.empty() && board.sacked() == 0;
}

void tcp_recovery::on_probe(tcp_seq nxt, bool retransmission)
{
    tlp_end_seq_ = nxt;
    tlp_is_retrans_ = retransmission;
}

bool tcp_recovery::new_data_waits(tcp_seq nxt)
{
    if (!prefer_new_data_ || (recover_ && nxt > *recover_)) return false;
    prefer_new_data_ = false;
    frto_ = false;
    return true;
}

uint32_t tcp_recovery::pipe(const tcp_scoreboard &board, uint32_t mss, const tcp_recovery_rules &rules) const
{
    /* RFC 3042: in the open phase what has arrived leaves the pipe, too, which lets new segments out. */
    const uint32_t arrived = rules.sack ? board.sacked() : dup_acks_ * mss;
    const bool held = phase_ == phase::open && !rules.limited_transmit;
    const uint32_t left = board.lost() + (held ? 0 : arrived);
    return board.outstanding() - std::min(board.outstanding(), left);
}

bool tcp_recovery::has_nothing_to_remember() const
{
    return phase_ == phase::open && reordering_distance_ == 0 && !recover_ && !undo_una_ && !tlp_end_seq_ &&
           !rack_.is_wary();
}

uint32_t tcp_recovery::window(uint32_t cwnd, const tcp_recovery_rules &rules) const
{
    return phase_ == phase::fast && rules.prr ? prr_.window() : cwnd;
}

} // namespace microps
