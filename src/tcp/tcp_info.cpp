/*
 * tcp_info.cpp: what TCP_INFO tells of a connection, in the layout and the units of Linux' struct tcp_info.
 *
 * Windows are counted in segments there; ours are bytes, and rounded up.
 */
#include "microps/tcp.hpp"
#include "parts/tcp_recovery.hpp"
#include "parts/tcp_scoreboard.hpp"
#include "tcp_acknowledge.hpp"
#include "tcp_layer.hpp"
#include "tcp_loss.hpp"
#include "tcp_output.hpp"
#include "tcp_pcb.hpp"
#include "tcp_user.hpp"

#include <algorithm>
#include <chrono>

#include <netinet/tcp.h>

namespace microps
{

/** Linux' numbers of the states: <netinet/tcp.h> has them as an enum. */
static uint8_t tcp_info_state(tcp_pcb_state state)
{
    switch (state) {
    case tcp_pcb_state::closed:
        return TCP_CLOSE;
    case tcp_pcb_state::listen:
        return TCP_LISTEN;
    case tcp_pcb_state::syn_sent:
        return TCP_SYN_SENT;
    case tcp_pcb_state::syn_received:
        return TCP_SYN_RECV;
    case tcp_pcb_state::established:
        return TCP_ESTABLISHED;
    case tcp_pcb_state::fin_wait1:
        return TCP_FIN_WAIT1;
    case tcp_pcb_state::fin_wait2:
        return TCP_FIN_WAIT2;
    case tcp_pcb_state::closing:
        return TCP_CLOSING;
    case tcp_pcb_state::time_wait:
        return TCP_TIME_WAIT;
    case tcp_pcb_state::close_wait:
        return TCP_CLOSE_WAIT;
    case tcp_pcb_state::last_ack:
        return TCP_LAST_ACK;
    }
    net_unreachable();
}

static uint8_t tcp_info_recovery(const tcp_pcb &pcb)
{
    switch (pcb.recovery().state()) {
    case tcp_recovery::phase::open:
        return pcb.recovery().duplicate_acks() > 0 || pcb.sent().sacked() > 0 ? TCP_CA_Disorder : TCP_CA_Open;
    case tcp_recovery::phase::fast:
        return TCP_CA_Recovery;
    case tcp_recovery::phase::loss:
        return TCP_CA_Loss;
    }
    net_unreachable();
}

static uint32_t tcp_info_us(net_duration time)
{
    return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

/** Returns how long ago that was, in milliseconds; 0: never. */
static uint32_t tcp_info_ago(const tcp_pcb &pcb, net_time when) MICROPS_REQUIRES(net_locked)
{
    if (when == net_time{}) return 0;
    const net_duration ago = pcb.net.clock.now() - when;
    return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(ago).count());
}

static uint32_t tcp_info_segments(const tcp_pcb &pcb, uint32_t bytes)
{
    return (bytes + pcb.mss.snd - 1) / pcb.mss.snd;
}

static void tcp_info_listener(const tcp_listener &listener, tcp_info_data &info)
{
    info.tcpi_unacked = static_cast<uint32_t>(listener.accept_queue.size());
    info.tcpi_sacked = static_cast<uint32_t>(listener.backlog);
}

/** What the SYNs have agreed on, and the sizes. */
static void tcp_info_agreed(const tcp_pcb &pcb, tcp_info_data &info) MICROPS_REQUIRES(net_locked)
{
    info.tcpi_options =
        static_cast<uint8_t>((pcb.agreed.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (pcb.agreed.sack ? TCPI_OPT_SACK : 0) |
                             (pcb.agreed.window_scale ? TCPI_OPT_WSCALE : 0));
    info.tcpi_snd_wscale = pcb.agreed.snd_shift & 0xf;
    info.tcpi_rcv_wscale = pcb.agreed.rcv_shift & 0xf;
    info.tcpi_snd_mss = pcb.mss.snd;
    info.tcpi_rcv_mss = tcp_full_size(pcb);
    info.tcpi_advmss = pcb.mss.offered;
    const auto limits = ip_output_limits(pcb.net, pcb.foreign.addr);
    info.tcpi_pmtu = limits ? static_cast<uint32_t>(limits->path_mtu) : 0;
}

/** What is outstanding, and how much may be. */
static void tcp_info_sending(const tcp_pcb &pcb, tcp_info_data &info)
{
    info.tcpi_ca_state = tcp_info_recovery(pcb);
    const bool probing = pcb.timing.probing();
    (probing ? info.tcpi_probes : info.tcpi_retransmits) = pcb.timing.retries;
    info.tcpi_backoff = probing ? pcb.timing.backoff : pcb.timing.retries;
    info.tcpi_rto = tcp_info_us(pcb.rtt.rto());
    info.tcpi_rtt = tcp_info_us(pcb.rtt.srtt());
    info.tcpi_rttvar = tcp_info_us(pcb.rtt.rttvar());
    info.tcpi_unacked =
        std::max(static_cast<uint32_t>(pcb.sent().count()), tcp_info_segments(pcb, pcb.sent().outstanding()));
    info.tcpi_lost = tcp_info_segments(pcb, pcb.sent().lost());
    info.tcpi_sacked = tcp_info_segments(pcb, pcb.sent().sacked());
    for (const tcp_sent &segment : pcb.sent().all()) {
        if (segment.retransmitted && !segment.lost && !segment.sacked) info.tcpi_retrans++;
    }
    info.tcpi_reordering = pcb.recovery().dup_thresh(tcp_rules(pcb));
    info.tcpi_min_rtt = pcb.rtt.measured() ? tcp_info_us(pcb.rtt.min_rtt()) : UINT32_MAX; /* not measured yet */
    info.tcpi_snd_wnd = pcb.snd.wnd;
    info.tcpi_notsent_bytes = static_cast<uint32_t>(tcp_unsent(pcb));
    if (!pcb.congestion) return;
    info.tcpi_snd_cwnd = tcp_info_segments(pcb, pcb.congestion->cwnd());
    const uint32_t ssthresh = pcb.congestion->ssthresh();
    info.tcpi_snd_ssthresh = /* Linux' value for none yet */
        ssthresh >= tcp_congestion::WINDOW_MAX ? uint32_t{INT32_MAX} : tcp_info_segments(pcb, ssthresh);
}

static void tcp_info_receiving(const tcp_pcb &pcb, tcp_info_data &info)
{
    info.tcpi_ato = tcp_info_us(pcb.ack.delay.timeout());
    info.tcpi_rcv_rtt = tcp_info_us(pcb.rcvbuf.sizing.rtt());
    info.tcpi_rcv_space = pcb.rcvbuf.sizing.space();
    info.tcpi_rcv_ssthresh = pcb.rcvbuf.limit;
}

static void tcp_info_traffic(const tcp_traffic &traffic, tcp_info_data &info)
{
    info.tcpi_total_retrans = traffic.retrans;
    info.tcpi_bytes_acked = traffic.bytes_acked;
    info.tcpi_bytes_received = traffic.bytes_received;
    info.tcpi_segs_out = traffic.segs_out;
    info.tcpi_segs_in = traffic.segs_in;
    info.tcpi_data_segs_in = traffic.data_segs_in;
    info.tcpi_data_segs_out = traffic.data_segs_out;
    info.tcpi_delivered = traffic.delivered;
    info.tcpi_bytes_sent = traffic.bytes_sent;
    info.tcpi_bytes_retrans = traffic.bytes_retrans;
    info.tcpi_dsack_dups = traffic.dsack_dups;
    info.tcpi_reord_seen = traffic.reord_seen;
    info.tcpi_rcv_ooopack = traffic.rcv_ooopack;
}

tcp_info_data tcp_info_make(const tcp_pcb &pcb)
{
    tcp_info_data info{.tcpi_state = tcp_info_state(pcb.state)};
    if (pcb.state == tcp_pcb_state::listen) {
        tcp_info_listener(*pcb.listener, info);
        return info;
    }
    tcp_info_agreed(pcb, info);
    tcp_info_sending(pcb, info);
    tcp_info_receiving(pcb, info);
    tcp_info_traffic(pcb.traffic, info);
    info.tcpi_last_data_sent = tcp_info_ago(pcb, pcb.output.last_sent);
    info.tcpi_last_data_recv = tcp_info_ago(pcb, pcb.ack.delay.last_data());
    info.tcpi_last_ack_recv = tcp_info_ago(pcb, pcb.timing.heard_ack);
    return info;
}

} // namespace microps
