/*
 * tcp_negotiate.hpp: what the two SYNs agree on: an option is used only if both carry it.
 */
#pragma once

#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

namespace microps
{

/** What our SYN will offer. */
void tcp_offer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Takes the peer's SYN: what both SYNs offer is used from now on. */
void tcp_agree(tcp_pcb &pcb, const tcp_segment &syn) MICROPS_REQUIRES(net_locked);

} // namespace microps
