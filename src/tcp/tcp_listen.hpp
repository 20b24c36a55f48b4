/*
 * tcp_listen.hpp: LISTEN and SYN_RECEIVED: passive opens, from the SYN to the accept queue.
 */
#pragma once

#include "parts/tcp_seq.hpp"
#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

#include <optional>

namespace microps
{

/** 3.10.7.2: a segment for a listener. */
void tcp_arrives_listen(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** A SYN for a listener. @p iss: our ISS, if it must lie beyond the numbers of an earlier connection. */
void tcp_listen_syn(tcp_pcb &pcb, const tcp_segment &seg, std::optional<tcp_seq> iss) MICROPS_REQUIRES(net_locked);
/**
 * The peer's SYN came twice: the first was answered with a cookie, because there was no room, the second by this
 * half-open connection; and now the ACK of the cookie arrives first. Returns true if that is so: the connection made
 * from the cookie has then taken the place of the half-open one.
 */
bool tcp_cookie_arrives_first(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Our SYN-ACK is acknowledged. Returns false when the accept queue is full. */
bool tcp_passive_established(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** A half-open passive connection ends: back to LISTEN. */
void tcp_passive_failed(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Ends a listener. Connections that were not accepted are reset. */
void tcp_listener_close(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
