/* driver/loopback.hpp: a device that receives every packet it sends. */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/** Makes a loopback device (MTU 65535). The caller registers it, or wraps it. */
net_device *loopback_alloc(net_stack &net) MICROPS_REQUIRES(net_locked);
/** Makes and registers a loopback device. Returns it, or null. */
net_device *loopback_init(net_stack &net) MICROPS_REQUIRES(net_locked);

} // namespace microps
