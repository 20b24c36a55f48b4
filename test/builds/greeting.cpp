/*
 * greeting.cpp: a shared library of one function, which has a stack inside and shows nothing of it.
 */
#include <microps/driver/loopback.hpp>
#include <microps/ip.hpp>
#include <microps/net.hpp>

/** Returns 0 if a stack can be started and stopped. */
extern "C" __attribute__((visibility("default"))) int greeting()
{
    microps::net_stack net;
    microps::net_init(net);
    {
        const microps::net_guard guard(net);
        microps::net_device *loopback = microps::loopback_init(net);
        microps::ip_iface_register(*loopback, *microps::ip_iface_alloc(net, "127.0.0.1", "255.0.0.0"));
    }
    const int result = microps::net_run(net);
    microps::net_shutdown(net);
    return result == 0 ? 0 : 1;
}
