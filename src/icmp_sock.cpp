/*
 * icmp_sock.cpp: ping sockets, like Linux' SOCK_DGRAM with IPPROTO_ICMP.
 *
 * A ping socket may send Echo messages and nothing else, and receives the replies to its own: the identifier of its
 * messages is its local port. ICMP errors about its messages become its pending error, connected or not, because the
 * identifier tells whose they are (RFC 1122 3.2.2.1). Queues and sleepers are datagram.cpp's business.
 */
#include "datagram.hpp"
#include "icmp_internal.hpp"
#include "id_table.hpp"
#include "microps/log.hpp"

#include <cerrno>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace microps
{

/* Bounds, as those of UDP. */
static constexpr size_t ICMP_SOCK_MAX = 1024;
static constexpr size_t ICMP_SOCK_RECEIVE_MAX = 212992;

struct icmp_pcb : datagram_pcb {
    using datagram_pcb::datagram_pcb;
};

struct icmp_sock_layer {
    id_table<icmp_pcb> pcbs{};
    std::unordered_map<uint16_t, icmp_pcb *> idents{};
};

/* PCBs */

static icmp_pcb *icmp_pcb_get(const net_stack &net, int id) MICROPS_REQUIRES(net_locked)
{
    icmp_pcb *pcb = net.icmp ? net.icmp->sockets->pcbs.find(id) : nullptr;
    if (pcb && pcb->state == datagram_state::open) return pcb;
    errorf("pcb not found, id=%d", id);
    errno = EBADF;
    return nullptr;
}

static icmp_sock_layer &icmp_layer_of(const icmp_pcb &pcb) { return *pcb.net.icmp->sockets; }

static void icmp_pcb_release(icmp_pcb &pcb) MICROPS_REQUIRES(net_locked) { icmp_layer_of(pcb).pcbs.erase(pcb.id); }

static icmp_pcb *icmp_pcb_select(const icmp_sock_layer &sockets, ip_addr_t local, uint32_t values)
    MICROPS_REQUIRES(net_locked)
{
    const auto found = sockets.idents.find(static_cast<uint16_t>(values >> 16));
    if (found == sockets.idents.end()) return nullptr;
    icmp_pcb *pcb = found->second;
    return pcb->local.addr == IP_ADDR_ANY || pcb->local.addr == local ? pcb : nullptr;
}

static void icmp_ident_attach(icmp_pcb &pcb, be16 ident) MICROPS_REQUIRES(net_locked)
{
    pcb.local.port = ident;
    icmp_layer_of(pcb).idents[ident] = &pcb;
}

static void icmp_ident_detach(icmp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.local.port != 0) icmp_layer_of(pcb).idents.erase(pcb.local.port);
    pcb.local.port = 0;
}

/** A free identifier, searched from a random one on; 0 if all are taken. */
static uint16_t icmp_ident_select(icmp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const icmp_sock_layer &sockets = icmp_layer_of(pcb);
    const uint32_t start = pcb.net.random.u16();
    for (uint32_t i = 0; i < UINT16_MAX; i++) {
        const auto ident = static_cast<uint16_t>((start + i) % UINT16_MAX + 1);
        if (!sockets.idents.contains(ident)) return ident;
    }
    return 0;
}

/** Gives a PCB without identifier one. Returns 0, or -1: EAGAIN. */
static int icmp_ident_assign(icmp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.local.port != 0) return 0;
    const uint16_t ident = icmp_ident_select(pcb);
    if (ident == 0) return net_error(EAGAIN);
    icmp_ident_attach(pcb, ident);
    return 0;
}

/* Input */

void icmp_sock_input(const ip_rx &rx, const icmp_hdr &hdr)
{
    net_stack &net = rx.iface.dev->net;
    icmp_pcb *pcb = icmp_pcb_select(*net.icmp->sockets, rx.dst, hdr.values);
    if (!pcb || (pcb->connected && pcb->foreign.addr != rx.src)) {
        return net_drop(net, drop_reason::ping_no_socket, "no socket, id=%u", hdr.values.value() >> 16);
    }
    if (datagram_deliver(*pcb, rx, 0, rx.payload, ICMP_SOCK_RECEIVE_MAX)) return;
    net_drop(net, drop_reason::ping_queue_full, "queue full, id=%d, queued=%zu, len=%zu", pcb->id, pcb->queue.bytes(),
             rx.payload.size());
}

void icmp_sock_error(net_stack &net, const ip_error &error)
{
    std::span<const uint8_t> quote = error.quote;
    const std::optional<icmp_hdr> hdr = wire_read<icmp_hdr>(quote);
    if (!hdr) return net_drop(net, drop_reason::icmp_bad_quote, "too short");
    const int reason = icmp_error_to_errno(error.type, error.code);
    if (hdr->type != ICMP_TYPE_ECHO || reason == 0) return;
    icmp_pcb *pcb = icmp_pcb_select(*net.icmp->sockets, error.src, hdr->values);
    if (!pcb || (pcb->connected && pcb->foreign.addr != error.dst)) return;
    if (reason == EMSGSIZE) {
        if (pcb->options.tx.df == ip_df::dont) return; /* it was sent without DF, so this is not about it */
        ip_path_mtu_learn(net, error);
    }
    datagram_fail(*pcb, reason);
}

void icmp_sock_init(net_stack &net) { net.icmp->sockets = layer_make<icmp_sock_layer>(); }

/* User calls */

int icmp_open(net_guard &guard)
{
    net_stack &net = guard.net();
    if (!net.icmp) return net_error(ENETDOWN);
    auto owned = std::make_unique<icmp_pcb>(net);
    icmp_pcb *pcb = owned.get();
    const int id = net.icmp->sockets->pcbs.insert(std::move(owned), ICMP_SOCK_MAX);
    if (id == -1) return net_error(EMFILE);
    pcb->id = id;
    return id;
}

