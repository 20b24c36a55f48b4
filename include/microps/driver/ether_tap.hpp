/* driver/ether_tap.hpp: Ethernet over a Linux TAP device. */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/**
 * Makes a device on the TAP interface @p name, which is opened by net_run(): it must exist by then, or the process
 * must be allowed to create it. @p addr is our hardware address ("xx:xx:..."); null or all zeros takes the kernel
 * side's. The MTU is the interface's, or the device's own `mtu` if a program has set a smaller one.
 * The caller registers the device, or wraps it. Returns it, or null (logged: no name of an interface, bad address).
 */
net_device *ether_tap_alloc(net_stack &net, const char *name, const char *addr) MICROPS_REQUIRES(net_locked);
/** Makes and registers such a device. Returns it, or null (logged). */
net_device *ether_tap_init(net_stack &net, const char *name, const char *addr) MICROPS_REQUIRES(net_locked);

} // namespace microps
