/*
 * tcp_newreno.cpp: NewReno's congestion window (RFC 5681 3.1): in congestion avoidance it grows by one segment per
 * round trip, and a loss halves it.
 */
#include "tcp_newreno.hpp"

#include <algorithm>

namespace microps
{

namespace
{

class tcp_newreno final : public tcp_congestion
{
public:
    using tcp_congestion::tcp_congestion;

    void on_ack(const tcp_ack_sample &ack) override
    {
        if (ack.cwnd_limited) window_used(ack);
        uint32_t acked = ack.acked;
        if (in_slow_start()) {
            /* RFC 7661 4.4: a cwnd of which less than half was used is not validated and does not grow. */
            if (!ack.cwnd_limited && cwnd_ / 2 >= ack.round_peak) return;
            acked = slow_start(acked);
        }
        if (ack.cwnd_limited) avoid_congestion(acked);
    }

    void on_loss(net_time, uint32_t flight_size) override
    {
        remember();
        ssthresh_ = half_of(flight_size);
        cwnd_ = ssthresh_;
        bytes_acked_ = 0;
    }

    void on_rto(net_time, uint32_t flight_size, bool repeated) override
    {
        /* RFC 5681 3.1: a repeated timeout of the same data leaves ssthresh as it is. */
        if (!repeated) {
            remember();
            ssthresh_ = half_of(flight_size);
        }
        cwnd_ = mss_;
        bytes_acked_ = 0;
    }

    void on_spurious(net_time) override { restore(); }

    [[nodiscard]] const char *name() const override { return "reno"; }

private:
    /* RFC 3465 2.1: cwnd grows by one segment for each cwnd of acknowledged bytes. */
    void avoid_congestion(uint32_t acked)
    {
        bytes_acked_ += acked;
        if (bytes_acked_ < cwnd_) return;
        bytes_acked_ -= cwnd_;
        set_cwnd(cwnd_ + mss_);
    }

    /* RFC 5681 equation (4): ssthresh = max(FlightSize / 2, 2 * SMSS), in whole segments. A fraction of a segment could
       not be used for sending, but would delay the growth of cwnd, for which all of cwnd has to be acknowledged. */
    [[nodiscard]] uint32_t half_of(uint32_t flight_size) const
    {
        return std::clamp(flight_size / 2 / mss_ * mss_, 2 * mss_, WINDOW_MAX);
    }

    uint32_t bytes_acked_ = 0; /* RFC 3465's bytes_acked: since cwnd grew last */
};

} // namespace

std::unique_ptr<tcp_congestion> tcp_newreno_make(const tcp_congestion_options &options)
{
    return std::make_unique<tcp_newreno>(options);
}

} // namespace microps