int icmp_bind(net_guard &guard, int id, const ip_endpoint &local)
{
    icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    if (!pcb) return -1;
    if (!ip_addr_is_local(pcb->net, local.addr)) return net_error(EADDRNOTAVAIL);
    if (pcb->local.port != 0) return net_error(EINVAL);
    const be16 ident = local.port != 0 ? local.port : be16(icmp_ident_select(*pcb));
    if (ident == 0 || icmp_layer_of(*pcb).idents.contains(ident)) return net_error(EADDRINUSE);
    pcb->local.addr = local.addr;
    pcb->addr_bound = local.addr != IP_ADDR_ANY;
    pcb->port_bound = true;
    icmp_ident_attach(*pcb, ident);
    debugf("bound, id=%d, local=%s", id, ip_endpoint_str(pcb->local).c_str());
    return 0;
}

/** Ends a connection. What the user had bound stays bound. */
static int icmp_disconnect(icmp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    pcb.connected = false;
    pcb.foreign = {};
    if (!pcb.addr_bound) pcb.local.addr = IP_ADDR_ANY;
    if (!pcb.port_bound) icmp_ident_detach(pcb);
    return 0;
}

int icmp_connect(net_guard &guard, int id, const ip_endpoint &foreign)
{
    icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    if (!pcb) return -1;
    if (foreign.addr == IP_ADDR_ANY) return icmp_disconnect(*pcb);
    const std::optional<ip_addr_t> source = ip_source_select(pcb->net, foreign.addr);
    if (!source) return net_error(ENETUNREACH);
    if (ip_addr_is_broadcast(pcb->net, foreign.addr) && !pcb->options.broadcast) return net_error(EACCES);
    if (icmp_ident_assign(*pcb) == -1) return -1;
    if (!pcb->addr_bound) pcb->local.addr = *source;
    pcb->foreign = {foreign.addr, 0};
    pcb->connected = true;
    return 0;
}

/** The header of a message that a ping socket may send: an Echo. Shortens @p data by it. Or nothing, with errno. */
static std::optional<icmp_hdr> icmp_echo_parse(std::span<const uint8_t> &data)
{
    const size_t total = data.size();
    const std::optional<icmp_hdr> hdr = wire_read<icmp_hdr>(data);
    const bool echo = hdr && hdr->type == ICMP_TYPE_ECHO && hdr->code == 0;
    if (total <= IP_PAYLOAD_SIZE_MAX && echo) return hdr;
    errno = total > IP_PAYLOAD_SIZE_MAX ? EMSGSIZE : EINVAL;
    return std::nullopt;
}

ssize_t icmp_sendto(net_guard &guard, int id, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags)
{
    icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    if (!pcb) return -1;
    const std::optional<icmp_hdr> hdr = icmp_echo_parse(data);
    if (!hdr) return -1;
    if (flags & MSG_OOB) return net_error(EOPNOTSUPP);
    if (!foreign && !pcb->connected) return net_error(EDESTADDRREQ);
    const ip_addr_t dst = foreign ? foreign->addr : pcb->foreign.addr;
    if (ip_addr_is_broadcast(pcb->net, dst) && !pcb->options.broadcast) return net_error(EACCES);
    if (icmp_ident_assign(*pcb) == -1) return -1;
    if (pcb->error) return net_error(datagram_take_error(*pcb));
    if (pcb->write_shut) return net_error(EPIPE);
    const be32 values = uint32_t{pcb->local.port} << 16 | (hdr->values & 0xffff);
    return icmp_output(pcb->net, hdr->type, hdr->code, values, data, pcb->local.addr, dst, pcb->options.tx);
}

ssize_t icmp_recvfrom(net_guard &guard, int id, std::span<uint8_t> data, icmp_received *from, int flags,
                      net_time deadline)
{
    icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    if (!pcb) return -1;
    if (datagram_wait(guard, *pcb, flags, deadline) == -1) {
        const int reason = errno;
        const bool last = pcb->state == datagram_state::closing && !pcb->ctx.busy();
        if (last) icmp_pcb_release(*pcb);
        return net_error(reason);
    }
    return datagram_take(*pcb, data, from, flags);
}

short icmp_poll(net_guard &guard, int id)
{
    const icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    return pcb ? datagram_poll(*pcb) : short{POLLNVAL};
}

int icmp_getsockname(net_guard &guard, int id, ip_endpoint &local)
{
    const icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    if (!pcb) return -1;
    local = pcb->local;
    return 0;
}

int icmp_getpeername(net_guard &guard, int id, ip_endpoint &foreign)
{
    const icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    if (!pcb) return -1;
    if (!pcb->connected) return net_error(ENOTCONN);
    foreign = pcb->foreign;
    return 0;
}

int icmp_shutdown(net_guard &guard, int id, int how)
{
    icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    return pcb ? datagram_shutdown(*pcb, how) : -1;
}

int icmp_take_error(net_guard &guard, int id)
{
    icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    return pcb ? datagram_take_error(*pcb) : EBADF;
}

ip_sockopts *icmp_sockopts(net_guard &guard, int id)
{
    icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    return pcb ? &pcb->options : nullptr;
}

ssize_t icmp_pending(net_guard &guard, int id)
{
    const icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    return pcb ? datagram_pending(*pcb) : -1;
}

int icmp_close(net_guard &guard, int id)
{
    icmp_pcb *pcb = icmp_pcb_get(guard.net(), id);
    if (!pcb) return -1;
    icmp_ident_detach(*pcb);
    if (datagram_close(*pcb)) icmp_pcb_release(*pcb);
    return 0;
}

} // namespace microps
