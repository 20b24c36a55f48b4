/*
 * tcp_recovery.cpp: what each ACK and each timer means for what is lost.
 */
#include "tcp_recovery.hpp"

#include "tcp_options.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace microps
{

/** The ACK echoes a timestamp from before the segment was sent last: it is for an earlier transmission. */
static bool echo_is_older(const tcp_recovery_view &view, const tcp_sent &segment)
{
    if (!view.echo) return false;
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(view.now - segment.when);
    const uint32_t sent = view.timestamp - static_cast<uint32_t>(age.count());
    return tcp_timestamp_before(*view.echo, sent - 1); /* rounded milliseconds */
}

/* What was delivered */

void tcp_recovery::on_delivered(const tcp_scoreboard &board, const tcp_sent &segment, const tcp_recovery_view &view,
                                tcp_ack_news &news)
{
    news.delivered += segment.size();
    if (!segment.resent && recover_ && segment.last <= *recover_) news.original = true;
    if (!(segment.resent && echo_is_older(view, segment))) rack_.on_delivered(segment, view.now, view.min_rtt);
    const bool overtaken = board.sacked() > 0 && segment.last < board.highest_sacked();
    if (segment.resent || !overtaken) return;
    news.reordered = true;
    const uint32_t distance = board.highest_sacked().since(segment.first) / view.mss;
    reordering_ = static_cast<uint16_t>(std::max<uint32_t>(reordering_, std::min(distance, view.rules.dup_thresh_max)));
}

uint32_t tcp_recovery::dup_thresh(const tcp_recovery_rules &rules) const
{
    return std::max<uint32_t>(rules.dup_thresh, reordering_);
}

/* Without SACK, each duplicate ACK stands for a segment that has arrived behind the hole. */
void tcp_recovery::count_duplicates(const tcp_recovery_view &view, tcp_ack_news &news)
{
    if (news.duplicate) {
        /* After a timeout, duplicates only show that segments arrived which we sent again for nothing. */
        if (phase_ == phase::loss && !(recover_ && view.nxt > *recover_)) return;
        duplicates_++;
        news.delivered += view.mss;
    }
    if (news.acked == 0) return;
    if (phase_ != phase::fast) {
        duplicates_ = 0;
        return;
    }
    /* RFC 6582 3.2 step 3: what lay between this hole and the last one had left the network already. */
    const uint32_t segments = std::max(news.acked / view.mss, uint32_t{1});
    const uint32_t counted = std::min(duplicates_, segments - 1);
    duplicates_ -= counted;
    news.delivered -= std::min(news.delivered, counted * view.mss);
}

/* What is lost */

/* RFC 8985 6.2 step 5. Nothing can be overtaken while nothing is SACKed and nothing was sent again. */
void tcp_recovery::mark_overdue(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events)
{
    if (board.sacked() == 0 && !board.has_resent()) return;
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
        if (segment.resent) events.lost_retransmissions++;
        return true;
    });
    if (latest > net_time{}) reorder_at_ = latest;
}

/* RFC 6675 4, IsLost(): DupThresh later segments have arrived, or more than DupThresh - 1 segments' worth of bytes. */
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
        board.mark_lost_if([&](const tcp_sent &segment) { return segment.last <= limit && !segment.resent; });
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
    if (!news.duplicate || duplicates_ < dup_thresh(view.rules)) return false;
    /* RFC 6582 3.2 step 2: still the echo of the last recovery, unless the ACK covers more than `recover`. */
    return !recover_ || view.una > *recover_;
}

/* Recoveries */

void tcp_recovery::remember(const tcp_recovery_view &view)
{
    undo_from_ = view.una;
    first_again_.reset();
    again_count_ = 0;
}

void tcp_recovery::begin(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events)
{
    phase_ = phase::fast;
    recover_ = view.nxt;
    first_partial_ = true;
    urgent = true;
    probe_.reset();
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
    duplicates_ = 0;
    rack_.on_recovered();
    /* Without SACK, duplicates of what was sent during recovery may still come: until more is acknowledged. */
    if (view.rules.sack || (recover_ && view.una > *recover_)) recover_.reset();
}

bool tcp_recovery::echoes_original(const tcp_recovery_view &view) const
{
    return view.echo && first_again_ && tcp_timestamp_before(*view.echo, *first_again_);
}

/* The retransmissions were for nothing: the peer had everything twice, or answers what was sent before them. */
bool tcp_recovery::undo_is_due(const tcp_recovery_view &view) const
{
    if (!view.rules.undo || !undo_from_ || !first_again_) return false;
    return again_count_ == 0 || echoes_original(view);
}

void tcp_recovery::dsack(const tcp_recovery_view &view, const tcp_ack_news &news)
{
    if (view.rules.rack) rack_.on_dsack(view.una, view.nxt);
    if (undo_from_ && news.dsack_last > *undo_from_) again_count_ -= std::min<uint32_t>(again_count_, news.dsacked);
}

