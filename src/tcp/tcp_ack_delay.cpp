/*
 * tcp_ack_delay.cpp: quick and delayed ACKs; and for a connection: when it acknowledges (RFC 9293 3.8.6.3, RFC 5681
 * 4.2). An ACK is never sent while a batch is read, but for duplicate ACKs: it is owed (ack_now) or waits for the
 * timer, and one answers the whole batch.
 */
#include "tcp_ack_delay.hpp"

#include "tcp_internal.hpp"

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

/* Of a connection */

uint32_t tcp_full_size(const tcp_pcb &pcb)
{
    return std::max(pcb.rcv_mss, std::min(TCP_MSS_DEFAULT, uint32_t{pcb.mss_offered}));
}

/** How many quick ACKs a window's worth of segments is worth. */
static unsigned tcp_quick_acks_wanted(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const uint32_t window = pcb.rcv.edge.since(pcb.rcv.acked); /* as the peer knows it */
    return std::min(std::max(window / (2 * tcp_full_size(pcb)), 2u), pcb.tcp.config.quick_acks);
}

void tcp_quick_acks(tcp_pcb &pcb) { pcb.ack_delay.quicken(pcb.tcp.config.delayed_ack, tcp_quick_acks_wanted(pcb)); }

void tcp_acknowledge(tcp_pcb &pcb, size_t received)
{
    const tcp_config &config = pcb.tcp.config;
    pcb.ack_delay.on_data(pcb.net.clock.now(), config.delayed_ack, pcb.rtt.rto(), tcp_quick_acks_wanted(pcb));
    pcb.ack_pending += static_cast<uint32_t>(received);
    if (pcb.ack_delay.at_once() || pcb.ack_pending > tcp_full_size(pcb)) pcb.ack_now = true;
    if (pcb.ack_now || pcb.ack_timer.armed()) return;
    pcb.ack_timer.arm(pcb.ack_delay.delay(config.delayed_ack, config.delayed_ack_max, pcb.rtt.srtt()));
}

void tcp_ack_sent(tcp_pcb &pcb, bool with_data)
{
    pcb.rcv.acked = pcb.rcv.nxt;
    pcb.ack_now = false;
    pcb.ack_pending = 0;
    pcb.ack_timer.cancel();
    pcb.ack_delay.on_sent(pcb.net.clock.now(), with_data);
}

void tcp_ack_timer(tcp_pcb &pcb)
{
    net_count(pcb.net, counter::tcp_delayed_acks);
    pcb.ack_delay.on_timer(pcb.tcp.config.delayed_ack, pcb.rtt.rto());
    pcb.ack_now = true;
    tcp_output_request(pcb);
}

void tcp_quickack_set(tcp_pcb &pcb, int value)
{
    pcb.ack_delay.set_interactive(value == 0);
    if (value == 0 || pcb.ack_pending == 0) return;
    pcb.ack_now = true;
    tcp_output_request(pcb);
    if (value % 2 == 0) pcb.ack_delay.set_interactive(true); /* as Linux: an even value means this one ACK only */
}

} // namespace microps
