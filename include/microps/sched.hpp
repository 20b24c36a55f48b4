/*
 * sched.hpp: how a user call waits, and who wakes it.
 *
 * All waiting happens in sched_sleep(). What waiting means is the scheduler's choice: in production the thread sleeps
 * on a condition variable, or drives the engine itself when nobody else does; in a simulation it passes the baton and
 * the world takes a step.
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

/** Something a user call can wait for. A member of what is waited for, which must not die before its last waiter. */
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
    const char *caller = "";      /* the function that sleeps, for people */
    bool woken = false;
    int error = 0; /* set by a scheduler that knows that nothing will ever wake this call (EDEADLK) */
    std::condition_variable cond{};
};

/** What waiting means. See thread_scheduler (src/sched.cpp) and sim_world. */
class net_scheduler
{
public:
    virtual ~net_scheduler() = default;
    /**
     * Drops the stack's lock, waits until @p waiter is woken or @p deadline is reached, takes the lock again.
     * May return early; sched_sleep() asks again.
     */
    virtual void wait(net_stack &net, sched_waiter &waiter, net_time deadline) MICROPS_REQUIRES(net_locked) = 0;
    /** Makes wait() of @p waiter return. Its `woken` is set already. */
    virtual void wake(net_stack &net, sched_waiter &waiter) MICROPS_REQUIRES(net_locked) = 0;
};

/** The scheduler of production: threads and condition variables. */
net_scheduler &net_scheduler_threads();

/**
 * Sleeps until sched_wakeup() of @p ctx; always in a loop around the condition waited for. What was to be sent is sent
 * first. The guard's lock is dropped meanwhile: afterwards the world may have changed.
 * Returns 0 when woken, -1 with errno EINTR (net_interrupt, net_shutdown), ETIMEDOUT (@p deadline reached), or
 * EDEADLK (called from a handler, which must not sleep, or in a simulation in which nothing can happen any more).
 */
int sched_sleep(net_stack &net, sched_ctx &ctx, net_guard &guard, net_time deadline = NET_TIME_NEVER,
                const char *caller = __builtin_FUNCTION()) MICROPS_REQUIRES(net_locked);

/** Wakes everybody who sleeps on @p ctx, or on the stack's `activity`. */
void sched_wakeup(net_stack &net, sched_ctx &ctx) MICROPS_REQUIRES(net_locked);

} // namespace microps
