/*
 * ip_route.cpp: the routing table (RFC 1122 3.3.1, RFC 1812 5.2.4.3).
 *
 * The table is sorted by prefix length, longest first, and among equals newest first, so that the first match is the
 * best one.
 */
#include "ip_internal.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>

namespace microps
{

static ip_addr_t ip_addr_mask(ip_addr_t addr, ip_addr_t netmask) { return ip_addr_t(be32(addr.value & netmask.value)); }

int ip_route_add(ip_addr_t network, ip_addr_t netmask, ip_addr_t nexthop, ip_iface &iface)
{
    if (!iface.dev) return net_error(EINVAL);
    const bool contiguous = (~netmask.value & (~netmask.value + 1)) == 0;
    if (!contiguous || ip_addr_mask(network, netmask) != network) {
        errorf("invalid route, network=%s, netmask=%s", ip_addr_str(network).c_str(), ip_addr_str(netmask).c_str());
        return net_error(EINVAL);
    }
    std::vector<ip_route> &routes = iface.dev->net.ip->routes;
    if (routes.size() >= IP_ROUTE_MAX) {
        errorf("too many routes (%zu)", routes.size());
        return net_error(ENOBUFS);
    }
    const auto place = std::find_if(routes.begin(), routes.end(), [&](const ip_route &other) {
        return other.netmask.value <= netmask.value; /* contiguous masks: the larger number is the longer prefix */
    });
    routes.insert(place, {.network = network, .netmask = netmask, .nexthop = nexthop, .iface = &iface});
    infof("network=%s, netmask=%s, nexthop=%s, iface=%s dev=%s", ip_addr_str(network).c_str(),
          ip_addr_str(netmask).c_str(), ip_addr_str(nexthop).c_str(), ip_addr_str(iface.unicast).c_str(),
          iface.dev->name);
    return 0;
}

const ip_route *ip_route_lookup(const net_stack &net, ip_addr_t dst)
{
    for (const ip_route &route : net.ip->routes) {
        if (ip_addr_mask(dst, route.netmask) == route.network) return &route;
    }
    return nullptr;
}

int ip_route_set_default_gateway(ip_iface &iface, const char *gateway)
{
    ip_addr_t nexthop;
    if (ip_addr_pton(gateway, nexthop) == -1) {
        errorf("ip_addr_pton() failure, addr=%s", gateway);
        return net_error(EINVAL);
    }
    return ip_route_add(IP_ADDR_ANY, IP_ADDR_ANY, nexthop, iface);
}

ip_iface *ip_route_get_iface(const net_stack &net, ip_addr_t dst)
{
    const ip_route *route = ip_route_lookup(net, dst);
    return route ? route->iface : nullptr;
}

std::span<const ip_route> ip_routes(const net_stack &net) { return net.ip->routes; }

} // namespace microps
