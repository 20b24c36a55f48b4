/*
 * PF_PACKET on one end of a veth pair, the kernel at the other, nothing switched off by ethtool.
 */
#include "microps/driver/ether_pcap.hpp"

#include "microps/ether.hpp"
#include "tap_host.hpp"

#include <thread>

#include <unistd.h>

namespace microps
{
namespace
{

class PcapDevice : public TapTest
{
protected:
    PcapDevice() { needs_tun = false; }
};

net_device *veth(net_stack &net) MICROPS_REQUIRES(net_locked) { return ether_pcap_init(net, "ours", TEST_MAC); }

TEST_F(PcapDevice, KernelsPingOfAnySizeIsAnsweredWithTtl255)
{
    make_veth("ours", "kernels");
    tap_host host(veth);
    ASSERT_TRUE(host.running);
    for (const size_t size : {0UL, 1UL, 56UL, 1472UL, 1473UL, 9000UL, 60000UL}) {
        expect_ping(size);
    }
}

/* The kernel leaves the UDP checksum of such datagrams to the device, which does not exist. */
TEST_F(PcapDevice, DatagramsWithUnfilledChecksumAreTaken)
{
    make_veth("ours", "kernels");
    tap_host host(veth);
    const kernel_udp client;
    for (const size_t size : {0UL, 1UL, 17UL, 18UL, 1472UL, 1473UL, 4000UL, 65507UL}) {
        const std::string text(size, static_cast<char>('a' + size % 26));
        client.send(text, 7);
        EXPECT_EQ(client.receive(), text);
    }
    EXPECT_EQ(host.count(drop_reason::bad_checksum), 0U);
}

TEST_F(PcapDevice, OwnTransmissionsDoNotComeBack)
{
    make_veth("ours", "kernels");
    tap_host host(veth);
    const kernel_udp sink;
    for (int n = 0; n < 50; n++) {
        ASSERT_EQ(host.send(std::to_string(n), sink.port()), static_cast<ssize_t>(std::to_string(n).size()));
        ASSERT_EQ(sink.receive(), std::to_string(n));
    }
    EXPECT_GE(host.count(counter::dev_tx_frames), 51U);
    EXPECT_LE(host.count(counter::dev_rx_frames), 10U); /* ARP */
}

TEST_F(PcapDevice, PromiscuousModeIsOnWhileItRunsAndRestoredAfterwards)
{
    make_veth("ours", "kernels");
    EXPECT_EQ(link_property("ours", "promiscuity"), "0");
    {
        tap_host host(veth);
        EXPECT_EQ(link_property("ours", "promiscuity"), "1");
    }
    EXPECT_EQ(link_property("ours", "promiscuity"), "0");
}

TEST_F(PcapDevice, WithoutAnAddressItTakesTheInterfacesAndNeedsNoPromiscuousMode)
{
    make_veth("ours", "kernels");
    tap_host host([](net_stack &net) MICROPS_REQUIRES(net_locked) { return ether_pcap_init(net, "ours", nullptr); });
    EXPECT_EQ(ether_addr_str(ether_device_addr(*host.dev)), link_property("ours", "link/ether"));
    EXPECT_EQ(link_property("ours", "promiscuity"), "0");
    expect_ping();
}

TEST_F(PcapDevice, DeletedWhileRunningIsReportedOnceAndTakesTheDeviceDown)
{
    make_veth("ours", "kernels");
    log_capture log(log_level::error);
    tap_host host(veth);
    expect_ping();
    must("ip link del ours");
    ASSERT_TRUE(eventually([&] { return !host.up(); }, std::chrono::seconds(5)));
    const uint64_t turns = host.count(counter::net_engine_turns);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_LE(host.count(counter::net_engine_turns), turns + 5) << "it spins";
    EXPECT_EQ(log.count("ours is gone, the device goes down"), 1U) << log.text();
}

TEST_F(PcapDevice, SurvivesThatTheLinkIsDownForAWhile)
{
    make_veth("ours", "kernels");
    log_capture log(log_level::warn);
    tap_host host(veth);
    expect_ping();
    must("ip link set ours down");
    EXPECT_TRUE(eventually([&] { return log.contains("ours is down, dev=net0: sudo ip link set ours up"); }));
    EXPECT_NE(host.send("lost", 9), -1);
    EXPECT_TRUE(host.up());
    must("ip link set ours up");
    EXPECT_TRUE(eventually([] { return run_command("ping -c 1 -w 1 192.0.2.2").status == 0; }));
    expect_ping();
}

TEST_F(PcapDevice, InterfaceThatDoesNotExistIsSaidSo)
{
    log_capture log(log_level::error);
    tap_host host([](net_stack &net) MICROPS_REQUIRES(net_locked) { return ether_pcap_init(net, "eth9", TEST_MAC); });
    EXPECT_FALSE(host.running);
    EXPECT_TRUE(log.contains("ioctl(SIOCGIFINDEX): No such device, dev=net0: `ip link` lists the interfaces, eth9 "
                             "should be there"))
        << log.text();
}

TEST_F(PcapDevice, WithoutPermissionItSaysHowToGetIt)
{
    make_veth("ours", "kernels");
    in_child([] {
        if (setgid(65534) == -1 || setuid(65534) == -1) return true; /* in a user namespace there is nobody else */
        log_capture log(log_level::error);
        const tap_host host(veth);
        if (!host.running && log.contains("socket: Operation not permitted, dev=net0: run the program with sudo, or "
                                          "once: sudo setcap cap_net_raw+ep PROGRAM")) {
            return true;
        }
        std::fprintf(stderr, "%s", log.text().c_str());
        return false;
    });
}

} // namespace
} // namespace microps
