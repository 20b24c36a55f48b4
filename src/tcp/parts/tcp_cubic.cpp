/*
 * tcp_cubic.cpp: how CUBIC changes cwnd and ssthresh on each event (RFC 9438 4).
 */
#include "tcp_cubic.hpp"

#include <algorithm>
#include <cmath>

namespace microps
{

static constexpr double C = 0.4;                             /* RFC 9438 5.1: segments per second cubed */
static constexpr double BETA = 0.7;                          /* 4.6, beta_cubic: the part of cwnd that a loss leaves */
static constexpr double ALPHA = 3 * (1 - BETA) / (1 + BETA); /* 4.3, alpha_cubic: on average Reno's window */

static double seconds(net_duration time) { return std::chrono::duration<double>(time).count(); }

static uint32_t part_of(uint32_t window, double factor) { return static_cast<uint32_t>(std::lround(window * factor)); }

tcp_cubic::tcp_cubic(const tcp_congestion_options &options) : tcp_congestion(options), hystart_enabled_(options.hystart)
{
}

/* Growing */

/* RFC 9438 4.2, figure 1. */
double tcp_cubic::w_cubic(double t) const
{
    const double distance = t - static_cast<double>(epoch_.k);
    return C * mss_ * distance * distance * distance + epoch_.w_max;
}

/* RFC 9438 4.10: HyStart++ watches the first slow start. Returns whether slow start goes on. */
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
    } else if (epoch_.t_epoch != NET_TIME_NEVER) {
        epoch_.t_epoch += ack.now - last_ack_; /* RFC 9438 5.8: time in which cwnd was not used up does not count */
    }
    last_ack_ = ack.now;

    uint32_t acked = ack.acked;
    const bool first = hystart_enabled_ && ssthresh_ == WINDOW_MAX;
    if (in_slow_start() && (!first || initial_slow_start(ack))) {
        end_epoch(); /* the congestion avoidance that follows is another stage (4.1.2: epoch) */
        /* RFC 7661 4.4: a cwnd of which less than half was used is not validated and does not grow. */
        if (!ack.cwnd_limited && cwnd_ / 2 >= ack.round_peak) return;
        acked = slow_start(first ? hystart_.growth(acked) : acked);
    }
    if (acked > 0 && ack.cwnd_limited) avoid_congestion(ack, acked);
}

void tcp_cubic::begin_epoch(net_time now)
{
    epoch_.t_epoch = now;
    epoch_.w_est = cwnd_;
    epoch_.fraction = 0;
    if (epoch_.w_max > cwnd_) {
        epoch_.k = static_cast<float>(std::cbrt((epoch_.w_max - cwnd_) / (C * mss_))); /* 4.2, figure 2 */
        return;
    }
    /* After a timeout (4.8), after HyStart++ (4.10), or beyond W_max, the stage begins in the convex region. */
    epoch_.k = 0;
    epoch_.w_max = cwnd_;
}

void tcp_cubic::avoid_congestion(const tcp_ack_sample &ack, uint32_t acked)
{
    if (epoch_.t_epoch == NET_TIME_NEVER) begin_epoch(ack.now);
    const double cwnd = cwnd_;
    const double t = std::max(seconds(ack.now - epoch_.t_epoch), 0.0);

    /*
     * 4.3: in the Reno-friendly region cwnd follows W_est, Reno's average. From cwnd_prior on, W_est SHOULD grow with
     * Reno's own alpha of 1. We follow Linux, which keeps alpha_cubic: a flow that did not would take far more than its
     * share beside Linux' flows.
     */
    epoch_.w_est = std::min<double>(epoch_.w_est + ALPHA * mss_ * acked / cwnd, WINDOW_MAX);
    if (w_cubic(t) < epoch_.w_est) return set_cwnd(std::max(cwnd_, static_cast<uint32_t>(epoch_.w_est)));

    /* 4.4, 4.5: in a round trip cwnd goes to the target (4.2), and each ACK contributes its part of cwnd to that. */
    const double target = std::clamp(w_cubic(t + seconds(ack.srtt)), cwnd, 1.5 * cwnd);
    const double growth = (target - cwnd) * std::min(acked / cwnd, 1.0) + static_cast<double>(epoch_.fraction);
    set_cwnd(cwnd_ + static_cast<uint32_t>(growth));
    epoch_.fraction = static_cast<float>(growth - std::floor(growth));
}

/* Losing */

/* RFC 9438 4.6: multiplicative decrease; 4.7: fast convergence. */
void tcp_cubic::reduce(uint32_t flight_size)
{
    remember();
    prior_epoch_ = std::make_unique<epoch>(epoch_);
    /* Fast convergence: cwnd did not come back to W_max, so another flow needs a part of the bandwidth. */
    epoch_.w_max = cwnd_ < epoch_.w_max ? part_of(cwnd_, (1 + BETA) / 2) : cwnd_;
    ssthresh_ = std::clamp(part_of(flight_size, BETA), 2 * mss_, WINDOW_MAX);
    end_epoch();
}

void tcp_cubic::on_loss(net_time, uint32_t flight_size)
{
    reduce(flight_size);
    cwnd_ = ssthresh_;
}

/* RFC 9438 4.8: after a timeout the next stage begins without a W_max. */
void tcp_cubic::on_rto(net_time, uint32_t flight_size, bool repeated)
{
    if (!repeated) reduce(flight_size); /* RFC 5681 3.1: a repeated timeout of the same data leaves ssthresh */
    epoch_.w_max = 0;
    end_epoch();
    cwnd_ = mss_;
}

/* RFC 9438 4.9: all variables are as before the reduction. */
void tcp_cubic::on_spurious(net_time)
{
    if (!restore()) return;
    epoch_ = *prior_epoch_;
}

/* Congestion window validation */

void tcp_cubic::on_idle(net_duration idle, net_duration rto)
{
    const uint32_t before = cwnd_;
    tcp_congestion::on_idle(idle, rto);
    if (cwnd_ < before) {
        end_epoch();
        hystart_ = {};
    } else if (epoch_.t_epoch != NET_TIME_NEVER) {
        epoch_.t_epoch += idle;
        last_ack_ += idle;
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
    end_epoch(); /* C counts segments, so W_cubic(t) has another shape now */
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
