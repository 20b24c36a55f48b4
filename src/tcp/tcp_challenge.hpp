/*
 * tcp_challenge.hpp: answers to unacceptable segments, and how many (RFC 5961): any off-path attacker may send these.
 */
#pragma once

#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

namespace microps
{

/** Whether another unacceptable segment may be answered now: anybody may have sent it. Counts the answer. */
bool tcp_may_answer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Sends an ACK for a segment outside of the window, or older than what we have. */
void tcp_answer_unacceptable(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Sends a challenge ACK, within the limits. */
void tcp_challenge_ack(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
