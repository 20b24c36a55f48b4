/*
 * tcp_acknowledge.cpp: when a connection acknowledges (RFC 9293 3.8.6.3, RFC 5681 4.2). An ACK is never sent while a
 * batch is read, but for duplicate ACKs: it is owed (ack.now) or waits for the timer, and one answers the whole batch.
 * How long it may wait is for parts/tcp_ack_delay.hpp to decide.
 */
#include "tcp_acknowledge.hpp"

#include "tcp_layer.hpp"
#include "tcp_output.hpp"
#include "tcp_segment.hpp"

#include <algorithm>

namespace microps
{

uint32_t tcp_full_size(const tcp_pcb &pcb)
{
    return std::max(pcb.mss.rcv, std::min(TCP_MSS_DEFAULT, uint32_t{pcb.mss.offered}));
}

/** How many quick ACKs to send: one for two full-sized segments of the window. */
static unsigned tcp_quick_acks_wanted(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const uint32_t window = pcb.rcv.edge.since(pcb.rcv.acked); /* as we have advertised it */
    return std::min(std::max(window / (2 * tcp_full_size(pcb)), 2u), pcb.tcp.config.quick_acks);
}

void tcp_quick_acks(tcp_pcb &pcb) { pcb.ack.delay.quicken(pcb.tcp.config.delayed_ack, tcp_quick_acks_wanted(pcb)); }

void tcp_acknowledge(tcp_pcb &pcb, size_t received)
{
    const tcp_config &config = pcb.tcp.config;
    pcb.ack.delay.on_data(pcb.net.clock.now(), config.delayed_ack, pcb.rtt.rto(), tcp_quick_acks_wanted(pcb));
    pcb.ack.pending += static_cast<uint32_t>(received);
    if (pcb.ack.delay.at_once() || pcb.ack.pending > tcp_full_size(pcb)) pcb.ack.now = true;
    if (pcb.ack.now || pcb.ack_timer.armed()) return;
    pcb.ack_timer.arm(pcb.ack.delay.delay(config.delayed_ack, config.delayed_ack_max, pcb.rtt.srtt()));
}

void tcp_ack_sent(tcp_pcb &pcb, bool with_data)
{
    pcb.rcv.acked = pcb.rcv.nxt;
    pcb.ack.now = false;
    pcb.ack.pending = 0;
    pcb.ack_timer.cancel();
    pcb.ack.delay.on_sent(pcb.net.clock.now(), with_data);
}

void tcp_ack_timer(tcp_pcb &pcb)
{
    net_count(pcb.net, counter::tcp_delayed_acks);
    pcb.ack.delay.on_timer(pcb.tcp.config.delayed_ack, pcb.rtt.rto());
    pcb.ack.now = true;
    tcp_output_request(pcb);
}

void tcp_quickack_set(tcp_pcb &pcb, int value)
{
    pcb.ack.delay.set_interactive(value == 0);
    if (value == 0 || pcb.ack.pending == 0) return;
    pcb.ack.now = true;
    tcp_output_request(pcb);
    /* An even value means this one ACK only (Linux' rule for TCP_QUICKACK). */
    if (value % 2 == 0) pcb.ack.delay.set_interactive(true);
}

} // namespace microps
