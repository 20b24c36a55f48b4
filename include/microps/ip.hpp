/*
 * ip.hpp: the Internet Protocol (RFC 791, RFC 1122 section 3): addresses, interfaces, routes, input and output.
 */
#pragma once

#include "microps/ip_addr.hpp"
#include "microps/net.hpp"
#include "microps/stack.hpp"
#include "microps/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

#include <netinet/in.h>

namespace microps
{

inline constexpr uint8_t IP_VERSION_IPV4 = 4;
inline constexpr size_t IP_HDR_SIZE_MIN = 20;
inline constexpr size_t IP_HDR_SIZE_MAX = 60;
inline constexpr size_t IP_TOTAL_SIZE_MAX = 65535;
inline constexpr size_t IP_PAYLOAD_SIZE_MAX = IP_TOTAL_SIZE_MAX - IP_HDR_SIZE_MIN;

inline constexpr uint8_t IP_PROTOCOL_ICMP = 0x01;
inline constexpr uint8_t IP_PROTOCOL_TCP = 0x06;
inline constexpr uint8_t IP_PROTOCOL_UDP = 0x11;

inline constexpr size_t IP_ROUTE_MAX = 1024;   /* routes per stack */
inline constexpr uint8_t IP_TTL_DEFAULT = 255; /* the original's; RFC 1122 3.2.1.7 leaves it to us */

/** The header in front of each packet; options follow when its length (low four bits of vhl, in words) says so. */
struct ip_hdr {
    uint8_t vhl{};
    uint8_t tos{};
    be16 total{};
    be16 id{};
    be16 offset{}; /* three flags, then the offset in units of eight bytes */
    uint8_t ttl{};
    uint8_t protocol{};
    be16 sum{};
    ip_addr_t src{};
    ip_addr_t dst{};
};
static_assert(sizeof(ip_hdr) == IP_HDR_SIZE_MIN && alignof(ip_hdr) == 1);

inline constexpr uint16_t IP_HDR_FLAG_DF = 0x4000;
inline constexpr uint16_t IP_HDR_FLAG_MF = 0x2000;
inline constexpr uint16_t IP_HDR_OFFSET_MASK = 0x1fff;

/** An IPv4 interface: the address of a device. Made by ip_iface_alloc(). */
struct ip_iface : net_iface {
    ip_iface() : net_iface(NET_IFACE_FAMILY_IP) {}

