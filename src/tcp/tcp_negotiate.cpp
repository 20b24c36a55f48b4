/*
 * tcp_negotiate.cpp: what the two SYNs agree on: segment size, window scale, timestamps, SACK (RFC 9293 3.7.1,
 * RFC 7323 1.3, RFC 2018 2). An option is used only if both SYNs carry it.
 */
#include "tcp_negotiate.hpp"

#include "parts/tcp_options.hpp"
#include "tcp_layer.hpp"
#include "tcp_pmtu.hpp"

#include <algorithm>

namespace microps
{

/** RFC 7323 2.3: the smallest shift with which a window can express the largest buffer we may ever have. */
static uint8_t tcp_window_shift(const tcp_pcb &pcb)
{
    const tcp_config &config = pcb.tcp.config;
    const size_t grown = config.moderate_receive_buffer && !pcb.set.rcvbuf_fixed ? config.receive_buffer_max : 0;
    const size_t largest = std::min(std::max<size_t>(pcb.rcvbuf.limit, grown), TCP_BUFFER_MAX);
    uint8_t shift = 0;
    while (shift < TCP_WINDOW_SHIFT_MAX && (size_t{TCP_WINDOW_MAX} << shift) < largest) {
        shift++;
    }
    return shift;
}

void tcp_offer(tcp_pcb &pcb)
{
    const tcp_config &config = pcb.tcp.config;
    pcb.agreed.window_scale = config.window_scaling;
    pcb.agreed.timestamps = config.timestamps;
    pcb.agreed.sack = config.sack;
    pcb.agreed.rcv_shift = config.window_scaling ? tcp_window_shift(pcb) : uint8_t{0};
    pcb.agreed.snd_shift = 0;
    /* RFC 7323 5.4: hides how long we are up; the same for all connections of two hosts, so that values grow. */
    const uint64_t hash =
        ip_endpoint_hash(pcb.tcp.timestamp_key, {pcb.local.addr, uint16_t{0}}, {pcb.foreign.addr, uint16_t{0}});
    pcb.ts = {.offset = static_cast<uint32_t>(hash)};
}

void tcp_agree(tcp_pcb &pcb, const tcp_segment &syn)
{
    const tcp_options &options = syn.options;
    pcb.agreed.window_scale = pcb.agreed.window_scale && options.window_shift;
    pcb.agreed.timestamps = pcb.agreed.timestamps && options.timestamps;
    pcb.agreed.sack = pcb.agreed.sack && options.sack_permitted;
    if (!pcb.agreed.window_scale) pcb.agreed.rcv_shift = 0;
    pcb.agreed.snd_shift = pcb.agreed.window_scale ? *options.window_shift : uint8_t{0};
    if (pcb.agreed.timestamps) {
        pcb.ts.recent = options.timestamps->value;
        pcb.ts.recent_at = pcb.net.clock.now();
    }
    const uint32_t asked = options.mss.value_or(0) > 0 ? *options.mss : TCP_MSS_DEFAULT; /* 0 counts as no option */
    pcb.mss.peer = std::max({asked, pcb.tcp.config.min_mss, TCP_MSS_MIN});
    tcp_mss_update(pcb);
}

} // namespace microps
