/*
 * tcp_loss.hpp: loss recovery: what ACKs and timers say about the segments we have sent (RFC 5681, 6675, 8985).
 */
#pragma once

#include "parts/tcp_recovery.hpp"
#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

#include <cstdint>

namespace microps
{

/** Which mechanisms of loss recovery are on for this connection. */
tcp_recovery_rules tcp_rules(const tcp_pcb &pcb);
/** The connection at this moment, as recovery must know it. */
tcp_recovery_view tcp_view(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** An acceptable ACK, with its SACK blocks, has come. @p duplicate: a duplicate ACK (RFC 5681 2). */
void tcp_acknowledged(tcp_pcb &pcb, const tcp_segment &seg, bool duplicate) MICROPS_REQUIRES(net_locked);
/** The retransmission timer expired. @p repeated: nothing was acknowledged since it expired last. */
void tcp_loss_timeout(tcp_pcb &pcb, bool repeated) MICROPS_REQUIRES(net_locked);
/** RACK's reordering timer expired (RFC 8985 6.2 step 5). */
void tcp_reorder_timeout(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Whether a tail loss probe may be sent, and when (RFC 8985 7.2). */
bool tcp_loss_probe_wanted(const tcp_pcb &pcb);
net_time tcp_loss_probe_at(const tcp_pcb &pcb);
/** RFC 6675's pipe: how many bytes are in the network, as far as is known. */
uint32_t tcp_pipe(const tcp_pcb &pcb);

} // namespace microps
