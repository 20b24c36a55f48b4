/*
 * tcp_connect.cpp: user calls that open (RFC 9293 3.10.1): open, bind, listen, accept, connect, and the one-call OPEN
 * of RFC 793; which ports and addresses they may have (RFC 6056, and Linux' rules for SO_REUSEADDR).
 */
#include "microps/tcp.hpp"
#include "parts/tcp_seq.hpp"
#include "tcp_layer.hpp"
#include "tcp_negotiate.hpp"
#include "tcp_output.hpp"
#include "tcp_pcb.hpp"
#include "tcp_time_wait.hpp"
#include "tcp_user.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace microps
{

static constexpr uint32_t TCP_SOURCE_PORTS = uint32_t{TCP_SOURCE_PORT_MAX} - TCP_SOURCE_PORT_MIN + 1;

sock_endpoint *tcp_open(net_stack &net)
{
    if (!net.tcp) {
        net_error(ENETDOWN);
        return nullptr;
    }
    tcp_pcb *pcb = tcp_pcb_alloc(*net.tcp);
    if (!pcb) {
        errorf("tcp_pcb_alloc() failure");
        net_error(ENOBUFS);
        return nullptr;
    }
    pcb->owner = tcp_owner::user;
    pcb->held = true;
    return pcb;
}

/** A PCB whose connection or attempt has ended is used for another one. */
static void tcp_pcb_revive(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (!pcb.released) return;
    pcb.released = false;
    pcb.tcp.live++;
    pcb.local = pcb.bound_to;
    tcp_bound_insert(pcb);
    tcp_pcb_forget_peer(pcb);
    pcb.rcvbuf.shut = false;
}

/* Ports and addresses */

static bool tcp_addresses_overlap(ip_addr_t a, ip_addr_t b) { return a == b || a == IP_ADDR_ANY || b == IP_ADDR_ANY; }

/**
 * The rules are Linux', because programs rely on them: another listener on an overlapping address is a conflict;
 * connections of the same port, TIME_WAIT included, are a conflict unless both have SO_REUSEADDR. A PCB that is bound
 * and idle is a conflict too, because it may listen later; here we are stricter than Linux.
 */
static bool tcp_binding_conflicts(const tcp_pcb &pcb, const tcp_pcb &other, const ip_endpoint &local)
{
    if (&other == &pcb || other.released || other.local.port != local.port) return false;
    if (!tcp_addresses_overlap(other.local.addr, local.addr)) return false;
    const bool idle = other.state == tcp_pcb_state::closed || other.state == tcp_pcb_state::listen;
    return idle || !pcb.reuse || !other.reuse;
}

int tcp_bind_check(tcp_pcb &pcb, const ip_endpoint &local)
{
    tcp_layer &tcp = pcb.tcp;
    for (const auto &other : tcp.pcbs) {
        if (!tcp_binding_conflicts(pcb, *other, local)) continue;
        debugf("already bound, addr=%s, port=%u", ip_addr_str(other->local.addr).c_str(), other->local.port.value());
        return EADDRINUSE;
    }
    return 0;
}

/** A dynamic port that no PCB uses, chosen so that an off-path attacker cannot guess it; 0 if there is none. */
static uint16_t tcp_port_select(tcp_layer &tcp) MICROPS_REQUIRES(net_locked)
{
    std::vector<bool> used(TCP_SOURCE_PORTS);
    for (const auto &pcb : tcp.pcbs) {
        const uint16_t port = !pcb->released ? pcb->local.port.value() : uint16_t{0};
        if (port >= TCP_SOURCE_PORT_MIN) used[port - size_t{TCP_SOURCE_PORT_MIN}] = true;
    }
    const auto start = static_cast<uint32_t>(tcp.net.random.below(TCP_SOURCE_PORTS));
    for (uint32_t i = 0; i < TCP_SOURCE_PORTS; i++) {
        const uint32_t index = (start + i) % TCP_SOURCE_PORTS;
        if (!used[index]) return static_cast<uint16_t>(TCP_SOURCE_PORT_MIN + index);
    }
    return 0;
}

/** Whether a socket listens on the port or is bound to it, even if it is connected. */
static bool tcp_port_is_reserved(const tcp_layer &tcp, be16 port) MICROPS_REQUIRES(net_locked)
{
    return tcp.listeners.contains(port) || tcp.bound.contains(port);
}

/**
 * RFC 6056 3.3.3: the search begins at another port for each destination, and goes on from one connection to the next.
 */
static uint16_t tcp_source_port_select(tcp_layer &tcp, ip_addr_t local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked)
{
    const auto offset = static_cast<uint32_t>(ip_endpoint_hash(tcp.port_key, {local, 0}, foreign) % TCP_SOURCE_PORTS);
    for (uint32_t i = 0; i < TCP_SOURCE_PORTS; i++) {
        const uint32_t index = (offset + tcp.port_next++) % TCP_SOURCE_PORTS;
        const ip_endpoint candidate{local, static_cast<uint16_t>(TCP_SOURCE_PORT_MIN + index)};
        const tcp_pcb *other = tcp_connection_select(tcp, candidate, foreign);
        if (other && !tcp_time_wait_is_reusable(*other)) continue;
        if (!tcp_port_is_reserved(tcp, candidate.port)) return candidate.port;
    }
    return 0;
}

static int tcp_bind(tcp_pcb &pcb, const ip_endpoint &local) MICROPS_REQUIRES(net_locked)
{
    if (pcb.mode != tcp_mode::socket) {
        errorf("not opened in socket mode");
        return net_error(EOPNOTSUPP);
    }
    if (pcb.state != tcp_pcb_state::closed || pcb.bound_to.port != 0) return net_error(EINVAL);
    if (!ip_addr_is_local(pcb.net, local.addr)) return net_error(EADDRNOTAVAIL);
    tcp_pcb_revive(pcb);
    ip_endpoint wanted = local;
    if (wanted.port == 0) wanted.port = tcp_port_select(pcb.tcp);
    if (wanted.port == 0) return net_error(EADDRINUSE);
    if (const int error = tcp_bind_check(pcb, wanted)) return net_error(error);
    pcb.bound_to = pcb.local = wanted;
    tcp_bound_insert(pcb);
    debugf("success: addr=%s, port=%u", ip_addr_str(wanted.addr).c_str(), wanted.port.value());
    return 0;
}

int tcp_pcb::bind(const ip_endpoint &wanted) { return tcp_bind(*this, wanted); }

/* Passive */

int tcp_listen_start(tcp_pcb &pcb, size_t backlog)
{
    if (pcb.local.port == 0) pcb.local.port = tcp_port_select(pcb.tcp);
    if (pcb.local.port == 0) return EADDRINUSE;
    if (const int error = tcp_bind_check(pcb, pcb.local)) return error;
    pcb.listener = std::make_unique<tcp_listener>();
    pcb.listener->backlog = backlog;
    pcb.listener->local = pcb.local;
    pcb.listener->foreign = pcb.foreign;
    tcp_set_state(pcb, tcp_pcb_state::listen);
    tcp_listener_insert(pcb);
    return 0;
}

static int tcp_listen(tcp_pcb &pcb, int backlog) MICROPS_REQUIRES(net_locked)
{
    if (pcb.mode != tcp_mode::socket) {
        errorf("not opened in socket mode");
        return net_error(EOPNOTSUPP);
    }
    const size_t most = pcb.tcp.config.backlog_max;
    const size_t bound =
        backlog < 0 ? most : std::min(static_cast<size_t>(backlog), most); /* negative means the maximum */
    if (pcb.state == tcp_pcb_state::listen) {
        pcb.listener->backlog = bound;
        return 0;
    }
    if (pcb.state != tcp_pcb_state::closed) return net_error(EINVAL);
    tcp_pcb_revive(pcb);
    if (const int error = tcp_listen_start(pcb, bound)) return net_error(error);
    return 0;
}

int tcp_pcb::listen(int backlog) { return tcp_listen(*this, backlog); }

/**
 * Sleeps until the accept queue of a listener has a connection. Returns 0, or -1: EINVAL, EAGAIN, what tcp_sleep()
 * says.
 */
static int tcp_accept_wait(net_guard &guard, tcp_pcb &pcb, int flags, net_time deadline) MICROPS_REQUIRES(net_locked)
{
    for (;;) {
        if (pcb.mode != tcp_mode::socket || pcb.state != tcp_pcb_state::listen) {
            debugf("not in LISTEN state");
            return net_error(EINVAL);
        }
        if (!pcb.listener->accept_queue.empty()) return 0;
        if (flags & MSG_DONTWAIT) return net_error(EAGAIN);
        if (tcp_sleep(guard, pcb, deadline) == -1) return -1;
    }
}

static tcp_pcb *tcp_accept(net_guard &guard, tcp_pcb &pcb, int flags, net_time deadline) MICROPS_REQUIRES(net_locked)
{
    if (tcp_accept_wait(guard, pcb, flags, deadline) == -1) return nullptr;
    tcp_pcb &child = *pcb.listener->accept_queue.front();
    tcp_pcb_enqueue(child, nullptr);
    child.links.parent = nullptr;
    child.owner = tcp_owner::user;
    child.held = true;
    return &child;
}

sock_endpoint *tcp_pcb::accept(net_guard &guard, int flags, net_time deadline)
{
    return tcp_accept(guard, *this, flags, deadline);
}

/* Active */

/** Completes pcb.local for a connection to pcb.foreign. Returns 0 or an errno. */
static int tcp_source_select(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const std::optional<ip_addr_t> source = ip_source_select(pcb.net, pcb.foreign.addr);
    if (!source) {
        debugf("iface not found");
        return ENETUNREACH;
    }
    if (pcb.local.addr == IP_ADDR_ANY) {
        debugf("select source address: %s", ip_addr_str(*source).c_str());
        pcb.local.addr = *source;
    }
    if (pcb.local.port == 0) {
        const uint16_t port = tcp_source_port_select(pcb.tcp, pcb.local.addr, pcb.foreign);
        if (port == 0) {
            debugf("failed to dynamic assign source port");
            return EADDRNOTAVAIL;
        }
        debugf("dynamic assign source port: %d", port);
        pcb.local.port = port;
    }
    const tcp_pcb *other = tcp_connection_select(pcb.tcp, pcb.local, pcb.foreign);
    return other && !tcp_time_wait_is_reusable(*other) ? EADDRNOTAVAIL : 0;
}

/** Our ISS. A connection in TIME_WAIT between the same endpoints ends, and the ISS lies beyond its sequence numbers. */
static tcp_seq tcp_connect_iss(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const tcp_seq iss = tcp_iss_select(pcb.tcp, pcb.local, pcb.foreign);
    tcp_pcb *old = tcp_connection_select(pcb.tcp, pcb.local, pcb.foreign);
    return old ? tcp_seq_max(iss, tcp_time_wait_recycle(*old)) : iss;
}

int tcp_connect_start(tcp_pcb &pcb)
{
    if (pcb.foreign.port == 0) return EADDRNOTAVAIL;
    if (pcb.foreign.addr.is_multicast() || ip_addr_is_broadcast(pcb.net, pcb.foreign.addr)) return ENETUNREACH;
    if (const int error = tcp_source_select(pcb)) {
        pcb.local = pcb.bound_to;
        return error;
    }
    pcb.iss = pcb.snd.una = pcb.snd.nxt = tcp_connect_iss(pcb);
    pcb.sndbuf.first = pcb.iss + 1;
    pcb.snd.wnd = pcb.snd.wnd_max = 0;
    tcp_offer(pcb);
    net_count(pcb.net, counter::tcp_active_opens);
    tcp_connection_insert(pcb);
    tcp_set_state(pcb, tcp_pcb_state::syn_sent);
    tcp_output_syn(pcb);
    return 0;
}

/** Sleeps until the handshake is over. Returns 0, or -1 with errno. */
static int tcp_wait_open(net_guard &guard, tcp_pcb &pcb, net_time deadline) MICROPS_REQUIRES(net_locked)
{
    while (pcb.state == tcp_pcb_state::listen || tcp_is_opening(pcb.state)) {
        if (tcp_sleep(guard, pcb, deadline) == -1) return -1;
    }
    /* A peer that has sent its FIN at once may have brought us to CLOSE_WAIT already: that is no error. */
    if (pcb.handshake.done && !pcb.error) return 0;
    debugf("open error: %d", static_cast<int>(pcb.state));
    return net_error(pcb.error ? pcb.take_error() : ECONNABORTED);
}

static int tcp_connect(net_guard &guard, tcp_pcb &pcb, const ip_endpoint &foreign, int flags, net_time deadline)
    MICROPS_REQUIRES(net_locked)
{
    if (pcb.mode != tcp_mode::socket) {
        errorf("not opened in socket mode");
        return net_error(EOPNOTSUPP);
    }
    if (tcp_is_opening(pcb.state)) {
        if (flags & MSG_DONTWAIT) return net_error(EALREADY);
        /* Programs know from Linux that a blocking call waits for the attempt. */
        return tcp_wait_open(guard, pcb, deadline) == -1 ? net_error(errno == EAGAIN ? EALREADY : errno) : 0;
    }
    if (pcb.state != tcp_pcb_state::closed) return net_error(EISCONN);
    if (pcb.error) return net_error(pcb.take_error()); /* the error of the last attempt */
    tcp_pcb_revive(pcb);
    pcb.foreign = foreign;
    if (foreign.addr == IP_ADDR_ANY) pcb.foreign.addr = ip_addr_t(be32(INADDR_LOOPBACK)); /* 0.0.0.0 is this host */
    if (const int error = tcp_connect_start(pcb)) {
        pcb.foreign = {};
        return net_error(error);
    }
    if (flags & MSG_DONTWAIT) return net_error(EINPROGRESS);
    if (tcp_wait_open(guard, pcb, deadline) == -1) return net_error(errno == EAGAIN ? EINPROGRESS : errno);
    return 0;
}

int tcp_pcb::connect(net_guard &guard, const ip_endpoint &peer, int flags, net_time deadline)
{
    return tcp_connect(guard, *this, peer, flags, deadline);
}

/* RFC 793's OPEN: one call, one connection */

static int tcp_open_passive(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    debugf("passive open: local=%s, waiting for connection...", ip_endpoint_str(pcb.local).c_str());
    return tcp_listen_start(pcb, 1);
}

static int tcp_open_active(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    debugf("active open: local=%s, foreign=%s, connecting...", ip_endpoint_str(pcb.local).c_str(),
           ip_endpoint_str(pcb.foreign).c_str());
    if (pcb.local.port != 0) {
        if (const int error = tcp_bind_check(pcb, pcb.local)) return error;
    }
    return tcp_connect_start(pcb);
}

static int tcp_open_rfc793(net_guard &guard, tcp_pcb &pcb, const ip_endpoint &local, const ip_endpoint *foreign,
                           bool active) MICROPS_REQUIRES(net_locked)
{
    if (active && !foreign) return net_error(EINVAL);
    if (!ip_addr_is_local(pcb.net, local.addr)) return net_error(EADDRNOTAVAIL);
    pcb.mode = tcp_mode::rfc793;
    pcb.reuse = true;
    pcb.local = pcb.bound_to = local;
    tcp_bound_insert(pcb);
    if (foreign) pcb.foreign = *foreign;
    if (const int error = active ? tcp_open_active(pcb) : tcp_open_passive(pcb)) return net_error(error);
    if (tcp_wait_open(guard, pcb, NET_TIME_NEVER) == -1) return -1;
    debugf("connection established: local=%s, foreign=%s", ip_endpoint_str(pcb.local).c_str(),
           ip_endpoint_str(pcb.foreign).c_str());
    return 0;
}

int tcp_pcb::open(net_guard &guard, const ip_endpoint &own, const ip_endpoint *peer, bool active)
{
    return tcp_open_rfc793(guard, *this, own, peer, active);
}

} // namespace microps
