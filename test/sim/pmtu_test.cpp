/*
 * pmtu_test.cpp: uploads over a path that is narrower than the sender's link: with a router that says so, with one that
 * says it the old way, and with one that says nothing.
 */
#include "microps/icmp.hpp"
#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"
#include "support/frames.hpp"
#include "support/sock_calls.hpp"
#include "support/test_world.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <netinet/tcp.h>

using namespace std::chrono_literals;

namespace microps
{

namespace
{

enum class router_manner { tells_mtu, tells_no_mtu, silent };

std::string pattern(size_t size)
{
    const octets bytes = pattern_octets(size);
    return {bytes.begin(), bytes.end()};
}

/** 192.0.2.2 - router - 198.51.100.2; the second link passes packets of `mtu` bytes only. */
struct narrow_path {
    narrow_path(router_manner how, size_t narrow, const sim_wire_config &config)
        : manner(how), mtu(narrow), left(world, {a, "192.0.2.2/24"},
                                         {"router",
                                          [this](auto packet) {
                                              forward(packet);
                                          }},
                                         config),
          right(world, {b, "198.51.100.2/24"},
                {"router",
                 [this](auto packet) {
                     left.inject(packet);
                 }},
                config)
    {
        a.set_gateway("192.0.2.1");
        b.set_gateway("198.51.100.1");
    }

    void forward(std::span<const uint8_t> packet)
    {
        if (packet.size() <= mtu) return right.inject(packet);
        refused++;
        EXPECT_EQ(packet[6] & 0x40, 0x40) << "no DF";
        if (manner == router_manner::silent) return;
        const auto told = static_cast<uint32_t>(manner == router_manner::tells_mtu ? mtu : 0);
        left.inject(ip_fields{
            .protocol = 1,
            .src = addr("192.0.2.1"),
            .dst = addr("192.0.2.2"),
            .payload = icmp_message(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_FRAGMENT_NEEDED, told, packet.first(28))}
                        .bytes());
    }

    /** a sends @p data to b, @p chatter bytes of it one by one in small segments. Returns what b has got. */
    std::string upload(const std::string &data, size_t chatter = 0)
    {
        std::string received;
        b.spawn("receiver", [&] {
            EXPECT_EQ(receive_stream(b.net(), "198.51.100.2:7", received), 0);
            took = world.elapsed();
        });
        a.spawn("sender", [&] {
            const int conn = sock_open(a.net(), AF_INET, SOCK_STREAM, 0);
            const sockaddr_in foreign = sock_address("198.51.100.2:7");
            EXPECT_EQ(sock_connect(a.net(), conn, sockaddr_of(foreign), sizeof(foreign)), 0);
            const size_t bulk = data.size() - chatter;
            EXPECT_EQ(sock_send(a.net(), conn, data.data(), bulk), static_cast<ssize_t>(bulk));
            const int nodelay = 1;
            sock_setsockopt(a.net(), conn, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof(nodelay));
            for (size_t i = bulk; i < data.size(); i++) {
                world.sleep(20ms);
                sock_send(a.net(), conn, data.data() + i, 1);
            }
            sock_close(a.net(), conn);
        });
        EXPECT_TRUE(world.run());
        return received;
    }

    router_manner manner;
    size_t mtu;
    unsigned refused = 0;
    net_duration took{};
    test_world world;
    sim_host a{world, "a"};
    sim_host b{world, "b"};
    sim_wire left;
    sim_wire right;
};

sim_wire_config link(double drop = 0) { return {.delay = 5ms, .drop = drop, .link = sim_link_type::raw_ip}; }

} // namespace

/* RFC 1191: one round trip, and the upload goes on in the right size: no timeout, no congestion. */
TEST(PathMtu, RouterTellsTheSizeAndTheUploadGoesOn)
{
    const std::string data = pattern(1000000);
    narrow_path path(router_manner::tells_mtu, 1300, link());
    EXPECT_TRUE(path.upload(data) == data);
    EXPECT_EQ(path.a.count(counter::tcp_pmtu_updates), 1u);
    EXPECT_EQ(path.a.count(counter::tcp_timeouts), 0u);
    EXPECT_EQ(path.a.count(counter::tcp_mtup_fail), 0u);
    EXPECT_GT(path.refused, 0u);
    EXPECT_LE(path.refused, 10u) << "the first window only";
}

/* RFC 1191 5: an old router. */
TEST(PathMtu, RouterTellsNoSizeAndTheUploadFindsIt)
{
    const std::string data = pattern(1000000);
    narrow_path path(router_manner::tells_no_mtu, 1300, link());
    EXPECT_TRUE(path.upload(data) == data);
    EXPECT_EQ(path.a.count(counter::tcp_pmtu_updates), 2u) << "1492, 1006";
    EXPECT_EQ(path.a.count(counter::tcp_timeouts), 0u);
}

/* RFC 4821: a router that says nothing, RFC 2923's black hole. */
TEST(PathMtu, SilentRouterIsFoundOutByTimeouts)
{
    const std::string data = pattern(1000000);
    narrow_path path(router_manner::silent, 1300, link());
    EXPECT_TRUE(path.upload(data) == data);
    EXPECT_EQ(path.a.count(counter::tcp_pmtu_updates), 0u);
    EXPECT_EQ(path.a.count(counter::tcp_mtup_fail), 1u);
    EXPECT_LT(path.took, 10s);
}

/* Small segments pass, and are acknowledged by SACK all the time: the large one in front of them is still found out. */
TEST(PathMtu, BlackHoleIsFoundOutWhileSmallSegmentsPass)
{
    const std::string data = pattern(20000);
    narrow_path path(router_manner::silent, 1300, link());
    EXPECT_TRUE(path.upload(data, 500) == data);
    EXPECT_EQ(path.a.count(counter::tcp_mtup_fail), 1u);
    EXPECT_LT(path.took, 20s);
}

/* All of it on wires that lose packets, and the router's messages too. */
TEST(PathMtu, SurvivesLossInAnyManner)
{
    const std::string data = pattern(300000);
    for (const router_manner manner : {router_manner::tells_mtu, router_manner::tells_no_mtu, router_manner::silent}) {
        for (const size_t mtu : {size_t{576}, size_t{1006}, size_t{1400}}) {
            narrow_path path(manner, mtu, link(0.03));
            EXPECT_TRUE(path.upload(data) == data) << "mtu " << mtu;
        }
    }
}

/* A wire that gets narrower while the connection lasts; nobody says so. */
TEST(PathMtu, WireThatGetsNarrowerIsSurvived)
{
    const std::string data = pattern(1000000);
    narrow_path path(router_manner::silent, 1500, link());
    sim_wire_config narrow = link();
    narrow.mtu = 1100;
    path.world.after(60ms, [&] { path.left.configure(narrow); });
    EXPECT_TRUE(path.upload(data) == data);
    EXPECT_GT(path.left.stats(path.a).too_long, 0u);
}

} // namespace microps
