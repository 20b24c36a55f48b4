/*
 * tcp_receive.hpp: data and FIN come in (seventh and eighth step of SEGMENT ARRIVES), and the window that we advertise.
 */
#pragma once

#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

#include <cstdint>

namespace microps
{

/** Seventh: process the segment text, that is, the data. */
void tcp_segment_text(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Eighth: check the FIN bit. A FIN behind a hole is remembered until the hole is filled. */
void tcp_check_fin(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** RCV.WND: what we have advertised and not yet received. */
uint32_t tcp_receive_window(const tcp_pcb &pcb);
/** The window that our SYN advertises: it is never scaled. */
uint32_t tcp_syn_window(const tcp_pcb &pcb);
/**
 * Opens the receive window as far as the buffer and silly window avoidance permit. Returns the value for the header,
 * scaled unless it is for a SYN.
 */
uint16_t tcp_window_advertise(tcp_pcb &pcb, bool syn) MICROPS_REQUIRES(net_locked);
/** The reader has made room in the buffer: sends a window update if that is worth a segment. */
void tcp_window_update(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
