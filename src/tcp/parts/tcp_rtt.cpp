/*
 * tcp_rtt.cpp: RFC 6298 section 2.
 */
#include "tcp_rtt.hpp"

#include <algorithm>
#include <utility>

namespace microps
{

/** Paths change: what was the shortest round trip long ago is forgotten (as Linux, after five minutes). */
static constexpr net_duration RTT_MIN_WINDOW = std::chrono::minutes(5);

void tcp_rtt::on_sample(net_duration rtt, net_time now, uint32_t per_flight)
{
    rtt = std::clamp<net_duration>(rtt, net_duration(1), max_); /* a virtual clock may stand still */
    const auto rounded = std::chrono::duration_cast<short_duration>(rtt);
    if (!measured()) { /* 2.2 */
        srtt_ = rtt;
        rttvar_ = rtt / 2;
        shortest_ = shortest_before_ = rounded;
        window_since_ = now;
    } else { /* 2.3, with beta = 1/4 and alpha = 1/8 */
        const int64_t n = per_flight;
        const net_duration deviation = srtt_ > rtt ? srtt_ - rtt : rtt - srtt_;
        rttvar_ += (deviation - rttvar_) / (4 * n);
        srtt_ += (rtt - srtt_) / (8 * n);
    }
    if (now - window_since_ >= RTT_MIN_WINDOW) {
        shortest_before_ = std::exchange(shortest_, rounded);
        window_since_ = now;
    }
    shortest_ = std::min(shortest_, rounded);
    /*
     * Linux' form of the lower bound: RTO = SRTT + max(min, 4 * RTTVAR). The RFC's max(min, SRTT + 4 * RTTVAR) would
     * leave no room for a delayed ACK on a path whose round trip is about the minimum and steady.
     */
    rto_ = std::min(srtt_ + std::max<net_duration>(min_, 4 * rttvar_), net_duration(max_));
}

void tcp_rtt::back_off() { rto_ = std::min<net_duration>(2 * rto_, max_); }

void tcp_rtt::restart(net_duration initial)
{
    srtt_ = net_duration::zero();
    rttvar_ = net_duration::zero();
    shortest_ = shortest_before_ = short_duration::zero();
    rto_ = std::min<net_duration>(initial, max_);
}

} // namespace microps
