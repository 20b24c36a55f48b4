/*
 * tcp_congestion.cpp: what all congestion controls have in common: the initial window (RFC 6928), slow start (RFC 5681
 * 3.1), undoing a reduction (RFC 4015 4), and congestion window validation, by which a cwnd that was not used becomes
 * smaller (RFC 2861 2).
 */
#include "microps/tcp_congestion.hpp"

#include <algorithm>

namespace microps
{

static constexpr uint32_t TCP_INITIAL_WINDOW_MAX = 1024; /* segments */

tcp_congestion::tcp_congestion(const tcp_congestion_options &options)
    : mss_(options.mss), cwnd_(options.initial_window), initial_(options.initial_window), ack_limit_(options.ack_limit),
      rest_(options.rest)
{
}

/* Growing */

uint32_t tcp_congestion::slow_start(uint32_t acked)
{
    if (ack_limit_ > 0) acked = std::min(acked, ack_limit_ * mss_); /* RFC 3465 2.2: the limit L */
    const uint32_t growth = std::min(acked, ssthresh_ - cwnd_);
    set_cwnd(cwnd_ + growth);
    return acked - growth;
}

void tcp_congestion::set_cwnd(uint32_t cwnd) { cwnd_ = std::min(cwnd, WINDOW_MAX); }

/* Shrinking */

void tcp_congestion::remember()
{
    prior_cwnd_ = cwnd_;
    prior_ssthresh_ = ssthresh_;
}

bool tcp_congestion::restore()
{
    if (prior_cwnd_ == 0) return false;
    cwnd_ = std::max(cwnd_, prior_cwnd_);
    ssthresh_ = prior_ssthresh_;
    prior_cwnd_ = 0;
    return true;
}

/* Congestion window validation */

void tcp_congestion::window_used(const tcp_ack_sample &ack)
{
    w_used_ = 0;
    t_prev_ = ack.now;
}

/* RFC 2861 2: ssthresh lets slow start lead back quickly to three quarters of cwnd, if the path still bears it. */
void tcp_congestion::remember_path() { ssthresh_ = std::max(ssthresh_, cwnd_ - cwnd_ / 4); }

/*
 * RFC 2861 2: cwnd is halved for each RTO without sending, down to the restart window (RW). RFC 5681 4.1 would go to RW
 * after the first RTO. We follow Linux, which halves: a short pause says little about the path, and a program that
 * sends in bursts would begin each of them with slow start.
 */
void tcp_congestion::on_idle(net_duration idle, net_duration rto)
{
    if (!rest_ || idle <= rto) return;
    remember_path();
    const uint32_t restart = std::min(initial_, cwnd_);
    for (; idle > rto && cwnd_ > restart; idle -= rto) {
        cwnd_ /= 2;
    }
    cwnd_ = std::max(cwnd_, restart);
    w_used_ = 0;
    t_prev_ = NET_TIME_NEVER;
}

/* RFC 2861 2: when cwnd was not used up for an RTO, it goes halfway down to W_used, the most that was used. */
void tcp_congestion::on_application_limited(net_time now, uint32_t pipe, net_duration rto)
{
    if (!rest_) return;
    if (t_prev_ == NET_TIME_NEVER) t_prev_ = now;
    w_used_ = std::max(w_used_, pipe);
    if (now - t_prev_ < rto) return;
    const uint32_t used = std::max(w_used_, initial_);
    if (used < cwnd_) {
        remember_path();
        cwnd_ = used + (cwnd_ - used) / 2;
    }
    w_used_ = 0;
    t_prev_ = now;
}

/* Beginning */

/* RFC 1191 6.4: another segment size does not change cwnd in bytes, because it says nothing about congestion. */
void tcp_congestion::on_mss(uint32_t mss)
{
    mss_ = mss;
    cwnd_ = std::max(cwnd_, mss_);
    initial_ = std::max(initial_, mss_);
}

void tcp_congestion::adopt(uint32_t cwnd, uint32_t ssthresh)
{
    set_cwnd(std::max(cwnd, mss_));
    ssthresh_ = std::clamp(ssthresh, 2 * mss_, WINDOW_MAX);
}

uint32_t tcp_initial_window(uint32_t mss, bool syn_lost, uint32_t segments)
{
    if (syn_lost) return mss;
    segments = std::min(segments, TCP_INITIAL_WINDOW_MAX);
    return std::min(std::max(segments, 1u) * mss, std::max(2 * mss, segments * 1460));
}

} // namespace microps
