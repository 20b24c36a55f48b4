/*
 * udp.cpp: the User Datagram Protocol (RFC 768, RFC 1122 4.1).
 *
 * A PCB is a local port with a queue of received datagrams. Input finds PCBs by local port: a PCB connected to the
 * sender is preferred, then one bound to a specific address; a datagram without PCB is answered by "port unreachable".
 * An ICMP error about a datagram goes to the connected PCB that sent it. IP does routing, fragmentation and source
 * address selection; datagram.cpp has the queues and the waiting calls.
 */
#include "microps/udp.hpp"

#include "datagram.hpp"
#include "microps/checksum.hpp"
#include "microps/icmp.hpp"
#include "microps/log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <sys/socket.h>

namespace microps
{

struct udp_pcb : datagram_pcb {
    using datagram_pcb::datagram_pcb;

    int bind(const ip_endpoint &wanted) override MICROPS_REQUIRES(net_locked);
    int connect(net_guard &guard, const ip_endpoint &peer, int flags, net_time deadline) override
        MICROPS_REQUIRES(net_locked);
    ssize_t send(net_guard &guard, std::span<const uint8_t> data, const ip_endpoint *peer, int flags,
                 net_time deadline) override MICROPS_REQUIRES(net_locked);
    int port_assign() override MICROPS_REQUIRES(net_locked);
    void port_detach() override MICROPS_REQUIRES(net_locked);
};

struct udp_layer {
    explicit udp_layer(net_stack &net_) : net(net_) {}

