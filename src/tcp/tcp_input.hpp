/*
 * tcp_input.hpp: SEGMENT ARRIVES (RFC 9293 3.10.7): from the packet to the steps.
 */
#pragma once

#include "microps/ip.hpp"
#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

namespace microps
{

void tcp_input(tcp_layer &tcp, const ip_rx &rx) MICROPS_REQUIRES(net_locked);
void tcp_segment_arrives(tcp_layer &tcp, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** 3.10.7.4: in the synchronized states. */
void tcp_arrives_otherwise(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);

} // namespace microps
