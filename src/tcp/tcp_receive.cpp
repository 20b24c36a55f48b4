/*
 * tcp_receive.cpp: how data and FIN are received (RFC 9293 3.10.7.4, seventh and eighth step), and which receive window
 * we advertise (3.8.6.2.2). When we acknowledge is decided in tcp_acknowledge.cpp, what our ACKs report in
 * tcp_sack_report.cpp.
 *
 *      RCV.NXT                             RCV.EDGE (RCV.NXT + RCV.WND, as advertised)
 *           v                                   v
 *   [unread]----hole----[out-of-order]----hole---
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

/** TCP_WINDOW_CLAMP: no bound if it is not set. */
static uint32_t tcp_window_clamp(const tcp_pcb &pcb)
{
    return pcb.set.window_clamp > 0 ? pcb.set.window_clamp : UINT32_MAX;
}

/** The free space of the receive buffer, but no more than TCP_WINDOW_CLAMP. */
static size_t tcp_receive_room(const tcp_pcb &pcb)
{
    const size_t limit = pcb.rcvbuf.limit;
    const size_t room = limit - std::min(limit, pcb.rcvbuf.ring.size());
    return std::min<size_t>(room, tcp_window_clamp(pcb));
}

/** Half of the buffer: with so much free, silly window avoidance moves the window on (RFC 9293 3.8.6.2.2). */
static uint32_t tcp_window_half(const tcp_pcb &pcb) { return std::min(pcb.rcvbuf.limit, tcp_window_clamp(pcb)) / 2; }

uint32_t tcp_syn_window(const tcp_pcb &pcb)
{
    return std::min({pcb.rcvbuf.limit, tcp_window_clamp(pcb), TCP_WINDOW_MAX});
}

/** How far the window could be opened now. */
static tcp_seq tcp_window_edge(const tcp_pcb &pcb)
{
    const size_t room = std::min(tcp_receive_room(pcb), size_t{TCP_WINDOW_MAX} << pcb.agreed.rcv_shift);
    return tcp_seq_max(pcb.rcv.nxt + room, pcb.rcv.edge); /* a window never shrinks (RFC 9293 3.8.6 SHLD-14) */
}

/** Counts windows that close or open, and those that would be closed if a window could shrink. */
static void tcp_window_count(tcp_pcb &pcb, uint32_t window) MICROPS_REQUIRES(net_locked)
{
    if (pcb.fin.received) return; /* no data will come, so the window means nothing */
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
    if (syn) { /* the window of a SYN is never scaled */
        pcb.rcv.edge = tcp_seq_max(pcb.rcv.edge, pcb.rcv.nxt + tcp_syn_window(pcb));
        return static_cast<uint16_t>(std::min(tcp_receive_window(pcb), TCP_WINDOW_MAX));
    }
    const tcp_seq edge = tcp_window_edge(pcb);
    if (!pcb.fin.received) {
        const uint32_t worthwhile = std::min(uint32_t{pcb.mss.offered}, tcp_window_half(pcb));
        if (edge.since(pcb.rcv.edge) >= worthwhile) pcb.rcv.edge = edge;
    }
    /* A window that the shift cannot express is rounded up if there is room: rounded down, it would shrink. */
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
     * A peer that the window has stopped needs a window update as soon as there is room for a segment. A peer that
     * still sends learns of the room from the ACKs of its data; an update of its own is worth sending only when the
     * window can double (Linux' rule).
     */
    const uint32_t window = tcp_receive_window(pcb);
    const uint32_t wanted = window < full ? full : std::max(2 * full, window);
    if (tcp_window_edge(pcb).since(pcb.rcv.edge) < std::min(wanted, tcp_window_half(pcb))) return;
    pcb.ack.now = true;
    tcp_output_request(pcb);
}

/* seventh: segment text */

/**
 * The user has closed, so nobody will read this data: the peer must learn that by a RST (RFC 9293 3.6.1, RFC 2525
 * 2.17).
 */
static void tcp_refuse_data(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    net_count(pcb.net, counter::tcp_abort_on_data);
    net_drop(pcb.net, drop_reason::tcp_after_close, "data after close, local=%s", ip_endpoint_str(pcb.local).c_str());
    tcp_output_rst(pcb);
    tcp_pcb_release(pcb);
}

/** Out-of-order data, behind a hole: it is kept, and answered at once with a duplicate ACK. */
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
    tcp_output_ack(pcb); /* one for each segment, not one for each batch: the peer counts duplicate ACKs */
}

/** Data that begins at RCV.NXT: it goes to the user, with what was out of order and follows it now. */
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
        /* SHUT_RD: data is acknowledged and discarded, so that the peer is not stopped. Linux would keep it. */
        pcb.rcv.edge = tcp_seq_max(pcb.rcv.edge, pcb.rcv.nxt);
    } else {
        pcb.rcvbuf.ring.write(pcb.rcvbuf.ring.size(), seg.data);
        pcb.rcvbuf.ring.commit(pcb.rcv.nxt.since(old_next));
        sched_wakeup(pcb.net, pcb.ctx);
    }
    if (had_holes) pcb.ack.now = true; /* a hole was filled, or is still there */
    tcp_acknowledge(pcb, seg.data.size());
    if (pcb.ack.sack.duplicate_pending())
        tcp_output_ack(pcb); /* RFC 2883 4: each duplicate segment is reported by its own ACK */
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
    case tcp_pcb_state::fin_wait1: /* our FIN is not acknowledged: else the fifth step had left this state */
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
            tcp_output_ack(pcb); /* an out-of-order FIN; if it came with data, that has been answered */
    }
    if (pcb.rcvbuf.out_of_order.fin != pcb.rcv.nxt) return;
    pcb.fin.received = true;
    pcb.rcv.nxt += 1;
    pcb.rcv.edge = tcp_seq_max(pcb.rcv.edge, pcb.rcv.nxt);
    pcb.rcvbuf.out_of_order.clear(); /* nothing can follow a FIN */
    pcb.rcvbuf.ring.drop_out_of_order();
    pcb.ack.now = true;
    tcp_fin_state(pcb);
    sched_wakeup(pcb.net, pcb.ctx);
}

} // namespace microps
