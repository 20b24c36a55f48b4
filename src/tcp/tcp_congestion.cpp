/*
 * tcp_congestion.cpp: NewReno's congestion window (RFC 5681, RFC 6928, RFC 3465).
 */
#include "tcp_congestion.hpp"

#include <algorithm>

namespace microps
{

namespace
{

constexpr uint32_t TCP_CWND_MAX = uint32_t{1} << 30;

class tcp_newreno final : public tcp_congestion
{
public:
    tcp_newreno(uint32_t mss, uint32_t initial_window) : mss_(mss), initial_(initial_window), cwnd_(initial_window) {}

    void on_ack(const tcp_ack_sample &ack) override
    {
        if (cwnd_ < ssthresh_) {
            slow_start(ack);
        } else if (ack.cwnd_limited) {
            avoid_congestion(ack.acked);
        }
    }

    void on_loss(net_time, uint32_t in_flight) override
    {
        remember();
        ssthresh_ = half_of(in_flight);
        cwnd_ = ssthresh_;
        acked_ = 0;
    }

    void on_rto(net_time, uint32_t in_flight, bool again) override
    {
        /* RFC 5681 3.1: ssthresh is held when the timer expires for the same data again. */
        if (!again) {
            remember();
            ssthresh_ = half_of(in_flight);
        }
        cwnd_ = mss_;
        acked_ = 0;
    }

    void on_spurious() override
    {
        cwnd_ = std::max(cwnd_, earlier_cwnd_);
        ssthresh_ = std::max(ssthresh_, earlier_ssthresh_);
    }

    /* RFC 5681 4.1: the ACK clock has stopped, so begin with the restart window. */
    void on_idle(net_duration) override { cwnd_ = std::min(cwnd_, initial_); }

    void on_mss(uint32_t mss) override
    {
        mss_ = mss;
        cwnd_ = std::max(cwnd_, mss_);
    }

    [[nodiscard]] uint32_t cwnd() const override { return cwnd_; }
    [[nodiscard]] uint32_t ssthresh() const override { return ssthresh_; }
    [[nodiscard]] const char *name() const override { return "reno"; }

private:
    /* A window that was not used says nothing about the path and does not grow (RFC 7661, as Linux). */
    void slow_start(const tcp_ack_sample &ack)
    {
        if (!ack.cwnd_limited && cwnd_ / 2 >= ack.in_flight) return;
        /*
         * All bytes acknowledged count: as Linux; RFC 3465 2.2 would count two segments per ACK at most. A receiver
         * that answers a drained batch by one ACK would otherwise slow the start.
         */
        const uint32_t growth = std::min(ack.acked, ssthresh_ - cwnd_);
        cwnd_ = std::min(cwnd_ + growth, TCP_CWND_MAX);
        if (growth < ack.acked && ack.cwnd_limited) avoid_congestion(ack.acked - growth);
    }

    /* RFC 3465 2.1: one segment more for each window acknowledged. */
    void avoid_congestion(uint32_t acked)
    {
        acked_ += acked;
        if (acked_ < cwnd_) return;
        acked_ -= cwnd_;
        cwnd_ = std::min(cwnd_ + mss_, TCP_CWND_MAX);
    }

    /* RFC 5681 equation 4. */
    [[nodiscard]] uint32_t half_of(uint32_t in_flight) const { return std::max(in_flight / 2, 2 * mss_); }

    void remember()
    {
        earlier_cwnd_ = cwnd_;
        earlier_ssthresh_ = ssthresh_;
    }

    uint32_t mss_;
    uint32_t initial_;
    uint32_t cwnd_;
    uint32_t ssthresh_ = TCP_CWND_MAX; /* RFC 5681 3.1: arbitrarily high at first */
    uint32_t acked_ = 0;               /* bytes acknowledged since the window last grew */
    uint32_t earlier_cwnd_ = 0;        /* before the last reduction, to undo it */
    uint32_t earlier_ssthresh_ = 0;
};

} // namespace

uint32_t tcp_initial_window(uint32_t mss, bool syn_lost)
{
    if (syn_lost) return mss;
    return std::min(10 * mss, std::max(2 * mss, uint32_t{14600}));
}

std::unique_ptr<tcp_congestion> tcp_newreno_make(uint32_t mss, uint32_t initial_window)
{
    return std::make_unique<tcp_newreno>(mss, initial_window);
}

} // namespace microps
