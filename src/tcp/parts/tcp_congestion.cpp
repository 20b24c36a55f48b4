/*
 * tcp_congestion.cpp: what all congestion controls do alike: the initial window (RFC 6928), slow start (RFC 5681 3.1),
 * and a window that was not used becoming smaller (RFC 5681 4.1, RFC 2861).
 */
#include "microps/tcp_congestion.hpp"

#include <algorithm>

namespace microps
{

constexpr uint32_t TCP_INITIAL_WINDOW_MAX = 1024; /* segments */

tcp_congestion::tcp_congestion(const tcp_congestion_options &options)
    : mss_(options.mss), cwnd_(options.initial_window), initial_(options.initial_window), ack_limit_(options.ack_limit),
      rest_(options.rest)
{
}

/* Growing */

uint32_t tcp_congestion::slow_start(uint32_t acked)
{
    if (ack_limit_ > 0) acked = std::min(acked, ack_limit_ * mss_); /* RFC 3465 2.2 */
    const uint32_t growth = std::min(acked, ssthresh_ - cwnd_);
    set_cwnd(cwnd_ + growth);
    return acked - growth;
}

void tcp_congestion::set_cwnd(uint32_t cwnd) { cwnd_ = std::min(cwnd, WINDOW_MAX); }

/* Shrinking */

void tcp_congestion::remember()
{
    earlier_cwnd_ = cwnd_;
    earlier_ssthresh_ = ssthresh_;
}

bool tcp_congestion::restore()
{
    if (earlier_cwnd_ == 0) return false;
    cwnd_ = std::max(cwnd_, earlier_cwnd_);
    ssthresh_ = earlier_ssthresh_;
    earlier_cwnd_ = 0;
    return true;
}

/* Not being used */

void tcp_congestion::window_used(const tcp_ack_sample &ack)
{
    used_ = 0;
    used_since_ = ack.now;
}

/* RFC 2861 2: slow start gets most of the way back quickly, but only if the path still bears it. */
void tcp_congestion::remember_path() { ssthresh_ = std::max(ssthresh_, cwnd_ - cwnd_ / 4); }

/* RFC 2861 2, as Linux: half for each timeout without sending, where RFC 5681 4.1 would restart after the first. */
void tcp_congestion::on_idle(net_duration idle, net_duration rto)
{
    if (!rest_ || idle <= rto) return;
    remember_path();
    const uint32_t restart = std::min(initial_, cwnd_);
    for (; idle > rto && cwnd_ > restart; idle -= rto) {
        cwnd_ /= 2;
    }
    cwnd_ = std::max(cwnd_, restart);
    used_ = 0;
    used_since_ = NET_TIME_NEVER;
}

/* RFC 2861 2, RFC 7661 4.4.2, as Linux: after a timeout halfway down to what was used. */
void tcp_congestion::on_application_limited(net_time now, uint32_t pipe, net_duration rto)
{
    if (!rest_) return;
    if (used_since_ == NET_TIME_NEVER) used_since_ = now;
    used_ = std::max(used_, pipe);
    if (now - used_since_ < rto) return;
    const uint32_t used = std::max(used_, initial_);
    if (used < cwnd_) {
        remember_path();
        cwnd_ = used + (cwnd_ - used) / 2;
    }
    used_ = 0;
    used_since_ = now;
}

/* Beginning */

/* RFC 1191 6.5: a change of the segment size alone does not change how many bytes the path bears. */
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
