/*
 * manual_clock.hpp: a clock that a test moves. Time stands still otherwise.
 */
#pragma once

#include "microps/time.hpp"

namespace microps
{

class manual_clock final : public net_clock
{
public:
    net_time now() override { return now_; }
    std::chrono::system_clock::time_point wall() override
    {
        return std::chrono::system_clock::time_point(
            std::chrono::duration_cast<std::chrono::system_clock::duration>(now_.time_since_epoch()));
    }

    void set(net_time now) { now_ = now; }
    void advance(net_duration span) { now_ += span; }

private:
    /* Not zero: so that "never happened" and "happened at the beginning of time" are told apart. */
    net_time now_{std::chrono::hours(1)};
};

} // namespace microps
