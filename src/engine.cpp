/*
 * engine.cpp: the engine of a stack. A turn does all work that is due; between turns the engine waits in poll(2).
 *
 * One thread at a time runs turns and holds the engine's role (net_layer::role): the background thread (net_thread), a
 * call that waits in sched_sleep(), a simulation, or a program that calls net_poll(). The stack's lock is dropped only
 * around poll(2), read(2) and write(2).
 */
#include "base/os.hpp"
#include "net_internal.hpp"

#include <algorithm>

namespace microps
{

static void devices_poll(net_stack &net) MICROPS_REQUIRES(net_locked)
{
    /* By index, because the list may grow while a driver reads without the lock. */
    for (size_t i = 0; i < net.core->registered.size(); i++) {
        net_device &dev = *net.core->registered[i];
        if (!NET_DEVICE_IS_UP(&dev) || (dev.fd() != -1 && !dev.state.readable)) continue;
        dev.state.readable = false;
        if (dev.poll() == -1) net_device_failed(dev);
    }
}

static void interrupt_serve(net_stack &net) MICROPS_REQUIRES(net_locked)
{
    if (!net.interrupted) {
        net.core->interrupt_seen = false;
        return;
    }
    if (net.core->interrupt_seen) return;
    net.core->interrupt_seen = true;
    net_event_handler(net);
    sched_wakeup_all(net);
}

/** Marks the devices that have something to read; drops the lock while it waits. */
static void wait_readable(net_stack &net, net_duration timeout) MICROPS_REQUIRES(net_locked)
{
    std::vector<pollfd> fds{{.fd = net.wakeup[0], .events = POLLIN, .revents = 0}};
    std::vector<net_device *> devs;
    for (net_device *dev : net.core->registered) {
        if (!NET_DEVICE_IS_UP(dev) || dev->fd() == -1) continue;
        fds.push_back({.fd = dev->fd(), .events = POLLIN, .revents = 0});
        devs.push_back(dev);
    }
    {
        net_unguard unlocked(net);
        os_poll(fds, timeout);
        if (fds[0].revents) os_pipe_drain(net.wakeup[0]);
    }
    for (size_t i = 0; i < devs.size(); i++) {
        /* An error counts as readable: net_device::poll() finds and reports it. */
        if (fds[i + 1].revents) devs[i]->state.readable = true;
    }
}

net_time engine_turn(net_stack &net)
{
    net_count(net, counter::net_engine_turns);
    interrupt_serve(net);
    devices_poll(net);
    net_protocol_handler(net);
    net.timers.run(net.clock.now());
    engine_settle(net);
    return net_next_deadline(net);
}

void engine_settle(net_stack &net)
{
    for (const std::function<void()> &batch : net.core->batches) {
        batch();
    }
    net_device_flush(net);
    /* Wake the engine if it sleeps in poll(2) until later than the new deadline. */
    if (net.core->sleeping_until != net_time{} && net_next_deadline(net) < net.core->sleeping_until) {
        net.core->sleeping_until = net_time{};
        os_pipe_write(net.wakeup[1]);
    }
}

void engine_wait(net_stack &net, net_time deadline)
{
    const net_time now = net.clock.now();
    net.core->sleeping_until = deadline;
    wait_readable(net, deadline > now ? deadline - now : net_duration::zero());
    net.core->sleeping_until = net_time{};
}

net_time net_next_deadline(net_stack &net)
{
    if (!net.core) return NET_TIME_NEVER;
    const bool interrupt_due = net.interrupted && !net.core->interrupt_seen;
    if (net.core->input_queued > 0 || interrupt_due) return net.clock.now();
    return net.timers.next();
}

net_time net_poll(net_stack &net)
{
    net_guard guard(net);
    if (!net.core) return NET_TIME_NEVER;
    if (!guard.nested() && net.core->role == engine_role::nobody) {
        net.core->role = engine_role::caller;
        wait_readable(net, net_duration::zero());
        engine_turn(net);
        net.core->role = engine_role::nobody;
        sched_hand_role_on(net);
    }
    return net_next_deadline(net);
}

void net_thread(net_stack &net)
{
    net_guard guard(net);
    net.core->role = engine_role::background;
    while (!net.core->stopping) {
        const net_time next = engine_turn(net);
        if (!net.core->stopping) engine_wait(net, next);
    }
    net.core->role = engine_role::nobody;
}

} // namespace microps
