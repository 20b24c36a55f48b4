/*
 * tcp_buffers.cpp: buffers that grow by themselves. The receive buffer grows with what the reader takes in a round trip
 * (parts/tcp_rcvbuf.hpp measures it). The send buffer grows with the congestion window: it must hold what is
 * outstanding until that is acknowledged, and as much again for the program to write meanwhile, or else the program is
 * the bottleneck.
 */
#include "tcp_buffers.hpp"

#include "tcp_layer.hpp"
#include "tcp_receive.hpp"
#include "tcp_timestamps.hpp"

#include <algorithm>

namespace microps
{

void tcp_rcvbuf_measure(tcp_pcb &pcb, const tcp_segment &seg)
{
    const net_time now = pcb.net.clock.now();
    if (!pcb.rcvbuf.sizing.begun()) {
        /* An initial window of full segments, however small the first ones are. */
        const uint32_t space = std::min(tcp_receive_window(pcb), 10u * pcb.mss.offered);
        pcb.rcvbuf.sizing.begin(now, pcb.rcv.nxt - pcb.rcvbuf.ring.size(), pcb.rcv.edge, space);
    }
    if (pcb.agreed.timestamps && seg.options.timestamps && seg.data.size() >= pcb.mss.rcv) {
        const uint32_t echo = seg.options.timestamps->echo;
        const auto age = static_cast<int32_t>(tcp_timestamp(pcb) - echo);
        if (age >= 0) pcb.rcvbuf.sizing.on_echo(echo, std::chrono::milliseconds(age));
    }
    pcb.rcvbuf.sizing.on_data(now, pcb.rcv.nxt, pcb.rcv.edge);
}

void tcp_rcvbuf_adjust(tcp_pcb &pcb)
{
    const uint64_t wanted = pcb.rcvbuf.sizing.on_read(pcb.net.clock.now(), pcb.rcv.nxt - pcb.rcvbuf.ring.size());
    const tcp_config &config = pcb.tcp.config;
    if (!config.moderate_receive_buffer || pcb.set.rcvbuf_fixed) return;
    const size_t offerable = size_t{TCP_WINDOW_MAX} << pcb.agreed.rcv_shift;
    const size_t most = std::min({config.receive_buffer_max, offerable, TCP_BUFFER_MAX});
    const auto limit = static_cast<uint32_t>(std::min<uint64_t>(wanted, most));
    if (limit <= pcb.rcvbuf.limit) return;
    debugf("receive buffer: %u => %u", pcb.rcvbuf.limit, limit);
    pcb.rcvbuf.limit = limit;
}

void tcp_sndbuf_expand(tcp_pcb &pcb)
{
    const tcp_config &config = pcb.tcp.config;
    if (!config.moderate_send_buffer || pcb.set.sndbuf_fixed || !pcb.congestion) return;
    const size_t wanted = 2 * size_t{pcb.congestion->cwnd()};
    const size_t limit = std::min({wanted, config.send_buffer_max, TCP_BUFFER_MAX});
    pcb.sndbuf.limit = std::max(pcb.sndbuf.limit, static_cast<uint32_t>(limit));
}

} // namespace microps
