/*
 * tcp_config by Linux' sysctl names.
 */
#include "support/tcp_options.hpp"

#include <set>

namespace microps
{
namespace
{

struct row {
    const char *name;
    const char *standard; /* the default */
    const char *other;    /* a value that is taken */
    const char *wrong;    /* one that is not; null: any is */
};

/* "tcp_" and "net.ipv4." left out. */
constexpr row ROWS[] = {
    {"net.core.somaxconn", "4096", "128", "0"},
    {"net.ipv4.ip_no_pmtu_disc", "0", "1", "2"},
    {"net.ipv4.tcp_abort_on_overflow", "0", "1", "2"},
    {"net.ipv4.tcp_base_mss", "1024", "512", "47"},
    {"net.ipv4.tcp_challenge_ack_limit", "100", "1000", "0"},
    {"net.ipv4.tcp_congestion_control", "cubic", "reno", "bbr"},
    {"net.ipv4.tcp_dsack", "1", "0", "2"},
    {"net.ipv4.tcp_early_retrans", "3", "0", "5"},
    {"net.ipv4.tcp_fin_timeout", "60", "10", "-1"},
    {"net.ipv4.tcp_frto", "2", "0", "3"},
    {"net.ipv4.tcp_invalid_ratelimit", "500", "0", "half"},
    {"net.ipv4.tcp_keepalive_intvl", "75", "1", "32768"},
    {"net.ipv4.tcp_keepalive_probes", "9", "127", "128"},
    {"net.ipv4.tcp_keepalive_time", "7200", "600", "0"},
    {"net.ipv4.tcp_max_reordering", "300", "100", "301"},
    {"net.ipv4.tcp_max_syn_backlog", "1024", "16", "0"},
    {"net.ipv4.tcp_min_snd_mss", "48", "88", "65536"},
    {"net.ipv4.tcp_moderate_rcvbuf", "1", "0", "yes"},
    {"net.ipv4.tcp_mtu_probe_floor", "48", "88", "47"},
    {"net.ipv4.tcp_mtu_probing", "1", "0", "2"},
    {"net.ipv4.tcp_orphan_retries", "12", "8", "0"},
    {"net.ipv4.tcp_recovery", "1", "0", "8"},
    {"net.ipv4.tcp_reordering", "3", "10", "0"},
    {"net.ipv4.tcp_retries1", "3", "5", "256"},
    {"net.ipv4.tcp_retries2", "15", "8", "256"},
    {"net.ipv4.tcp_rfc1337", "1", "0", ""},
    {"net.ipv4.tcp_rmem", "2048 65535 6291456", "2048 131072 33554432", "4096 131072"},
    {"net.ipv4.tcp_rto_max_ms", "120000", "1000", "999"},
    {"net.ipv4.tcp_rto_min_us", "200000", "1000", "0"},
    {"net.ipv4.tcp_sack", "1", "0", "1x"},
    {"net.ipv4.tcp_slow_start_after_idle", "1", "0", "1 1"},
    {"net.ipv4.tcp_syn_retries", "6", "2", "0"},
    {"net.ipv4.tcp_synack_retries", "5", "2", "256"},
    {"net.ipv4.tcp_syncookies", "1", "2", "3"},
    {"net.ipv4.tcp_timestamps", "1", "0", "-1"},
    {"net.ipv4.tcp_window_scaling", "1", "0", "99999999999999999999"},
    {"net.ipv4.tcp_wmem", "2048 262144 4194304", "2048 16384 4194304", "4096 131072 1000"},
    {"net.ipv4.tcp_allowed_congestion_control", "cubic reno", nullptr, nullptr},
    {"net.ipv4.tcp_available_congestion_control", "cubic reno", nullptr, nullptr},
};

class TcpSysctl : public ::testing::Test
{
protected:
    std::string get(std::string_view name)
    {
        net_guard guard(host.net());
        return tcp_sysctl_get(host.net(), name).value_or("no such name");
    }
    /** 0 or an errno. */
    int set(std::string_view name, std::string_view value)
    {
        net_guard guard(host.net());
        return error_of(tcp_sysctl_set(host.net(), name, value));
    }

    test_world world;
    sim_host host{world, "host"};
};

TEST_F(TcpSysctl, EachNameReadsAndTakesItsValues)
{
    for (const row &r : ROWS) {
        EXPECT_EQ(get(r.name), r.standard) << r.name;
        if (!r.other) {
            EXPECT_EQ(set(r.name, r.standard), EACCES) << r.name;
            continue;
        }
        EXPECT_EQ(set(r.name, r.other), 0) << r.name;
        EXPECT_EQ(get(r.name), r.other) << r.name;
        EXPECT_EQ(set(r.name, r.wrong), EINVAL) << r.name;
        EXPECT_EQ(get(r.name), r.other) << r.name << ": a wrong value changes nothing";
        EXPECT_EQ(set(r.name, r.standard), 0) << r.name;
        EXPECT_EQ(get(r.name), r.standard) << r.name;
    }
}

TEST_F(TcpSysctl, NamesAreThoseThatCanBeRead)
{
    std::set<std::string> listed;
    for (const char *name : tcp_sysctl_names()) {
        listed.insert(name);
    }
    std::set<std::string> tested;
    for (const row &r : ROWS) {
        tested.insert(r.name);
    }
    EXPECT_EQ(listed, tested);
}

TEST_F(TcpSysctl, TheFirstPartOfTheNameMayBeLeftOut)
{
    EXPECT_EQ(set("tcp_sack", "0"), 0);
    EXPECT_EQ(get("net.ipv4.tcp_sack"), "0");
    EXPECT_EQ(get("somaxconn"), "4096");
    for (const char *name :
         {"", "sack", "ipv4.tcp_sack", "net.ipv4.tcp_ecn", "net.ipv4.tcp_sack ", "net.core.tcp_sack"}) {
        EXPECT_EQ(set(name, "0"), ENOENT) << name;
        EXPECT_EQ(get(name), "no such name") << name;
    }
}

TEST_F(TcpSysctl, ValuesMayStandBetweenBlanks)
{
    EXPECT_EQ(set("tcp_rmem", "\t4096  131072\t262144 \n"), 0);
    EXPECT_EQ(get("tcp_rmem"), "2048 131072 262144");
    EXPECT_EQ(set("tcp_congestion_control", " reno\n"), 0);
    EXPECT_EQ(get("tcp_congestion_control"), "reno");
}

/** The stack's SYN, after a tunable was set. */
tcp_peer_segment syn_with(const char *name, const char *value)
{
    test_world world;
    tcp_peer peer(world, connecting, {.configure = [&](tcp_config &config) {
                      EXPECT_EQ(tcp_sysctl_set(config, name, value), 0);
                  }});
    return peer.receive(1s).value_or(tcp_peer_segment{});
}

/* tcp_sysctl_set(): an option that is switched off is not offered in the SYN. */
TEST(TcpSysctlEffect, SynOffersWhatIsOn)
{
    EXPECT_FALSE(syn_with("tcp_sack", "0").sack_permitted);
    EXPECT_FALSE(syn_with("tcp_timestamps", "0").timestamps);
    EXPECT_FALSE(syn_with("tcp_window_scaling", "0").wscale);
    const tcp_peer_segment all = syn_with("tcp_sack", "1");
    EXPECT_TRUE(all.sack_permitted && all.timestamps && all.wscale);
    EXPECT_TRUE(all.dont_fragment);
    EXPECT_FALSE(syn_with("ip_no_pmtu_disc", "1").dont_fragment);
}

} // namespace
} // namespace microps
