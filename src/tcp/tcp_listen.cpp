/*
 * tcp_listen.cpp: passive opens: LISTEN (RFC 9293 3.10.7.2), half-open connections, SYN cookies, the accept queue.
 *
 * In socket mode each SYN makes a child PCB. It waits in the listener's list `half_open` until our SYN-ACK is
 * acknowledged, then in the accept queue until accept() takes it. Both lists are bounded: the accept queue by the
 * backlog, `half_open` by tcp_config::half_open_max. When `half_open` is full, a SYN is answered with a SYN cookie and
 * not remembered (RFC 4987 3.6, tcp_syncookie.hpp); with cookies switched off, the oldest half-open connection makes
 * room. In RFC 793 mode the listener itself becomes the connection.
 */
#include "tcp_listen.hpp"

#include "parts/tcp_syncookie.hpp"
#include "tcp_input.hpp"
#include "tcp_layer.hpp"
#include "tcp_negotiate.hpp"
#include "tcp_output.hpp"
#include "tcp_pmtu.hpp"
#include "tcp_receive.hpp"
#include "tcp_timer.hpp"
#include "tcp_timestamps.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace microps
{

/** The accept queue holds one more than the backlog says, as programs expect from Linux: listen(fd, 0) works. */
static bool tcp_backlog_full(const tcp_pcb &pcb)
{
    return pcb.mode == tcp_mode::socket && pcb.listener->accept_queue.size() > pcb.listener->backlog;
}

static void tcp_listen_overflow(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    net_count(pcb.net, counter::tcp_listen_overflows);
    net_count(pcb.net, counter::tcp_listen_drops);
    net_drop(pcb.net, drop_reason::tcp_backlog_full, "backlog is full, local=%s", ip_endpoint_str(pcb.local).c_str());
}

/** A connection begins with the settings of its listener. */
static void tcp_inherit(tcp_pcb &child, const tcp_pcb &listener)
{
    child.sndbuf.limit = listener.sndbuf.limit;
    child.rcvbuf.limit = listener.rcvbuf.limit;
    child.set = listener.set;
    child.options = listener.options;
    child.reuse = listener.reuse;
}

static void tcp_listen_no_pcb(tcp_layer &tcp) MICROPS_REQUIRES(net_locked)
{
    net_count(tcp.net, counter::tcp_listen_drops);
    net_drop(tcp.net, drop_reason::tcp_limit, "no PCB left for a connection");
}

/** The PCB that a SYN's connection will live in; null if there is no room for it. */
static tcp_pcb *tcp_child_alloc(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    tcp_pcb *child = tcp_pcb_alloc(pcb.tcp);
    if (!child) return nullptr;
    child->links.parent = &pcb;
    tcp_inherit(*child, pcb);
    tcp_pcb_enqueue(*child, &pcb.listener->half_open);
    return child;
}

/** Sets up a connection by the peer's SYN, and by what our SYN-ACK will say. */
static void tcp_passive_prepare(tcp_pcb &pcb, const tcp_segment &syn, tcp_seq iss) MICROPS_REQUIRES(net_locked)
{
    pcb.local = syn.local;
    pcb.foreign = syn.foreign;
    pcb.handshake.passive = true;
    pcb.irs = syn.seq;
    pcb.rcv.nxt = syn.seq + 1;
    pcb.rcv.edge = pcb.rcv.nxt;
    pcb.iss = pcb.snd.una = pcb.snd.nxt = iss;
    pcb.sndbuf.first = iss + 1;
    pcb.snd.wnd = pcb.snd.wnd_max = syn.wnd;
    pcb.snd.wl1 = syn.seq;
    pcb.snd.wl2 = iss;
    tcp_offer(pcb);
    tcp_agree(pcb, syn);
}

/** LISTEN -> SYN_RECEIVED, in the listener's child, or in the listener itself (RFC 793 mode). */
static void tcp_passive_open(tcp_pcb &pcb, const tcp_segment &syn, tcp_seq iss) MICROPS_REQUIRES(net_locked)
{
    tcp_passive_prepare(pcb, syn, iss);
    tcp_connection_insert(pcb);
    tcp_set_state(pcb, tcp_pcb_state::syn_received);
    tcp_output_syn(pcb);
}

/* SYN cookies */

static bool tcp_half_open_full(const tcp_pcb &pcb)
{
    return pcb.listener->half_open.size() >= pcb.tcp.config.half_open_max;
}

/** Answers a SYN with a SYN cookie. The SYN-ACK is made by a connection that exists only in this function. */
static void tcp_cookie_send(tcp_pcb &listener, const tcp_segment &syn) MICROPS_REQUIRES(net_locked)
{
    tcp_layer &tcp = listener.tcp;
    const net_time now = tcp.net.clock.now();
    tcp_pcb brief(tcp);
    tcp_inherit(brief, listener);
    tcp_passive_prepare(brief, syn, {});
    brief.iss = tcp.cookies.make(syn.local, syn.foreign, syn.seq, brief.mss.peer, now);
    brief.snd.una = brief.snd.nxt = brief.iss;
    if (brief.agreed.timestamps) {
        /* The options are encoded in the timestamp: the clock is set back until it shows that value. */
        const uint32_t time = tcp_timestamp(brief);
        const auto shift = brief.agreed.window_scale ? std::optional(brief.agreed.snd_shift) : std::nullopt;
        brief.ts.offset -= time - tcp_syncookie_timestamp(time, shift, brief.agreed.sack);
    } else { /* without timestamps, there is nothing to encode these options in */
        brief.agreed.window_scale = brief.agreed.sack = false;
        brief.agreed.rcv_shift = 0;
    }
    tcp_set_state(brief, tcp_pcb_state::syn_received);
    listener.listener->cookie_sent = now;
    net_count(tcp.net, counter::tcp_syncookies_sent);
    tcp_output_syn(brief);
}

/** Reconstructs the peer's SYN from the ACK of a cookie. Nothing: the ACK has no cookie of ours. */
static std::optional<tcp_segment> tcp_cookie_syn(tcp_layer &tcp, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    const auto mss = tcp.cookies.check(seg.local, seg.foreign, seg.seq - 1, seg.ack - 1, tcp.net.clock.now());
    if (!mss) return std::nullopt;
    tcp_segment syn{
        .local = seg.local, .foreign = seg.foreign, .seq = seg.seq - 1, .wnd = seg.wnd, .flags = TCP_FLG_SYN};
    if (tcp.config.timestamps && seg.options.timestamps) {
        syn.options = tcp_syncookie_options(seg.options.timestamps->echo);
        syn.options.timestamps = {.value = seg.options.timestamps->value};
    }
    syn.options.mss = *mss;
    return syn;
}

/** Whether a cookie was sent so recently that its ACK may still come. */
static bool tcp_cookie_expected(const tcp_pcb &listener) MICROPS_REQUIRES(net_locked)
{
    const std::optional<net_time> &sent = listener.listener->cookie_sent;
    const net_duration life = tcp_syncookies::PERIOD * tcp_syncookies::PERIODS;
    return listener.tcp.config.syncookies > 0 && sent && listener.net.clock.now() - *sent < life;
}

/** An ACK for a listener: if it has a cookie, the connection is made now. Returns false if it is nothing of ours. */
static bool tcp_cookie_arrives(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    tcp_layer &tcp = pcb.tcp;
    if (!tcp_cookie_expected(pcb) || seg.has(TCP_FLG_SYN)) return false;
    const std::optional<tcp_segment> syn = tcp_cookie_syn(tcp, seg);
    net_count(tcp.net, syn ? counter::tcp_syncookies_recv : counter::tcp_syncookies_failed);
    if (!syn) {
        net_drop(tcp.net, drop_reason::tcp_bad_cookie, "no cookie of ours, ack=%u", seg.ack.value());
        return false;
    }
    if (tcp_backlog_full(pcb)) { /* the peer's data will have the cookie too */
        tcp_listen_overflow(pcb);
        return !tcp.config.abort_on_overflow;
    }
    tcp_pcb *child = tcp_child_alloc(pcb);
    if (!child) {
        tcp_listen_no_pcb(tcp);
        return true;
    }
    tcp_passive_prepare(*child, *syn, seg.ack - 1);
    child->snd.nxt = seg.ack;
    child->mss.offered = tcp_mss_advertised(*child);
    tcp_set_state(*child, tcp_pcb_state::syn_received);
    tcp_window_advertise(*child, true); /* as our SYN-ACK did */
    child->rcv.acked = child->rcv.nxt;
    tcp_connection_insert(*child);
    tcp_arrives_otherwise(*child, seg);
    if (child->state == tcp_pcb_state::syn_received)
        tcp_pcb_release(*child); /* without a timer it would stay for ever */
    return true;
}

bool tcp_cookie_arrives_first(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (pcb.state != tcp_pcb_state::syn_received || !pcb.links.parent || seg.ack == pcb.snd.nxt) return false;
    if (!seg.has(TCP_FLG_ACK) || seg.has(TCP_FLG_SYN | TCP_FLG_RST)) return false;
    tcp_pcb &listener = *pcb.links.parent;
    if (!tcp_cookie_expected(listener) || !tcp_cookie_syn(pcb.tcp, seg)) return false;
    tcp_pcb_release(pcb);
    tcp_arrives_listen(listener, seg);
    return true;
}

/* LISTEN */

void tcp_listen_syn(tcp_pcb &pcb, const tcp_segment &seg, std::optional<tcp_seq> iss)
{
    tcp_layer &tcp = pcb.tcp;
    if (tcp_backlog_full(pcb)) return tcp_listen_overflow(pcb); /* without an answer: the peer retransmits its SYN */
    const tcp_seq own = iss ? *iss : tcp_iss_select(tcp, seg.local, seg.foreign);
    if (pcb.mode == tcp_mode::rfc793) {
        tcp_listener_remove(pcb);
        return tcp_passive_open(pcb, seg, own);
    }
    const bool full = tcp_half_open_full(pcb);
    if (full) {
        const bool cookies = tcp.config.syncookies > 0;
        net_count(tcp.net, cookies ? counter::tcp_req_q_full_do_cookies : counter::tcp_req_q_full_drop);
    }
    if (!iss && (tcp.config.syncookies > 1 || (full && tcp.config.syncookies > 0))) return tcp_cookie_send(pcb, seg);
    if (full && !pcb.listener->half_open.empty()) {
        net_drop(tcp.net, drop_reason::tcp_syn_queue_full, "too many half-open connections, local=%s",
                 ip_endpoint_str(pcb.local).c_str());
        tcp_pcb_release(*pcb.listener->half_open.front());
    }
    tcp_pcb *child = tcp_child_alloc(pcb);
    if (child) return tcp_passive_open(*child, seg, own);
    if (!iss && tcp.config.syncookies > 0)
        return tcp_cookie_send(pcb, seg); /* there may be a free PCB when its ACK comes */
    tcp_listen_no_pcb(tcp);
}

void tcp_arrives_listen(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (seg.has(TCP_FLG_RST)) { /* first */
        return net_drop(pcb.net, drop_reason::tcp_bad_rst, "RST for a listener");
    }
    if (seg.has(TCP_FLG_ACK)) { /* second */
        if (pcb.mode == tcp_mode::socket && tcp_cookie_arrives(pcb, seg)) return;
        net_drop(pcb.net, drop_reason::tcp_bad_ack, "ACK for a listener, ack=%u", seg.ack.value());
        return tcp_output_reset_for(pcb.tcp, seg);
    }
    /* third: SYN. SYN with FIN makes no sense, and a SYN from the listener's own endpoint is an attack ("land"). */
    if (!seg.has(TCP_FLG_SYN) || seg.has(TCP_FLG_FIN) || seg.local == seg.foreign) {
        return net_drop(pcb.net, drop_reason::tcp_bad_flags, "flags=%s", tcp_flg_ntoa(seg.flags).c_str());
    }
    tcp_listen_syn(pcb, seg, std::nullopt);
}

/* The accept queue */

bool tcp_passive_established(tcp_pcb &pcb)
{
    if (!pcb.links.parent) return true; /* RFC 793 mode, or a simultaneous open */
    if (tcp_backlog_full(*pcb.links.parent)) {
        tcp_listen_overflow(*pcb.links.parent);
        /* The connection stays half-open. To the peer it is open, and a retransmission of its data will try again. */
        if (!pcb.tcp.config.abort_on_overflow) return false;
        net_count(pcb.net, counter::tcp_embryonic_rsts);
        tcp_output_rst(pcb);
        tcp_pcb_release(pcb);
        return false;
    }
    tcp_pcb_enqueue(pcb, &pcb.links.parent->listener->accept_queue);
    sched_wakeup(pcb.net, pcb.links.parent->ctx);
    return true;
}

void tcp_passive_failed(tcp_pcb &pcb)
{
    if (!pcb.listener || pcb.owner == tcp_owner::gone) return tcp_pcb_release(pcb);
    /* RFC 793 mode: the listener had become the connection, and becomes a listener again. */
    tcp_timer_cancel(pcb);
    pcb.ack_timer.cancel();
    tcp_connection_remove(pcb);
    tcp_pcb_forget_peer(pcb);
    pcb.local = pcb.listener->local;
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
    while (!pcb.listener->accept_queue.empty()) { /* to their peers they are open connections */
        tcp_pcb &child = *pcb.listener->accept_queue.front();
        tcp_output_rst(child);
        tcp_pcb_release(child);
    }
    pcb.listener.reset();
}

} // namespace microps