    net_stack &net;
    udp_config config{};
    datagram_pcb_list pcbs{};
    /** PCBs by local port, in the order in which they were bound. */
    std::unordered_map<uint16_t, std::vector<udp_pcb *>> ports{};
};

udp_config &udp_configure(net_stack &net) { return net.udp->config; }

static void udp_dump(const udp_hdr &hdr)
{
    if (!log_enabled(log_level::debug)) return;
    std::array<char, 128> text;
    std::snprintf(text.data(), text.size(),
                  "        src: %u\n"
                  "        dst: %u\n"
                  "        len: %u\n"
                  "        sum: 0x%04x\n",
                  hdr.src.value(), hdr.dst.value(), hdr.len.value(), hdr.sum.value());
    log_dump(text.data());
}

/* PCBs */

/** How well a PCB matches a datagram, 0 if not at all; a matching peer counts more than a matching address. */
static int udp_pcb_match(const udp_pcb &pcb, ip_addr_t local, const ip_endpoint &foreign) MICROPS_REQUIRES(net_locked)
{
    const bool any = pcb.local.addr == IP_ADDR_ANY;
    if (!any && pcb.local.addr != local) return 0;
    if (pcb.connected && pcb.foreign != foreign) return 0;
    return 1 + (any ? 0 : 1) + (pcb.connected ? 2 : 0);
}

/**
 * The PCB that a unicast datagram is for, or null. Among equals (SO_REUSEADDR) the one bound last: servers that take
 * over a port from a running one rely on this order of Linux.
 */
static udp_pcb *udp_pcb_select(const udp_layer &udp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked)
{
    const auto bucket = udp.ports.find(local.port);
    if (bucket == udp.ports.end()) return nullptr;
    udp_pcb *best = nullptr;
    int best_match = 1;
    for (udp_pcb *pcb : bucket->second) {
        const int match = udp_pcb_match(*pcb, local.addr, foreign);
        if (match < best_match) continue;
        best = pcb;
        best_match = match;
    }
    return best;
}

/**
 * A PCB that conflicts with binding to @p want, or null. "Any" conflicts with every address, because it would receive
 * their datagrams.
 */
static const udp_pcb *udp_pcb_conflict(const udp_layer &udp, const ip_endpoint &want, bool reuse)
    MICROPS_REQUIRES(net_locked)
{
    const auto bucket = udp.ports.find(want.port);
    if (bucket == udp.ports.end()) return nullptr;
    for (const udp_pcb *pcb : bucket->second) {
        if (reuse && pcb->reuse) continue;
        const bool any = want.addr == IP_ADDR_ANY || pcb->local.addr == IP_ADDR_ANY;
        if (any || want.addr == pcb->local.addr) return pcb;
    }
    return nullptr;
}

static void udp_port_attach(udp_layer &udp, udp_pcb &pcb, be16 port) MICROPS_REQUIRES(net_locked)
{
    pcb.local.port = port;
    udp.ports[port].push_back(&pcb);
}

void udp_pcb::port_detach()
{
    auto &ports = net.udp->ports;
    const auto bucket = ports.find(local.port);
    local.port = 0;
    if (bucket == ports.end()) return;
    std::erase(bucket->second, this);
    if (bucket->second.empty()) ports.erase(bucket);
}

/** A free dynamic port, searched from a random start against guessing (RFC 6056 3.3.1); 0 if none is free. */
static uint16_t udp_port_select(udp_layer &udp, ip_addr_t addr) MICROPS_REQUIRES(net_locked)
{
    constexpr uint32_t range = UDP_SOURCE_PORT_MAX - UDP_SOURCE_PORT_MIN + 1;
    const auto start = static_cast<uint32_t>(udp.net.random.below(range));
    for (uint32_t i = 0; i < range; i++) {
        const auto port = static_cast<uint16_t>(UDP_SOURCE_PORT_MIN + (start + i) % range);
        if (!udp_pcb_conflict(udp, {.addr = addr, .port = port}, false)) return port;
    }
    return 0;
}

int udp_pcb::port_assign()
{
    if (local.port != 0) return 0;
    const uint16_t port = udp_port_select(*net.udp, local.addr);
    if (port == 0) {
        errorf("failed to dynamic assign local port, addr=%s", ip_addr_str(local.addr).c_str());
        return net_error(EAGAIN);
    }
    udp_port_attach(*net.udp, *this, port);
    debugf("dynamic assign local port, port=%d", port);
    return 0;
}

/* Output */

ssize_t udp_output(net_stack &net, const ip_endpoint &src, const ip_endpoint &dst, std::span<const uint8_t> data,
                   const ip_tx &tx)
{
    if (data.size() > UDP_PAYLOAD_SIZE_MAX) {
        errorf("too long");
        return net_error(EMSGSIZE);
    }
    ip_endpoint from = src;
    if (src.addr == IP_ADDR_ANY) {
        /* The checksum covers the source address. */
        const std::optional<ip_addr_t> selected = ip_source_select(net, dst.addr);
        if (!selected) return net_error(ENETUNREACH);
        from.addr = *selected;
    }
    packet_ptr pkt = packet_alloc(net, IP_HEADROOM + sizeof(udp_hdr), data);
    if (!pkt) return net_error(ENOBUFS);

    const size_t total = sizeof(udp_hdr) + data.size();
    udp_hdr hdr{.src = from.port, .dst = dst.port, .len = static_cast<uint16_t>(total)};
    packet_push(*pkt, hdr);
    const uint16_t sum = cksum16(pkt->bytes(), ip_pseudo_sum(from.addr, dst.addr, IP_PROTOCOL_UDP, total));
    hdr.sum = sum == 0 ? uint16_t{0xffff} : sum; /* RFC 768: zero would mean "not computed" */
    wire_write(pkt->bytes(), hdr);

    debugf("%s => %s, len=%zu (payload=%zu)", ip_endpoint_str(from).c_str(), ip_endpoint_str(dst).c_str(), total,
           data.size());
    udp_dump(hdr);
    debugdump(pkt->bytes());
    if (ip_output(net, IP_PROTOCOL_UDP, std::move(pkt), from.addr, dst.addr, tx) == -1) {
        debugf("ip_output() failure");
        return -1;
    }
    net_count(net, counter::udp_out_datagrams);
    return static_cast<ssize_t>(data.size());
}

/* Input */

static void udp_deliver(udp_layer &udp, udp_pcb &pcb, const ip_rx &rx, const ip_endpoint &foreign,
                        std::span<const uint8_t> data) MICROPS_REQUIRES(net_locked)
{
    if (datagram_deliver(pcb, rx, foreign.port, data, udp.config.receive_bytes_max)) {
        net_count(udp.net, counter::udp_in_datagrams);
        return;
    }
    net_count(udp.net, counter::udp_rcvbuf_errors);
    net_drop(udp.net, drop_reason::udp_queue_full, "queue full, id=%d, queued=%zu, len=%zu", pcb.id, pcb.queue.bytes(),
             data.size());
}

/** Delivers a copy of a broadcast or multicast to every matching PCB. Returns whether there is one. */
static bool udp_deliver_all(udp_layer &udp, const ip_rx &rx, const udp_hdr &hdr, std::span<const uint8_t> data)
    MICROPS_REQUIRES(net_locked)
{
    const auto bucket = udp.ports.find(hdr.dst);
    if (bucket == udp.ports.end()) return false;
    const ip_endpoint foreign{rx.src, hdr.src};
    bool delivered = false;
    for (udp_pcb *pcb : bucket->second) {
        if (!udp_pcb_match(*pcb, rx.dst, foreign)) continue;
        udp_deliver(udp, *pcb, rx, foreign, data);
        delivered = true;
    }
    return delivered;
}

/** Checks a datagram and sets @p data to its payload. Returns the header, or nothing if the datagram is dropped. */
static std::optional<udp_hdr> udp_parse(net_stack &net, const ip_rx &rx, std::span<const uint8_t> &data)
    MICROPS_REQUIRES(net_locked)
{
    data = rx.payload;
    const std::optional<udp_hdr> hdr = wire_read<udp_hdr>(data);
    if (!hdr) {
        net_drop(net, drop_reason::too_short, "too short");
        return std::nullopt;
    }
    const size_t total = hdr->len;
    if (total < sizeof(udp_hdr) || total > rx.payload.size()) {
        net_drop(net, drop_reason::bad_length, "length error: len=%zu, hdr->len=%zu", rx.payload.size(), total);
        return std::nullopt;
    }
    data = data.first(total - sizeof(udp_hdr));
    if (hdr->sum == 0 || rx.csum_valid) return hdr; /* RFC 768: zero means that the sender computed none */

    const uint32_t pseudo = ip_pseudo_sum(rx.src, rx.dst, IP_PROTOCOL_UDP, total);
    if (cksum16(rx.payload.first(total), pseudo) != 0) {
        const uint32_t without = pseudo + static_cast<uint16_t>(~hdr->sum.value());
        net_drop(net, drop_reason::bad_checksum, "checksum error: sum=0x%04x, verify=0x%04x", hdr->sum.value(),
                 cksum16(rx.payload.first(total), without));
        return std::nullopt;
    }
    return hdr;
}

static void udp_input(udp_layer &udp, const ip_rx &rx) MICROPS_REQUIRES(net_locked)
{
    std::span<const uint8_t> data;
    const std::optional<udp_hdr> hdr = udp_parse(udp.net, rx, data);
    if (!hdr) return net_count(udp.net, counter::udp_in_errors);
    debugf("%s:%d => %s:%d, len=%zu (payload=%zu)", ip_addr_str(rx.src).c_str(), hdr->src.value(),
           ip_addr_str(rx.dst).c_str(), hdr->dst.value(), sizeof(udp_hdr) + data.size(), data.size());
    udp_dump(*hdr);
    debugdump(rx.payload);

    const bool unicast = !rx.dst_is_broadcast && !rx.dst.is_multicast();
    const ip_endpoint foreign{rx.src, hdr->src};
    if (unicast) {
        udp_pcb *pcb = udp_pcb_select(udp, {rx.dst, hdr->dst}, foreign);
        if (pcb) return udp_deliver(udp, *pcb, rx, foreign, data);
    } else if (udp_deliver_all(udp, rx, *hdr, data)) {
        return;
    }
    net_count(udp.net, counter::udp_no_ports);
    net_drop(udp.net, drop_reason::udp_no_port, "port unreachable, dst=%s:%d", ip_addr_str(rx.dst).c_str(),
             hdr->dst.value());
    /* RFC 1122 4.1.3.1. icmp_error_output() sends nothing where that is forbidden. */
    icmp_error_output(rx, ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH);
}

/**
 * Passes an ICMP error to the application (RFC 1122 4.1.3.3). An unconnected PCB does not get it, because its user could
 * not tell which destination is meant.
 */
static void udp_error(const udp_layer &udp, const ip_error &error) MICROPS_REQUIRES(net_locked)
{
    std::span<const uint8_t> quote = error.quote;
    const std::optional<udp_hdr> hdr = wire_read<udp_hdr>(quote);
    if (!hdr) return net_drop(udp.net, drop_reason::icmp_bad_quote, "too short");
    udp_pcb *pcb = udp_pcb_select(udp, {error.src, hdr->src}, {error.dst, hdr->dst});
    const int reason = icmp_error_to_errno(error.type, error.code);
    if (!pcb || reason == 0) return;
    if (!datagram_take_error(*pcb, error, reason) || !pcb->connected) return;
    debugf("foreign=%s, type=%u, code=%u", ip_endpoint_str(pcb->foreign).c_str(), error.type, error.code);
    datagram_fail(*pcb, reason);
}

void udp_init(net_stack &net)
{
    net.udp = layer_make<udp_layer>(net);
    udp_layer &udp = *net.udp;
    ip_protocol_register(
        net, "UDP", IP_PROTOCOL_UDP,
        [&udp](const ip_rx &rx) {
            net_assert_locked(udp.net);
            udp_input(udp, rx);
        },
        [&udp](const ip_error &error) {
            net_assert_locked(udp.net);
            udp_error(udp, error);
        });
}

/* User calls */

sock_endpoint *udp_open(net_stack &net)
{
    if (!net.udp) {
        net_error(ENETDOWN);
        return nullptr;
    }
    udp_pcb *pcb = datagram_pcb_alloc<udp_pcb>(net, net.udp->pcbs, net.udp->config.pcb_max);
    if (!pcb) errorf("udp_pcb_alloc() failure");
    return pcb;
}

static int udp_bind(udp_pcb &pcb, const ip_endpoint &local) MICROPS_REQUIRES(net_locked)
{
    udp_layer &udp = *pcb.net.udp;
    /* A broadcast or multicast address may be bound to receive from it; it is no source address. */
    if (!ip_addr_is_local(udp.net, local.addr) && !ip_addr_is_broadcast(udp.net, local.addr) &&
        !local.addr.is_multicast()) {
        return net_error(EADDRNOTAVAIL);
    }
    if (pcb.local.port != 0) return net_error(EINVAL);
    const be16 port = local.port != 0 ? local.port : be16(udp_port_select(udp, local.addr));
    if (port == 0) return net_error(EADDRINUSE);
    if (const udp_pcb *exist = udp_pcb_conflict(udp, {local.addr, port}, pcb.reuse)) {
        errorf("already in use, id=%d, want=%s, exist=%s", pcb.id, ip_endpoint_str({local.addr, port}).c_str(),
               ip_endpoint_str(exist->local).c_str());
        return net_error(EADDRINUSE);
    }
    datagram_bound(pcb, local.addr);
    udp_port_attach(udp, pcb, port);
    debugf("bound, id=%d, local=%s", pcb.id, ip_endpoint_str(pcb.local).c_str());
    return 0;
}

/** The source address of a datagram: the bound one if it is unicast, else IP's choice. Nothing if there is no route. */
static std::optional<ip_addr_t> udp_source(const udp_pcb &pcb, ip_addr_t dst) MICROPS_REQUIRES(net_locked)
{
    const ip_addr_t addr = pcb.local.addr;
    if (addr != IP_ADDR_ANY && !addr.is_multicast() && !ip_addr_is_broadcast(pcb.net, addr)) return addr;
    const std::optional<ip_addr_t> selected = ip_source_select(pcb.net, dst);
    if (selected) {
        debugf("select local address, addr=%s", ip_addr_str(*selected).c_str());
    } else {
        errorf("iface not found that can reach foreign address, addr=%s", ip_addr_str(dst).c_str());
    }
    return selected;
}

static ssize_t udp_sendto(udp_pcb &pcb, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags)
    MICROPS_REQUIRES(net_locked)
{
    if (data.size() > UDP_PAYLOAD_SIZE_MAX) return net_error(EMSGSIZE);
    if (flags & MSG_OOB) return net_error(EOPNOTSUPP);
    if (!foreign && !pcb.connected) return net_error(EDESTADDRREQ);
    const ip_endpoint dst = foreign ? *foreign : pcb.foreign;
    if (dst.port == 0) return net_error(EINVAL);
    const std::optional<ip_addr_t> source = udp_source(pcb, dst.addr);
    if (!source) return net_error(ENETUNREACH);
    if (ip_addr_is_broadcast(pcb.net, dst.addr) && !pcb.options.broadcast) return net_error(EACCES);
    if (pcb.port_assign() == -1) return -1;
    if (pcb.error) return net_error(pcb.take_error());
    if (pcb.write_shut) return net_error(EPIPE);
    return udp_output(pcb.net, {*source, pcb.local.port}, dst, data, pcb.options.tx);
}

int udp_pcb::bind(const ip_endpoint &wanted) { return udp_bind(*this, wanted); }

int udp_pcb::connect(net_guard &guard, const ip_endpoint &peer, int flags, net_time deadline)
{
    return peer.port == 0 ? disconnect() : datagram_pcb::connect(guard, peer, flags, deadline);
}

ssize_t udp_pcb::send(net_guard &, std::span<const uint8_t> data, const ip_endpoint *peer, int flags, net_time)
{
    return udp_sendto(*this, data, peer, flags);
}

} // namespace microps
