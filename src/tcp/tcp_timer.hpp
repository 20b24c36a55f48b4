/*
 * tcp_timer.hpp: the one timer of a PCB: retransmission, probes, keepalive, TIME_WAIT; and the times that a user may
 * set.
 */
#pragma once

#include "tcp_pcb.hpp"

#include <cstdint>

namespace microps
{

/** The PCB's timer has expired. */
void tcp_timer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Arms the timer for what the connection waits for now, unless it runs for that already. */
void tcp_timer_update(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_timer_cancel(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The user has changed what the keepalive timer waits for. */
void tcp_keepalive_changed(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/* What the user has set, or else tcp_config. */
net_duration tcp_keepalive_time(const tcp_pcb &pcb);
net_duration tcp_keepalive_interval(const tcp_pcb &pcb);
unsigned tcp_keepalive_probes(const tcp_pcb &pcb);
unsigned tcp_syn_retries(const tcp_pcb &pcb);
/** Starts, or starts anew, the 2 MSL of TIME_WAIT. */
void tcp_set_timewait_timer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
