#include "wire_fate.hpp"

#include <algorithm>

namespace microps
{

std::optional<net_time> sim_wire_queue::take(const sim_wire_config &config, net_time now, size_t size)
{
    if (config.bandwidth == 0) return now;
    while (!leaves_.empty() && leaves_.front() <= now) {
        leaves_.pop_front();
    }
    if (leaves_.size() > config.queue) return std::nullopt;
    const double seconds = static_cast<double>(size * 8) / static_cast<double>(config.bandwidth);
    free_at_ = std::max(now, free_at_) + net_duration(static_cast<int64_t>(seconds * 1e9));
    leaves_.push_back(free_at_);
    return free_at_;
}

bool sim_wire_loss::strikes(const sim_wire_config &config, net_random &random)
{
    if (config.burst_begin > 0) {
        bad_ = random.chance(bad_ ? 1 - config.burst_end : config.burst_begin);
        if (bad_ && random.chance(config.burst_drop)) return true;
    }
    return config.drop > 0 && random.chance(config.drop);
}

} // namespace microps
