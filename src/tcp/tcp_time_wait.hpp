/*
 * tcp_time_wait.hpp: TIME_WAIT: what a connection that is over still answers, and when a new one may have its
 * endpoints.
 */
#pragma once

#include "parts/tcp_seq.hpp"
#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

namespace microps
{

void tcp_arrives_time_wait(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Whether our own connect() may have the endpoints of this connection. */
bool tcp_time_wait_is_reusable(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Ends a connection in TIME_WAIT for a new one; returns the first ISS that cannot be mistaken for the old numbers. */
tcp_seq tcp_time_wait_recycle(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
