/*
 * tcp_rack.cpp: RFC 8985 section 6.2, step by step.
 */
#include "tcp_rack.hpp"

#include <algorithm>

namespace microps
{

static constexpr uint8_t RACK_PERSIST = 16;

/** RACK_sent_after(): by time, and by sequence number where the clock did not move. */
static bool sent_after(net_time a, tcp_seq a_last, net_time b, tcp_seq b_last)
{
    return a > b || (a == b && a_last > b_last);
}

void tcp_rack::on_delivered(const tcp_sent &segment, net_time now, net_duration min_rtt)
{
    const net_duration rtt = now - segment.when;
    /* Step 2: so soon after it was sent again, what has arrived was the original. */
    if (segment.resent && rtt < min_rtt) return;
    if (!measured_ || segment.last > highest_) {
        highest_ = segment.last;
    } else if (segment.last < highest_ && !segment.resent) {
        reordering_seen_ = true; /* step 3 */
    }
    if (!measured_ || sent_after(segment.when, segment.last, sent_, last_)) {
        rtt_ = rtt;
        sent_ = segment.when;
        last_ = segment.last;
    }
    measured_ = true;
}

void tcp_rack::on_dsack(tcp_seq una, tcp_seq nxt)
{
    if (in_dsack_round_ && una < dsack_round_) return;
    in_dsack_round_ = true;
    dsack_round_ = nxt;
    persist_ = RACK_PERSIST;
    if (multiplier_ < UINT8_MAX) multiplier_++;
}

void tcp_rack::on_recovered()
{
    if (persist_ > 0) persist_--;
    if (persist_ == 0) multiplier_ = 1;
}

net_duration tcp_rack::window(bool waiting, net_duration min_rtt, net_duration srtt) const
{
    if (!reordering_seen_ && !waiting) return net_duration::zero();
    return std::min(multiplier_ * min_rtt / 4, srtt);
}

bool tcp_rack::is_overtaken(const tcp_sent &segment) const
{
    return measured_ && sent_after(sent_, last_, segment.when, segment.last);
}

} // namespace microps
