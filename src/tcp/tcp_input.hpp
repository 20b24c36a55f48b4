/*
 * tcp_input.hpp: SEGMENT ARRIVES (RFC 9293 3.10.7): from the packet to the steps of the RFC.
 */
#pragma once

#include "microps/ip.hpp"
#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

namespace microps
{

/** A packet with protocol TCP has come: checks it and parses it. */
void tcp_input(tcp_layer &tcp, const ip_rx &rx) MICROPS_REQUIRES(net_locked);
/** Finds the connection or listener that the segment is for, and processes it. */
void tcp_segment_arrives(tcp_layer &tcp, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** 3.10.7.4: the synchronized states, "otherwise" in the RFC's words. */
void tcp_arrives_otherwise(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);

} // namespace microps
