/*
 * tcp_rtt.cpp: RFC 6298 section 2.
 */
#include "tcp_rtt.hpp"

#include <algorithm>

namespace microps
{

void tcp_rtt::on_sample(net_duration rtt)
{
    rtt = std::max(rtt, net_duration(1)); /* a virtual clock may stand still */
    if (!measured()) {                    /* 2.2 */
        srtt_ = rtt;
        rttvar_ = rtt / 2;
    } else { /* 2.3, with beta = 1/4 and alpha = 1/8 */
        const net_duration deviation = srtt_ > rtt ? srtt_ - rtt : rtt - srtt_;
        rttvar_ += (deviation - rttvar_) / 4;
        srtt_ += (rtt - srtt_) / 8;
    }
    /*
     * Linux' form of the lower bound: RTO = SRTT + max(min, 4 * RTTVAR). The RFC's max(min, SRTT + 4 * RTTVAR) would
     * leave no room for a delayed ACK on a path whose round trip is about the minimum and steady.
     */
    rto_ = std::min(srtt_ + std::max(min_, 4 * rttvar_), max_);
}

void tcp_rtt::back_off() { rto_ = std::min(2 * rto_, max_); }

void tcp_rtt::restart(net_duration initial)
{
    srtt_ = net_duration::zero();
    rttvar_ = net_duration::zero();
    rto_ = std::min(initial, max_);
}

} // namespace microps
