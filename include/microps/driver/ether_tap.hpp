/* driver/ether_tap.hpp: Ethernet over a Linux TAP device. */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/**
 * Makes and registers a device on the TAP interface @p name (not created here; it must exist or the process may
 * create it). @p addr is our hardware address ("xx:xx:..."); null takes the kernel side's address.
 * Returns it, or null (logged: name too long, address that does not parse).
 */
net_device *ether_tap_init(net_stack &net, const char *name, const char *addr) MICROPS_REQUIRES(net_locked);

} // namespace microps
