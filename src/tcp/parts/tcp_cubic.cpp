/*
 * tcp_cubic.cpp: CUBIC's window (RFC 9438 4).
 */
#include "tcp_cubic.hpp"

#include <algorithm>
#include <cmath>

namespace microps
{

constexpr double C = 0.4;                             /* RFC 9438 5: segments per second cubed */
constexpr double BETA = 0.7;                          /* 4.6: what is left of the window after a loss */
constexpr double ALPHA = 3 * (1 - BETA) / (1 + BETA); /* 4.3: as fast on average as Reno with its beta of 0.5 */

static double seconds(net_duration time) { return std::chrono::duration<double>(time).count(); }

static uint32_t part_of(uint32_t window, double factor) { return static_cast<uint32_t>(std::lround(window * factor)); }

tcp_cubic::tcp_cubic(const tcp_congestion_options &options) : tcp_congestion(options), hystart_wanted_(options.hystart)
{
}

/* Growing */

/* RFC 9438 4.2, figure 1. */
double tcp_cubic::w_cubic(double t) const
{
    const double distance = t - static_cast<double>(epoch_.k);
    return C * mss_ * distance * distance * distance + epoch_.w_max;
}

/* RFC 9438 4.10: HyStart++ in the first slow start. Returns whether slow start goes on. */
bool tcp_cubic::initial_slow_start(const tcp_ack_sample &ack)
{
    hystart_.on_ack(ack.round_start, ack.rtt);
    if (hystart_.state() != tcp_hystart::phase::done) return true;
    ssthresh_ = cwnd_;
    return false;
}

bool tcp_cubic::in_conservative_slow_start() const { return hystart_.state() == tcp_hystart::phase::conservative; }

void tcp_cubic::on_ack(const tcp_ack_sample &ack)
{
    if (ack.cwnd_limited) {
        window_used(ack);
    } else if (epoch_.start != NET_TIME_NEVER) {
        epoch_.start += ack.now - heard_; /* RFC 9438 5.8: time without use of the window does not count */
    }
    heard_ = ack.now;

    uint32_t acked = ack.acked;
    const bool first = hystart_wanted_ && ssthresh_ == WINDOW_MAX;
    if (in_slow_start() && (!first || initial_slow_start(ack))) {
        end_epoch(); /* congestion avoidance that follows is another stage */
        if (!ack.cwnd_limited && cwnd_ / 2 >= ack.round_peak) return;
        acked = slow_start(first ? hystart_.growth(acked) : acked);
    }
    if (acked > 0 && ack.cwnd_limited) avoid_congestion(ack, acked);
}

void tcp_cubic::begin_epoch(net_time now)
{
    epoch_.start = now;
    epoch_.w_est = cwnd_;
    epoch_.fraction = 0;
    if (epoch_.w_max > cwnd_) {
        epoch_.k = static_cast<float>(std::cbrt((epoch_.w_max - cwnd_) / (C * mss_))); /* 4.2, figure 2 */
        return;
    }
    /* After a timeout (4.8), after HyStart++ (4.10), or beyond W_max already: the convex part from here. */
    epoch_.k = 0;
    epoch_.w_max = cwnd_;
}

void tcp_cubic::avoid_congestion(const tcp_ack_sample &ack, uint32_t acked)
{
    if (epoch_.start == NET_TIME_NEVER) begin_epoch(ack.now);
    const double cwnd = cwnd_;
    const double t = std::max(seconds(ack.now - epoch_.start), 0.0);

    /*
     * 4.3: Reno's average. Once W_est is back where the loss was it SHOULD go on with Reno's own alpha of 1; Linux does
     * not, and beside its flows one that did would take far more than its share. As Linux.
     */
    epoch_.w_est = std::min<double>(epoch_.w_est + ALPHA * mss_ * acked / cwnd, WINDOW_MAX);
    if (w_cubic(t) < epoch_.w_est) return set_cwnd(std::max(cwnd_, static_cast<uint32_t>(epoch_.w_est)));

    /* 4.4, 4.5: so much of the way to where the curve is in a round trip (4.2) as this ACK is of the window. */
    const double target = std::clamp(w_cubic(t + seconds(ack.srtt)), cwnd, 1.5 * cwnd);
    const double growth = (target - cwnd) * std::min(acked / cwnd, 1.0) + static_cast<double>(epoch_.fraction);
    set_cwnd(cwnd_ + static_cast<uint32_t>(growth));
    epoch_.fraction = static_cast<float>(growth - std::floor(growth));
}

/* Losing */

/* RFC 9438 4.6, 4.7. */
void tcp_cubic::reduce(uint32_t flight_size)
{
    remember();
    earlier_ = std::make_unique<epoch>(epoch_);
    /* Fast convergence: the window did not even come back to W_max, so somebody else needs room. */
    epoch_.w_max = cwnd_ < epoch_.w_max ? part_of(cwnd_, (1 + BETA) / 2) : cwnd_;
    ssthresh_ = std::clamp(part_of(flight_size, BETA), 2 * mss_, WINDOW_MAX);
    end_epoch();
}

void tcp_cubic::on_loss(net_time, uint32_t flight_size)
{
    reduce(flight_size);
    cwnd_ = ssthresh_;
}

/* RFC 9438 4.8: the next stage begins without a W_max. */
void tcp_cubic::on_rto(net_time, uint32_t flight_size, bool again)
{
    if (!again) reduce(flight_size); /* RFC 5681 3.1: ssthresh is held when the timer expires for the same data again */
    epoch_.w_max = 0;
    end_epoch();
    cwnd_ = mss_;
}

/* RFC 9438 4.9. */
void tcp_cubic::on_spurious(net_time)
{
    if (!restore()) return;
    epoch_ = *earlier_;
}

/* Not being used */

void tcp_cubic::on_idle(net_duration idle, net_duration rto)
{
    const uint32_t before = cwnd_;
    tcp_congestion::on_idle(idle, rto);
    if (cwnd_ < before) {
        end_epoch();
        hystart_ = {};
    } else if (epoch_.start != NET_TIME_NEVER) {
        epoch_.start += idle;
        heard_ += idle;
    }
}

void tcp_cubic::on_application_limited(net_time now, uint32_t pipe, net_duration rto)
{
    const uint32_t before = cwnd_;
    tcp_congestion::on_application_limited(now, pipe, rto);
    if (cwnd_ < before) end_epoch();
}

/* Beginning */

void tcp_cubic::on_mss(uint32_t mss)
{
    if (mss == mss_) return;
    tcp_congestion::on_mss(mss);
    end_epoch(); /* C counts segments, so the curve has another shape */
}

void tcp_cubic::adopt(uint32_t cwnd, uint32_t ssthresh)
{
    tcp_congestion::adopt(cwnd, ssthresh);
    epoch_ = {};
    hystart_ = {};
}

std::unique_ptr<tcp_congestion> tcp_cubic_make(const tcp_congestion_options &options)
{
    return std::make_unique<tcp_cubic>(options);
}

} // namespace microps
