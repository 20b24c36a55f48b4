/* driver/ether_pcap.hpp: Ethernet over a PF_PACKET socket on a Linux interface (a veth end, a network card). */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/**
 * Makes and registers a device on the interface @p name. @p addr is our hardware address; null takes the
 * interface's own, which then must not answer for itself. Returns it, or null (logged).
 */
net_device *ether_pcap_init(net_stack &net, const char *name, const char *addr) MICROPS_REQUIRES(net_locked);

} // namespace microps
