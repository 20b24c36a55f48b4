/*
 * tcp_pmtu.cpp: how large a segment may be: for the peer, and for the path (RFC 9293 3.7.1, RFC 6691, RFC 1191 6).
 *
 * The peer is told what our link takes; what we send is limited by what the peer has told, and by the path, which is
 * asked before each burst: so all connections to a destination follow what one of them was told by ICMP, and larger
 * segments come back when IP has forgotten it. What was sent too large is lost for certain, and it is not congestion:
 * it is retransmitted at once in smaller segments, and the congestion window stays.
 * If the router is silent (RFC 2923's black hole), large segments vanish while small ones pass. The sign is silence
 * after several retransmissions; then (Linux' tcp_mtu_probing = 1) the same data goes in smaller segments
 * (RFC 4821 7.7). The size then stays small for the life of the connection: nothing probes upward (RFC 4821 7.3). So it
 * is not halved below 512: after an outage, which looks the same, the connection must go on at a decent size.
 */
#include "tcp_pmtu.hpp"

#include "parts/tcp_options.hpp"
#include "tcp_layer.hpp"
#include "tcp_output.hpp"
#include "tcp_segment.hpp"
#include "tcp_timer.hpp"

#include <algorithm>

namespace microps
{

/** RFC 791 3.1: every host takes packets of 576 bytes. Linux goes down to 48 (tcp_mtu_probe_floor), and up again. */
static constexpr uint32_t TCP_BLACK_HOLE_MSS_MIN = 512;

ip_df tcp_df(const tcp_config &config) { return config.path_mtu_discovery ? ip_df::want : ip_df::dont; }

/** An MTU without the headers; RFC 6691 leaves options to the sender to subtract. */
static uint32_t tcp_mss_of(const tcp_pcb &pcb, size_t mtu)
{
    constexpr size_t headers = IP_HDR_SIZE_MIN + sizeof(tcp_hdr);
    if (mtu < headers + pcb.tcp.config.min_mss) return TCP_MSS_DEFAULT;
    return static_cast<uint32_t>(std::min<size_t>(mtu - headers, UINT16_MAX));
}

uint16_t tcp_mss_advertised(const tcp_pcb &pcb)
{
    const auto limits = ip_output_limits(pcb.net, pcb.foreign.addr);
    const uint32_t mss = tcp_mss_of(pcb, limits ? limits->mtu : 0);
    return static_cast<uint16_t>(pcb.set.mss > 0 ? std::min(mss, uint32_t{pcb.set.mss}) : mss);
}

void tcp_mss_update(tcp_pcb &pcb)
{
    const auto limits = ip_output_limits(pcb.net, pcb.foreign.addr);
    const size_t path_mtu = limits ? limits->path_mtu : 0;
    /* RFC 6691: options count against the segment size, and timestamps are in every segment. */
    const uint32_t options = pcb.agreed.timestamps ? TCP_OPTION_TIMESTAMPS_LEN : 0;
    uint32_t mss = std::min(pcb.mss.peer, tcp_mss_of(pcb, path_mtu));
    if (pcb.set.mss > 0) mss = std::min(mss, uint32_t{pcb.set.mss}); /* TCP_MAXSEG */
    if (pcb.mss.max != 0) mss = std::min(mss, uint32_t{pcb.mss.max});
    mss = std::max(mss, TCP_MSS_MIN) - options;
    pcb.mss.path_mtu = static_cast<uint16_t>(path_mtu);
    pcb.mss.snd = mss;
    if (pcb.congestion) pcb.congestion->on_mss(pcb.mss.snd);
}

void tcp_path_follow(tcp_pcb &pcb)
{
    const bool something_to_send = tcp_unsent(pcb) > 0 || (pcb.loss && pcb.sent().lost() > 0);
    if (!pcb.congestion || !something_to_send) return;
    const size_t path_mtu = ip_path_mtu(pcb.net, pcb.foreign.addr);
    if (path_mtu != 0 && path_mtu != pcb.mss.path_mtu) tcp_mss_update(pcb);
}

void tcp_fragmentation_needed(tcp_pcb &pcb, const ip_error &error)
{
    if (pcb.options.tx.df == ip_df::dont) return; /* we send without DF: the error is old or forged */
    if (ip_path_mtu_learn(pcb.net, error)) net_count(pcb.net, counter::tcp_pmtu_updates);
    if (pcb.congestion) tcp_mss_update(pcb);
    /* RFC 1191 6.4: at once, and not as congestion. Of errors about the same segments the first does it all. */
    if (!pcb.sent().mark_larger_lost(pcb.mss.snd)) return;
    pcb.recovery().on_too_large(pcb.snd.nxt);
    tcp_timer_cancel(pcb); /* it was for the larger segments; output arms it again */
    tcp_output_request(pcb);
}

void tcp_black_hole_check(tcp_pcb &pcb)
{
    const tcp_config &config = pcb.tcp.config;
    if (config.mtu_probing == 0 || pcb.timing.retries <= config.retries1 || !pcb.congestion) return;
    const uint32_t least = std::max(TCP_BLACK_HOLE_MSS_MIN, config.min_mss);
    const uint32_t next = pcb.mss.max == 0 ? config.base_mss : pcb.mss.max / uint32_t{2};
    const uint32_t mss_max = std::max(next, least);
    /* Segments that are small already and do not get through are lost for another reason. */
    if (pcb.sent().front().data_size() <= mss_max || pcb.mss.snd <= mss_max) return;
    debugf("black hole suspected, mss=%u => %u, foreign=%s", pcb.mss.snd, mss_max,
           ip_endpoint_str(pcb.foreign).c_str());
    pcb.mss.max = static_cast<uint16_t>(std::min<uint32_t>(mss_max, UINT16_MAX));
    net_count(pcb.net, counter::tcp_mtup_fail);
    tcp_mss_update(pcb);
}

} // namespace microps
