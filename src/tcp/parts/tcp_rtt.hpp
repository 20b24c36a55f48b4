/*
 * tcp_rtt.hpp: tcp_rtt decides how long to wait for an ACK before retransmitting, the RTO (RFC 6298 2): it keeps the
 * smoothed round-trip time SRTT and its variation RTTVAR, and also the shortest round trip of the last minutes, which
 * RACK and TLP need (RFC 8985 6.2 step 1). Which measurements may be used (Karn's algorithm, RFC 6298 3) and the timer
 * itself (RFC 6298 5) are left to tcp_loss.cpp and tcp_timer.cpp.
 */
#pragma once

#include "microps/time.hpp"

#include <algorithm>
#include <cstdint>

namespace microps
{

class tcp_rtt
{
public:
    tcp_rtt(net_duration initial, net_duration min, net_duration max)
        : min_(std::chrono::duration_cast<short_duration>(min)), max_(std::chrono::duration_cast<short_duration>(max)),
          rto_(initial)
    {
    }

    /**
     * A round trip was measured: computes SRTT, RTTVAR and RTO, which also ends an earlier back-off. RFC 6298's alpha
     * and beta are made for one measurement per flight; each of @p per_flight counts for less (RFC 7323 appendix G).
     */
    void on_sample(net_duration rtt, net_time now, uint32_t per_flight = 1);
    /** The retransmission timer has expired: doubles the RTO, "back off the timer" (RFC 6298 5.5). */
    void back_off();
    /** Forgets all measurements; the RTO is @p initial again (RFC 6298 2.1, 5.7). */
    void restart(net_duration initial);

    [[nodiscard]] net_duration rto() const { return rto_; }
    [[nodiscard]] net_duration srtt() const { return srtt_; }
    [[nodiscard]] net_duration rttvar() const { return rttvar_; }
    /** The shortest round trip of the last minutes; zero before the first measurement. */
    [[nodiscard]] net_duration min_rtt() const { return std::min(min_rtt_, previous_min_rtt_); }
    [[nodiscard]] bool measured() const { return srtt_ > net_duration::zero(); }

private:
    /* 32 bits hold more than an hour, and keep an idle connection small. */
    using short_duration = std::chrono::duration<uint32_t, std::micro>;

    short_duration min_;
    short_duration max_;
    short_duration min_rtt_{};          /* since window_since_ */
    short_duration previous_min_rtt_{}; /* of the window of time before */
    net_duration rto_;
    net_duration srtt_{};
    net_duration rttvar_{};
    net_time window_since_{};
};

} // namespace microps
