/*
 * driver/link.hpp: what drivers without an Ethernet header have in common.
 */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/** The EtherType that a bare IP packet would have had, from its version; 0 if it has none we know. */
uint16_t link_ip_type(const packet &pkt);

/** What input() of a device without link header does: finds the protocol by the IP version, passes the packet on. */
void link_ip_input(net_device &dev, packet_ptr pkt) MICROPS_REQUIRES(net_locked);

} // namespace microps
