/*
 * The TUN device: IP without Ethernet.
 */
#include "microps/driver/tun.hpp"

#include "tap_host.hpp"

namespace microps
{
namespace
{

class TunDevice : public TapTest
{
};

net_device *tun0(net_stack &net) MICROPS_REQUIRES(net_locked) { return tun_init(net, "tun0"); }

TEST_F(TunDevice, KernelsPingOfAnySizeIsAnsweredWithTtl255)
{
    make_tap("tun0", "tun");
    tap_host host(tun0);
    ASSERT_TRUE(host.running);
    EXPECT_EQ(host.dev->type, NET_DEVICE_TYPE_IP);
    for (const size_t size : {0UL, 56UL, 1472UL, 1473UL, 60000UL}) {
        expect_ping(size);
    }
    EXPECT_EQ(host.count(counter::arp_out_requests), 0U);
}

TEST_F(TunDevice, DatagramsComeBackFromTheStack)
{
    make_tap("tun0", "tun");
    tap_host host(tun0);
    const kernel_udp client;
    for (const size_t size : {0UL, 1UL, 1472UL, 1473UL, 65507UL}) {
        const std::string text(size, 'x');
        client.send(text, 7);
        EXPECT_EQ(client.receive(), text);
    }
}

TEST_F(TunDevice, DeletedWhileRunningIsReportedOnce)
{
    make_tap("tun0", "tun");
    log_capture log(log_level::error);
    tap_host host(tun0);
    must("ip link del tun0");
    EXPECT_TRUE(eventually([&] { return !host.up(); }));
    EXPECT_EQ(log.count("tun0 is gone, the device goes down"), 1U) << log.text();
}

TEST_F(TunDevice, ATapIsNoTun)
{
    make_tap("tun0", "tap");
    log_capture log(log_level::error);
    tap_host host(tun0);
    EXPECT_FALSE(host.running);
    EXPECT_TRUE(log.contains("tun0 exists and is no tun interface")) << log.text();
}

} // namespace
} // namespace microps
