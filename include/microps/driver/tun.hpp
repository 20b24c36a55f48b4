/* driver/tun.hpp: IP packets over a Linux TUN device. */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/** Makes and registers a device on the TUN interface @p name. Returns it, or null (logged). */
net_device *tun_init(net_stack &net, const char *name) MICROPS_REQUIRES(net_locked);

} // namespace microps
