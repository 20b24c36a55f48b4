/*
 * tcp_hystart.hpp: HyStart++ (RFC 9406): slow start doubles the window each round trip, so it ends by losing up to a
 * window of data. But before a queue overflows it fills, and the round trips grow longer: then slow start becomes
 * conservative (a quarter of the growth) for some rounds. If it was a queue, congestion avoidance follows; if the round
 * trips become shorter again, it was jitter, and slow start resumes.
 *
 * For the first slow start of a connection only: later ones end at ssthresh.
 *
 * RFC 9406 4.3 would have one ACK count for L = 8 segments at most where, as here, nothing paces the sender. By default
 * we count all, as Linux: a receiver that acknowledges a drained batch of 40 segments by one ACK (ours does, Linux' GRO
 * does) would make slow start grow by a fifth per round trip instead of doubling, and the burst that the limit should
 * avoid is there already: 40 segments leave by that ACK anyway. tcp_config::appropriate_byte_counting = 8 is the RFC.
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

    /** An ACK; @p rtt is zero if it measures nothing. The phase is another one afterwards, perhaps. */
    void on_ack(bool round_start, net_duration rtt);
    /** By how much the window may grow for this many acknowledged bytes. */
    [[nodiscard]] uint32_t growth(uint32_t acked) const;
    [[nodiscard]] phase state() const { return phase_; }

private:
    using round_trip = std::chrono::duration<uint32_t, std::micro>; /* small, and up to an hour */
    static constexpr round_trip NONE = round_trip::max();           /* RFC 9406 calls it infinity */

    void begin_round();
    [[nodiscard]] bool round_trips_grow() const;

    round_trip last_round_min_ = NONE;
    round_trip current_round_min_ = NONE;
    round_trip css_baseline_min_ = NONE;
    uint8_t samples_ = 0; /* of this round; no more than count */
    uint8_t css_rounds_ = 0;
    phase phase_ = phase::slow_start;
};

} // namespace microps
