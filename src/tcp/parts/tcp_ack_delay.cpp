/*
 * tcp_ack_delay.cpp: how the time that a delayed ACK may wait follows the arrival of data, and how many quick ACKs are
 * left. The rules and constants are Linux' (tcp_event_data_recv()), so that a peer sees the pattern of ACKs that it
 * sees from most receivers.
 */
#include "tcp_ack_delay.hpp"

#include <algorithm>

namespace microps
{

void tcp_ack_delay::add_quick(unsigned quick)
{
    quick_acks_ = std::max(quick_acks_, static_cast<uint8_t>(std::min<unsigned>(quick, UINT8_MAX)));
}

void tcp_ack_delay::quicken(net_duration min, unsigned quick)
{
    add_quick(quick);
    interactive_ = false;
    ato_ = min;
}

void tcp_ack_delay::on_data(net_time now, net_duration min, net_duration rto, unsigned quick)
{
    const net_duration gap = now - last_data_;
    last_data_ = now;
    if (ato_ == net_duration::zero()) {
        ato_ = min;
        add_quick(quick);
    } else if (gap <= min / 2) { /* segments follow each other closely */
        ato_ = ato_ / 2 + min / 2;
    } else if (gap < ato_) {
        ato_ = std::min(ato_ / 2 + gap, rto);
    } else if (gap > rto) { /* RFC 5681 4.1: after such a pause the peer restarts with a small cwnd */
        add_quick(quick);
    }
}

void tcp_ack_delay::on_sent(net_time now, bool with_data)
{
    if (quick_acks_ > 0) quick_acks_--;
    if (with_data && now - last_data_ < ato_) interactive_ = true;
}

void tcp_ack_delay::on_timer(net_duration min, net_duration rto)
{
    ato_ = interactive_ ? min : std::max(min, std::min(2 * ato_, rto));
    interactive_ = false;
}

net_duration tcp_ack_delay::delay(net_duration min, net_duration max, net_duration srtt) const
{
    if (ato_ <= min) return std::min(min, max);
    /* An ACK that waited longer than a round trip could make the peer take its segment for lost. */
    const net_duration bound = srtt > net_duration::zero() ? std::max(srtt, min) : max;
    return std::min({ato_, bound, max});
}

} // namespace microps
