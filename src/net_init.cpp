/*
 * net_init.cpp: the life of a stack: net_init() makes the layers and puts them together, net_run() opens the devices
 * and starts the engine, net_shutdown() ends and releases everything.
 *
 * This is the only file of the library that knows all layers. Elsewhere, a lower layer calls an upper one through a
 * registered handler.
 */
#include "base/os.hpp"
#include "icmp_internal.hpp"
#include "microps/arp.hpp"
#include "microps/ip.hpp"
#include "microps/net.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"
#include "microps/udp.hpp"
#include "net_internal.hpp"

#include <algorithm>
#include <cerrno>

namespace microps
{

int net_init(net_stack &net)
{
    net_guard guard(net);
    if (net.core) {
        errorf("already initialized");
        return net_error(EALREADY);
    }
    net.core = layer_make<net_layer>(net);
    arp_init(net);
    ip_init(net);
    icmp_init(net);
    icmp_sock_init(net);
    udp_init(net);
    tcp_init(net);
    sock_init(net);
    infof("initialized");
    return 0;
}

int net_run(net_stack &net, net_engine engine)
{
    net_guard guard(net);
    if (!net.core || net.core->running) {
        errorf("%s", net.core ? "running already" : "not initialized");
        return net_error(EINVAL);
    }
    net_interrupt_clear(net);
    debugf("open all devices...");
    if (net_devices_open(net) == -1) {
        net_devices_close(net);
        return net_error(ENODEV);
    }
    if (engine == net_engine::thread) {
        debugf("create background thread...");
        net.core->role = engine_role::background;
        net.core->thread = os_thread_start([&net] { net_thread(net); });
    }
    net.core->running = true;
    arp_start(net);
    debugf("running...");
    return 0;
}

/** Waits at most @p linger until closed sockets have delivered their data. */
static void shutdown_linger(net_stack &net, net_guard &guard, net_duration linger) MICROPS_REQUIRES(net_locked)
{
    const net_time deadline = net.clock.now() + linger;
    const std::vector<net_shutdown_hooks> &hooks = net.core->shutdown_hooks;
    while (std::any_of(hooks.begin(), hooks.end(), [](const net_shutdown_hooks &h) { return h.busy && h.busy(); })) {
        if (sched_sleep(net, net.activity, guard, deadline) == -1) return;
    }
}

static void shutdown_stop(net_stack &net) MICROPS_REQUIRES(net_locked)
{
    for (const net_shutdown_hooks &hooks : net.core->shutdown_hooks) {
        if (hooks.before_close) hooks.before_close();
    }
    engine_settle(net);
    net.core->stopping = true;
    os_pipe_write(net.wakeup[1]); /* ends the engine's poll(2) */
    sched_evict(net);
    if (!net.core->thread.joinable()) return;
    std::thread thread = std::move(net.core->thread);
    net_unguard unlocked(net);
    thread.join();
}

void net_shutdown(net_stack &net, net_duration linger)
{
    net_guard guard(net);
    if (!net.core || net.core->stopping) return;
    if (net.core->running) {
        shutdown_linger(net, guard, linger);
        if (net.core->thread.joinable()) debugf("terminate background thread...");
        shutdown_stop(net);
        debugf("close all devices...");
        net_devices_close(net);
        sched_evict(net); /* calls that began meanwhile */
        debugf("shutdown");
    }
    net.sock.reset();
    net.tcp.reset();
    net.udp.reset();
    net.icmp.reset();
    net.ip.reset();
    net.arp.reset();
    net.core.reset();
}

} // namespace microps
