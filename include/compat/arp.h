/*
 * arp.h: ARP in the original's dialect.
 */
#pragma once

#include "ether.h"
#include "ip.h"
#include "microps/arp.hpp"

namespace microps
{

inline constexpr int ARP_RESOLVE_ERROR = -1;
inline constexpr int ARP_RESOLVE_INCOMPLETE = 0;
inline constexpr int ARP_RESOLVE_FOUND = 1;

/** @p iface must be an IP interface. */
inline int arp_resolve(net_iface *iface, ip_addr_t pa, uint8_t *ha)
{
    if (iface->family != NET_IFACE_FAMILY_IP) return ARP_RESOLVE_ERROR;
    mac_addr found;
    net_guard guard(iface->dev->net);
    const arp_result result = arp_resolve(*static_cast<ip_iface *>(iface), pa, found);
    if (result == arp_result::found) std::copy(found.bytes.begin(), found.bytes.end(), ha);
    return static_cast<int>(result);
}

/** net_init() has called it: as in the original, a second call fails. */
inline int arp_init() { return net_error(EALREADY); }

} // namespace microps
