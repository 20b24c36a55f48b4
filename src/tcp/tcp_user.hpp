/*
 * tcp_user.hpp: what the user calls share: sleeping, binding, opening, closing, and the answer of TCP_INFO.
 */
#pragma once

#include "microps/tcp.hpp"
#include "tcp_pcb.hpp"

#include <cstddef>

namespace microps
{

/** A socket's endpoint, CLOSED and not bound yet. Returns null with errno ENETDOWN, ENOBUFS. */
sock_endpoint *tcp_open(net_stack &net) MICROPS_REQUIRES(net_locked);
/** Sleeps on a PCB. Returns 0, or -1 with errno: EINTR EDEADLK, EAGAIN (deadline), EBADF (closed meanwhile). */
int tcp_sleep(net_guard &guard, tcp_pcb &pcb, net_time deadline) MICROPS_REQUIRES(net_locked);
/** Whether the send buffer has enough room to wake a writer. */
bool tcp_is_writable(const tcp_pcb &pcb);
/** Whether the PCB may be bound to @p local. Returns 0 or an errno. */
int tcp_bind_check(tcp_pcb &pcb, const ip_endpoint &local) MICROPS_REQUIRES(net_locked);
/** Starts an active open, between pcb.local and pcb.foreign: SYN_SENT. Returns 0 or an errno. */
int tcp_connect_start(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Starts a passive open: LISTEN. Returns 0 or an errno. */
int tcp_listen_start(tcp_pcb &pcb, size_t backlog) MICROPS_REQUIRES(net_locked);
/** Queues a FIN behind the data (RFC 9293 3.10.4). */
void tcp_send_fin(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/** The answer of TCP_INFO. */
tcp_info_data tcp_info_make(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
