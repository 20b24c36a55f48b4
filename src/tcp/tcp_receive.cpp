/*
 * tcp_receive.cpp: what we receive: segment text and FIN (RFC 9293 3.10.7.4, seventh and eighth), and which window we
 * offer (3.8.6.2.2). When we acknowledge is tcp_ack_delay.cpp's subject, what our ACKs report tcp_sack.cpp's.
 *
 *      RCV.NXT                             RCV.EDGE (RCV.NXT + RCV.WND, as advertised)
 *   rx    v                                   v
 *   [unread]----hole----[early]----hole----------
 */
#include "tcp_receive.hpp"

#include "parts/tcp_reassembly.hpp"
#include "parts/tcp_seq.hpp"
#include "tcp_acknowledge.hpp"
#include "tcp_buffers.hpp"
#include "tcp_layer.hpp"
#include "tcp_output.hpp"
#include "tcp_sack_report.hpp"
#include "tcp_timer.hpp"

#include <algorithm>
#include <cerrno>

namespace microps
{

/* Our window */

uint32_t tcp_receive_window(const tcp_pcb &pcb) { return pcb.rcv.edge.since(pcb.rcv.nxt); }

/** TCP_WINDOW_CLAMP, if it is set. */
static uint32_t tcp_window_clamp(const tcp_pcb &pcb)
{
    return pcb.set.window_clamp > 0 ? pcb.set.window_clamp : UINT32_MAX;
}

/** What the receive buffer has room for, as far as TCP_WINDOW_CLAMP lets the peer know. */
static size_t tcp_receive_room(const tcp_pcb &pcb)
{
    const size_t limit = pcb.rcvbuf.limit;
    const size_t room = limit - std::min(limit, pcb.rcvbuf.ring.size());
    return std::min<size_t>(room, tcp_window_clamp(pcb));
}

/** The most that silly window avoidance may wait for before it moves the window on (RFC 9293 3.8.6.2.2). */
static uint32_t tcp_window_half(const tcp_pcb &pcb) { return std::min(pcb.rcvbuf.limit, tcp_window_clamp(pcb)) / 2; }

uint32_t tcp_syn_window(const tcp_pcb &pcb)
{
    return std::min({pcb.rcvbuf.limit, tcp_window_clamp(pcb), TCP_WINDOW_MAX});
}

/** Where the window could end now. */
static tcp_seq tcp_window_edge(const tcp_pcb &pcb)
{
    const size_t room = std::min(tcp_receive_room(pcb), size_t{TCP_WINDOW_MAX} << pcb.agreed.rcv_shift);
    return tcp_seq_max(pcb.rcv.nxt + room, pcb.rcv.edge); /* a window never shrinks (RFC 9293 3.8.6 SHLD-14) */
}

/** A window that closes, opens, or would be closed if it could shrink. */
static void tcp_window_count(tcp_pcb &pcb, uint32_t window) MICROPS_REQUIRES(net_locked)
{
    if (pcb.fin.received) return; /* nothing will come: it means nothing */
    const bool shut = window == 0;
    if (shut != pcb.ack.window_shut) {
        net_count(pcb.net, shut ? counter::tcp_to_zero_window_adv : counter::tcp_from_zero_window_adv);
    }
    pcb.ack.window_shut = shut;
    if (!shut && tcp_receive_room(pcb) == 0) net_count(pcb.net, counter::tcp_want_zero_window_adv);
}

uint16_t tcp_window_advertise(tcp_pcb &pcb, bool syn)
{
    if (pcb.state == tcp_pcb_state::syn_sent) return static_cast<uint16_t>(tcp_syn_window(pcb));
    if (syn) { /* never scaled */
        pcb.rcv.edge = tcp_seq_max(pcb.rcv.edge, pcb.rcv.nxt + tcp_syn_window(pcb));
        return static_cast<uint16_t>(std::min(tcp_receive_window(pcb), TCP_WINDOW_MAX));
    }
    const tcp_seq edge = tcp_window_edge(pcb);
    if (!pcb.fin.received) {
        const uint32_t worthwhile = std::min(uint32_t{pcb.mss.offered}, tcp_window_half(pcb));
        if (edge.since(pcb.rcv.edge) >= worthwhile) pcb.rcv.edge = edge;
    }
    /* What the shift cannot express is rounded up, so that the window does not shrink, where there is room for that. */
    const uint32_t unit = uint32_t{1} << pcb.agreed.rcv_shift;
    const tcp_seq rounded = pcb.rcv.nxt + (tcp_receive_window(pcb) + unit - 1) / unit * unit;
    if (!pcb.fin.received && rounded <= edge) pcb.rcv.edge = rounded;
    const uint32_t window = std::min(tcp_receive_window(pcb) >> pcb.agreed.rcv_shift, TCP_WINDOW_MAX);
    tcp_window_count(pcb, window);
    return static_cast<uint16_t>(window);
}

void tcp_window_update(tcp_pcb &pcb)
{
    if (!tcp_may_receive(pcb.state)) return;
    const uint32_t full = pcb.mss.offered;
    /*
     * A peer that is stopped needs to know of every segment's worth. One that is not sends more, which is answered; it
     * needs to know, as on Linux, only when its window can double.
     */
    const uint32_t window = tcp_receive_window(pcb);
    const uint32_t wanted = window < full ? full : std::max(2 * full, window);
    if (tcp_window_edge(pcb).since(pcb.rcv.edge) < std::min(wanted, tcp_window_half(pcb))) return;
    pcb.ack.now = true;
    tcp_output_request(pcb);
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
static void tcp_data_out_of_order(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    const tcp_seq last = seg.seq + seg.data.size();
    pcb.traffic.rcv_ooopack++;
    const std::optional<tcp_reassembly::range> duplicate = pcb.rcvbuf.out_of_order.overlap(seg.seq, last);
    if (!pcb.rcvbuf.out_of_order.add(seg.seq, last, pcb.tcp.config.reassembly_ranges)) {
        net_count(pcb.net, counter::tcp_ofo_drop);
        net_drop(pcb.net, drop_reason::tcp_reassembly_limit, "too many holes, seq=%u", seg.seq.value());
    } else {
        net_count(pcb.net, counter::tcp_ofo_queue);
        if (duplicate) {
            net_count(pcb.net, counter::tcp_ofo_merge);
            tcp_duplicate_arrived(pcb, duplicate->first, duplicate->last);
        }
        if (const auto *range = pcb.rcvbuf.out_of_order.find(seg.seq)) pcb.ack.sack.on_out_of_order(*range);
        if (!pcb.rcvbuf.shut) pcb.rcvbuf.ring.write(pcb.rcvbuf.ring.size() + seg.seq.since(pcb.rcv.nxt), seg.data);
    }
    tcp_quick_acks(pcb);
    tcp_output_ack(pcb); /* each one, not one per batch: the peer counts them */
}

static void tcp_data_in_order(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    const bool had_holes = !pcb.rcvbuf.out_of_order.empty();
    const tcp_seq old_next = pcb.rcv.nxt;
    const auto duplicate = pcb.rcvbuf.out_of_order.overlap(seg.seq, seg.seq + seg.data.size());
    if (duplicate) tcp_duplicate_arrived(pcb, duplicate->first, duplicate->last);
    tcp_rcvbuf_measure(pcb, seg);
    pcb.rcv.nxt = pcb.rcvbuf.out_of_order.take(pcb.rcv.nxt + seg.data.size());
    pcb.traffic.bytes_received += pcb.rcv.nxt.since(old_next);
    if (pcb.rcvbuf.shut) {
        /* SHUT_RD: acknowledged and forgotten, so that the peer is not stopped. Linux would keep it. */
        pcb.rcv.edge = tcp_seq_max(pcb.rcv.edge, pcb.rcv.nxt);
    } else {
        pcb.rcvbuf.ring.write(pcb.rcvbuf.ring.size(), seg.data);
        pcb.rcvbuf.ring.commit(pcb.rcv.nxt.since(old_next));
        sched_wakeup(pcb.net, pcb.ctx);
    }
    if (had_holes) pcb.ack.now = true; /* a hole was filled, or is still there */
    tcp_acknowledge(pcb, seg.data.size());
    if (pcb.ack.sack.duplicate_pending()) tcp_output_ack(pcb); /* RFC 2883 4: of this segment, so not of the batch */
}

void tcp_segment_text(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (seg.data.empty()) return;
    if (!tcp_may_receive(pcb.state)) {
        return net_drop(pcb.net, drop_reason::tcp_after_close, "data in state %s", tcp_state_ntoa(pcb.state));
    }
    if (pcb.owner == tcp_owner::gone) return tcp_refuse_data(pcb);
    const size_t full = seg.gso_size > 0 ? seg.gso_size : seg.data.size();
    pcb.mss.rcv = std::max(pcb.mss.rcv, static_cast<uint32_t>(std::min<size_t>(full, pcb.mss.offered)));
    if (seg.seq == pcb.rcv.nxt) {
        tcp_data_in_order(pcb, seg);
    } else {
        tcp_data_out_of_order(pcb, seg);
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
    if (pcb.released || pcb.fin.received) return;
    if (seg.has(TCP_FLG_FIN)) {
        pcb.rcvbuf.out_of_order.fin = seg.seq + seg.data.size();
        if (*pcb.rcvbuf.out_of_order.fin != pcb.rcv.nxt && seg.data.empty())
            tcp_output_ack(pcb); /* early; text has been answered */
    }
    if (pcb.rcvbuf.out_of_order.fin != pcb.rcv.nxt) return;
    pcb.fin.received = true;
    pcb.rcv.nxt += 1;
    pcb.rcv.edge = tcp_seq_max(pcb.rcv.edge, pcb.rcv.nxt);
    pcb.rcvbuf.out_of_order.clear(); /* nothing comes behind a FIN */
    pcb.rcvbuf.ring.drop_out_of_order();
    pcb.ack.now = true;
    tcp_fin_state(pcb);
    sched_wakeup(pcb.net, pcb.ctx);
}

} // namespace microps
