/*
 * ip.cpp: the Internet Protocol of a host (RFC 791, RFC 1122 3.2.1 and 3.3).
 *
 * Input: ip_input() drops packets that are malformed, not for this host or from an impossible source, reassembles
 * fragments (ip_fragment.cpp) and calls the transport protocol. Output: ip_output() selects interface, next hop and, if
 * none is given, source address (ip_path_select), and fragments what exceeds the path MTU. A host never forwards.
 * Each of its addresses is accepted on each of its interfaces (RFC 1122 3.3.4.2, weak ES model: Linux' behaviour, which
 * programs expect), except 127/8, which never appears on a link.
 * ICMP is an integral part of IP (RFC 792), so this file and ip_fragment.cpp include icmp.hpp although it is above IP.
 */
#include "microps/ip.hpp"

#include "ip_internal.hpp"
#include "microps/arp.hpp"
#include "microps/checksum.hpp"
#include "microps/icmp.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace microps
{

/* Helpers */

static bool ip_hdr_is_fragment(const ip_hdr &hdr) { return hdr.offset & (IP_HDR_FLAG_MF | IP_HDR_OFFSET_MASK); }

static void ip_dump(const net_stack &net, std::span<const uint8_t> packet) MICROPS_REQUIRES(net_locked)
{
    if (!log_enabled(log_level::debug)) return;
    std::span<const uint8_t> rest = packet;
    const ip_hdr hdr = *wire_read<ip_hdr>(rest);
    const size_t hlen = ip_hdr_len(hdr);
    const uint16_t sum = cksum16(packet.first(hlen), static_cast<uint16_t>(~hdr.sum.value()));
    char text[512];
    std::snprintf(text, sizeof(text),
                  "        vhl: 0x%02x [v: %u, hl: %u (%zu)]\n"
                  "        tos: 0x%02x\n"
                  "      total: %u (payload: %zu)\n"
                  "         id: %u\n"
                  "     offset: 0x%04x [flags=%x, offset=%u]\n"
                  "        ttl: %u\n"
                  "   protocol: %u (%s)\n"
                  "        sum: 0x%04x (0x%04x)\n",
                  hdr.vhl, hdr.vhl >> 4, hdr.vhl & 0x0f, hlen, hdr.tos, hdr.total.value(), hdr.total - hlen,
                  hdr.id.value(), hdr.offset.value(), hdr.offset >> 13, hdr.offset & IP_HDR_OFFSET_MASK, hdr.ttl,
                  hdr.protocol, ip_protocol_name(net, hdr.protocol), hdr.sum.value(), sum);
    log_dump(text + ("        src: " + ip_addr_str(hdr.src)) + "\n        dst: " + ip_addr_str(hdr.dst) + "\n");
}

/* Interfaces */

ip_iface *ip_iface_alloc(net_stack &net, const char *unicast, const char *netmask)
{
    auto iface = std::make_unique<ip_iface>();
    if (ip_addr_pton(unicast, iface->unicast) == -1) {
        errorf("ip_addr_pton() failure, addr=%s", unicast);
        return nullptr;
    }
    if (ip_addr_pton(netmask, iface->netmask) == -1) {
        errorf("ip_addr_pton() failure, addr=%s", netmask);
        return nullptr;
    }
    const uint32_t host = ~iface->netmask.value;
    iface->broadcast = ip_addr_t(be32(iface->unicast.value | host));
    /* RFC 3021: two hosts, or one, leave no address for a broadcast on the subnet. */
    if (host <= 1) iface->broadcast = IP_ADDR_BROADCAST;
    ip_iface *borrowed = iface.get();
    net_iface_adopt(net, std::move(iface));
    return borrowed;
}

int ip_iface_register(net_device &dev, ip_iface &iface)
{
    if (net_device_add_iface(dev, iface) == -1) return -1;
    const ip_addr_t network(be32(iface.unicast.value & iface.netmask.value));
    if (ip_route_add(network, iface.netmask, IP_ADDR_ANY, iface) == -1) return -1;
    std::vector<ip_iface *> &ifaces = dev.net.ip->ifaces;
    ifaces.insert(ifaces.begin(), &iface);
    infof("registered: dev=%s, unicast=%s, netmask=%s, broadcast=%s", dev.name, ip_addr_str(iface.unicast).c_str(),
          ip_addr_str(iface.netmask).c_str(), ip_addr_str(iface.broadcast).c_str());
    return 0;
}

ip_iface *ip_iface_select(const net_stack &net, ip_addr_t addr)
{
    for (ip_iface *iface : net.ip->ifaces) {
        if (iface->unicast == addr) return iface;
    }
    return nullptr;
}

static ip_iface *ip_iface_loopback(const net_stack &net) MICROPS_REQUIRES(net_locked)
{
    for (ip_iface *iface : net.ip->ifaces) {
        if (iface->dev->flags & NET_DEVICE_FLAG_LOOPBACK) return iface;
    }
    return nullptr;
}

bool ip_addr_is_local(const net_stack &net, ip_addr_t addr)
{
    return addr == IP_ADDR_ANY || addr.is_loopback() || ip_iface_select(net, addr);
}

bool ip_addr_is_broadcast(const net_stack &net, ip_addr_t dst)
{
    if (dst == IP_ADDR_BROADCAST) return true;
    const std::vector<ip_iface *> &ifaces = net.ip->ifaces;
    return std::any_of(ifaces.begin(), ifaces.end(), [&](const ip_iface *iface) { return iface->broadcast == dst; });
}

/* Protocols */

static const ip_protocol *ip_protocol_select(const net_stack &net, uint8_t type) MICROPS_REQUIRES(net_locked)
{
    for (const ip_protocol &protocol : net.ip->protocols) {
        if (protocol.type == type) return &protocol;
    }
    return nullptr;
}

int ip_protocol_register(net_stack &net, const char *name, uint8_t type, ip_protocol_input input,
                         ip_protocol_error error)
{
    if (const ip_protocol *exist = ip_protocol_select(net, type)) {
        errorf("already registered, type=%s(0x%02x), exist=%s(0x%02x)", name, type, exist->name.c_str(), type);
        return net_error(EEXIST);
    }
    net.ip->protocols.push_back({.name = name, .type = type, .input = std::move(input), .error = std::move(error)});
    infof("registered, type=%s(0x%02x)", name, type);
    return 0;
}

const char *ip_protocol_name(const net_stack &net, uint8_t type)
{
    const ip_protocol *protocol = ip_protocol_select(net, type);
    return protocol ? protocol->name.c_str() : "UNKNOWN";
}

void ip_error_input(net_stack &net, uint8_t protocol, const ip_error &error)
{
    const ip_protocol *sender = ip_protocol_select(net, protocol);
    if (!sender || !sender->error) {
        return net_drop(net, drop_reason::icmp_bad_quote, "error about a protocol that does not care, protocol=%u",
                        protocol);
    }
    sender->error(error);
}

/* Output */

/** The path to one of our own addresses: through the loopback interface, if there is one. */
static int ip_path_self(const net_stack &net, ip_addr_t dst, ip_path &path) MICROPS_REQUIRES(net_locked)
{
    ip_iface *loopback = ip_iface_loopback(net);
    path.iface = loopback ? loopback : ip_iface_select(net, dst);
    if (!path.iface) return ENETUNREACH;
    path.to_self = true;
    path.nexthop = dst;
    if (path.src == IP_ADDR_ANY) path.src = dst.is_loopback() ? path.iface->unicast : dst;
    return 0;
}

/** The path to 255.255.255.255: the interface of the source address, else that of the default route. */
static int ip_path_broadcast(const net_stack &net, ip_path &path) MICROPS_REQUIRES(net_locked)
{
    path.iface = path.src == IP_ADDR_ANY ? ip_route_get_iface(net, IP_ADDR_ANY) : ip_iface_select(net, path.src);
    if (!path.iface) return ENETUNREACH;
    path.src = path.iface->unicast;
    path.nexthop = IP_ADDR_BROADCAST;
    path.broadcast = true;
    return 0;
}

int ip_path_select(const net_stack &net, ip_addr_t src, ip_addr_t dst, ip_path &path)
{
    path.src = src;
    if (!ip_addr_is_local(net, src)) return EADDRNOTAVAIL;
    if (dst == IP_ADDR_BROADCAST) return ip_path_broadcast(net, path);
    if (dst == IP_ADDR_ANY || dst.is_multicast()) return ENETUNREACH; /* multicast is not implemented */
    if (ip_addr_is_local(net, dst)) return ip_path_self(net, dst, path);
    if (src.is_loopback()) return EADDRNOTAVAIL; /* RFC 1122 3.2.1.3 (g): 127/8 does not leave a host */
    const ip_route *route = ip_route_lookup(net, dst);
    if (!route) return ENETUNREACH;
    path.iface = route->iface;
    path.nexthop = route->nexthop == IP_ADDR_ANY ? dst : route->nexthop;
    path.broadcast = dst == route->iface->broadcast;
    if (path.src == IP_ADDR_ANY) path.src = route->iface->unicast;
    return 0;
}

/**
 * The identification of the next packet, unique among the packets of one source, destination and protocol for as long
 * as they may live (RFC 6864 4.3). A keyed hash of the three selects one of many counters with random start values, so
 * that an off-path attacker learns nothing about our traffic with others (RFC 7739).
 */
static uint16_t ip_id_next(ip_layer &ip, uint8_t protocol, ip_addr_t src, ip_addr_t dst) MICROPS_REQUIRES(net_locked)
{
    struct triple {
        ip_addr_t src;
        ip_addr_t dst;
        uint8_t protocol;
    };
    return ip.ids[siphash(ip.id_key, wire_bytes(triple{src, dst, protocol})) % IP_ID_COUNTERS]++;
}

static int ip_output_device(const ip_transmission &out, packet_ptr pkt) MICROPS_REQUIRES(net_locked)
{
    net_device &dev = *out.iface.dev;
    if (out.to_self && !(dev.flags & NET_DEVICE_FLAG_LOOPBACK)) {
        pkt->from_self = true;
        pkt->offload.csum_valid = pkt->offload.csum_partial;
        return net_input_handler(NET_PROTOCOL_TYPE_IP, std::move(pkt), dev);
    }
    if (!(dev.flags & NET_DEVICE_FLAG_NEED_ARP)) {
        return net_device_output(dev, NET_PROTOCOL_TYPE_IP, std::move(pkt), nullptr);
    }
    if (out.broadcast) return net_device_output(dev, NET_PROTOCOL_TYPE_IP, std::move(pkt), dev.broadcast);
    return arp_output(out.iface, out.nexthop, std::move(pkt));
}

int ip_output_core(const ip_transmission &out, packet_ptr pkt, uint16_t offset)
{
    ip_hdr hdr{.vhl = IP_VERSION_IPV4 << 4 | IP_HDR_SIZE_MIN / 4,
               .tos = out.tx.tos,
               .total = static_cast<uint16_t>(IP_HDR_SIZE_MIN + pkt->size()),
               .id = out.id,
               .offset = offset,
               .ttl = out.tx.ttl,
               .protocol = out.protocol,
               .sum = 0,
               .src = out.src,
               .dst = out.dst};
    hdr.sum = cksum16(wire_bytes(hdr));
    packet_push(*pkt, hdr);
    const net_device &dev = *out.iface.dev;
    debugf("dev=%s, iface=%s, protocol=%s(0x%02x), len=%u", dev.name, ip_addr_str(out.iface.unicast).c_str(),
           ip_protocol_name(dev.net, hdr.protocol), hdr.protocol, hdr.total.value());
    ip_dump(dev.net, pkt->bytes());
    return ip_output_device(out, std::move(pkt));
}

/** The log line for an error of ip_path_select(). */
static std::string ip_path_error(int error, ip_addr_t src, ip_addr_t dst)
{
    if (error == EADDRNOTAVAIL) return "unable to output with specified source address, addr=" + ip_addr_str(src);
    if (dst == IP_ADDR_BROADCAST) return "source address is required for broadcast addresses";
    return "no route to host, addr=" + ip_addr_str(dst);
}

ssize_t ip_output(net_stack &net, uint8_t protocol, packet_ptr pkt, ip_addr_t src, ip_addr_t dst, const ip_tx &tx)
{
    net_count(net, counter::ip_out_requests);
    if (!pkt) return net_error(ENOBUFS);
    ip_path path;
    if (const int error = ip_path_select(net, src, dst, path); error != 0) {
        const auto reason = error == EADDRNOTAVAIL ? drop_reason::ip_bad_source : drop_reason::ip_no_route;
        net_drop(net, reason, "%s", ip_path_error(error, src, dst).c_str());
        return net_error(error);
    }
    if (!path.to_self && !NET_DEVICE_IS_UP(path.iface->dev)) {
        net_drop(net, drop_reason::device_down, "not opened, dev=%s", path.iface->dev->name);
        return net_error(ENETDOWN);
    }
    const size_t length = pkt->size();
    const ip_pmtu pmtu = ip_path_pmtu(path, dst);
    const size_t mtu = tx.df == ip_df::probe ? path.iface->dev->mtu : pmtu.mtu;
    const bool fits = IP_HDR_SIZE_MIN + length <= mtu || path.to_self || pkt->offload.gso_size != 0;
    const bool whole = tx.df == ip_df::always || tx.df == ip_df::probe;
    if (length > IP_PAYLOAD_SIZE_MAX || (!fits && whole)) {
        net_count(net, counter::ip_frag_fails);
        net_drop(net, drop_reason::too_long, "too long, dev=%s, mtu=%zu, total=%zu", path.iface->dev->name, mtu,
                 IP_HDR_SIZE_MIN + length);
        return net_error(EMSGSIZE);
    }
    const ip_transmission out{.iface = *path.iface,
                              .nexthop = path.nexthop,
                              .broadcast = path.broadcast,
                              .to_self = path.to_self,
                              .protocol = protocol,
                              .src = path.src,
                              .dst = dst,
                              .id = ip_id_next(*net.ip, protocol, path.src, dst),
                              .tx = tx};
    const bool df = whole || (tx.df == ip_df::want && !pmtu.floor);
    const int sent = fits ? ip_output_core(out, std::move(pkt), df ? IP_HDR_FLAG_DF : uint16_t{0})
                          : ip_fragment_output(out, std::move(pkt), mtu);
    return sent == -1 ? -1 : static_cast<ssize_t>(length);
}

/** ARP could not resolve the next hop of a packet of ours: reports "host unreachable" to its transport protocol. */
static void ip_output_failed(ip_iface &iface, const packet &pkt) MICROPS_REQUIRES(net_locked)
{
    std::span<const uint8_t> data = pkt.bytes();
    const auto hdr = wire_read<ip_hdr>(data);
    if (!hdr || (hdr->offset & IP_HDR_OFFSET_MASK)) return; /* only the first fragment has the transport header */
    ip_error_input(iface.dev->net, hdr->protocol,
                   {.type = ICMP_TYPE_DEST_UNREACH,
                    .code = ICMP_CODE_HOST_UNREACH,
                    .mtu = 0,
                    .total = hdr->total,
                    .src = hdr->src,
                    .dst = hdr->dst,
                    .reporter = iface.unicast,
                    .quote = data});
}

std::optional<ip_limits> ip_output_limits(const net_stack &net, ip_addr_t dst)
{
    ip_path path;
    if (ip_path_select(net, IP_ADDR_ANY, dst, path) != 0) return std::nullopt;
    const net_device &dev = *path.iface->dev;
    const size_t path_mtu = ip_path_pmtu(path, dst).mtu;
    return ip_limits{.payload_max = path_mtu - std::min(path_mtu, IP_HDR_SIZE_MIN),
                     .path_mtu = path_mtu,
                     .mtu = dev.mtu,
                     .gso_payload_max = dev.gso_max > IP_HDR_SIZE_MIN ? dev.gso_max - IP_HDR_SIZE_MIN : 0,
                     .csum_offload = dev.csum_offload};
}

std::optional<ip_addr_t> ip_source_select(const net_stack &net, ip_addr_t dst)
{
    ip_path path;
    if (ip_path_select(net, IP_ADDR_ANY, dst, path) != 0) return std::nullopt;
    return path.src;
}

void ip_suspect(net_stack &net, ip_addr_t dst)
{
    ip_path path;
    if (ip_path_select(net, IP_ADDR_ANY, dst, path) != 0 || path.broadcast || path.to_self) return;
    if (path.iface->dev->flags & NET_DEVICE_FLAG_NEED_ARP) arp_suspect(*path.iface, path.nexthop);
}

/* Input */

ip_rx ip_rx_make(const packet &pkt, ip_iface &iface)
{
    std::span<const uint8_t> rest = pkt.bytes();
    const ip_hdr hdr = *wire_read<ip_hdr>(rest);
    const auto whole = pkt.bytes().first(hdr.total); /* without the link's padding */
    /* A checksum that was left to the device to fill in needs no check: the packet never was on a link. */
    const bool unfilled = pkt.offload.csum_partial && pkt.offload.csum_start == ip_hdr_len(hdr);
    return {.payload = whole.subspan(ip_hdr_len(hdr)),
            .packet = whole,
            .src = hdr.src,
            .dst = hdr.dst,
            .iface = iface,
            .protocol = hdr.protocol,
            .ttl = hdr.ttl,
            .tos = hdr.tos,
            .csum_valid = (unfilled || pkt.offload.csum_valid) && !ip_hdr_is_fragment(hdr),
            .gso_size = pkt.offload.gso_size,
            .link_broadcast = pkt.link_broadcast,
            .dst_is_broadcast = ip_addr_is_broadcast(iface.dev->net, hdr.dst)};
}

/** Whether a packet is for this host (RFC 1122 3.2.1.3, 3.3.6). @p inside: it has not left this host. */
static bool ip_dst_is_ours(const ip_rx &rx, bool inside) MICROPS_REQUIRES(net_locked)
{
    if (rx.dst == IP_ADDR_BROADCAST || rx.dst == rx.iface.broadcast) return true;
    if (rx.dst.is_loopback()) return inside;
    /* RFC 1122 3.3.6: a link broadcast to a unicast address is discarded. */
    return !rx.link_broadcast && ip_iface_select(rx.iface.dev->net, rx.dst);
}

/** Whether a source address is invalid (RFC 1122 3.2.1.3). @p inside: the packet has not left this host. */
static bool ip_src_is_martian(const ip_rx &rx, bool inside) MICROPS_REQUIRES(net_locked)
{
    const net_stack &net = rx.iface.dev->net;
    if ((rx.src.value & 0xff000000) == 0 || rx.src.is_multicast() || ip_addr_is_broadcast(net, rx.src)) return true;
    return !inside && (rx.src.is_loopback() || ip_iface_select(net, rx.src));
}

static void ip_deliver(const ip_rx &rx) MICROPS_REQUIRES(net_locked)
{
    net_stack &net = rx.iface.dev->net;
    if (const ip_protocol *protocol = ip_protocol_select(net, rx.protocol)) {
        net_count(net, counter::ip_in_delivers);
        return protocol->input(rx);
    }
    net_drop(net, drop_reason::ip_unknown_protocol, "unknown protocol, protocol=%u", rx.protocol);
    icmp_error_output(rx, ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PROTO_UNREACH); /* RFC 1122 3.2.2.1 */
}

/** Whether a well-formed packet is for this host and has a valid source address. */
static bool ip_rx_acceptable(const ip_rx &rx, bool inside) MICROPS_REQUIRES(net_locked)
{
    net_stack &net = rx.iface.dev->net;
    if (!ip_dst_is_ours(rx, inside)) {
        net_count_drop(net, drop_reason::ip_not_local); /* not logged, as in the original: this is common */
        return false;
    }
    if (ip_src_is_martian(rx, inside)) {
        net_drop(net, drop_reason::ip_martian_source, "martian source, dev=%s, src=%s", rx.iface.dev->name,
                 ip_addr_str(rx.src).c_str());
        return false;
    }
    return true;
}

/** Checks a packet (RFC 1122 3.2.1), reassembles and delivers it. */
static void ip_input(const packet &pkt, net_device &dev) MICROPS_REQUIRES(net_locked)
{
    net_stack &net = dev.net;
    net_count(net, counter::ip_in_receives);
    const std::span<const uint8_t> data = pkt.bytes();
    std::span<const uint8_t> rest = data;
    const auto hdr = wire_read<ip_hdr>(rest);
    if (!hdr) return net_drop(net, drop_reason::too_short, "too short, len=%zu", data.size());
    if (hdr->vhl >> 4 != IP_VERSION_IPV4) {
        return net_drop(net, drop_reason::ip_version, "ip version error: v=%u", hdr->vhl >> 4);
    }
    const size_t hlen = ip_hdr_len(*hdr);
    if (hlen < IP_HDR_SIZE_MIN || data.size() < hlen) {
        return net_drop(net, drop_reason::bad_header, "header length error: hlen=%zu, len=%zu", hlen, data.size());
    }
    if (hdr->total < hlen || data.size() < hdr->total) {
        return net_drop(net, drop_reason::bad_length, "total length error: total=%u, len=%zu", hdr->total.value(),
                        data.size());
    }
    if (cksum16(data.first(hlen)) != 0) {
        return net_drop(net, drop_reason::bad_checksum, "checksum error: sum=0x%04x, verify=0x%04x", hdr->sum.value(),
                        cksum16(data.first(hlen), static_cast<uint16_t>(~hdr->sum.value())));
    }
    auto *iface = static_cast<ip_iface *>(net_device_get_iface(dev, NET_IFACE_FAMILY_IP));
    if (!iface) return net_count_drop(net, drop_reason::ip_not_local);
    const ip_rx rx = ip_rx_make(pkt, *iface);
    if (!ip_rx_acceptable(rx, pkt.from_self || (dev.flags & NET_DEVICE_FLAG_LOOPBACK))) return;

    debugf("dev=%s, iface=%s, protocol=%s(0x%02x), len=%u", dev.name, ip_addr_str(iface->unicast).c_str(),
           ip_protocol_name(net, rx.protocol), rx.protocol, hdr->total.value());
    ip_dump(net, rx.packet);
    if (!ip_hdr_is_fragment(*hdr)) return ip_deliver(rx);
    if (const packet_ptr whole = ip_reassembly_input(rx, *hdr)) ip_deliver(ip_rx_make(*whole, *iface));
}

/* Init */

void ip_init(net_stack &net)
{
    net.ip = layer_make<ip_layer>();
    ip_reassembly_init(net);
    net.ip->id_key = net.random.key();
    for (uint16_t &id : net.ip->ids) {
        id = net.random.u16();
    }
    net_protocol_register(net, "IP", NET_PROTOCOL_TYPE_IP, [&net](const packet &pkt, net_device &dev) {
        net_assert_locked(net);
        ip_input(pkt, dev);
    });
    arp_failure_register(net, [&net](ip_iface &iface, const packet &pkt) {
        net_assert_locked(net);
        ip_output_failed(iface, pkt);
    });
}

} // namespace microps
