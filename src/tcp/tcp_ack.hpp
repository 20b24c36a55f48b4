/*
 * tcp_ack.hpp: the fifth step of SEGMENT ARRIVES: what an ACK means for SND.UNA, the send window and the state.
 */
#pragma once

#include "parts/tcp_seq.hpp"
#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

namespace microps
{

/**
 * Whether SEG.ACK is acceptable (RFC 5961 5.2): an off-path attacker who injects data would have to guess it. The RFC's
 * bound may lie before our ISS; an ACK of what we have never sent is not acceptable here.
 */
bool tcp_ack_is_acceptable(const tcp_pcb &pcb, tcp_seq ack);
/** The fifth step. */
step tcp_check_ack(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Takes over SND.WND from a segment, if it is newer than the last (RFC 9293 3.10.7.4). */
void tcp_send_window_update(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Enters ESTABLISHED: both SYNs are acknowledged. */
void tcp_enter_established(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Whether the peer has acknowledged our FIN. */
bool tcp_fin_acknowledged(const tcp_pcb &pcb);

} // namespace microps
