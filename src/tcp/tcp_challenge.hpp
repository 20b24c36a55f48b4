/*
 * tcp_challenge.hpp: answers to unacceptable segments, and how many (RFC 5961): any off-path attacker may send these.
 */
#pragma once

#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

namespace microps
{

/** Whether it is time for another answer to an unacceptable segment that may be anybody's. Counts it as given. */
bool tcp_may_answer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** An ACK for a segment outside of the window, or older than what we have. */
void tcp_answer_unacceptable(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** "Prove that you are the peer." */
void tcp_challenge_ack(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
