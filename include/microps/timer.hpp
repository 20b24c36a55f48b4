/*
 * timer.hpp: one-shot timers, and the list that knows which one is next.
 *
 * A timer is a member of what it serves; destroying it cancels it. The list is a binary heap of pointers in which each
 * timer knows its place, so arming and cancelling cost O(log n), and the next deadline is known.
 */
#pragma once

#include "microps/annotations.hpp"
#include "microps/time.hpp"

#include <cstddef>
#include <vector>

namespace microps
{

class net_timer;
struct net_stack;

/** What a timer calls: a function and the object it is about. Made by timer_call(). */
struct net_timer_handler {
    void (*call)(void *owner) = nullptr;
    void *owner = nullptr;
};

/** `timer_call<tcp_rto_expired>(pcb)`: a handler that calls `tcp_rto_expired(pcb)`, under the stack's lock. */
template <auto function, typename T>
net_timer_handler timer_call(T &owner)
{
    return {[](void *object) MICROPS_NO_ANALYSIS { function(*static_cast<T *>(object)); }, &owner};
}

/** All armed timers of one stack. Use under the stack's lock. */
class net_timer_list
{
public:
    explicit net_timer_list(net_clock &clock) : clock_(clock) {}
    net_timer_list(const net_timer_list &) = delete;
    net_timer_list &operator=(const net_timer_list &) = delete;

    /** When the earliest timer is due; NET_TIME_NEVER if none is armed. */
    [[nodiscard]] net_time next() const;
    /** Fires every timer that is due at @p now, earliest first, then in the order in which they were armed. */
    void run(net_time now);
    [[nodiscard]] size_t size() const { return heap_.size(); }
    [[nodiscard]] net_clock &clock() const { return clock_; }

private:
    friend class net_timer;
    void insert(net_timer &timer);
    void remove(net_timer &timer);
    void place(size_t index, net_timer &timer);
    void sift_up(size_t index);
    void sift_down(size_t index);

    net_clock &clock_;
    std::vector<net_timer *> heap_;
    unsigned long order_ = 0;
};

/** A one-shot timer. Use under the stack's lock. The handler may arm it again or destroy it. */
class net_timer
{
public:
    net_timer(net_timer_list &list, net_timer_handler handler) : list_(list), handler_(handler) {}
    net_timer(net_stack &net, net_timer_handler handler);
    ~net_timer() { cancel(); }
    net_timer(const net_timer &) = delete;
    net_timer &operator=(const net_timer &) = delete;

    /** Fires once, @p after from now; replaces an earlier arming. */
    void arm(net_duration after);
    /** Fires once, at @p deadline; replaces an earlier arming. */
    void arm_at(net_time deadline);
    void cancel();

    [[nodiscard]] bool armed() const { return index_ != NOT_ARMED; }
    /** When it fires; NET_TIME_NEVER if it is not armed. */
    [[nodiscard]] net_time deadline() const { return armed() ? deadline_ : NET_TIME_NEVER; }

private:
    friend class net_timer_list;
    static constexpr size_t NOT_ARMED = static_cast<size_t>(-1);
    [[nodiscard]] bool before(const net_timer &other) const
    {
        return deadline_ != other.deadline_ ? deadline_ < other.deadline_ : order_ < other.order_;
    }

    net_timer_list &list_;
    net_timer_handler handler_;
    net_time deadline_{};
    unsigned long order_ = 0; /* for equal deadlines */
    size_t index_ = NOT_ARMED;
};

} // namespace microps
