/* A congestion control for the sample programs: a window that never changes. */
#include "setup.hpp"

#include <memory>
#include <microps/tcp_congestion.hpp>

namespace
{

struct fixed_window : microps::tcp_congestion {
    explicit fixed_window(const microps::tcp_congestion_options &options) : tcp_congestion(options)
    {
        cwnd_ = ssthresh_ = 20 * mss_;
    }
    void on_ack(const microps::tcp_ack_sample &) override {}
    void on_loss(microps::net_time, uint32_t) override {}
    void on_rto(microps::net_time, uint32_t, bool) override {}
    void on_spurious(microps::net_time) override {}
    [[nodiscard]] const char *name() const override { return "fixed"; }
};

} // namespace

void app::own_register(microps::net_stack &net)
{
    microps::tcp_congestion_register(net, "fixed",
                                     [](const auto &options) { return std::make_unique<fixed_window>(options); });
}
