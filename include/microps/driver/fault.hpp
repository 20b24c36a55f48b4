/*
 * driver/fault.hpp: a device around another one that loses, doubles, reorders, delays and damages frames.
 */
#pragma once

#include "microps/net.hpp"
#include "microps/random.hpp"

#include <cstdint>

namespace microps
{

/** What happens to frames, each direction alike. Probabilities are 0 .. 1. */
struct fault_config {
    double drop = 0;
    double duplicate = 0;
    double reorder = 0;  /* the frame is delayed by reorder_delay, so that later ones arrive first */
    double corrupt = 0;  /* one random bit is flipped */
    double truncate = 0; /* the frame loses a random part of its end */
    net_duration delay{};
    net_duration jitter{}; /* evenly distributed, added to delay; may reorder */
    net_duration reorder_delay = std::chrono::milliseconds(5);
    uint64_t rate = 0;       /* bits per second; 0: unlimited */
    size_t queue_max = 1024; /* frames held back at once, each direction; the newest is dropped, as injected */
    uint64_t seed = 1;
};

/** Wraps @p inner (made by its driver's `*_alloc`, not registered). The caller registers the device, or wraps it. */
net_device *fault_alloc(net_stack &net, net_device &inner, const fault_config &config) MICROPS_REQUIRES(net_locked);
/** Wraps @p inner and registers the pair as one device. Returns it, or null. */
net_device *fault_init(net_stack &net, net_device &inner, const fault_config &config) MICROPS_REQUIRES(net_locked);

} // namespace microps
