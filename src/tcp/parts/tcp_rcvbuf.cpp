/*
 * tcp_rcvbuf.cpp: the measurements behind dynamic right-sizing of the receive buffer, with the constants of Linux'
 * tcp_rcv_space_adjust(), which have proved enough for senders in slow start.
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
    if (std::exchange(echo_, echo) == echo) return; /* a repeated echo tells only that the sender had paused */
    const net_duration sample = std::max<net_duration>(age, std::chrono::milliseconds(1));
    /* A pause of the sender makes a sample too long, and nothing makes it too short: a smaller one counts at once. */
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
    /* Twice what was read in this round trip, and for a sender in slow start twice that in proportion to its growth. */
    const uint64_t window = 2 * amount + 4 * amount * growth / space_;
    space_ = static_cast<uint32_t>(amount);
    return window;
}

} // namespace microps
