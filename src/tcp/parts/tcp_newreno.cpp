/*
 * tcp_newreno.cpp: the congestion window of NewReno (RFC 5681, RFC 6582): a segment more per round trip, half of it
 * for a loss. Linux calls it "reno".
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
            /* A window that was not used says nothing about the path and does not grow (RFC 7661, as Linux). */
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
        acked_ = 0;
    }

    void on_rto(net_time, uint32_t flight_size, bool again) override
    {
        /* RFC 5681 3.1: ssthresh is held when the timer expires for the same data again. */
        if (!again) {
            remember();
            ssthresh_ = half_of(flight_size);
        }
        cwnd_ = mss_;
        acked_ = 0;
    }

    void on_spurious(net_time) override { restore(); }

    [[nodiscard]] const char *name() const override { return "reno"; }

private:
    /* RFC 3465 2.1: one segment more for each window acknowledged. */
    void avoid_congestion(uint32_t acked)
    {
        acked_ += acked;
        if (acked_ < cwnd_) return;
        acked_ -= cwnd_;
        set_cwnd(cwnd_ + mss_);
    }

    /* RFC 5681 equation 4, in whole segments: half a segment is never sent, but it would have to be acknowledged, with
       all others, before the window grows again. */
    [[nodiscard]] uint32_t half_of(uint32_t flight_size) const
    {
        return std::clamp(flight_size / 2 / mss_ * mss_, 2 * mss_, WINDOW_MAX);
    }

    uint32_t acked_ = 0; /* bytes acknowledged since the window last grew */
};

} // namespace

std::unique_ptr<tcp_congestion> tcp_newreno_make(const tcp_congestion_options &options)
{
    return std::make_unique<tcp_newreno>(options);
}

} // namespace microps
