/*
 * tcp_rack.cpp: RACK's steps upon receiving an ACK (RFC 8985 6.2), in the RFC's variables.
 */
#include "tcp_rack.hpp"

#include <algorithm>

namespace microps
{

static constexpr uint8_t REO_WND_PERSIST = 16; /* 6.2 step 4: recoveries that keep a widened reordering window */

void tcp_rack::on_delivered(const tcp_sent &segment, net_time now, net_duration min_rtt)
{
    const net_duration rtt = now - segment.when;
    /* Step 2: an answer sooner than RACK.min_RTT after the retransmission is an answer to the original. */
    if (segment.retransmitted && rtt < min_rtt) return;
    if (!measured_ || segment.last > fack_) {
        fack_ = segment.last;
    } else if (segment.last < fack_ && !segment.retransmitted) {
        reordering_seen_ = true; /* step 3: an original was delivered after a later one */
    }
    if (!measured_ || sent_after(segment.when, segment.last, xmit_ts_, end_seq_)) {
        rtt_ = rtt;
        xmit_ts_ = segment.when;
        end_seq_ = segment.last;
    }
    measured_ = true;
}

void tcp_rack::on_dsack(tcp_seq una, tcp_seq nxt)
{
    if (in_dsack_round_ && una < dsack_round_) return;
    in_dsack_round_ = true;
    dsack_round_ = nxt;
    reo_wnd_persist_ = REO_WND_PERSIST;
    if (reo_wnd_mult_ < UINT8_MAX) reo_wnd_mult_++;
}

void tcp_rack::on_recovered()
{
    if (reo_wnd_persist_ > 0) reo_wnd_persist_--;
    if (reo_wnd_persist_ == 0) reo_wnd_mult_ = 1;
}

net_duration tcp_rack::window(bool waiting, net_duration min_rtt, net_duration srtt) const
{
    if (!reordering_seen_ && !waiting) return net_duration::zero();
    return std::min(reo_wnd_mult_ * min_rtt / 4, srtt);
}

} // namespace microps
