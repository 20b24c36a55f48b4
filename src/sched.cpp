/*
 * sched.cpp: the guards of the stack's lock, and sched_sleep(), the only place where a user call waits.
 *
 * A call that sleeps registers a sched_waiter (a local variable of sched_sleep()) with the sched_ctx it waits for and
 * with the net layer. With a background thread, which runs the engine, it waits on the waiter's condition variable.
 * Without one, the first call that sleeps runs the engine itself, and hands this role on when it is woken.
 */
#include "microps/sched.hpp"

#include "base/os.hpp"
#include "microps/net.hpp"
#include "net_internal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace microps
{

static void lock(net_stack &net) MICROPS_NO_ANALYSIS /* net_locked stands for this mutex */
{
    net.mutex.lock();
    net.owner.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

static void unlock(net_stack &net) MICROPS_NO_ANALYSIS /* as above */
{
    net.owner.store({}, std::memory_order_relaxed);
    net.mutex.unlock();
}

namespace
{

class thread_scheduler final : public net_scheduler
{
public:
    void wait(net_stack &net, sched_waiter &waiter, net_time deadline) override MICROPS_REQUIRES(net_locked)
    {
        if (net.core->role == engine_role::nobody && !net.core->stopping) {
            drive(net, waiter, deadline);
        } else {
            sleep(net, waiter, deadline);
        }
        /* This call may not sleep again, so another one that sleeps must run the engine. */
        sched_hand_role_on(net, &waiter);
    }

    void wake(net_stack &net, sched_waiter &waiter) override MICROPS_REQUIRES(net_locked)
    {
        waiter.cond.notify_one();
        if (net.core->driver == &waiter) os_pipe_write(net.wakeup[1]); /* it waits in poll(2) */
    }

private:
    static void drive(net_stack &net, sched_waiter &waiter, net_time deadline) MICROPS_REQUIRES(net_locked)
    {
        net.core->role = engine_role::caller;
        net.core->driver = &waiter;
        for (;;) {
            const net_time next = engine_turn(net);
            if (waiter.woken || net.core->stopping || net.interrupted || net.clock.now() >= deadline) break;
            engine_wait(net, std::min(next, deadline));
        }
        net.core->driver = nullptr;
        net.core->role = engine_role::nobody;
    }

    static void sleep(net_stack &net, sched_waiter &waiter, net_time deadline) MICROPS_REQUIRES(net_locked)
    {
        std::unique_lock<std::mutex> held(net.mutex, std::adopt_lock);
        net.owner.store({}, std::memory_order_relaxed);
        if (deadline == NET_TIME_NEVER) {
            waiter.cond.wait(held);
        } else {
            waiter.cond.wait_for(held, deadline - net.clock.now());
        }
        net.owner.store(std::this_thread::get_id(), std::memory_order_relaxed);
        held.release();
    }
};

} // namespace

static void wake_waiter(net_stack &net, sched_waiter &waiter) MICROPS_REQUIRES(net_locked)
{
    waiter.woken = true;
    net.scheduler.wake(net, waiter);
}

/** Wakes net_shutdown() when no call sleeps or works without the lock any more. */
static void report_departure(net_stack &net) MICROPS_REQUIRES(net_locked)
{
    const bool empty = net.core->waiters.empty() && net.core->unlocked == 0;
    if (empty && net.core->shutdown_waiter) wake_waiter(net, *net.core->shutdown_waiter);
}

static void waiter_enter(net_stack &net, sched_ctx &ctx, sched_waiter &waiter) MICROPS_REQUIRES(net_locked)
{
    waiter.ctx = &ctx;
    sched_waiter **end = &ctx.first;
    while (*end) {
        end = &(*end)->next;
    }
    *end = &waiter;
    net.core->waiters.push_back(&waiter);
}

static void waiter_leave(net_stack &net, sched_ctx &ctx, sched_waiter &waiter) MICROPS_REQUIRES(net_locked)
{
    sched_waiter **link = &ctx.first;
    while (*link != &waiter) {
        link = &(*link)->next;
    }
    *link = waiter.next;
    std::erase(net.core->waiters, &waiter);
    report_departure(net);
}

net_guard::net_guard(net_stack &net) MICROPS_NO_ANALYSIS /* takes the lock unless this thread has it */
    : net_(net),
      nested_(net_is_locked(net))
{
    if (!nested_) lock(net_);
}

net_guard::~net_guard() MICROPS_NO_ANALYSIS /* as above */
{
    if (nested_) return;
    const int error = errno; /* the result of the user's call, which writing frames must not change */
    if (net_.core) engine_settle(net_);
    unlock(net_);
    errno = error;
}

net_unguard::net_unguard(net_stack &net) MICROPS_NO_ANALYSIS /* drops the lock itself */
    : net_(net)
{
    net_.core->unlocked++;
    unlock(net_);
}

net_unguard::~net_unguard() MICROPS_NO_ANALYSIS /* as above */
{
    lock(net_);
    net_.core->unlocked--;
    report_departure(net_);
}

bool net_is_locked(const net_stack &net)
{
    return net.owner.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

void net_assert_locked(const net_stack &net) MICROPS_NO_ANALYSIS /* this is the run-time check */
{
    if (net_is_locked(net)) return;
    errorf("the stack's lock is not held by this thread");
    std::abort();
}

net_scheduler &net_scheduler_threads()
{
    static thread_scheduler scheduler;
    return scheduler;
}

int sched_sleep(net_stack &net, sched_ctx &ctx, net_guard &guard, net_time deadline, const char *caller)
{
    if (guard.nested()) return net_error(EDEADLK);
    sched_waiter waiter;
    waiter.caller = caller;
    waiter_enter(net, ctx, waiter); /* before output, which may already cause the wake-up */
    engine_settle(net);
    while (!waiter.woken && waiter.error == 0) {
        if (net.interrupted || net.core->stopping) {
            waiter.error = EINTR;
        } else if (net.clock.now() >= deadline) {
            waiter.error = ETIMEDOUT;
        } else {
            net.scheduler.wait(net, waiter, deadline);
        }
    }
    waiter_leave(net, ctx, waiter);
    return waiter.woken ? 0 : net_error(waiter.error);
}

void sched_wakeup(net_stack &net, sched_ctx &ctx)
{
    for (sched_waiter *waiter = ctx.first; waiter; waiter = waiter->next) {
        wake_waiter(net, *waiter);
    }
    if (&ctx != &net.activity) sched_wakeup(net, net.activity);
}

void sched_hand_role_on(net_stack &net, const sched_waiter *leaver)
{
    if (net.core->role != engine_role::nobody) return;
    for (sched_waiter *waiter : net.core->waiters) {
        if (waiter == leaver || waiter->woken) continue;
        waiter->cond.notify_one();
        return;
    }
}

void sched_evict(net_stack &net)
{
    sched_waiter self;
    net.core->shutdown_waiter = &self;
    sched_wakeup_all(net);
    while (!net.core->waiters.empty() || net.core->unlocked > 0) {
        self.woken = false;
        net.scheduler.wait(net, self, NET_TIME_NEVER);
    }
    net.core->shutdown_waiter = nullptr;
}

void sched_wakeup_all(net_stack &net)
{
    for (sched_waiter *waiter : net.core->waiters) {
        net.scheduler.wake(net, *waiter);
    }
}

} // namespace microps
