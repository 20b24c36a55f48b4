/*
 * icmp_sock.cpp: ping sockets (SOCK_DGRAM with IPPROTO_ICMP), which Linux has and ping programs use.
 *
 * A ping socket sends Echo messages only and receives the replies to its own: the Echo identifier is its local port. An
 * ICMP error about one of its messages becomes its pending error, connected or not (RFC 1122 3.2.2.1). datagram.cpp has
 * the queues and the waiting calls.
 */
#include "base/id_table.hpp"
#include "datagram.hpp"
#include "icmp_internal.hpp"
#include "microps/log.hpp"

#include <cerrno>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include <sys/socket.h>

namespace microps
{

/* Bounds, as those of UDP. */
static constexpr size_t ICMP_SOCK_MAX = 1024;
static constexpr size_t ICMP_SOCK_RECEIVE_MAX = 212992;

struct icmp_pcb : datagram_pcb {
    using datagram_pcb::datagram_pcb;

    int bind(const ip_endpoint &wanted) override MICROPS_REQUIRES(net_locked);
    int connect(net_guard &guard, const ip_endpoint &peer, int flags, net_time deadline) override
        MICROPS_REQUIRES(net_locked);
    ssize_t send(net_guard &guard, std::span<const uint8_t> data, const ip_endpoint *peer, int flags,
                 net_time deadline) override MICROPS_REQUIRES(net_locked);
    int port_assign() override MICROPS_REQUIRES(net_locked);
    void port_detach() override MICROPS_REQUIRES(net_locked);
};

struct icmp_sock_layer {
    datagram_pcb_list pcbs{};
    std::unordered_map<uint16_t, icmp_pcb *> idents{};
};

/* PCBs */

static icmp_sock_layer &icmp_layer_of(const icmp_pcb &pcb) { return *pcb.net.icmp->sockets; }

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

void icmp_pcb::port_detach()
{
    if (local.port != 0) icmp_layer_of(*this).idents.erase(local.port);
    local.port = 0;
}

/** A free identifier, searched from a random start; 0 if none is free. */
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

int icmp_pcb::port_assign()
{
    if (local.port != 0) return 0;
    const uint16_t ident = icmp_ident_select(*this);
    if (ident == 0) return net_error(EAGAIN);
    icmp_ident_attach(*this, ident);
    return 0;
}

/* Input */

/** Delivers an Echo Reply to the socket that sent the Echo. */
static void icmp_sock_input(const ip_rx &rx, const icmp_hdr &hdr) MICROPS_REQUIRES(net_locked)
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

static void icmp_sock_error(net_stack &net, const ip_error &error) MICROPS_REQUIRES(net_locked)
{
    std::span<const uint8_t> quote = error.quote;
    const std::optional<icmp_hdr> hdr = wire_read<icmp_hdr>(quote);
    if (!hdr) return net_drop(net, drop_reason::icmp_bad_quote, "too short");
    const int reason = icmp_error_to_errno(error.type, error.code);
    if (hdr->type != ICMP_TYPE_ECHO || reason == 0) return;
    icmp_pcb *pcb = icmp_pcb_select(*net.icmp->sockets, error.src, hdr->values);
    if (!pcb || (pcb->connected && pcb->foreign.addr != error.dst)) return;
    if (datagram_take_error(*pcb, error, reason)) datagram_fail(*pcb, reason);
}

void icmp_sock_init(net_stack &net)
{
    net.icmp->sockets = layer_make<icmp_sock_layer>();
    icmp_echo_register(net, {.reply =
                                 [&net](const ip_rx &rx, const icmp_hdr &hdr) {
                                     net_assert_locked(net);
                                     icmp_sock_input(rx, hdr);
                                 },
                             .error =
                                 [&net](const ip_error &error) {
                                     net_assert_locked(net);
                                     icmp_sock_error(net, error);
                                 }});
}

/* User calls */

sock_endpoint *icmp_open(net_stack &net)
{
    if (net.icmp) return datagram_pcb_alloc<icmp_pcb>(net, net.icmp->sockets->pcbs, ICMP_SOCK_MAX);
    net_error(ENETDOWN);
    return nullptr;
}

static int icmp_bind(icmp_pcb &pcb, const ip_endpoint &local) MICROPS_REQUIRES(net_locked)
{
    if (!ip_addr_is_local(pcb.net, local.addr)) return net_error(EADDRNOTAVAIL);
    if (pcb.local.port != 0) return net_error(EINVAL);
    const be16 ident = local.port != 0 ? local.port : be16(icmp_ident_select(pcb));
    if (ident == 0 || icmp_layer_of(pcb).idents.contains(ident)) return net_error(EADDRINUSE);
    datagram_bound(pcb, local.addr);
    icmp_ident_attach(pcb, ident);
    debugf("bound, id=%d, local=%s", pcb.id, ip_endpoint_str(pcb.local).c_str());
    return 0;
}

/** Takes the header of an Echo off @p data. Returns nothing with errno EINVAL (no Echo), EMSGSIZE. */
static std::optional<icmp_hdr> icmp_echo_parse(std::span<const uint8_t> &data)
{
    const size_t total = data.size();
    const std::optional<icmp_hdr> hdr = wire_read<icmp_hdr>(data);
    const bool echo = hdr && hdr->type == ICMP_TYPE_ECHO && hdr->code == 0;
    if (total <= IP_PAYLOAD_SIZE_MAX && echo) return hdr;
    errno = total > IP_PAYLOAD_SIZE_MAX ? EMSGSIZE : EINVAL;
    return std::nullopt;
}

static ssize_t icmp_sendto(icmp_pcb &pcb, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags)
    MICROPS_REQUIRES(net_locked)
{
    const std::optional<icmp_hdr> hdr = icmp_echo_parse(data);
    if (!hdr) return -1;
    if (flags & MSG_OOB) return net_error(EOPNOTSUPP);
    if (!foreign && !pcb.connected) return net_error(EDESTADDRREQ);
    const ip_addr_t dst = foreign ? foreign->addr : pcb.foreign.addr;
    if (ip_addr_is_broadcast(pcb.net, dst) && !pcb.options.broadcast) return net_error(EACCES);
    if (pcb.port_assign() == -1) return -1;
    if (pcb.error) return net_error(pcb.take_error());
    if (pcb.write_shut) return net_error(EPIPE);
    const be32 values = uint32_t{pcb.local.port} << 16 | (hdr->values & 0xffff);
    return icmp_output(pcb.net, hdr->type, hdr->code, values, data, pcb.local.addr, dst, pcb.options.tx);
}

int icmp_pcb::bind(const ip_endpoint &wanted) { return icmp_bind(*this, wanted); }

int icmp_pcb::connect(net_guard &guard, const ip_endpoint &peer, int flags, net_time deadline)
{
    if (peer.addr == IP_ADDR_ANY) return disconnect();
    return datagram_pcb::connect(guard, {peer.addr, 0}, flags, deadline);
}

ssize_t icmp_pcb::send(net_guard &, std::span<const uint8_t> data, const ip_endpoint *peer, int flags, net_time)
{
    return icmp_sendto(*this, data, peer, flags);
}

} // namespace microps
