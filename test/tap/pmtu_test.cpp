/*
 * Path MTU discovery with the kernel as router and as receiver: our stack - tap0 - kernel - a link that passes
 * 1200 bytes on that way - another network namespace, which does not know.
 */
#include "microps/driver/ether_tap.hpp"
#include "microps/tcp.hpp"
#include "support/sock_calls.hpp"
#include "tap_host.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <unistd.h>

namespace microps
{
namespace
{

class PathMtuTap : public TapTest
{
protected:
    /** Makes the kernel a router between tap0 and a namespace, in which 198.51.100.2 receives into @p file. */
    static std::unique_ptr<process> make_far_host(const std::string &file)
    {
        auto far = std::make_unique<process>(
            "exec unshare -n sh -c 'echo begun; while ! ip link set far up 2>/dev/null; do sleep 0.05; done;"
            " ip addr add 198.51.100.2/24 dev far; ip route add default via 198.51.100.1; echo up;"
            " nc -l 9 </dev/null >" +
            file + "'");
        EXPECT_TRUE(far->wait_for("begun")) << far->output();
        must("ip link add near mtu 1200 type veth peer name far mtu 1500");
        must("ip addr add 198.51.100.1/24 dev near && ip link set near up");
        must("ip link set far netns " + std::to_string(far->pid()));
        must("echo 1 > /proc/sys/net/ipv4/ip_forward");
        EXPECT_TRUE(far->wait_for("up")) << far->output();
        return far;
    }
};

/** Connects to the far host, which may need a moment before it listens. */
int connect_to(net_stack &net, const ip_endpoint &far)
{
    int id = -1;
    const bool connected = eventually([&] {
        id = tcp_open(net);
        if (tcp_connect(net, id, far) == 0) return true;
        sock_close(net, id);
        return false;
    });
    return connected ? id : -1;
}

TEST_F(PathMtuTap, UploadThroughAKernelRouterWithANarrowLink)
{
    make_tap();
    const std::string file = testing::TempDir() + "pmtu-" + std::to_string(getpid());
    const auto far = make_far_host(file);
    tap_host host([](net_stack &net) MICROPS_REQUIRES(net_locked) { return ether_tap_init(net, "tap0", TEST_MAC); });
    ASSERT_TRUE(host.running);
    ip_endpoint peer;
    ASSERT_EQ(ip_endpoint_pton("198.51.100.2:9", peer), 0);
    {
        net_guard guard(host.net);
        ip_iface *iface = ip_route_get_iface(host.net, ip_addr_t(be32(0xc0000201)));
        ASSERT_EQ(ip_route_set_default_gateway(*iface, "192.0.2.1"), 0);
    }
    std::vector<uint8_t> data(1000000);
    for (size_t i = 0; i < data.size(); i++) {
        data[i] = static_cast<uint8_t>((i * 2654435761u) >> 13);
    }
    const int id = connect_to(host.net, peer);
    ASSERT_NE(id, -1);
    EXPECT_EQ(tcp_send(host.net, id, data), static_cast<ssize_t>(data.size()));
    sock_close(host.net, id);
    EXPECT_EQ(far->wait(), 0) << far->output();
    std::ifstream in(file, std::ios::binary);
    const std::vector<char> received{std::istreambuf_iterator<char>(in), {}};
    EXPECT_TRUE(std::equal(received.begin(), received.end(), data.begin(), data.end(),
                           [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; }))
        << received.size() << " bytes";
    std::filesystem::remove(file);
    EXPECT_EQ(host.count(counter::tcp_pmtu_updates), 1u);
    EXPECT_EQ(host.count(counter::tcp_mtup_fail), 0u);
    net_guard guard(host.net);
    EXPECT_EQ(ip_path_mtu(host.net, peer.addr), 1200u);
}

} // namespace
} // namespace microps
