/*
 * register.cpp: how every driver's *_init ends. What it logs about its new device stays the driver's own.
 */
#include "register.hpp"

#include "microps/log.hpp"

namespace microps
{

net_device *driver_register(net_device *dev, const char *init)
{
    if (!dev || net_device_register(*dev) == 0) return dev;
    errorf_as(init, "net_device_register() failure");
    return nullptr;
}

} // namespace microps