/* RFC 8985 7.4.2: the ACK behind a loss probe tells whether the probe repaired a loss. */
void tcp_recovery::probe_answered(const tcp_recovery_view &view, const tcp_ack_news &news, tcp_recovery_events &events)
{
    if (!probe_ || view.una < *probe_) return;
    const bool unneeded = !probe_again_ || news.dsacked > 0 || (news.acked == 0 && news.duplicate && news.sacked == 0);
    if (!unneeded && view.una == *probe_) return; /* not certain yet */
    probe_.reset();
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
    if (view.rules.undo && undo_from_ && echoes_original(view) &&
        !board.has_resent()) { /* the hole was filled by what was late */
        events.undo = events.partial_undo = true;
        board.forget_losses();
        return finish(view);
    }
    if (view.rules.sack) return;
    mark_front(board, events); /* RFC 6582 3.2 step 3, partial: the next hole */
    urgent = true;
    events.restart_timer = std::exchange(first_partial_, false);
}

/* RFC 5682 section 2 and 3, and section 4's undo; timestamps decide at the first ACK. */
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
    if (frto_ && view.nxt > *recover_ && (news.sacked > 0 || news.duplicate)) frto_ = false; /* step 3a: a real loss */
    if (frto_ && view.nxt == *recover_ && news.acked > 0 && !recovered) {                    /* step 2b */
        prefer_new_ = news.new_data_may_go;
        frto_ = news.new_data_may_go;
    }
    if (recovered) finish(view);
}

tcp_recovery_events tcp_recovery::on_ack(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_ack_news &news)
{
    tcp_recovery_events events{.restart_timer = news.acked > 0};
    prefer_new_ = false;
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
    if (events.undo) undo_from_.reset();
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

/* Timers */

void tcp_recovery::enter_loss(tcp_seq nxt)
{
    phase_ = phase::loss;
    recover_ = nxt;
    duplicates_ = 0;
    urgent = true;
    prefer_new_ = false;
    reorder_at_ = NET_TIME_NEVER;
    probe_.reset();
}

bool tcp_recovery::on_timeout(tcp_scoreboard &board, const tcp_recovery_view &view, bool again)
{
    const bool fresh = phase_ == phase::open || !recover_ || *recover_ <= view.una || (phase_ == phase::loss && !again);
    frto_ = view.rules.frto && (phase_ == phase::open || again);
    if (fresh) remember(view);
    if (board.front().sacked) board.forget_sacks(); /* RFC 2018 8: the peer has reneged */
    board.mark_front_lost();
    /* What RACK knows to be young may well be on its way; as long as nothing has arrived, the estimate tells what is. */
    const bool excuse = view.rules.sack && view.rules.rack;
    const net_duration unknown = rack_.measured() ? net_duration::zero() : view.srtt;
    board.mark_lost_if(
        [&](const tcp_sent &segment) { return !excuse || rack_.overdue_at(segment, unknown) <= view.now; });
    enter_loss(view.nxt);
    return fresh;
}

void tcp_recovery::on_too_large(tcp_seq nxt)
{
    enter_loss(nxt); /* so that what got through, and is acknowledged again and again, starts no recovery */
    undo_from_.reset();
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

void tcp_recovery::on_sent(uint32_t bytes, bool again, const tcp_recovery_view &view)
{
    if (phase_ == phase::fast) prr_.on_sent(bytes);
    if (!again) return;
    if (!first_again_) first_again_ = view.timestamp;
    again_count_++;
}

bool tcp_recovery::may_probe(const tcp_scoreboard &board, const tcp_recovery_rules &rules) const
{
    return phase_ == phase::open && rules.sack && !probe_ && !board.empty() && board.sacked() == 0;
}

void tcp_recovery::on_probe(tcp_seq nxt, bool again)
{
    probe_ = nxt;
    probe_again_ = again;
}

bool tcp_recovery::new_data_waits(tcp_seq nxt)
{
    if (!prefer_new_ || (recover_ && nxt > *recover_)) return false;
    prefer_new_ = false;
    frto_ = false;
    return true;
}

uint32_t tcp_recovery::pipe(const tcp_scoreboard &board, uint32_t mss, const tcp_recovery_rules &rules) const
{
    const uint32_t arrived = rules.sack ? board.sacked() : duplicates_ * mss;
    const bool held = phase_ == phase::open && !rules.limited_transmit;
    const uint32_t left = board.lost() + (held ? 0 : arrived);
    return board.outstanding() - std::min(board.outstanding(), left);
}

bool tcp_recovery::has_nothing_to_remember() const
{
    return phase_ == phase::open && reordering_ == 0 && !recover_ && !undo_from_ && !probe_ && !rack_.is_wary();
}

uint32_t tcp_recovery::window(uint32_t cwnd, const tcp_recovery_rules &rules) const
{
    return phase_ == phase::fast && rules.prr ? prr_.window() : cwnd;
}

} // namespace microps