    ip_addr_t unicast{};
    ip_addr_t netmask{};
    ip_addr_t broadcast{};
};

/** Makes an interface from two dotted quads; the stack owns it. Returns null (logged) when one does not parse. */
ip_iface *ip_iface_alloc(net_stack &net, const char *unicast, const char *netmask) MICROPS_REQUIRES(net_locked);
/**
 * Attaches an interface to a device and adds the connected route. Returns 0, or -1 with errno EEXIST (the device has
 * one already) or that of ip_route_add().
 */
int ip_iface_register(net_device &dev, ip_iface &iface) MICROPS_REQUIRES(net_locked);
/** The interface with exactly this unicast address, or null. */
ip_iface *ip_iface_select(const net_stack &net, ip_addr_t addr) MICROPS_REQUIRES(net_locked);

/** One route. @p nexthop is IP_ADDR_ANY for destinations on the link. */
struct ip_route {
    ip_addr_t network{};
    ip_addr_t netmask{};
    ip_addr_t nexthop{};
    ip_iface *iface = nullptr;
};

/** Adds a route. Returns 0, or -1 with errno EINVAL (a netmask with holes, host bits set) or ENOBUFS (table full). */
int ip_route_add(ip_addr_t network, ip_addr_t netmask, ip_addr_t nexthop, ip_iface &iface) MICROPS_REQUIRES(net_locked);
/** The route to a destination: the longest prefix wins, among equals the newest. Null if there is none. */
const ip_route *ip_route_lookup(const net_stack &net, ip_addr_t dst) MICROPS_REQUIRES(net_locked);
/** Adds the default route by a gateway given as a dotted quad. Returns 0, or -1 with errno EINVAL, ENOBUFS. */
int ip_route_set_default_gateway(ip_iface &iface, const char *gateway) MICROPS_REQUIRES(net_locked);
/** The interface that packets to @p dst leave by, or null. */
ip_iface *ip_route_get_iface(const net_stack &net, ip_addr_t dst) MICROPS_REQUIRES(net_locked);
/** All routes, for views. */
std::span<const ip_route> ip_routes(const net_stack &net) MICROPS_REQUIRES(net_locked);

/** What a receive call reports about a datagram. */
struct ip_received {
    ip_endpoint foreign{};
    ip_addr_t local{};
    uint8_t ttl = 0;
    uint8_t tos = 0;
    size_t length = 0; /* of the whole datagram in bytes; what does not fit into the user's buffer is lost */
};

/** A packet for this host, as its transport protocol sees it. Valid during the handler's call only. */
struct ip_rx {
    std::span<const uint8_t> payload; /* behind the IP header, padding stripped */
    std::span<const uint8_t> packet;  /* from the IP header on: what an ICMP error quotes */
    ip_addr_t src;
    ip_addr_t dst;
    ip_iface &iface; /* that received it */
    uint8_t protocol;
    uint8_t ttl;
    uint8_t tos;
    bool csum_valid;       /* the transport checksum needs no further check */
    uint16_t gso_size;     /* not 0: several TCP segments of this payload size, merged by the device */
    bool link_broadcast;   /* the frame was a link broadcast: never answer with an ICMP error (RFC 1122 3.2.2) */
    bool dst_is_broadcast; /* an IP broadcast address */
};

/** An ICMP error about a packet that we sent. Valid during the handler's call only. */
struct ip_error {
    uint8_t type; /* ICMP_TYPE_DEST_UNREACH, ICMP_TYPE_TIME_EXCEEDED ... */
    uint8_t code;
    uint16_t mtu;                   /* next-hop MTU of "fragmentation needed", else 0 */
    uint16_t total;                 /* the quoted packet's length, as its header says */
    ip_addr_t src;                  /* of the quoted packet: ours */
    ip_addr_t dst;                  /* of the quoted packet: where it went */
    ip_addr_t reporter;             /* who sent the error */
    std::span<const uint8_t> quote; /* the first bytes (8 at least) of the quoted packet's payload */
};

using ip_protocol_input = std::function<void(const ip_rx &rx)>;
using ip_protocol_error = std::function<void(const ip_error &error)>;

void ip_init(net_stack &net) MICROPS_REQUIRES(net_locked);
/** Registers a transport protocol. Returns 0, or -1 with errno EEXIST: the number is taken. */
int ip_protocol_register(net_stack &net, const char *name, uint8_t type, ip_protocol_input input,
                         ip_protocol_error error = nullptr) MICROPS_REQUIRES(net_locked);
/** "ICMP", "TCP", "UDP"; "UNKNOWN" for a number that is not registered. */
const char *ip_protocol_name(const net_stack &net, uint8_t type) MICROPS_REQUIRES(net_locked);
/** Hands an ICMP error about one of our packets to the protocol that sent it; icmp_input() calls it. */
void ip_error_input(net_stack &net, uint8_t protocol, const ip_error &error) MICROPS_REQUIRES(net_locked);

/** Who may fragment a packet that is larger than the path MTU. The values are those of IP_MTU_DISCOVER. */
enum class ip_df : uint8_t {
    dont,   /* this host and routers: DF is not set */
    want,   /* this host only: DF is set on packets that fit into the path MTU */
    always, /* no one: DF is set, and a packet larger than the path MTU fails with EMSGSIZE */
    probe,  /* no one: DF is set, and only the link's MTU limits the size */
};

/** How a packet is to be sent. */
struct ip_tx {
    uint8_t ttl = IP_TTL_DEFAULT;
    uint8_t tos = 0;
    ip_df df = ip_df::dont;
};

/** How a socket sends: IP_TTL, IP_TOS, IP_MTU_DISCOVER, SO_BROADCAST. */
struct ip_sockopts {
    ip_tx tx{};
    bool broadcast = false; /* SO_BROADCAST: may send to broadcast addresses */
};

/**
 * Sends a transport segment. Takes ownership; fragments it if it does not fit. @p src may be IP_ADDR_ANY: then the
 * interface it leaves by supplies it. A destination that is one of our own addresses goes through the loopback.
 * Returns the payload's length, also when the packet still waits for ARP; or -1 with errno ENETUNREACH (no route, or
 * multicast), EADDRNOTAVAIL (the source is not ours), EMSGSIZE (too long, or does not fit and must not be fragmented),
 * EHOSTUNREACH (no room in ARP's cache), ENETDOWN, ENOBUFS (also for a null @p pkt: there was no memory for it).
 * The caller checks whether a socket may send to a broadcast address (SO_BROADCAST).
 */
ssize_t ip_output(net_stack &net, uint8_t protocol, packet_ptr pkt, ip_addr_t src, ip_addr_t dst, const ip_tx &tx = {})
    MICROPS_REQUIRES(net_locked);

/** What a transport protocol may send to a destination. */
struct ip_limits {
    size_t payload_max = 0;     /* bytes behind the IP header in a packet of path_mtu bytes */
    size_t path_mtu = 0;        /* as far as it is known (RFC 1191) */
    size_t mtu = 0;             /* of the first link */
    size_t gso_payload_max = 0; /* bytes behind the IP header that the device cuts into segments; 0: it does not */
    bool csum_offload = false;  /* the device fills in transport checksums */
};
/** Returns nothing if there is no route. */
std::optional<ip_limits> ip_output_limits(const net_stack &net, ip_addr_t dst) MICROPS_REQUIRES(net_locked);
/** The path MTU to a destination in bytes (RFC 1191): the link's MTU, or the one reported by ICMP; 0: no route. */
size_t ip_path_mtu(const net_stack &net, ip_addr_t dst) MICROPS_REQUIRES(net_locked);
/**
 * Processes "fragmentation needed" about a packet that the calling transport has sent: lowers the path MTU. Returns
 * whether it was lowered; a message that contradicts itself is dropped.
 */
bool ip_path_mtu_learn(net_stack &net, const ip_error &error) MICROPS_REQUIRES(net_locked);
/** The source address that packets to @p dst will have; nothing if there is no route. */
std::optional<ip_addr_t> ip_source_select(const net_stack &net, ip_addr_t dst) MICROPS_REQUIRES(net_locked);
/** Whether an address is one of this host's, that sockets may bind to (IP_ADDR_ANY and 127/8 included). */
bool ip_addr_is_local(const net_stack &net, ip_addr_t addr) MICROPS_REQUIRES(net_locked);
/** Whether packets to @p dst are broadcast: 255.255.255.255 or an interface's broadcast address. */
bool ip_addr_is_broadcast(const net_stack &net, ip_addr_t dst) MICROPS_REQUIRES(net_locked);
/** Reports that retransmissions to @p dst are not answered: ARP confirms the next hop's address (RFC 1122 2.3.2.1). */
void ip_suspect(net_stack &net, ip_addr_t dst) MICROPS_REQUIRES(net_locked);

} // namespace microps
