/*
 * tcp_pmtu.hpp: how large a segment may be: the MSS option, and path MTU discovery (RFC 1191, RFC 4821).
 */
#pragma once

#include "microps/ip.hpp"
#include "tcp_pcb.hpp"

#include <cstdint>

namespace microps
{

/** The largest segment to ask the peer for (RFC 9293 3.7.1, RFC 6691). */
uint16_t tcp_mss_advertised(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Sets pcb.mss.snd from the peer's option and the path. */
void tcp_mss_update(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Follows a changed path MTU, before a burst. */
void tcp_path_follow(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** ICMP says that a segment, which is outstanding, was too large (RFC 1191 6). */
void tcp_fragmentation_needed(tcp_pcb &pcb, const ip_error &error) MICROPS_REQUIRES(net_locked);
/** The retransmission timer has expired: makes segments smaller if it seems to be a black hole (RFC 4821 7.7). */
void tcp_black_hole_check(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The DF bit of TCP's packets. */
ip_df tcp_df(const tcp_config &config);

} // namespace microps
