/* driver/ether_pcap.hpp: Ethernet over a PF_PACKET socket on a Linux interface (a veth end, a network card). */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/**
 * Makes a device on the interface @p name, which net_run() opens. @p addr is our hardware address; null or all zeros
 * takes the interface's own, whose kernel side then should have no IP address. The MTU is the interface's, or the
 * device's own `mtu` if a program has set a smaller one. The kernel that owns the interface cannot be reached through
 * it, only what is at the wire's other end. The caller registers the device, or wraps it.
 * Returns it, or null (logged: no name of an interface, bad address).
 */
net_device *ether_pcap_alloc(net_stack &net, const char *name, const char *addr) MICROPS_REQUIRES(net_locked);
/** Makes and registers such a device. Returns it, or null (logged). */
net_device *ether_pcap_init(net_stack &net, const char *name, const char *addr) MICROPS_REQUIRES(net_locked);

} // namespace microps
