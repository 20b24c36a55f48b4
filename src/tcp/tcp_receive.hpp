/*
 * tcp_receive.hpp: sixth to eighth step of SEGMENT ARRIVES: data and FIN come in; and the window that we advertise.
 */
#pragma once

#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

#include <cstdint>

namespace microps
{

void tcp_segment_text(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
void tcp_check_fin(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** RCV.WND: what we have advertised and not yet received. */
uint32_t tcp_receive_window(const tcp_pcb &pcb);
/** What a SYN of ours offers: it is never scaled. */
uint32_t tcp_syn_window(const tcp_pcb &pcb);
/**
 * Opens the window as far as the buffer and silly window avoidance permit; returns the value for the header, scaled
 * unless it is a SYN's.
 */
uint16_t tcp_window_advertise(tcp_pcb &pcb, bool syn) MICROPS_REQUIRES(net_locked);
/** The reader has made room: tells the peer if that is worth a segment. */
void tcp_window_update(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
