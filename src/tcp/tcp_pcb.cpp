/*
 * tcp_pcb.cpp: the tables of connections and listeners, and the life of a PCB.
 *
 * A connection is found by a keyed hash of its endpoints, a listener by its port, so the cost of a segment does not
 * grow with the number of connections. When a connection ends, the PCB leaves all tables at once (tcp_pcb_release()),
 * but it is freed later, when no socket holds it and the batch is done (deferred free), so that no reference dangles.
 */
#include "tcp_pcb.hpp"

#include "tcp_acknowledge.hpp"
#include "tcp_layer.hpp"
#include "tcp_listen.hpp"
#include "tcp_pmtu.hpp"
#include "tcp_timer.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace microps
{

tcp_pcb::tcp_pcb(tcp_layer &layer)
    : sock_endpoint(layer.net), tcp(layer), rtt(layer.config.rto_initial, layer.config.rto_min, layer.config.rto_max),
      timer(layer.net, timer_call<&tcp_timer>(*this)), ack_timer(layer.net, timer_call<&tcp_ack_timer>(*this))
{
    sndbuf.limit = static_cast<uint32_t>(std::min(layer.config.send_buffer, TCP_BUFFER_MAX));
    rcvbuf.limit = static_cast<uint32_t>(std::min(layer.config.receive_buffer, TCP_BUFFER_MAX));
    options.tx.df = tcp_df(layer.config);
}

/* What is known about sent segments */

const tcp_loss_state &tcp_pcb::loss_now() const
{
    static const tcp_loss_state nothing{};
    return loss ? *loss : nothing;
}

tcp_loss_state &tcp_pcb::loss_now()
{
    if (!loss) loss = std::make_unique<tcp_loss_state>();
    return *loss;
}

void tcp_loss_release(tcp_pcb &pcb)
{
    if (pcb.loss && pcb.loss->sent.empty() && pcb.loss->recovery.has_nothing_to_remember()) pcb.loss.reset();
}

/* Getting and finding PCBs */

/**
 * Ends the oldest TIME_WAIT connection before its time; RFC 9293 3.6.1 would keep it, but then no new one could begin.
 */
static bool tcp_evict_time_wait(tcp_layer &tcp) MICROPS_REQUIRES(net_locked)
{
    for (tcp_pcb *pcb : tcp.time_wait) {
        if (pcb->owner != tcp_owner::gone) continue;
        net_count(tcp.net, counter::tcp_time_wait_overflow);
        tcp_pcb_release(*pcb);
        return true;
    }
    return false;
}

tcp_pcb *tcp_pcb_alloc(tcp_layer &tcp)
{
    if (tcp.live >= tcp.config.pcb_max && !tcp_evict_time_wait(tcp)) return nullptr;
    auto owned = std::make_unique<tcp_pcb>(tcp);
    tcp_pcb *pcb = owned.get();
    pcb->links.index = tcp.pcbs.size();
    tcp.pcbs.push_back(std::move(owned));
    tcp.live++;
    return pcb;
}

static tcp_pcb *&tcp_bucket(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked)
{
    const uint64_t hash = ip_endpoint_hash(tcp.table_key, local, foreign);
    return tcp.buckets[static_cast<size_t>(hash) & (tcp.buckets.size() - 1)];
}

tcp_pcb *tcp_connection_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
{
    for (tcp_pcb *pcb = tcp_bucket(tcp, local, foreign); pcb; pcb = pcb->links.hash_next) {
        if (pcb->local == local && pcb->foreign == foreign) return pcb;
    }
    return nullptr;
}

/** How well a listener matches a segment: 0 means not at all, and a specific address is better than "any". */
static int tcp_listener_fit(const tcp_pcb &pcb, const ip_endpoint &local, const ip_endpoint &foreign)
{
    const ip_endpoint &expected = pcb.listener->foreign;
    if (pcb.local.addr != IP_ADDR_ANY && pcb.local.addr != local.addr) return 0;
    if (expected.addr != IP_ADDR_ANY && expected.addr != foreign.addr) return 0;
    if (expected.port != 0 && expected.port != foreign.port) return 0;
    return 1 + (pcb.local.addr != IP_ADDR_ANY ? 1 : 0) + (expected.addr != IP_ADDR_ANY ? 2 : 0);
}

tcp_pcb *tcp_listener_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
{
    const auto found = tcp.listeners.find(local.port);
    if (found == tcp.listeners.end()) return nullptr;
    tcp_pcb *best = nullptr;
    int best_fit = 0;
    for (tcp_pcb *pcb : found->second) {
        const int fit = tcp_listener_fit(*pcb, local, foreign);
        if (fit <= best_fit) continue;
        best = pcb;
        best_fit = fit;
    }
    return best;
}

tcp_pcb *tcp_pcb_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
{
    tcp_pcb *pcb = tcp_connection_select(tcp, local, foreign);
    return pcb ? pcb : tcp_listener_select(tcp, local, foreign);
}

/* Tables */

static void tcp_buckets_grow(tcp_layer &tcp) MICROPS_REQUIRES(net_locked)
{
    std::vector<tcp_pcb *> old(tcp.buckets.size() * 2);
    old.swap(tcp.buckets);
    for (tcp_pcb *pcb : old) {
        while (pcb) {
            tcp_pcb *next = pcb->links.hash_next;
            tcp_pcb *&bucket = tcp_bucket(tcp, pcb->local, pcb->foreign);
            pcb->links.hash_next = bucket;
            bucket = pcb;
            pcb = next;
        }
    }
}

void tcp_connection_insert(tcp_pcb &pcb)
{
    tcp_layer &tcp = pcb.tcp;
    if (tcp.connections >= tcp.buckets.size()) tcp_buckets_grow(tcp);
    tcp_pcb *&bucket = tcp_bucket(tcp, pcb.local, pcb.foreign);
    pcb.links.hash_next = bucket;
    bucket = &pcb;
    pcb.links.in_table = true;
    tcp.connections++;
}

void tcp_connection_remove(tcp_pcb &pcb)
{
    if (!pcb.links.in_table) return;
    tcp_pcb **link = &tcp_bucket(pcb.tcp, pcb.local, pcb.foreign);
    while (*link != &pcb) {
        link = &(*link)->links.hash_next;
    }
    *link = pcb.links.hash_next;
    pcb.links.in_table = false;
    pcb.tcp.connections--;
}

void tcp_listener_insert(tcp_pcb &pcb) { pcb.tcp.listeners[pcb.local.port].push_back(&pcb); }

void tcp_listener_remove(tcp_pcb &pcb)
{
    const auto found = pcb.tcp.listeners.find(pcb.local.port);
    if (found == pcb.tcp.listeners.end()) return;
    std::erase(found->second, &pcb);
    if (found->second.empty()) pcb.tcp.listeners.erase(found);
}

void tcp_bound_insert(tcp_pcb &pcb)
{
    if (pcb.bound_to.port != 0) pcb.tcp.bound[pcb.bound_to.port]++;
}

static void tcp_bound_remove(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.bound_to.port == 0) return;
    const auto found = pcb.tcp.bound.find(pcb.bound_to.port);
    if (--found->second == 0) pcb.tcp.bound.erase(found);
}

