/*
 * time.hpp: the time of a stack. All code reads `net.clock`, never the operating system's clock.
 */
#pragma once

#include <chrono>

namespace microps
{

/** A span of time, in nanoseconds. */
using net_duration = std::chrono::nanoseconds;

/** The time line of one stack. It has no now(): the time comes from the stack's net_clock only. */
struct net_timeline {
    using duration = net_duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<net_timeline, duration>;
    static constexpr bool is_steady = true;
};

/** A moment on a stack's monotonic time line. */
using net_time = net_timeline::time_point;

/** Later than anything: "no deadline". */
inline constexpr net_time NET_TIME_NEVER = net_time::max();

/** Where a stack gets its time from: the machine's clocks (the default) or a virtual clock (simulation, tests). */
class net_clock
{
public:
    virtual ~net_clock() = default;
    /** Monotonic; drives every timer. */
    virtual net_time now() = 0;
    /** The calendar's time, for people. */
    virtual std::chrono::system_clock::time_point wall() = 0;
};

/** The machine's clocks. */
net_clock &net_clock_system();

} // namespace microps
