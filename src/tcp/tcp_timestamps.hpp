/*
 * tcp_timestamps.hpp: timestamps (RFC 7323): our clock, the value to echo, and PAWS, which finds old duplicates.
 */
#pragma once

#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

#include <cstdint>

namespace microps
{

/** TSval now: milliseconds, plus an offset that an off-path attacker does not know (RFC 7323 5.4). */
uint32_t tcp_timestamp(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** In SYN_SENT: TSecr, if there is one, is of one of our SYNs: a late SYN-ACK of an earlier attempt is not. */
bool tcp_echo_is_of_our_syn(const tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** PAWS (RFC 7323 5.3): the segment is older than what we have from this peer already. */
bool tcp_segment_is_outdated(const tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Remembers the segment's TSval if it is the one to echo (RFC 7323 4.3). */
void tcp_timestamp_update(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);

} // namespace microps