void tcp_pcb_enqueue(tcp_pcb &pcb, tcp_pcb_list *list)
{
    if (pcb.links.queue && list) {
        list->splice(list->end(), *pcb.links.queue, pcb.links.place);
    } else if (pcb.links.queue) {
        pcb.links.queue->erase(pcb.links.place);
    } else if (list) {
        pcb.links.place = list->insert(list->end(), &pcb);
    }
    pcb.links.queue = list;
}

/* States */

bool tcp_is_opening(tcp_pcb_state state)
{
    return state == tcp_pcb_state::syn_sent || state == tcp_pcb_state::syn_received;
}

bool tcp_is_synchronized(tcp_pcb_state state)
{
    switch (state) {
    case tcp_pcb_state::closed:
    case tcp_pcb_state::listen:
    case tcp_pcb_state::syn_sent:
        return false;
    case tcp_pcb_state::syn_received:
    case tcp_pcb_state::established:
    case tcp_pcb_state::fin_wait1:
    case tcp_pcb_state::fin_wait2:
    case tcp_pcb_state::closing:
    case tcp_pcb_state::time_wait:
    case tcp_pcb_state::close_wait:
    case tcp_pcb_state::last_ack:
        return true;
    }
    net_unreachable();
}

bool tcp_may_receive(tcp_pcb_state state)
{
    switch (state) {
    case tcp_pcb_state::established:
    case tcp_pcb_state::fin_wait1:
    case tcp_pcb_state::fin_wait2:
        return true;
    case tcp_pcb_state::closed:
    case tcp_pcb_state::listen:
    case tcp_pcb_state::syn_sent:
    case tcp_pcb_state::syn_received:
    case tcp_pcb_state::closing:
    case tcp_pcb_state::time_wait:
    case tcp_pcb_state::close_wait:
    case tcp_pcb_state::last_ack:
        return false;
    }
    net_unreachable();
}

bool tcp_may_send(tcp_pcb_state state)
{
    switch (state) {
    case tcp_pcb_state::established:
    case tcp_pcb_state::close_wait:
    case tcp_pcb_state::fin_wait1: /* data queued before the FIN, and the FIN itself */
    case tcp_pcb_state::closing:
    case tcp_pcb_state::last_ack:
        return true;
    case tcp_pcb_state::closed:
    case tcp_pcb_state::listen:
    case tcp_pcb_state::syn_sent:
    case tcp_pcb_state::syn_received:
    case tcp_pcb_state::fin_wait2:
    case tcp_pcb_state::time_wait:
        return false;
    }
    net_unreachable();
}

