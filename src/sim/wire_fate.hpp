/*
 * wire_fate.hpp: the bandwidth and the loss of a wire: when a frame leaves, and whether it is lost.
 *
 * They know neither the world nor its clock, so that a wire between real interfaces (test/bench/wire.cpp) decides as
 * the simulated one does.
 */
#pragma once

#include "microps/sim/wire.hpp"
#include "microps/time.hpp"

#include <cstddef>
#include <deque>
#include <optional>

namespace microps
{

/** The bottleneck at the beginning of one direction: frames leave one after the other, as the bandwidth permits. */
class sim_wire_queue
{
public:
    /** A frame comes. Returns when its last bit has been sent, or nothing if the queue is full. */
    [[nodiscard]] std::optional<net_time> take(const sim_wire_config &config, net_time now, size_t size);

private:
    net_time free_at_{};            /* when the last frame has left the queue */
    std::deque<net_time> leaves_{}; /* when each queued frame will have left */
};

/** Loss by chance, and by bursts (Gilbert 1960, Elliott 1963). */
class sim_wire_loss
{
public:
    /** Whether the wire loses this frame. */
    [[nodiscard]] bool strikes(const sim_wire_config &config, net_random &random);

private:
    bool bad_ = false; /* in a burst */
};

} // namespace microps
