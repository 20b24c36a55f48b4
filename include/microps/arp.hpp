/*
 * arp.hpp: the Address Resolution Protocol (RFC 826) for IPv4 over Ethernet.
 *
 * One of the places where a lower layer knows an upper one (docs/architecture.md): ARP resolves IPv4 addresses.
 */
#pragma once

#include "microps/ether.hpp"
#include "microps/ip.hpp"
#include "microps/stack.hpp"

#include <functional>
#include <vector>

namespace microps
{

inline constexpr size_t ARP_CACHE_SIZE = 1024; /* entries; the least recently used one is evicted */
inline constexpr size_t ARP_QUEUE_MAX = 64;    /* packets that wait in one unresolved entry; the oldest is dropped */
inline constexpr net_duration ARP_CACHE_TIMEOUT = std::chrono::seconds(30);
inline constexpr net_duration ARP_RETRY_INTERVAL = std::chrono::seconds(1); /* RFC 1122 2.3.2.1: at most one a second */
inline constexpr unsigned ARP_REQUEST_MAX = 3; /* unanswered requests before the waiting packets are dropped */

enum class arp_result { error = -1, incomplete = 0, found = 1 };

/** States of a cache entry, as in the original. */
enum class arp_state { free = 0, incomplete = 1, resolved = 2, statically = 3 };

/** One cache entry, for views and tests. */
struct arp_entry {
    ip_addr_t pa{};
    mac_addr ha{};
    arp_state state = arp_state::free;
    const net_iface *iface = nullptr;
    net_duration age{}; /* since it was last confirmed */
};

void arp_init(net_stack &net) MICROPS_REQUIRES(net_locked);
/** Announces the addresses of all interfaces on links with ARP (RFC 5227 2.3); net_run() calls it. */
void arp_start(net_stack &net) MICROPS_REQUIRES(net_locked);

/**
 * Looks up the hardware address of a neighbour; a miss sends a request (at most one a second and address).
 * Returns found and fills @p ha, incomplete, or error: no Ethernet addresses on this device, or no room in the cache.
 */
arp_result arp_resolve(ip_iface &iface, ip_addr_t pa, mac_addr &ha) MICROPS_REQUIRES(net_locked);
/**
 * Sends an IP packet to a neighbour: at once if its address is known, else when it becomes known.
 * The packet waits in the cache entry (RFC 1122 2.3.2.2), bounded. Takes ownership. Returns 0, or -1 with errno
 * EHOSTUNREACH or that of net_device_output().
 */
int arp_output(ip_iface &iface, ip_addr_t pa, packet_ptr pkt) MICROPS_REQUIRES(net_locked);
/** Reports that retransmissions are not answered: the neighbour's address is confirmed by a request. */
void arp_suspect(ip_iface &iface, ip_addr_t pa) MICROPS_REQUIRES(net_locked);
/** Registers the handler, IP's, that is called for each packet dropped because the neighbour did not answer. */
void arp_failure_register(net_stack &net, std::function<void(ip_iface &iface, const packet &pkt)> handler)
    MICROPS_REQUIRES(net_locked);
/** Sets an entry that is never updated, evicted or timed out. Returns 0, or -1 with errno ENOBUFS. */
int arp_set_static(ip_iface &iface, ip_addr_t pa, const mac_addr &ha) MICROPS_REQUIRES(net_locked);
/** The cache, for views. */
std::vector<arp_entry> arp_entries(const net_stack &net) MICROPS_REQUIRES(net_locked);

} // namespace microps
