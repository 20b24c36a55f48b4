/*
 * tcp_rcvbuf.cpp: dynamic right-sizing of the receive buffer, with Linux' constants.
 */
#include "tcp_rcvbuf.hpp"

#include <algorithm>
#include <utility>

namespace microps
{

void tcp_rcvbuf::begin(net_time now, tcp_seq taken, tcp_seq edge, uint32_t space)
{
    *this = {};
    taken_ = taken;
    window_end_ = edge;
    taken_since_ = window_since_ = now;
    space_ = std::max(space, uint32_t{1});
}

void tcp_rcvbuf::on_echo(uint32_t echo, net_duration age)
{
    if (std::exchange(echo_, echo) == echo) return; /* the same again says when the sender had something to send */
    const net_duration sample = std::max<net_duration>(age, std::chrono::milliseconds(1));
    /* A sender that pauses makes it too long, nothing too short: down at once, up by and by. */
    rtt_ = rtt_ == net_duration::zero() || sample < rtt_ ? sample : rtt_ + (sample - rtt_) / 8;
}

void tcp_rcvbuf::on_data(net_time now, tcp_seq next, tcp_seq edge)
{
    if (next < window_end_) return;
    const net_duration sample = std::max(now - window_since_, net_duration(1));
    if (rtt_ == net_duration::zero() || sample < rtt_) rtt_ = sample;
    window_end_ = edge;
    window_since_ = now;
}

uint64_t tcp_rcvbuf::on_read(net_time now, tcp_seq taken)
{
    if (rtt_ == net_duration::zero() || now - taken_since_ < rtt_) return 0;
    const uint64_t amount = taken.since(taken_);
    taken_ = taken;
    taken_since_ = now;
    if (amount <= space_) return 0;
    const uint64_t growth = amount - space_;
    const uint64_t window = 2 * amount + 4 * amount * growth / space_;
    space_ = static_cast<uint32_t>(amount);
    return window;
}

} // namespace microps
