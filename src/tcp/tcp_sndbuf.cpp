/*
 * tcp_sndbuf.cpp: the send buffer grows with the congestion window: it must hold what is outstanding until that is
 * acknowledged, and as much again for the program to write meanwhile, or else the program is the bottleneck.
 */
#include "tcp_internal.hpp"

#include <algorithm>

namespace microps
{

void tcp_sndbuf_expand(tcp_pcb &pcb)
{
    const tcp_config &config = pcb.tcp.config;
    if (!config.moderate_send_buffer || pcb.tx_fixed || !pcb.congestion) return;
    const size_t wanted = 2 * size_t{pcb.congestion->cwnd()};
    const size_t limit = std::min({wanted, config.send_buffer_max, TCP_BUFFER_MAX});
    pcb.tx_limit = std::max(pcb.tx_limit, static_cast<uint32_t>(limit));
}

} // namespace microps
