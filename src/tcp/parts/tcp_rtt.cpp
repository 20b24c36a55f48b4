/*
 * tcp_rtt.cpp: the computation of SRTT, RTTVAR and RTO (RFC 6298 2).
 */
#include "tcp_rtt.hpp"

#include <algorithm>
#include <utility>

namespace microps
{

/**
 * Paths change, so the shortest round trip is that of the last five to ten minutes (Linux' tcp_min_rtt_wlen: 300 s).
 */
static constexpr net_duration RTT_MIN_WINDOW = std::chrono::minutes(5);

void tcp_rtt::on_sample(net_duration rtt, net_time now, uint32_t per_flight)
{
    /* A virtual clock may stand still, but an SRTT of zero means that nothing was measured. */
    rtt = std::clamp<net_duration>(rtt, net_duration(1), max_);
    const auto rounded = std::chrono::duration_cast<short_duration>(rtt);
    if (!measured()) { /* 2.2 */
        srtt_ = rtt;
        rttvar_ = rtt / 2;
        min_rtt_ = previous_min_rtt_ = rounded;
        window_since_ = now;
    } else { /* 2.3, with beta = 1/4 and alpha = 1/8 */
        const int64_t n = per_flight;
        const net_duration deviation = srtt_ > rtt ? srtt_ - rtt : rtt - srtt_;
        rttvar_ += (deviation - rttvar_) / (4 * n);
        srtt_ += (rtt - srtt_) / (8 * n);
    }
    if (now - window_since_ >= RTT_MIN_WINDOW) {
        previous_min_rtt_ = std::exchange(min_rtt_, rounded);
        window_since_ = now;
    }
    min_rtt_ = std::min(min_rtt_, rounded);
    /*
     * 2.2 to 2.4: RTO = SRTT + max(G, 4 * RTTVAR), and at least the minimum. We follow Linux, which puts the minimum in
     * the place of G: with max(min, SRTT + 4 * RTTVAR) and a minimum below the RFC's 1 s, a steady round trip of about
     * the minimum would leave no time for a delayed ACK, and the timeout would be spurious.
     */
    rto_ = std::min(srtt_ + std::max<net_duration>(min_, 4 * rttvar_), net_duration(max_));
}

void tcp_rtt::back_off() { rto_ = std::min<net_duration>(2 * rto_, max_); }

void tcp_rtt::restart(net_duration initial)
{
    srtt_ = net_duration::zero();
    rttvar_ = net_duration::zero();
    min_rtt_ = previous_min_rtt_ = short_duration::zero();
    rto_ = std::min<net_duration>(initial, max_);
}

} // namespace microps
