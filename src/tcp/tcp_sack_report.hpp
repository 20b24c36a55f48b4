/*
 * tcp_sack_report.hpp: what our ACKs report: out-of-order data (SACK, RFC 2018), duplicates (DSACK, RFC 2883).
 */
#pragma once

#include "parts/tcp_options.hpp"
#include "parts/tcp_seq.hpp"
#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

namespace microps
{

/** The SACK blocks that our next ACK reports (RFC 2018 4, RFC 2883). */
tcp_sack_blocks tcp_sack_report(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** These bytes are duplicates: our next ACK reports them by a DSACK, if the peer supports SACK. */
void tcp_duplicate_arrived(tcp_pcb &pcb, tcp_seq first, tcp_seq last) MICROPS_REQUIRES(net_locked);
/** The same for the old part of a segment that is not acceptable. */
void tcp_old_segment_arrived(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);

} // namespace microps
