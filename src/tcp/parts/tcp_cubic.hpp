/*
 * tcp_cubic.hpp: the congestion control CUBIC (RFC 9438 4). Between two losses cwnd is a cubic function of the time
 * since the stage of congestion avoidance (epoch) began: it grows quickly after the reduction (concave region), slowly
 * around W_max, where the last loss occurred, and then with growing steps beyond (convex region):
 *
 *      cwnd |                           /    W_cubic(t) = C (t - K)^3 + W_max
 *     W_max |. . . . . _ - - - - - - - '     K: the time after which cwnd is W_max again
 *           |       /           convex
 *           |      /  concave
 *           +-----+----------------------> t
 *               epoch       K
 *
 * Because growth depends on time and not on the number of round trips, flows with long and with short round trips grow
 * alike. Where NewReno would be faster (short round trips, small windows), cwnd follows W_est, the estimate of
 * NewReno's window: the Reno-friendly region (4.3). When the first slow start ends is left to tcp_hystart; slow start
 * itself, and shrinking a window that is not used, to the base tcp_congestion.
 *
 * Windows are in bytes. The arithmetic is in double, so that it reads like the RFC's formulas; it is deterministic
 * (IEEE 754, no state outside this object), and the result is cut to whole bytes.
 */
#pragma once

#include "microps/tcp_congestion.hpp"
#include "tcp_hystart.hpp"

namespace microps
{

class tcp_cubic final : public tcp_congestion
{
public:
    explicit tcp_cubic(const tcp_congestion_options &options);

    void on_ack(const tcp_ack_sample &ack) override;
    void on_loss(net_time now, uint32_t flight_size) override;
    void on_rto(net_time now, uint32_t flight_size, bool repeated) override;
    void on_spurious(net_time now) override;
    void on_idle(net_duration idle, net_duration rto) override;
    void on_application_limited(net_time now, uint32_t pipe, net_duration rto) override;
    void on_mss(uint32_t mss) override;
    void adopt(uint32_t cwnd, uint32_t ssthresh) override;
    [[nodiscard]] const char *name() const override { return "cubic"; }
    [[nodiscard]] bool in_conservative_slow_start() const override;

private:
    /** A stage of congestion avoidance, in RFC 9438's variables (4.1.2). */
    struct epoch {
        net_time t_epoch = NET_TIME_NEVER; /* its begin, later by the time in which cwnd was not used; NEVER: none */
        double w_est = 0;                  /* W_est, in bytes */
        float k = 0;                       /* K, in seconds */
        float fraction = 0;                /* the part of a byte by which cwnd has still to grow */
        uint32_t w_max = 0;                /* W_max, in bytes; 0: no loss yet, or the last one was a timeout */
    };

    [[nodiscard]] double w_cubic(double t) const;
    [[nodiscard]] bool initial_slow_start(const tcp_ack_sample &ack);
    void avoid_congestion(const tcp_ack_sample &ack, uint32_t acked);
    void begin_epoch(net_time now);
    void end_epoch() { epoch_.t_epoch = NET_TIME_NEVER; }
    void reduce(uint32_t flight_size);

    epoch epoch_{};
    std::unique_ptr<epoch> prior_epoch_{}; /* the one before the last reduction, to undo that */
    net_time last_ack_{};                  /* when the last ACK of new data came */
    tcp_hystart hystart_{};
    bool hystart_enabled_;
};

[[nodiscard]] std::unique_ptr<tcp_congestion> tcp_cubic_make(const tcp_congestion_options &options);

} // namespace microps
