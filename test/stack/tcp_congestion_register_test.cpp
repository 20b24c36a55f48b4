/*
 * A congestion control of the program's own: registered under a name, chosen by it, and obeyed.
 */
#include "microps/tcp_congestion.hpp"
#include "support/tcp_options.hpp"

#include <memory>

namespace microps
{
namespace
{

/** What the stack has told the controls of one test. */
struct told {
    int made = 0;
    int alive = 0;
    int acks = 0;
    int losses = 0;
    int timeouts = 0;
    std::vector<std::pair<uint32_t, uint32_t>> adopted{}; /* cwnd, ssthresh */
};

/** A window of so many segments, whatever happens. */
class fixed_window final : public tcp_congestion
{
public:
    fixed_window(const tcp_congestion_options &options, uint32_t segments, told &log)
        : tcp_congestion(options), segments_(segments), log_(log)
    {
        cwnd_ = ssthresh_ = segments_ * mss_;
        log_.made++;
        log_.alive++;
    }
    ~fixed_window() override { log_.alive--; }
    fixed_window(const fixed_window &) = delete;
    fixed_window &operator=(const fixed_window &) = delete;

    void on_ack(const tcp_ack_sample &) override
    {
        cwnd_ = segments_ * mss_;
        log_.acks++;
    }
    void on_loss(net_time, uint32_t) override { log_.losses++; }
    void on_rto(net_time, uint32_t, bool) override { log_.timeouts++; }
    void on_spurious(net_time) override {}
    void adopt(uint32_t cwnd, uint32_t ssthresh) override { log_.adopted.emplace_back(cwnd, ssthresh); }
    [[nodiscard]] const char *name() const override { return "fixed"; }

private:
    uint32_t segments_;
    told &log_;
};

/** Registers it; 0, or the errno. */
int register_fixed(net_stack &net, told &log, uint32_t segments = 3, const char *name = "fixed")
{
    net_guard guard(net);
    return error_of(tcp_congestion_register(net, name, [&log, segments](const tcp_congestion_options &options) {
        return std::make_unique<fixed_window>(options, segments, log);
    }));
}

int set_sysctl(net_stack &net, std::string_view name, std::string_view value)
{
    net_guard guard(net);
    return error_of(tcp_sysctl_set(net, name, value));
}

std::string sysctl_of(net_stack &net, std::string_view name)
{
    net_guard guard(net);
    return tcp_sysctl_get(net, name).value_or("");
}

/** How many segments leave at once when there is much to send. */
size_t burst(tcp_peer &peer)
{
    EXPECT_GT(peer.app_write(stream(60 * MSS)), 0);
    return drain(peer).size();
}

} // namespace

TEST(TcpCongestionRegister, OwnControlDecidesHowMuchIsOutstanding)
{
    told log; /* the stack's connections end before it */
    test_world world;
    tcp_peer peer(world, listening);
    ASSERT_EQ(register_fixed(peer.stack(), log), 0);
    EXPECT_EQ(log.made, 0) << "each connection makes its own, when it is open";
    ASSERT_EQ(set_congestion(peer.stack(), peer.listener(), "fixed"), 0);
    peer.establish();
    EXPECT_EQ(log.made, 1);
    EXPECT_EQ(burst(peer), 3u);
    for (int round = 0; round < 5; round++) {
        EXPECT_EQ(ack_round(peer), 3 * MSS) << "no slow start";
    }
    EXPECT_GE(log.acks, 15);
    EXPECT_EQ(log.losses, 0);
}

TEST(TcpCongestionRegister, OwnControlHearsOfLossesAndTimeouts)
{
    told log;
    test_world world;
    tcp_peer peer(world, listening);
    ASSERT_EQ(register_fixed(peer.stack(), log, 8), 0);
    ASSERT_EQ(set_congestion(peer.stack(), peer.listener(), "fixed"), 0);
    peer.establish();
    EXPECT_EQ(burst(peer), 8u);
    for (int i = 0; i < 3; i++) {
        peer.send(ack());
    }
    EXPECT_EQ(log.losses, 1);
    EXPECT_EQ(log.timeouts, 0);
    peer.wait(10s);
    EXPECT_GE(log.timeouts, 1);
}

TEST(TcpCongestionRegister, ItEndsWithItsConnection)
{
    told log;
    test_world world;
    tcp_peer peer(world, listening);
    ASSERT_EQ(register_fixed(peer.stack(), log), 0);
    ASSERT_EQ(set_sysctl(peer.stack(), "tcp_congestion_control", "fixed"), 0);
    peer.establish();
    EXPECT_EQ(log.alive, 1);
    peer.send(rst());
    EXPECT_EQ(log.alive, 0);
}

TEST(TcpCongestionRegister, AcceptedSocketsInheritIt)
{
    told log;
    test_world world;
    tcp_peer peer(world, listening);
    ASSERT_EQ(register_fixed(peer.stack(), log), 0);
    ASSERT_EQ(set_congestion(peer.stack(), peer.listener(), "fixed"), 0);
    EXPECT_EQ(congestion_of(peer.stack(), peer.listener()), "fixed");
    peer.establish();
    EXPECT_EQ(congestion_of(peer.stack(), peer.app()), "fixed");
}

TEST(TcpCongestionRegister, ItTakesOverAnOpenConnection)
{
    told log;
    test_world world;
    tcp_peer peer(world, connected);
    ASSERT_EQ(register_fixed(peer.stack(), log), 0);
    EXPECT_EQ(set_congestion(peer.stack(), peer.app(), "fixed"), 0);
    EXPECT_EQ(congestion_of(peer.stack(), peer.app()), "fixed");
    ASSERT_EQ(log.adopted.size(), 1u);
    EXPECT_EQ(log.adopted[0].first, 10 * MSS);
    EXPECT_EQ(log.adopted[0].second, tcp_congestion::WINDOW_MAX);
    EXPECT_EQ(burst(peer), 3u);
    EXPECT_EQ(set_congestion(peer.stack(), peer.app(), "reno"), 0);
    EXPECT_EQ(log.alive, 0);
}

TEST(TcpCongestionRegister, OtherNamesAreUnknown)
{
    told log;
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_EQ(set_congestion(peer.stack(), peer.listener(), "fixed"), ENOENT) << "not registered yet";
    EXPECT_EQ(set_sysctl(peer.stack(), "tcp_congestion_control", "fixed"), EINVAL);
    ASSERT_EQ(register_fixed(peer.stack(), log), 0);
    EXPECT_EQ(set_congestion(peer.stack(), peer.listener(), "fixes"), ENOENT);
    EXPECT_EQ(set_congestion(peer.stack(), peer.listener(), "fixe"), ENOENT);
    EXPECT_EQ(set_congestion(peer.stack(), peer.listener(), "Fixed"), ENOENT);
    EXPECT_EQ(congestion_of(peer.stack(), peer.listener()), "cubic");
}

TEST(TcpCongestionRegister, NameIsTakenOnce)
{
    told log;
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_EQ(register_fixed(peer.stack(), log), 0);
    EXPECT_EQ(register_fixed(peer.stack(), log), EEXIST);
    EXPECT_EQ(register_fixed(peer.stack(), log, 3, "cubic"), EEXIST);
    EXPECT_EQ(register_fixed(peer.stack(), log, 3, "reno"), EEXIST);
    EXPECT_EQ(sysctl_of(peer.stack(), "tcp_available_congestion_control"), "cubic reno fixed");
}

TEST(TcpCongestionRegister, NameFitsTheSocketOption)
{
    told log;
    test_world world;
    tcp_peer peer(world, listening);
    net_stack &net = peer.stack();
    EXPECT_EQ(register_fixed(net, log, 3, ""), EINVAL);
    EXPECT_EQ(register_fixed(net, log, 3, "sixteen letters."), EINVAL);
    EXPECT_EQ(register_fixed(net, log, 3, "two words"), EINVAL);
    EXPECT_EQ(register_fixed(net, log, 3, "fifteen-letters"), 0);
    EXPECT_EQ(set_congestion(net, peer.listener(), "fifteen-letters"), 0);
    EXPECT_EQ(congestion_of(net, peer.listener()), "fifteen-letters");
    net_guard guard(net);
    EXPECT_EQ(error_of(tcp_congestion_register(net, "nothing", nullptr)), EINVAL);
}

TEST(TcpCongestionRegister, SysctlMakesItTheDefaultOfItsStackOnly)
{
    told log;
    test_world world;
    tcp_peer peer(world, listening);
    sim_host other(world, "other");
    ASSERT_EQ(register_fixed(peer.stack(), log), 0);
    EXPECT_EQ(set_sysctl(peer.stack(), "net.ipv4.tcp_congestion_control", "fixed"), 0);
    EXPECT_EQ(sysctl_of(peer.stack(), "tcp_congestion_control"), "fixed");
    EXPECT_EQ(sysctl_of(peer.stack(), "tcp_allowed_congestion_control"), "cubic reno fixed");
    EXPECT_EQ(set_sysctl(other.net(), "tcp_congestion_control", "fixed"), EINVAL);
    EXPECT_EQ(sysctl_of(other.net(), "tcp_available_congestion_control"), "cubic reno");
    peer.establish();
    EXPECT_EQ(congestion_of(peer.stack(), peer.app()), "fixed");
    EXPECT_EQ(burst(peer), 3u);
}

/* Programs read --sysctl before there is a stack. */
TEST(TcpCongestionRegister, WithoutAStackOnlyBuiltInNamesAreKnown)
{
    tcp_config config;
    EXPECT_EQ(tcp_sysctl_set(config, "tcp_congestion_control", "reno"), 0);
    EXPECT_EQ(error_of(tcp_sysctl_set(config, "tcp_congestion_control", "fixed")), EINVAL);
    EXPECT_EQ(config.congestion_control, "reno");
    EXPECT_EQ(tcp_sysctl_get(config, "tcp_available_congestion_control"), "cubic reno");
}

TEST(TcpCongestionRegister, WindowOfNothingStillLetsASegmentGo)
{
    told log;
    test_world world;
    tcp_peer peer(world, listening);
    ASSERT_EQ(register_fixed(peer.stack(), log, 0), 0);
    ASSERT_EQ(set_congestion(peer.stack(), peer.listener(), "fixed"), 0);
    peer.establish();
    EXPECT_EQ(burst(peer), 1u);
    EXPECT_EQ(ack_round(peer), MSS);
}

TEST(TcpCongestionRegister, FactoryThatMakesNothingGivesWayToCubic)
{
    test_world world;
    tcp_peer peer(world, listening);
    {
        net_guard guard(peer.stack());
        ASSERT_EQ(tcp_congestion_register(peer.stack(), "none", [](const tcp_congestion_options &) { return nullptr; }),
                  0);
    }
    ASSERT_EQ(set_congestion(peer.stack(), peer.listener(), "none"), 0);
    peer.establish();
    EXPECT_EQ(congestion_of(peer.stack(), peer.app()), "cubic");
}

} // namespace microps
