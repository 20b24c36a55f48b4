/*
 * tcp_output.hpp: what is sent, and when: data, as the windows permit, and segments without data.
 */
#pragma once

#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

#include <cstddef>

namespace microps
{

/** Asks for tcp_output() when the batch is done. */
void tcp_output_request(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Runs tcp_output() for every PCB that has requested it. */
void tcp_output_run(tcp_layer &tcp) MICROPS_REQUIRES(net_locked);
/** Sends what may be sent: retransmissions, then new data, then an ACK if one is due. */
void tcp_output(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Sends our SYN or SYN-ACK for the first time. */
void tcp_output_syn(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Sends <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> at once; SEQ is less if the peer has shrunk its window. */
void tcp_output_ack(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Sends a tail loss probe (RFC 8985 7.3): new data, or a retransmission of the last segment, whatever cwnd is. */
void tcp_output_loss_probe(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** A zero window probe or a keepalive: a segment at SND.UNA - 1 without data, which the peer must answer. */
void tcp_output_probe(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Sends <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>; SEQ as for tcp_output_ack(). */
void tcp_output_rst(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Answers a segment that belongs to no connection with a RST (RFC 9293 3.5.2, group 1 and 2). */
void tcp_output_reset_for(tcp_layer &tcp, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** How many bytes of the send buffer have not been sent yet. */
size_t tcp_unsent(const tcp_pcb &pcb);

} // namespace microps
