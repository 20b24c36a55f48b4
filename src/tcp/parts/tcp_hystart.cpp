/*
 * tcp_hystart.cpp: HyStart++'s algorithm (RFC 9406 4.2), with the RFC's names and constants (4.3).
 */
#include "tcp_hystart.hpp"

#include <algorithm>

namespace microps
{

using namespace std::chrono_literals;

static constexpr auto MIN_RTT_THRESH = 4ms;
static constexpr auto MAX_RTT_THRESH = 16ms;
static constexpr uint32_t MIN_RTT_DIVISOR = 8;
static constexpr uint8_t N_RTT_SAMPLE = 8;
static constexpr uint32_t CSS_GROWTH_DIVISOR = 4;
static constexpr uint8_t CSS_ROUNDS = 5;

void tcp_hystart::begin_round()
{
    last_round_min_rtt_ = current_round_min_rtt_;
    current_round_min_rtt_ = NONE;
    rtt_sample_count_ = 0;
    if (phase_ != phase::conservative) return;
    css_rounds_++; /* the round in which CSS began counts, too, although CSS is only a part of it */
    if (css_rounds_ == CSS_ROUNDS) phase_ = phase::done;
}

/* RttThresh is more than jitter: an eighth of the last round's RTT, within MIN_RTT_THRESH and MAX_RTT_THRESH. */
bool tcp_hystart::round_trips_grow() const
{
    if (last_round_min_rtt_ == NONE) return false;
    const auto rtt_thresh =
        std::clamp<net_duration>(last_round_min_rtt_ / MIN_RTT_DIVISOR, MIN_RTT_THRESH, MAX_RTT_THRESH);
    return current_round_min_rtt_ >= last_round_min_rtt_ + rtt_thresh;
}

void tcp_hystart::on_ack(bool round_start, net_duration rtt)
{
    if (phase_ == phase::done) return;
    if (round_start) begin_round();
    if (rtt <= net_duration::zero()) return;
    const auto longest = std::min<net_duration>(rtt, NONE - 1us);
    current_round_min_rtt_ = std::min(current_round_min_rtt_, std::chrono::duration_cast<round_trip>(longest));
    if (rtt_sample_count_ < N_RTT_SAMPLE) rtt_sample_count_++;
    if (rtt_sample_count_ < N_RTT_SAMPLE) return;
    if (phase_ == phase::slow_start && round_trips_grow()) {
        phase_ = phase::conservative;
        css_baseline_min_rtt_ = current_round_min_rtt_;
        css_rounds_ = 0;
    } else if (phase_ == phase::conservative && current_round_min_rtt_ < css_baseline_min_rtt_) {
        phase_ = phase::slow_start; /* the longer RTTs were jitter */
        css_baseline_min_rtt_ = NONE;
    }
}

uint32_t tcp_hystart::growth(uint32_t acked) const
{
    return phase_ == phase::conservative ? acked / CSS_GROWTH_DIVISOR : acked;
}

} // namespace microps
