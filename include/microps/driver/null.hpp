/* driver/null.hpp: a device that drops everything. */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/** Makes and registers a null device (MTU 65535). Returns it, or null. */
net_device *null_init(net_stack &net) MICROPS_REQUIRES(net_locked);

} // namespace microps
