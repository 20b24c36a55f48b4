/*
 * tcp_ack_delay.cpp: quick and delayed ACKs.
 */
#include "tcp_ack_delay.hpp"

#include <algorithm>

namespace microps
{

void tcp_ack_delay::add_quick(unsigned quick)
{
    quick_ = std::max(quick_, static_cast<uint8_t>(std::min<unsigned>(quick, UINT8_MAX)));
}

void tcp_ack_delay::quicken(net_duration min, unsigned quick)
{
    add_quick(quick);
    interactive_ = false;
    timeout_ = min;
}

void tcp_ack_delay::on_data(net_time now, net_duration min, net_duration rto, unsigned quick)
{
    const net_duration gap = now - last_data_;
    last_data_ = now;
    if (timeout_ == net_duration::zero()) {
        timeout_ = min;
        add_quick(quick);
    } else if (gap <= min / 2) { /* segment upon segment */
        timeout_ = timeout_ / 2 + min / 2;
    } else if (gap < timeout_) {
        timeout_ = std::min(timeout_ / 2 + gap, rto);
    } else if (gap > rto) { /* RFC 5681 4.1: the peer begins with a small window again */
        add_quick(quick);
    }
}

void tcp_ack_delay::on_sent(net_time now, bool with_data)
{
    if (quick_ > 0) quick_--;
    if (with_data && now - last_data_ < timeout_) interactive_ = true;
}

void tcp_ack_delay::on_timer(net_duration min, net_duration rto)
{
    timeout_ = interactive_ ? min : std::max(min, std::min(2 * timeout_, rto));
    interactive_ = false;
}

net_duration tcp_ack_delay::delay(net_duration min, net_duration max, net_duration srtt) const
{
    if (timeout_ <= min) return std::min(min, max);
    /* Within a round trip if that is known, lest the peer believes that its segment is lost. */
    const net_duration bound = srtt > net_duration::zero() ? std::max(srtt, min) : max;
    return std::min({timeout_, bound, max});
}

} // namespace microps
