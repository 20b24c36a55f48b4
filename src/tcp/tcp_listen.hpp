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

void tcp_arrives_listen(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** A SYN for a listener. @p iss: our sequence number, if there was a connection that it must be behind. */
void tcp_listen_syn(tcp_pcb &pcb, const tcp_segment &seg, std::optional<tcp_seq> iss) MICROPS_REQUIRES(net_locked);
/**
 * The peer's SYN came twice: it got a cookie when there was no room, then this half-open connection; and it acknowledges
 * the cookie, as whichever comes first counts. Returns true if that is so, and the cookie's connection takes the place.
 */
bool tcp_cookie_arrives_first(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Our SYN-ACK is acknowledged. Returns false when the accept queue is full. */
bool tcp_passive_established(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** A half-open passive connection ends: back to LISTEN. */
void tcp_passive_failed(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** No more connections for a listener; those nobody has accepted are reset. */
void tcp_listener_close(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
