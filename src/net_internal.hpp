/*
 * net_internal.hpp: what net.cpp, net_init.cpp, engine.cpp and sched.cpp share: the net layer, and the engine's inner
 * functions.
 */
#pragma once

#include "microps/net.hpp"

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace microps
{

/** A registered protocol and its input queue. */
struct net_protocol {
    struct entry {
        packet_ptr pkt;
        net_device *dev;
    };
    std::string name;
    uint16_t type;
    net_protocol_input handler;
    std::deque<entry> queue{};
};

/** Who runs the engine at the moment: the background thread, or a call that waits. */
enum class engine_role { nobody, background, caller };

struct net_layer {
    explicit net_layer(net_stack &net_);
    ~net_layer();

    net_stack &net;
    std::vector<std::unique_ptr<net_device>> devices{};
    std::vector<std::unique_ptr<net_iface>> ifaces{};
    std::vector<net_device *> registered{}; /* newest first */
    std::vector<std::unique_ptr<net_protocol>> protocols{};
    std::vector<std::unique_ptr<net_periodic>> periodics; /* without {}, which would ask for the complete type here */
    std::vector<std::function<void()>> events{};
    std::vector<std::function<void()>> batches{};
    std::vector<net_shutdown_hooks> shutdown_hooks{};

    std::vector<net_device *> to_flush{}; /* devices with queued frames */
    size_t input_queued = 0;              /* packets in all input queues */

    std::vector<sched_waiter *> waiters{};   /* all calls that sleep in this stack */
    size_t unlocked = 0;                     /* threads inside net_unguard, which work without the lock */
    sched_waiter *shutdown_waiter = nullptr; /* net_shutdown(), which waits until both are empty */

    std::thread thread{};
    engine_role role = engine_role::nobody;
    sched_waiter *driver = nullptr; /* the sleeping call that has the role, if one has it */
    bool running = false;
    bool stopping = false;       /* sleepers return EINTR, the background thread ends */
    bool interrupt_seen = false; /* the engine has served the present interrupt */
    net_time sleeping_until{};   /* the engine's deadline while it waits in poll(2), else zero */
};

/** Opens the registered devices, newest first. Returns 0, or -1 at the first one that fails (logged). */
int net_devices_open(net_stack &net) MICROPS_REQUIRES(net_locked);
/** Closes those that are open. */
void net_devices_close(net_stack &net) MICROPS_REQUIRES(net_locked);

/** One round of everything that is due, then output. Returns the next deadline. The lock is dropped in between. */
net_time engine_turn(net_stack &net) MICROPS_REQUIRES(net_locked);
/** Waits in poll(2), without the lock, until @p deadline, a descriptor, or the wake-up pipe. */
void engine_wait(net_stack &net, net_time deadline) MICROPS_REQUIRES(net_locked);
/** Sends what the last work produced: batch handlers, device batches, a hint to a sleeping engine. */
void engine_settle(net_stack &net) MICROPS_REQUIRES(net_locked);
/** The background thread's body. */
void net_thread(net_stack &net);

/** Wakes all calls that sleep in this stack, which then return EINTR (interrupt, shutdown). */
void sched_wakeup_all(net_stack &net) MICROPS_REQUIRES(net_locked);
/** If nobody runs the engine, wakes a sleeping call other than @p leaver, which then runs it. */
void sched_hand_role_on(net_stack &net, const sched_waiter *leaver = nullptr) MICROPS_REQUIRES(net_locked);
/** Waits until no call sleeps in this stack or works without its lock. `stopping` must be set. */
void sched_evict(net_stack &net) MICROPS_REQUIRES(net_locked);

} // namespace microps
