/*
 * tcp_buffers.hpp: receive and send buffers that grow with the path.
 */
#pragma once

#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

namespace microps
{

/** Data in order came: measures the round trip by it. */
void tcp_rcvbuf_measure(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** The user has read data: enlarges the buffer if it was much in one round trip. */
void tcp_rcvbuf_adjust(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The congestion window may have grown: so does the send buffer. */
void tcp_sndbuf_expand(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
