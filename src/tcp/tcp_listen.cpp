/*
 * tcp_listen.cpp: passive opens: LISTEN (RFC 9293 3.10.7.2), half-open connections, the accept queue.
 *
 * In socket mode each SYN makes a child PCB, which waits in the listener's list `half_open` until our SYN-ACK is
 * acknowledged, then in `ready` until somebody accepts it. Both lists are bounded: `ready` by the backlog, `half_open`
 * by configuration, where the oldest makes room. In RFC 793 mode the listener itself becomes the connection.
 */
#include "tcp_internal.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace microps
{

static bool tcp_backlog_full(const tcp_pcb &pcb)
{
    return pcb.mode == tcp_mode::socket && pcb.listener->ready.size() >= pcb.listener->backlog;
}

/** The PCB that a SYN's connection will live in; null if there is no room for it. */
static tcp_pcb *tcp_child_alloc(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    tcp_layer &tcp = pcb.tcp;
    if (pcb.listener->half_open.size() >= tcp.config.half_open_max) {
        net_drop(tcp.net, drop_reason::tcp_syn_queue_full, "too many half-open connections, local=%s",
                 ip_endpoint_str(pcb.local).c_str());
        tcp_pcb_release(*pcb.listener->half_open.front());
    }
    tcp_pcb *child = tcp_pcb_alloc(tcp);
    if (!child) return nullptr;
    child->parent = &pcb;
    child->tx_limit = pcb.tx_limit;
    child->rx_limit = pcb.rx_limit;
    child->tx_fixed = pcb.tx_fixed;
    child->rx_fixed = pcb.rx_fixed;
    child->nodelay = pcb.nodelay;
    child->keepalive = pcb.keepalive;
    child->linger = pcb.linger;
    child->ip = pcb.ip;
    child->reuse = pcb.reuse;
    tcp_pcb_enqueue(*child, &pcb.listener->half_open);
    return child;
}

/** LISTEN -> SYN_RECEIVED, in the listener's child, or in the listener itself (RFC 793 mode). */
static void tcp_passive_open(tcp_pcb &pcb, const tcp_segment &seg, tcp_seq iss) MICROPS_REQUIRES(net_locked)
{
    pcb.local = seg.local;
    pcb.foreign = seg.foreign;
    pcb.passive = true;
    pcb.irs = seg.seq;
    pcb.rcv.nxt = seg.seq + 1;
    pcb.rcv.edge = pcb.rcv.nxt;
    pcb.iss = pcb.snd.una = pcb.snd.nxt = iss;
    pcb.rtt_next = iss;
    pcb.tx_first = iss + 1;
    pcb.snd.wnd = pcb.snd.wnd_max = seg.wnd;
    pcb.snd.wl1 = seg.seq;
    pcb.snd.wl2 = iss;
    tcp_offer(pcb);
    tcp_agree(pcb, seg);
    tcp_connection_insert(pcb);
    tcp_set_state(pcb, tcp_pcb_state::syn_received);
    tcp_output_syn(pcb);
}

/** A SYN for a listener: the third check of LISTEN. What the SYN carries besides, the peer will send again. */
static void tcp_listen_syn(tcp_pcb &pcb, const tcp_segment &seg, tcp_seq iss) MICROPS_REQUIRES(net_locked)
{
    if (tcp_backlog_full(pcb)) { /* silently, as Linux: the peer tries again, and perhaps there is room then */
        net_count(pcb.net, counter::tcp_listen_overflows);
        return net_drop(pcb.net, drop_reason::tcp_backlog_full, "backlog is full, local=%s",
                        ip_endpoint_str(pcb.local).c_str());
    }
    if (pcb.mode == tcp_mode::rfc793) {
        tcp_listener_remove(pcb);
        return tcp_passive_open(pcb, seg, iss);
    }
    tcp_pcb *child = tcp_child_alloc(pcb);
    if (!child) return net_drop(pcb.net, drop_reason::tcp_limit, "no PCB left for a connection");
    tcp_passive_open(*child, seg, iss);
}

void tcp_arrives_listen(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (seg.has(TCP_FLG_RST)) { /* first */
        return net_drop(pcb.net, drop_reason::tcp_bad_rst, "RST for a listener");
    }
    if (seg.has(TCP_FLG_ACK)) { /* second */
        net_drop(pcb.net, drop_reason::tcp_bad_ack, "ACK for a listener, ack=%u", seg.ack.value());
        return tcp_output_reset_for(pcb.tcp, seg);
    }
    /* third: SYN. Nobody means SYN and FIN at once; and from our own endpoint it is an attack ("land"). */
    if (!seg.has(TCP_FLG_SYN) || seg.has(TCP_FLG_FIN) || seg.local == seg.foreign) {
        return net_drop(pcb.net, drop_reason::tcp_bad_flags, "flags=%s", tcp_flg_ntoa(seg.flags).c_str());
    }
    tcp_listen_syn(pcb, seg, tcp_iss_select(pcb.tcp, seg.local, seg.foreign));
}

bool tcp_time_wait_reopened(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (pcb.state != tcp_pcb_state::time_wait || !seg.has(TCP_FLG_SYN)) return false;
    if (seg.has(TCP_FLG_ACK) || seg.has(TCP_FLG_RST) || seg.has(TCP_FLG_FIN)) return false;
    /* Without timestamps: its sequence numbers must begin behind those of the old connection. */
    if (seg.seq <= pcb.rcv.nxt) return false;
    tcp_pcb *listener = tcp_listener_select(pcb.tcp, seg.local, seg.foreign);
    if (!listener) return false;
    /* And ours too (RFC 1122 4.2.2.13 (c)). */
    const tcp_seq iss = tcp_seq_max(tcp_iss_select(pcb.tcp, seg.local, seg.foreign), pcb.snd.nxt + TCP_WINDOW_MAX + 1);
    tcp_pcb_release(pcb);
    tcp_listen_syn(*listener, seg, iss);
    return true;
}

bool tcp_passive_established(tcp_pcb &pcb)
{
    if (!pcb.parent) return true; /* RFC 793 mode, or a simultaneous open */
    if (tcp_backlog_full(*pcb.parent)) {
        /* As Linux: stay half-open. The peer believes it is connected; its data will ask again. */
        net_count(pcb.net, counter::tcp_listen_overflows);
        net_drop(pcb.net, drop_reason::tcp_backlog_full, "backlog is full, local=%s",
                 ip_endpoint_str(pcb.local).c_str());
        return false;
    }
    tcp_pcb_enqueue(pcb, &pcb.parent->listener->ready);
    sched_wakeup(pcb.net, pcb.parent->ctx);
    return true;
}

void tcp_passive_failed(tcp_pcb &pcb)
{
    if (!pcb.listener || pcb.owner == tcp_owner::gone) return tcp_pcb_release(pcb);
    /* RFC 793 mode: the listener had become the connection, and becomes a listener again. */
    tcp_timer_cancel(pcb);
    pcb.ack_timer.cancel();
    pcb.sent.clear();
    pcb.tx.clear();
    pcb.recovery = {};
    pcb.rtt.restart(pcb.tcp.config.rto_initial);
    pcb.syn_lost = false;
    pcb.fin_queued = false;
    tcp_connection_remove(pcb);
    pcb.local = pcb.listener->local;
    pcb.foreign = {};
    tcp_set_state(pcb, tcp_pcb_state::listen);
    tcp_listener_insert(pcb);
}

void tcp_listener_close(tcp_pcb &pcb)
{
    if (!pcb.listener) return;
    if (pcb.state == tcp_pcb_state::listen) tcp_listener_remove(pcb);
    while (!pcb.listener->half_open.empty()) {
        tcp_pcb_release(*pcb.listener->half_open.front());
    }
    while (!pcb.listener->ready.empty()) { /* the peers believe that they are connected */
        tcp_pcb &child = *pcb.listener->ready.front();
        tcp_output_rst(child);
        tcp_pcb_release(child);
    }
    pcb.listener.reset();
}

} // namespace microps
