/*
 * tcp_hystart.cpp: HyStart++ (RFC 9406 4.2), with its constants (4.3).
 */
#include "tcp_hystart.hpp"

#include <algorithm>

namespace microps
{

using namespace std::chrono_literals;

constexpr auto MIN_RTT_THRESH = 4ms;
constexpr auto MAX_RTT_THRESH = 16ms;
constexpr uint32_t MIN_RTT_DIVISOR = 8;
constexpr uint8_t N_RTT_SAMPLE = 8;
constexpr uint32_t CSS_GROWTH_DIVISOR = 4;
constexpr uint8_t CSS_ROUNDS = 5;

void tcp_hystart::begin_round()
{
    last_round_min_ = current_round_min_;
    current_round_min_ = NONE;
    samples_ = 0;
    if (phase_ != phase::conservative) return;
    css_rounds_++; /* the one in which it began counts too */
    if (css_rounds_ == CSS_ROUNDS) phase_ = phase::done;
}

/* By more than jitter: an eighth, but 4 ms at least and 16 ms at most. */
bool tcp_hystart::round_trips_grow() const
{
    if (last_round_min_ == NONE) return false;
    const auto threshold = std::clamp<net_duration>(last_round_min_ / MIN_RTT_DIVISOR, MIN_RTT_THRESH, MAX_RTT_THRESH);
    return current_round_min_ >= last_round_min_ + threshold;
}

void tcp_hystart::on_ack(bool round_start, net_duration rtt)
{
    if (phase_ == phase::done) return;
    if (round_start) begin_round();
    if (rtt <= net_duration::zero()) return;
    const auto longest = std::min<net_duration>(rtt, NONE - 1us);
    current_round_min_ = std::min(current_round_min_, std::chrono::duration_cast<round_trip>(longest));
    if (samples_ < N_RTT_SAMPLE) samples_++;
    if (samples_ < N_RTT_SAMPLE) return;
    if (phase_ == phase::slow_start && round_trips_grow()) {
        phase_ = phase::conservative;
        css_baseline_min_ = current_round_min_;
        css_rounds_ = 0;
    } else if (phase_ == phase::conservative && current_round_min_ < css_baseline_min_) {
        phase_ = phase::slow_start; /* it was jitter */
        css_baseline_min_ = NONE;
    }
}

uint32_t tcp_hystart::growth(uint32_t acked) const
{
    return phase_ == phase::conservative ? acked / CSS_GROWTH_DIVISOR : acked;
}

} // namespace microps
