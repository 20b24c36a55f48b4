/*
 * driver/register.hpp: how every driver's *_init ends.
 */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/**
 * Attaches the device that a driver's *_alloc has made, for its *_init. Returns it, or null: there is none, or the
 * stack runs already (logged under the name of the calling *_init).
 */
net_device *driver_register(net_device *dev, const char *init = __builtin_FUNCTION()) MICROPS_REQUIRES(net_locked);

} // namespace microps
