/* driver/loopback.hpp: a device whose output is its input. */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/** Makes and registers a loopback device (MTU 65535). Returns it, or null. */
net_device *loopback_init(net_stack &net) MICROPS_REQUIRES(net_locked);

} // namespace microps
