/*
 * tcp_loss.hpp: loss recovery: what ACKs and timers say about the segments we have sent.
 */
#pragma once

#include "parts/tcp_recovery.hpp"
#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

#include <cstdint>

namespace microps
{

/** Which mechanisms are on for this connection. */
tcp_recovery_rules tcp_rules(const tcp_pcb &pcb);
tcp_recovery_view tcp_view(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** An acceptable ACK, with its SACK blocks. @p duplicate: as RFC 5681 2 defines it. */
void tcp_acknowledged(tcp_pcb &pcb, const tcp_segment &seg, bool duplicate) MICROPS_REQUIRES(net_locked);
/** The retransmission timer expired; @p again: nothing was acknowledged since it did last. */
void tcp_loss_timeout(tcp_pcb &pcb, bool again) MICROPS_REQUIRES(net_locked);
void tcp_reorder_timeout(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
bool tcp_loss_probe_wanted(const tcp_pcb &pcb);
net_time tcp_loss_probe_at(const tcp_pcb &pcb);
/** What is in the network, as far as we know: RFC 6675's pipe. */
uint32_t tcp_pipe(const tcp_pcb &pcb);

} // namespace microps
