/*
 * tcp_hystart.hpp: HyStart++ (RFC 9406) decides when the first slow start of a connection ends. Slow start doubles cwnd
 * in each round trip, so without this it ends by losing up to a window of data. But before a queue overflows, it fills,
 * and the round-trip times become longer: then slow start is replaced by Conservative Slow Start (CSS), which grows at
 * a quarter of the rate, for CSS_ROUNDS rounds. If the RTTs stay long, congestion avoidance follows; if they become
 * shorter again, they were jitter, and slow start resumes. Later slow starts end at ssthresh (RFC 9406 4.3) and do not
 * need this. The class only watches RTTs; changing cwnd is left to CUBIC, which asks growth() and state().
 *
 * RFC 9406 4.3: without pacing, as here, one ACK should count for at most L = 8 segments. By default we count all that
 * it acknowledges. A receiver that acknowledges a batch of 40 segments by one ACK (ours does, and Linux' with GRO)
 * would make slow start grow by a fifth per round trip instead of doubling, and the limit would not avoid the burst:
 * that ACK lets 40 segments out anyway. Linux has no limit either. tcp_config::appropriate_byte_counting = 8 is the
 * RFC's rule.
 */
#pragma once

#include "microps/time.hpp"

#include <cstdint>

namespace microps
{

class tcp_hystart
{
public:
    enum class phase : uint8_t { slow_start, conservative, done };

    /** An ACK has come; @p rtt is zero if it measures nothing. state() may be another one afterwards. */
    void on_ack(bool round_start, net_duration rtt);
    /** Returns by how many bytes cwnd may grow for @p acked acknowledged bytes. */
    [[nodiscard]] uint32_t growth(uint32_t acked) const;
    [[nodiscard]] phase state() const { return phase_; }

private:
    using round_trip = std::chrono::duration<uint32_t, std::micro>; /* 32 bits hold more than an hour */
    static constexpr round_trip NONE = round_trip::max();           /* RFC 9406's infinity */

    void begin_round();
    [[nodiscard]] bool round_trips_grow() const;

    round_trip last_round_min_rtt_ = NONE;    /* lastRoundMinRTT */
    round_trip current_round_min_rtt_ = NONE; /* currentRoundMinRTT */
    round_trip css_baseline_min_rtt_ = NONE;  /* cssBaselineMinRtt */
    uint8_t rtt_sample_count_ = 0;            /* rttSampleCount of this round, up to N_RTT_SAMPLE */
    uint8_t css_rounds_ = 0;
    phase phase_ = phase::slow_start;
};

} // namespace microps
