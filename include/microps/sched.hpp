/*
 * sched.hpp: how a user call waits, and how it is woken.
 *
 * All waiting happens in sched_sleep(). The scheduler decides how: normally the thread sleeps on a condition variable,
 * or runs the engine itself if no other thread does; in a simulation the world continues with other events.
 */
#pragma once

#include "microps/annotations.hpp"
#include "microps/time.hpp"

#include <condition_variable>

namespace microps
{

struct net_stack;
class net_guard;
struct sched_waiter;

/** Something that a call can wait for, as a member of the object concerned, which must outlive its waiters. */
struct sched_ctx {
    sched_ctx() = default;
    sched_ctx(const sched_ctx &) = delete;
    sched_ctx &operator=(const sched_ctx &) = delete;

    /** Whether a call sleeps on it. */
    [[nodiscard]] bool busy() const { return first != nullptr; }

    sched_waiter *first = nullptr; /* in the order in which they came */
};

/** One sleeping call; lives on the sleeper's stack. */
struct sched_waiter {
    sched_ctx *ctx = nullptr;
    sched_waiter *next = nullptr; /* of the same ctx */
    const char *caller = "";      /* name of the function that sleeps, for messages */
    bool woken = false;
    int error = 0; /* EDEADLK: the scheduler knows that this call would never be woken */
    std::condition_variable cond{};
};

/** How calls wait. See thread_scheduler (src/sched.cpp) and sim_scheduler (src/sim/scheduler.cpp). */
class net_scheduler
{
public:
    virtual ~net_scheduler() = default;
    /**
     * Drops the stack's lock, waits until @p waiter is woken or @p deadline is reached, takes the lock again.
     * May return before; sched_sleep() then calls it again.
     */
    virtual void wait(net_stack &net, sched_waiter &waiter, net_time deadline) MICROPS_REQUIRES(net_locked) = 0;
    /** Makes wait() of @p waiter return. Its `woken` is set already. */
    virtual void wake(net_stack &net, sched_waiter &waiter) MICROPS_REQUIRES(net_locked) = 0;
};

/** The scheduler of production: threads and condition variables. */
net_scheduler &net_scheduler_threads();

/**
 * Sleeps until sched_wakeup() of @p ctx. Call it in a loop that checks the condition, because the guard's lock is
 * dropped while it sleeps. Pending output is sent first.
 * Returns 0 when woken, -1 with errno EINTR (net_interrupt, net_shutdown), ETIMEDOUT (@p deadline reached), or
 * EDEADLK (called from a handler, which must not sleep, or in a simulation that has no more events).
 */
int sched_sleep(net_stack &net, sched_ctx &ctx, net_guard &guard, net_time deadline = NET_TIME_NEVER,
                const char *caller = __builtin_FUNCTION()) MICROPS_REQUIRES(net_locked);

/** Wakes all calls that sleep on @p ctx or on the stack's `activity`. */
void sched_wakeup(net_stack &net, sched_ctx &ctx) MICROPS_REQUIRES(net_locked);

} // namespace microps
