/*
 * The routing table against its definition: of all routes that match, the longest prefix, the newest among equals.
 */
#include "support/frame_device.hpp"
#include "support/frames.hpp"

#include <bit>
#include <cerrno>
#include <gtest/gtest.h>

namespace microps
{
namespace
{

ip_addr_t ip(const char *text) { return ip_addr_t(be32(addr(text))); }
ip_addr_t mask(unsigned prefix) { return ip_addr_t(be32(prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix))); }

/* RFC 1122 3.3.1.1: the route found is the one that a slow search for the longest matching prefix finds. */
TEST(IpRoute, EqualsTheDefinitionForRandomTables)
{
    net_random random(3);
    for (int round = 0; round < 20; round++) {
        frame_host host("192.0.2.2", "255.255.255.0", nullptr);
        net_guard guard(host.net);
        std::vector<ip_route> added(ip_routes(host.net).begin(), ip_routes(host.net).end());
        for (int i = 0; i < 60; i++) {
            const ip_addr_t netmask = mask(static_cast<unsigned>(random.below(33)));
            /* Few different bits, so that routes nest and collide. */
            const uint32_t bits = 0x0a000000 | (random.u32() & 0x01010103);
            const ip_addr_t network(be32(bits & netmask.value));
            const ip_addr_t nexthop(be32(random.u32()));
            ASSERT_EQ(ip_route_add(network, netmask, nexthop, *host.iface), 0);
            added.push_back({network, netmask, nexthop, host.iface});
        }
        for (int i = 0; i < 200; i++) {
            const uint32_t dst = 0x0a000000 | (random.u32() & 0x03010103);
            const ip_route *best = nullptr;
            for (const ip_route &route : added) {
                if ((dst & route.netmask.value) != route.network.value) continue;
                if (!best || std::popcount(route.netmask.value.value()) >= std::popcount(best->netmask.value.value())) {
                    best = &route;
                }
            }
            const ip_route *found = ip_route_lookup(host.net, ip_addr_t(be32(dst)));
            ASSERT_EQ(found == nullptr, best == nullptr);
            if (best) {
                EXPECT_EQ(found->nexthop, best->nexthop);
            }
        }
    }
}

/* RFC 4632 3.1: a network is a prefix, so a mask with holes, or bits behind the mask, are refused. */
TEST(IpRoute, RefusesMasksWithHolesAndNetworksWithHostBits)
{
    frame_host host;
    net_guard guard(host.net);
    EXPECT_EQ(ip_route_add(ip("10.0.0.0"), ip("255.0.255.0"), IP_ADDR_ANY, *host.iface), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ip_route_add(ip("10.0.0.0"), ip("0.0.0.255"), IP_ADDR_ANY, *host.iface), -1);
    EXPECT_EQ(ip_route_add(ip("10.0.0.1"), ip("255.0.0.0"), IP_ADDR_ANY, *host.iface), -1);
    EXPECT_EQ(ip_route_add(ip("10.0.0.1"), ip("255.255.255.255"), IP_ADDR_ANY, *host.iface), 0);
    EXPECT_EQ(ip_route_add(ip("0.0.0.0"), ip("0.0.0.0"), ip("192.0.2.1"), *host.iface), 0);
}

/* A full table refuses further routes with ENOBUFS. */
TEST(IpRoute, TableIsBounded)
{
    frame_host host;
    net_guard guard(host.net);
    while (ip_routes(host.net).size() < IP_ROUTE_MAX) {
        ASSERT_EQ(ip_route_add(ip("10.0.0.0"), mask(8), IP_ADDR_ANY, *host.iface), 0);
    }
    EXPECT_EQ(ip_route_add(ip("10.0.0.0"), mask(8), IP_ADDR_ANY, *host.iface), -1);
    EXPECT_EQ(errno, ENOBUFS);
}

/* Registering an interface makes the route to its network; a gateway makes the default route. */
TEST(IpRoute, InterfaceBringsItsConnectedRouteAndTheGatewayTheDefault)
{
    frame_host host;
    net_guard guard(host.net);
    const std::span<const ip_route> routes = ip_routes(host.net);
    ASSERT_EQ(routes.size(), 2u);
    EXPECT_EQ(routes[0].network, ip("192.0.2.0"));
    EXPECT_EQ(routes[0].netmask, mask(24));
    EXPECT_EQ(routes[0].nexthop, IP_ADDR_ANY);
    EXPECT_EQ(routes[1].network, IP_ADDR_ANY);
    EXPECT_EQ(routes[1].nexthop, ip("192.0.2.1"));
    EXPECT_EQ(ip_route_get_iface(host.net, ip("8.8.8.8")), host.iface);
    EXPECT_EQ(ip_route_set_default_gateway(*host.iface, "nonsense"), -1);
}

/* RFC 1122 3.2.1.3: the directed broadcast address has all bits behind the mask set. */
TEST(IpIface, BroadcastAddressFollowsFromTheNetmask)
{
    frame_host host;
    net_guard guard(host.net);
    EXPECT_EQ(host.iface->broadcast, ip("192.0.2.255"));
    EXPECT_EQ(ip_iface_alloc(host.net, "10.1.2.3", "255.255.255.252")->broadcast, ip("10.1.2.3"));
    EXPECT_EQ(ip_iface_alloc(host.net, "10.1.2.3", "255.0.0.0")->broadcast, ip("10.255.255.255"));
    /* RFC 3021: a /31 has two hosts and no broadcast; a /32 has one. */
    EXPECT_EQ(ip_iface_alloc(host.net, "10.1.2.3", "255.255.255.254")->broadcast, IP_ADDR_BROADCAST);
    EXPECT_EQ(ip_iface_alloc(host.net, "10.1.2.3", "255.255.255.255")->broadcast, IP_ADDR_BROADCAST);
    EXPECT_EQ(ip_iface_alloc(host.net, "10.1.2", "255.255.255.255"), nullptr);
    EXPECT_EQ(ip_iface_alloc(host.net, "10.1.2.3", "/24"), nullptr);
}

/* A device has one interface of each address family, as in the C original. */
TEST(IpIface, DeviceHasOneAtMost)
{
    frame_host host;
    net_guard guard(host.net);
    EXPECT_EQ(ip_iface_register(*host.dev, *ip_iface_alloc(host.net, "10.0.0.1", "255.0.0.0")), -1);
    EXPECT_EQ(ip_iface_select(host.net, ip("192.0.2.2")), host.iface);
    EXPECT_EQ(ip_iface_select(host.net, ip("10.0.0.1")), nullptr);
}

} // namespace
} // namespace microps
