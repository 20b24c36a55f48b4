/* driver/null.hpp: a device that drops everything. */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/** Makes a null device (MTU 65535). The caller registers it, or wraps it. */
net_device *null_alloc(net_stack &net) MICROPS_REQUIRES(net_locked);
/** Makes and registers a null device. Returns it, or null. */
net_device *null_init(net_stack &net) MICROPS_REQUIRES(net_locked);

} // namespace microps
