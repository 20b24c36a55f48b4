/*
 * net.h: devices, protocols, timers and events in the original's dialect. Plain callbacks are called under the stack's
 * lock, in which every call of the library may be made; one that would block fails with EDEADLK.
 */
#pragma once

#include "microps/default_stack.hpp"
#include "util.h"

#include <chrono>

#ifndef IFNAMSIZ
#define IFNAMSIZ 16
#endif
#define NET_IFACE(x) (static_cast<::microps::net_iface *>(x))

namespace microps
{

/** A device that @p setup, which may be null, fills in. */
inline net_device *net_device_alloc(void (*setup)(net_device *dev))
{
    net_device *dev = net_device_alloc<net_device>();
    if (setup) setup(dev);
    return dev;
}

inline int net_device_output(net_device *dev, uint16_t type, const uint8_t *data, size_t len, const void *dst)
{
    return net_device_output(dev, type, std::span(data, len), dst);
}

inline int net_input_handler(uint16_t type, const uint8_t *data, size_t len, net_device *dev)
{
    net_guard guard(dev->net);
    packet_ptr pkt = packet_alloc(dev->net, LINK_HEADROOM, std::span(data, len));
    return pkt ? net_input_handler(type, std::move(pkt), *dev) : net_error(ENOBUFS);
}

inline int net_device_add_iface(net_device *dev, net_iface *iface)
{
    net_guard guard(dev->net);
    return net_device_add_iface(*dev, *iface);
}

inline net_iface *net_device_get_iface(net_device *dev, int family)
{
    net_guard guard(dev->net);
    return net_device_get_iface(*dev, family);
}

inline int net_protocol_register(const char *name, uint16_t type,
                                 void (*handler)(const uint8_t *data, size_t len, net_device *dev))
{
    return net_protocol_register(name, type, net_protocol_input([handler](const packet &pkt, net_device &dev) {
                                     handler(pkt.data(), pkt.size(), &dev);
                                 }));
}

/** Not const, as in the original; it must not be written to. */
inline char *net_protocol_name(uint16_t type)
{
    net_guard guard(net_default());
    return const_cast<char *>(net_protocol_name(guard.net(), type));
}

inline void net_protocol_handler()
{
    net_guard guard(net_default());
    net_protocol_handler(guard.net());
}

inline int net_timer_register(const char *name, timeval interval, void (*handler)(void))
{
    const auto span = std::chrono::seconds(interval.tv_sec) + std::chrono::microseconds(interval.tv_usec);
    const net_periodic_function periodic = [handler] {
        handler();
        return true;
    };
    return net_timer_register(name, span, periodic) ? 0 : -1;
}

inline int net_event_subscribe(void (*handler)(void *arg), void *arg)
{
    return net_event_subscribe([handler, arg] { handler(arg); });
}

inline void net_event_handler()
{
    net_guard guard(net_default());
    net_event_handler(guard.net());
}

inline void net_timer_handler()
{
    net_guard guard(net_default());
    guard.net().timers.run(guard.net().clock.now());
}

} // namespace microps
