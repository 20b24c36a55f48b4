/* driver/tun.hpp: IP packets over a Linux TUN device. */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/**
 * Makes a device on the TUN interface @p name, which is opened by net_run(): it must exist by then, or the process
 * must be allowed to create it. The MTU is the interface's, or the device's own `mtu` if a program has set a smaller
 * one. The caller registers the device, or wraps it. Returns it, or null (logged: no name of an interface).
 */
net_device *tun_alloc(net_stack &net, const char *name) MICROPS_REQUIRES(net_locked);
/** Makes and registers such a device. Returns it, or null (logged). */
net_device *tun_init(net_stack &net, const char *name) MICROPS_REQUIRES(net_locked);

} // namespace microps
