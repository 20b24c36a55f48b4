/*
 * tcp_receive.cpp: what we receive: segment text and FIN (RFC 9293 3.10.7.4, seventh and eighth), when we acknowledge
 * (RFC 5681 4.2, RFC 9293 3.8.6.3), and which window we offer (3.8.6.2.2).
 *
 *      RCV.NXT                             RCV.EDGE (RCV.NXT + RCV.WND, as advertised)
 *   rx    v                                   v
 *   [unread]----hole----[early]----hole----------
 */
#include "tcp_internal.hpp"

#include <algorithm>
#include <cerrno>

namespace microps
{

/* Our window */

uint32_t tcp_receive_window(const tcp_pcb &pcb) { return pcb.rcv.edge.since(pcb.rcv.nxt); }

/** Where the window could end now. */
static tcp_seq tcp_window_edge(const tcp_pcb &pcb)
{
    const size_t limit = pcb.rx_limit;
    const size_t room = limit - std::min(limit, pcb.rx.size());
    const tcp_seq edge = pcb.rcv.nxt + std::min<size_t>(room, size_t{TCP_WINDOW_MAX} << pcb.rcv_shift);
    return tcp_seq_max(edge, pcb.rcv.edge); /* a window never shrinks (RFC 9293 3.8.6 SHLD-14) */
}

/** A full-sized segment of the peer's: the largest so far, but not the few bytes of an interactive beginning. */
static uint32_t tcp_full_size(const tcp_pcb &pcb)
{
    return std::max(pcb.rcv_mss, std::min(TCP_MSS_DEFAULT, uint32_t{pcb.mss_offered}));
}

uint16_t tcp_window_advertise(tcp_pcb &pcb, bool syn)
{
    if (pcb.state == tcp_pcb_state::syn_sent) return static_cast<uint16_t>(std::min(pcb.rx_limit, TCP_WINDOW_MAX));
    if (syn) { /* never scaled */
        pcb.rcv.edge = tcp_seq_max(pcb.rcv.edge, pcb.rcv.nxt + std::min(pcb.rx_limit, TCP_WINDOW_MAX));
        return static_cast<uint16_t>(std::min(tcp_receive_window(pcb), TCP_WINDOW_MAX));
    }
    const tcp_seq edge = tcp_window_edge(pcb);
    if (!pcb.fin_received) {
        const uint32_t worthwhile = std::min(uint32_t{pcb.mss_offered}, pcb.rx_limit / 2);
        if (edge.since(pcb.rcv.edge) >= worthwhile) pcb.rcv.edge = edge;
    }
    /* What the shift cannot express is rounded up, so that the window does not shrink, where there is room for that. */
    const uint32_t unit = uint32_t{1} << pcb.rcv_shift;
    const tcp_seq rounded = pcb.rcv.nxt + (tcp_receive_window(pcb) + unit - 1) / unit * unit;
    if (!pcb.fin_received && rounded <= edge) pcb.rcv.edge = rounded;
    return static_cast<uint16_t>(std::min(tcp_receive_window(pcb) >> pcb.rcv_shift, TCP_WINDOW_MAX));
}

void tcp_window_update(tcp_pcb &pcb)
{
    if (!tcp_may_receive(pcb.state)) return;
    const uint32_t full = pcb.mss_offered;
    /* A peer that is stopped needs to know of every segment's worth, one that is not of every other. */
    const uint32_t wanted = tcp_receive_window(pcb) < full ? full : 2 * full;
    if (tcp_window_edge(pcb).since(pcb.rcv.edge) < std::min(wanted, pcb.rx_limit / 2)) return;
    pcb.ack_now = true;
    tcp_output_request(pcb);
}

/* Our ACKs */

tcp_sack_blocks tcp_sack_report(tcp_pcb &pcb)
{
    tcp_sack_blocks report;
    for (const tcp_reassembly::piece &piece : pcb.early.pieces()) {
        report.add(piece.first, piece.last);
    }
    return report;
}

void tcp_challenge_ack(tcp_pcb &pcb)
{
    /*
     * RFC 5961 7: bounded per second. The bound varies by chance, because an attacker who can count our challenge ACKs
     * against a fixed one learns about other connections (CVE-2016-5696).
     */
    tcp_layer &tcp = pcb.tcp;
    const net_time now = pcb.net.clock.now();
    if (now - tcp.challenges.since >= std::chrono::seconds(1) || tcp.challenge_limit == 0) {
        const uint64_t limit = tcp.config.challenge_acks;
        tcp.challenge_limit = limit / 2 + pcb.net.random.below(limit);
    }
    if (!tcp.challenges.permits(now, std::chrono::seconds(1), tcp.challenge_limit)) return;
    net_count(pcb.net, counter::tcp_challenge_acks);
    tcp_output_ack(pcb);
}

/** RFC 9293 3.8.6.3: at least every second full-sized segment, and soon; at once where RFC 5681 4.2 wants it. */
static void tcp_acknowledge(tcp_pcb &pcb, size_t received) MICROPS_REQUIRES(net_locked)
{
    pcb.ack_pending += static_cast<uint32_t>(received);
    if (pcb.ack_pending >= 2 * tcp_full_size(pcb)) pcb.ack_now = true;
    if (!pcb.ack_now && !pcb.ack_timer.armed()) pcb.ack_timer.arm(pcb.tcp.config.delayed_ack);
}

/* seventh: segment text */

/** Data for a user who has closed is lost, and the peer must know (RFC 9293 3.6.1, RFC 2525 2.17). */
static void tcp_refuse_data(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    net_count(pcb.net, counter::tcp_abort_on_data);
    net_drop(pcb.net, drop_reason::tcp_after_close, "data after close, local=%s", ip_endpoint_str(pcb.local).c_str());
    tcp_output_rst(pcb);
    tcp_pcb_release(pcb);
}

/** Behind a hole: kept, and answered at once by a duplicate ACK. */
static void tcp_text_early(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (!pcb.early.add(seg.seq, seg.seq + seg.data.size())) {
        net_drop(pcb.net, drop_reason::tcp_reassembly_limit, "too many holes, seq=%u", seg.seq.value());
    } else {
        net_count(pcb.net, counter::tcp_ofo_queue);
        if (!pcb.rx_shut) pcb.rx.write(pcb.rx.size() + seg.seq.since(pcb.rcv.nxt), seg.data);
    }
    tcp_output_ack(pcb); /* each one, not one per batch: the peer counts them */
}

static void tcp_text_in_order(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    const bool had_holes = !pcb.early.empty();
    const tcp_seq old_next = pcb.rcv.nxt;
    pcb.rcv.nxt = pcb.early.take(pcb.rcv.nxt + seg.data.size());
    if (pcb.rx_shut) {
        /* SHUT_RD: acknowledged and forgotten, so that the peer is not stopped. Linux would keep it. */
        pcb.rcv.edge = tcp_seq_max(pcb.rcv.edge, pcb.rcv.nxt);
    } else {
        pcb.rx.write(pcb.rx.size(), seg.data);
        pcb.rx.commit(pcb.rcv.nxt.since(old_next));
        sched_wakeup(pcb.net, pcb.ctx);
    }
    if (had_holes) pcb.ack_now = true; /* a hole was filled, or is still there */
    tcp_acknowledge(pcb, seg.data.size());
}

void tcp_segment_text(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (seg.data.empty()) return;
    if (!tcp_may_receive(pcb.state)) {
        return net_drop(pcb.net, drop_reason::tcp_after_close, "data in state %s", tcp_state_ntoa(pcb.state));
    }
    if (pcb.owner == tcp_owner::gone) return tcp_refuse_data(pcb);
    const size_t full = seg.gso_size > 0 ? seg.gso_size : seg.data.size();
    pcb.rcv_mss = std::max(pcb.rcv_mss, static_cast<uint32_t>(std::min<size_t>(full, pcb.mss_offered)));
    if (seg.seq == pcb.rcv.nxt) {
        tcp_text_in_order(pcb, seg);
    } else {
        tcp_text_early(pcb, seg);
    }
}

/* eighth: FIN */

static void tcp_fin_state(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    switch (pcb.state) {
    case tcp_pcb_state::syn_received:
    case tcp_pcb_state::established:
        return tcp_set_state(pcb, tcp_pcb_state::close_wait);
    case tcp_pcb_state::fin_wait1: /* ours is not acknowledged yet: the fifth step would have left this state */
        return tcp_set_state(pcb, tcp_pcb_state::closing);
    case tcp_pcb_state::fin_wait2:
        tcp_set_state(pcb, tcp_pcb_state::time_wait);
        return tcp_set_timewait_timer(pcb);
    case tcp_pcb_state::closing:
    case tcp_pcb_state::close_wait:
    case tcp_pcb_state::last_ack:
    case tcp_pcb_state::time_wait:
        return;
    case tcp_pcb_state::closed:
    case tcp_pcb_state::listen:
    case tcp_pcb_state::syn_sent:
        break;
    }
    net_unreachable();
}

void tcp_check_fin(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (pcb.released || pcb.fin_received) return;
    if (seg.has(TCP_FLG_FIN)) {
        pcb.early.fin = seg.seq + seg.data.size();
        if (*pcb.early.fin != pcb.rcv.nxt && seg.data.empty()) tcp_output_ack(pcb); /* early; text has been answered */
    }
    if (pcb.early.fin != pcb.rcv.nxt) return;
    pcb.fin_received = true;
    pcb.rcv.nxt += 1;
    pcb.rcv.edge = tcp_seq_max(pcb.rcv.edge, pcb.rcv.nxt);
    pcb.early.clear(); /* nothing comes behind a FIN */
    pcb.rx.drop_early();
    pcb.ack_now = true;
    tcp_fin_state(pcb);
    sched_wakeup(pcb.net, pcb.ctx);
}

} // namespace microps
