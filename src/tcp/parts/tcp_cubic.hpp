/*
 * tcp_cubic.hpp: CUBIC (RFC 9438): between two losses the window is a cubic function of time. It rises quickly from
 * where the loss has put it, rests at W_max, where the loss occurred, and then looks further with growing steps:
 *
 *      cwnd |                           /    W_cubic(t) = C (t - K)^3 + W_max
 *     W_max |. . . . . _ - - - - - - - '     K: when it is back at W_max
 *           |       /           convex
 *           |      /  concave
 *           +-----+----------------------> t
 *               epoch       K
 *
 * Because time counts and not round trips, flows with long and short round trips grow alike. Where NewReno would be
 * faster (short round trips, small windows) CUBIC does as NewReno: W_est, the Reno-friendly region.
 *
 * Windows are in bytes. The arithmetic is in double, because so it reads as the RFC does; it is deterministic (IEEE 754,
 * no state but this object), and what is computed is cut to whole bytes.
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
    void on_rto(net_time now, uint32_t flight_size, bool again) override;
    void on_spurious(net_time now) override;
    void on_idle(net_duration idle, net_duration rto) override;
    void on_application_limited(net_time now, uint32_t pipe, net_duration rto) override;
    void on_mss(uint32_t mss) override;
    void adopt(uint32_t cwnd, uint32_t ssthresh) override;
    [[nodiscard]] const char *name() const override { return "cubic"; }
    [[nodiscard]] bool in_conservative_slow_start() const override;

private:
    /** A stage of congestion avoidance; the names are RFC 9438's (4.1.2). */
    struct epoch {
        net_time start = NET_TIME_NEVER; /* t_epoch, put off by time without use of cwnd; NEVER: not begun */
        double w_est = 0;
        float k = 0;        /* seconds */
        float fraction = 0; /* of a byte, that cwnd has yet to grow */
        uint32_t w_max = 0; /* 0: no loss, or a timeout */
    };

    [[nodiscard]] double w_cubic(double t) const;
    [[nodiscard]] bool initial_slow_start(const tcp_ack_sample &ack);
    void avoid_congestion(const tcp_ack_sample &ack, uint32_t acked);
    void begin_epoch(net_time now);
    void end_epoch() { epoch_.start = NET_TIME_NEVER; }
    void reduce(uint32_t flight_size);

    epoch epoch_{};
    std::unique_ptr<epoch> earlier_{}; /* before the last reduction, to undo it */
    net_time heard_{};                 /* the last ACK */
    tcp_hystart hystart_{};
    bool hystart_wanted_;
};

[[nodiscard]] std::unique_ptr<tcp_congestion> tcp_cubic_make(const tcp_congestion_options &options);

} // namespace microps
