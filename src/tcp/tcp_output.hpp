/*
 * tcp_output.hpp: what is sent, and when: data as the windows permit, and segments without data.
 */
#pragma once

#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

#include <cstddef>

namespace microps
{

/** Wants tcp_output() when the batch is done. */
void tcp_output_request(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Runs every requested output. */
void tcp_output_run(tcp_layer &tcp) MICROPS_REQUIRES(net_locked);
/** Sends what may be sent: what is lost, then what is new, then the ACK that is owed. */
void tcp_output(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Sends our SYN or SYN-ACK for the first time. */
void tcp_output_syn(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, now; as the RST, not from beyond a window that the peer has taken back. */
void tcp_output_ack(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The loss probe: new data, or the last segment again, whatever the congestion window says (RFC 8985 7.3). */
void tcp_output_loss_probe(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** A segment that the peer must answer, without data: SND.UNA - 1. Of a closed window, or to see whether it lives. */
void tcp_output_probe(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK> */
void tcp_output_rst(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The RST that RFC 9293 3.5.2 group 1 and 2 answer a segment with that belongs to no connection. */
void tcp_output_reset_for(tcp_layer &tcp, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Bytes in the send ring that were never sent. */
size_t tcp_unsent(const tcp_pcb &pcb);

} // namespace microps
