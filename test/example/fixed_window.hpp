/* A congestion control of one's own: a window that never changes. */
#pragma once

#include <memory>
#include <microps/tcp_congestion.hpp>

struct fixed_window : microps::tcp_congestion {
    explicit fixed_window(const microps::tcp_congestion_options &options) : tcp_congestion(options)
    {
        cwnd_ = ssthresh_ = 20 * mss_;
    }
    /* A pause may have made the window smaller. */
    void on_ack(const microps::tcp_ack_sample &) override { cwnd_ = ssthresh_; }
    /* It is meant for a wire that loses frames without congestion. */
    void on_loss(microps::net_time, uint32_t) override {}
    void on_rto(microps::net_time, uint32_t, bool) override {}
    void on_spurious(microps::net_time) override {}
    const char *name() const override { return "fixed"; }
};

inline void fixed_window_register(microps::net_stack &net) MICROPS_REQUIRES(microps::net_locked)
{
    microps::tcp_congestion_register(net, "fixed", [](const auto &o) { return std::make_unique<fixed_window>(o); });
}
