/*
 * ip_internal.hpp: what the files of the IP module share: ip.cpp (interfaces, protocols, input, output), ip_addr.cpp
 * (addresses as text), ip_route.cpp (where to), ip_fragment.cpp (too large for one packet) and ip_pmtu.cpp (how large a
 * packet may be).
 */
#pragma once

#include "ip_pmtu.hpp"
#include "microps/ip.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace microps
{

struct ip_reassembly;

/** A registered transport protocol. */
struct ip_protocol {
    std::string name;
    uint8_t type;
    ip_protocol_input input;
    ip_protocol_error error;
};

/** Counters for the identification field; see ip_id_next(). */
inline constexpr size_t IP_ID_COUNTERS = 1024;

/** All state of the module. */
struct ip_layer {
    std::vector<ip_protocol> protocols MICROPS_GUARDED_BY(net_locked){};
    std::vector<ip_iface *> ifaces MICROPS_GUARDED_BY(net_locked){}; /* registered ones, newest first */
    std::vector<ip_route> routes MICROPS_GUARDED_BY(net_locked){};   /* longest prefix first, then newest first */
    siphash_key id_key MICROPS_GUARDED_BY(net_locked){};
    std::array<uint16_t, IP_ID_COUNTERS> ids MICROPS_GUARDED_BY(net_locked){};
    layer_ptr<ip_reassembly> reassembly MICROPS_GUARDED_BY(net_locked){nullptr, nullptr};
    ip_pmtu_cache pmtu MICROPS_GUARDED_BY(net_locked){};
};

/** How a packet leaves this host. */
struct ip_path {
    ip_iface *iface = nullptr;
    ip_addr_t src{};     /* the source address it gets */
    ip_addr_t nexthop{}; /* the neighbour that gets it */
    bool broadcast = false;
    bool to_self = false;
};

/** Decides how a packet from @p src (or IP_ADDR_ANY) gets to @p dst. Returns 0, or an errno. */
int ip_path_select(const net_stack &net, ip_addr_t src, ip_addr_t dst, ip_path &path) MICROPS_REQUIRES(net_locked);
/** The largest packet for a path: its link's MTU, unless a router has named a smaller one. */
ip_pmtu ip_path_pmtu(const ip_path &path, ip_addr_t dst) MICROPS_REQUIRES(net_locked);

/** What all packets made of one transport segment have in common. */
struct ip_transmission {
    ip_iface &iface;
    ip_addr_t nexthop; /* the neighbour that gets it */
    bool broadcast;    /* sent to the link's broadcast address */
    bool to_self;      /* does not leave this host */
    uint8_t protocol;
    ip_addr_t src;
    ip_addr_t dst;
    uint16_t id;
    ip_tx tx;
};

/** Puts the header in front and sends one packet: a whole one or a fragment. @p offset is the header's field. */
int ip_output_core(const ip_transmission &out, packet_ptr pkt, uint16_t offset) MICROPS_REQUIRES(net_locked);
/** Sends a segment in fragments of at most @p mtu bytes, header included. Returns 0, or -1: EMSGSIZE ENOBUFS. */
int ip_fragment_output(const ip_transmission &out, packet_ptr pkt, size_t mtu) MICROPS_REQUIRES(net_locked);

/** What handlers see of a packet whose header has been checked. */
ip_rx ip_rx_make(const packet &pkt, ip_iface &iface) MICROPS_REQUIRES(net_locked);

void ip_reassembly_init(net_stack &net) MICROPS_REQUIRES(net_locked);
/** Stores a fragment. Returns the reassembled packet, with IP header, if it is complete now; else null. */
packet_ptr ip_reassembly_input(const ip_rx &rx, const ip_hdr &hdr) MICROPS_REQUIRES(net_locked);

/** The header's length in bytes, as it claims. */
inline size_t ip_hdr_len(const ip_hdr &hdr) { return static_cast<size_t>(hdr.vhl & 0x0f) * 4; }

} // namespace microps
