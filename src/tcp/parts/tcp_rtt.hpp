/*
 * tcp_rtt.hpp: how long to wait for an acknowledgement (RFC 6298): the smoothed round-trip time, its variation, and the
 * retransmission timeout made of them. Whether a measurement may be used (Karn's algorithm) its caller decides.
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
     * A round trip was measured: new estimates; an earlier back-off ends. RFC 6298's constants are made for one
     * measurement per flight; where there are more (RFC 7323 appendix G), each counts for less.
     */
    void on_sample(net_duration rtt, net_time now, uint32_t per_flight = 1);
    /** The timer expired: twice the timeout (RFC 6298 5.5). */
    void back_off();
    /** Begins again without estimates, from this timeout. */
    void restart(net_duration initial);

    [[nodiscard]] net_duration rto() const { return rto_; }
    [[nodiscard]] net_duration srtt() const { return srtt_; }
    [[nodiscard]] net_duration rttvar() const { return rttvar_; }
    /** The shortest round trip of the last minutes; zero before the first. */
    [[nodiscard]] net_duration min_rtt() const { return std::min(shortest_, shortest_before_); }
    [[nodiscard]] bool measured() const { return srtt_ > net_duration::zero(); }

private:
    using short_duration =
        std::chrono::duration<uint32_t, std::micro>; /* more than an hour: an idle connection is small */

    short_duration min_;
    short_duration max_;
    short_duration shortest_{};        /* of the current window of time */
    short_duration shortest_before_{}; /* of the one before */
    net_duration rto_;
    net_duration srtt_{};
    net_duration rttvar_{};
    net_time window_since_{};
};

} // namespace microps
