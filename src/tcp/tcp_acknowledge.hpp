/*
 * tcp_acknowledge.hpp: when we acknowledge: at once, or with a delayed ACK (RFC 9293 3.8.6.3).
 */
#pragma once

#include "tcp_pcb.hpp"

#include <cstddef>
#include <cstdint>

namespace microps
{

/** The size of a full-sized segment: the largest received so far, but at least 536 bytes, if our MSS permits. */
uint32_t tcp_full_size(const tcp_pcb &pcb);
/** Data in order came: an ACK is owed, now or soon (RFC 9293 3.8.6.3). */
void tcp_acknowledge(tcp_pcb &pcb, size_t received) MICROPS_REQUIRES(net_locked);
/** The network loses or reorders: the next ACKs are sent at once. */
void tcp_quick_acks(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** A segment with our ACK leaves: nothing is owed any more. */
void tcp_ack_sent(tcp_pcb &pcb, bool with_data) MICROPS_REQUIRES(net_locked);
void tcp_ack_timer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** TCP_QUICKACK. */
void tcp_quickack_set(tcp_pcb &pcb, int value) MICROPS_REQUIRES(net_locked);

} // namespace microps