/** RFC 9293 figure 5, plus: any state may end in CLOSED, and a half-open connection may return to LISTEN. */
[[maybe_unused]] static bool tcp_transition_exists(tcp_pcb_state from, tcp_pcb_state to)
{
    using enum tcp_pcb_state;
    if (to == closed) return true;
    switch (from) {
    case closed:
        return to == listen || to == syn_sent || to == syn_received; /* the last: a child of a listener */
    case listen:
        return to == syn_received; /* RFC 793 mode: the listener itself becomes the connection */
    case syn_sent:
        return to == syn_received || to == established;
    case syn_received:
        return to == established || to == fin_wait1 || to == listen;
    case established:
        return to == fin_wait1 || to == close_wait;
    case fin_wait1:
        return to == fin_wait2 || to == closing || to == time_wait;
    case fin_wait2:
    case closing:
        return to == time_wait;
    case close_wait:
        return to == last_ack;
    case time_wait:
    case last_ack:
        return false;
    }
    net_unreachable();
}

/** The states that RFC 4022's tcpCurrEstab counts. */
static bool tcp_is_open(tcp_pcb_state state)
{
    return state == tcp_pcb_state::established || state == tcp_pcb_state::close_wait;
}

/** Closed by its user, and still open at the peer. TIME_WAIT needs no user, so it does not count. */
static bool tcp_is_orphan(const tcp_pcb &pcb)
{
    return pcb.owner == tcp_owner::gone && pcb.state != tcp_pcb_state::closed && pcb.state != tcp_pcb_state::time_wait;
}

/** Adds @p one (1 or -1) to the counters that follow from the state and the owner. */
static void tcp_count_levels(tcp_pcb &pcb, uint64_t one) MICROPS_REQUIRES(net_locked)
{
    if (tcp_is_open(pcb.state)) net_count(pcb.net, counter::tcp_curr_estab, one);
    if (tcp_is_orphan(pcb)) pcb.tcp.orphans += static_cast<size_t>(one);
}

void tcp_set_owner(tcp_pcb &pcb, tcp_owner owner)
{
    tcp_count_levels(pcb, static_cast<uint64_t>(-1));
    pcb.owner = owner;
    tcp_count_levels(pcb, 1);
}

void tcp_set_state(tcp_pcb &pcb, tcp_pcb_state next)
{
    assert(tcp_transition_exists(pcb.state, next));
    debugf("%s => %s, local=%s, foreign=%s", tcp_state_ntoa(pcb.state), tcp_state_ntoa(next),
           ip_endpoint_str(pcb.local).c_str(), ip_endpoint_str(pcb.foreign).c_str());
    net_count(pcb.net, counter::tcp_state_changes);
    tcp_count_levels(pcb, static_cast<uint64_t>(-1));
    pcb.state = next;
    tcp_count_levels(pcb, 1);
    sched_wakeup(pcb.net, pcb.ctx);
}

/* The end of a PCB */

void tcp_pcb_release(tcp_pcb &pcb)
{
    if (pcb.released) return;
    tcp_listener_close(pcb);
    if (pcb.state != tcp_pcb_state::closed) tcp_set_state(pcb, tcp_pcb_state::closed);
    pcb.released = true;
    tcp_connection_remove(pcb);
    tcp_bound_remove(pcb);
    tcp_pcb_enqueue(pcb, nullptr);
    pcb.links.parent = nullptr;
    tcp_timer_cancel(pcb);
    pcb.ack_timer.cancel();
    pcb.sndbuf.ring.clear();
    pcb.rcvbuf.ring.drop_out_of_order(); /* data that was acknowledged can still be read */
    pcb.rcvbuf.out_of_order.clear();
    pcb.loss.reset();
    pcb.congestion.reset();
    pcb.tcp.live--;
    net_count(pcb.net, counter::tcp_pcbs_released);
    debugf("released, local=%s, foreign=%s", ip_endpoint_str(pcb.local).c_str(), ip_endpoint_str(pcb.foreign).c_str());
    if (!pcb.held) tcp_pcb_free_later(pcb);
}

void tcp_pcb_forget_peer(tcp_pcb &pcb)
{
    pcb.foreign = {};
    pcb.mss = {};
    pcb.sndbuf.ring.clear();
    pcb.loss.reset();
    pcb.rtt.restart(pcb.tcp.config.rto_initial);
    pcb.round = {};
    pcb.output = {};
    pcb.rcvbuf.ring.clear();
    pcb.rcvbuf.sizing = {};
    pcb.ack = {};
    pcb.timing = {};
    pcb.handshake = {};
    pcb.fin = {};
    pcb.traffic = {};
}

void tcp_pcb_fail(tcp_pcb &pcb, int error)
{
    pcb.error = error;
    tcp_pcb_release(pcb);
}

void tcp_pcb_free_later(tcp_pcb &pcb)
{
    tcp_layer &tcp = pcb.tcp;
    const size_t index = pcb.links.index;
    std::swap(tcp.pcbs[index], tcp.pcbs.back()); /* the last one takes its place */
    tcp.pcbs[index]->links.index = index;
    tcp.ended.push_back(std::move(tcp.pcbs.back()));
    tcp.pcbs.pop_back();
}

void tcp_pcb::release()
{
    held = false;
    if (released) tcp_pcb_free_later(*this);
}

} // namespace microps
