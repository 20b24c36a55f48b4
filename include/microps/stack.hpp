/*
 * stack.hpp: one host: all its state, and the lock that protects it.
 *
 * What was a file-static variable in the original is a member of a layer struct, which only the files of that layer
 * know. A program may have any number of stacks; they share nothing but the log.
 */
#pragma once

#include "microps/annotations.hpp"
#include "microps/packet.hpp"
#include "microps/random.hpp"
#include "microps/sched.hpp"
#include "microps/stats.hpp"
#include "microps/time.hpp"
#include "microps/timer.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace microps
{

struct net_layer;
struct arp_layer;
struct ip_layer;
struct icmp_layer;
struct udp_layer;
struct tcp_layer;
struct sock_layer;

/** Owns a layer without knowing its type; the layer's `*_init` brings the deleter. */
template <typename T>
using layer_ptr = std::unique_ptr<T, void (*)(T *)>;

/** A layer in place: `net.arp = layer_make<arp_layer>(net)`, in the file that defines the layer. */
template <typename T, typename... Args>
layer_ptr<T> layer_make(Args &&...args)
{
    return layer_ptr<T>(std::make_unique<T>(std::forward<Args>(args)...).release(),
                        [](T *layer) { std::default_delete<T>()(layer); });
}

/** The sources of a stack's time, random numbers and sleep. The defaults are those of the machine. */
struct net_options {
    net_clock *clock = nullptr;         /* must outlive the stack */
    net_scheduler *scheduler = nullptr; /* must outlive the stack */
    std::optional<uint64_t> seed{};     /* of the random numbers, for repeatable runs */
};

/** One host. It cannot be copied or moved, because its parts refer to it. */
struct net_stack {
    explicit net_stack(const net_options &options = {});
    /** Shuts down first if net_shutdown() was not called. */
    ~net_stack();
    net_stack(const net_stack &) = delete;
    net_stack &operator=(const net_stack &) = delete;

    net_clock &clock;
    net_scheduler &scheduler;
    net_random random MICROPS_GUARDED_BY(net_locked);
    net_stats stats;
    packet_pool packets;
    net_timer_list timers;
    /** Woken with every other sched_ctx, for calls that wait for any event (sock_poll()). */
    sched_ctx activity;

    std::mutex mutex;
    std::atomic<std::thread::id> owner{}; /* the thread that holds the mutex */
    std::atomic<bool> interrupted{false}; /* by net_interrupt(), until net_interrupt_clear() */
    std::array<int, 2> wakeup{-1, -1};    /* a pipe: [0] ends the engine's poll(2), [1] is written to do so */

    layer_ptr<net_layer> core{nullptr, nullptr};
    layer_ptr<arp_layer> arp{nullptr, nullptr};
    layer_ptr<ip_layer> ip{nullptr, nullptr};
    layer_ptr<icmp_layer> icmp{nullptr, nullptr};
    layer_ptr<udp_layer> udp{nullptr, nullptr};
    layer_ptr<tcp_layer> tcp{nullptr, nullptr};
    layer_ptr<sock_layer> sock{nullptr, nullptr};
};

/**
 * Holds the stack's lock. When the outermost guard of a thread is destroyed, deferred output runs, queued frames are
 * written (without the lock), and the engine is woken if a deadline is earlier now.
 * A guard inside another (a handler that calls the socket API) is "nested": it does nothing, and cannot sleep.
 */
class MICROPS_SCOPED_CAPABILITY net_guard
{
public:
    explicit net_guard(net_stack &net) MICROPS_ACQUIRE(net_locked);
    ~net_guard() MICROPS_RELEASE();
    net_guard(const net_guard &) = delete;
    net_guard &operator=(const net_guard &) = delete;

    [[nodiscard]] net_stack &net() const { return net_; }
    [[nodiscard]] bool nested() const { return nested_; }

private:
    net_stack &net_;
    bool nested_;
};

/** Drops the stack's lock for a while: around poll, read and write. Only where no guard above is nested. */
class MICROPS_SCOPED_CAPABILITY net_unguard
{
public:
    explicit net_unguard(net_stack &net) MICROPS_RELEASE(net_locked);
    ~net_unguard() MICROPS_RELEASE();
    net_unguard(const net_unguard &) = delete;
    net_unguard &operator=(const net_unguard &) = delete;

private:
    net_stack &net_;
};

/** Whether the calling thread holds the lock of this very stack. */
[[nodiscard]] bool net_is_locked(const net_stack &net);
/** Aborts unless the calling thread holds the lock of this very stack. Handlers called through pointers begin so. */
void net_assert_locked(const net_stack &net) MICROPS_ASSERT_HELD(net_locked);

/** Sets errno and returns -1: how every user call reports failure. */
int net_error(int error);
/** For the end of a switch that names every enumerator: logs and aborts. */
[[noreturn]] void net_unreachable();

} // namespace microps
