/*
 * The TAP device, with the kernel at the other end.
 */
#include "microps/driver/ether_tap.hpp"

#include "microps/driver/fault.hpp"
#include "microps/driver/pcap_writer.hpp"
#include "microps/ether.hpp"
#include "tap_test.hpp"

#include <cstring>
#include <thread>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace microps
{
namespace
{

class TapDevice : public TapTest
{
};

net_device *tap0(net_stack &net) MICROPS_REQUIRES(net_locked) { return ether_tap_init(net, "tap0", TEST_MAC); }

tap_host::make_device tap_named(const char *name, const char *mac = TEST_MAC)
{
    return [=](net_stack &net) MICROPS_REQUIRES(net_locked) {
        return ether_tap_init(net, name, mac);
    };
}

TEST_F(TapDevice, KernelsPingOfAnySizeIsAnsweredWithTtl255)
{
    make_tap();
    tap_host host(tap0);
    ASSERT_TRUE(host.running);
    for (const size_t size : {0UL, 1UL, 56UL, 1472UL, 1473UL, 9000UL, 60000UL}) {
        expect_ping(size);
    }
}

TEST_F(TapDevice, DatagramsOfAnySizeComeBackFromTheStack)
{
    make_tap();
    tap_host host(tap0);
    const kernel_udp client;
    for (const size_t size : {0UL, 1UL, 17UL, 18UL, 1472UL, 1473UL, 1999UL, 2048UL, 4000UL, 65507UL}) {
        const std::string text(size, static_cast<char>('a' + size % 26));
        client.send(text, 7);
        EXPECT_EQ(client.receive(), text);
    }
}

TEST_F(TapDevice, ABurstOfFramesLosesNothing)
{
    make_tap();
    tap_host host(tap0);
    const kernel_udp client;
    client.send("first", 7); /* ARP is done now */
    EXPECT_EQ(client.receive(), "first");
    for (int n = 0; n < 300; n++) {
        client.send(std::to_string(n), 7);
    }
    for (int n = 0; n < 300; n++) {
        ASSERT_EQ(client.receive(), std::to_string(n));
    }
}

TEST_F(TapDevice, LogsAsTheOriginal)
{
    make_tap();
    log_capture log;
    {
        tap_host host(tap0);
    }
    EXPECT_TRUE(log.contains("[I] net_device_register: registered, dev=net0, type=0x0002 (src/net.cpp:"));
    EXPECT_TRUE(log.contains("[D] ether_tap_init: ethernet device initialized, dev=net0 (driver/ether_tap_linux.cpp:"));
    EXPECT_TRUE(log.contains("[I] net_device_open: dev=net0, state=up (src/net.cpp:"));
    EXPECT_TRUE(log.contains("[I] net_device_close: dev=net0, state=down (src/net.cpp:"));
}

TEST_F(TapDevice, WithoutAnAddressItTakesTheKernelSides)
{
    make_tap();
    tap_host host(tap_named("tap0", nullptr));
    ASSERT_TRUE(host.running);
    EXPECT_EQ(ether_addr_str(ether_device_addr(*host.dev)), link_property("tap0", "link/ether"));
    expect_ping();
}

TEST_F(TapDevice, UsesTheInterfacesMtu)
{
    make_tap();
    must("ip link set tap0 mtu 9000");
    tap_host host(tap0);
    EXPECT_EQ(host.dev->mtu, 9000);
    expect_ping(8000, "-M do");
}

TEST_F(TapDevice, KeepsASmallerMtuThatTheProgramChose)
{
    make_tap();
    tap_host host([](net_stack &net) MICROPS_REQUIRES(net_locked) {
        net_device *dev = tap0(net);
        dev->mtu = 600;
        return dev;
    });
    EXPECT_EQ(host.dev->mtu, 600);
    expect_ping(1000);
}

TEST_F(TapDevice, MakesTheInterfaceIfThereIsNoneAndItVanishesWithTheStack)
{
    {
        log_capture log(log_level::warn);
        tap_host host(tap0);
        ASSERT_TRUE(host.running);
        EXPECT_NE(link_property("tap0", "mtu"), "(none)");
        EXPECT_TRUE(log.contains("tap0 is down, dev=net0: sudo ip link set tap0 up"));
    }
    EXPECT_EQ(link_property("tap0", "mtu"), "(none)");
}

TEST_F(TapDevice, DeletedWhileRunningIsReportedOnceAndTakesTheDeviceDown)
{
    make_tap();
    log_capture log(log_level::warn);
    tap_host host(tap0);
    expect_ping();
    must("ip link del tap0");
    ASSERT_TRUE(eventually([&] { return !host.up(); }));
    EXPECT_EQ(host.send("into nowhere", 9), -1);
    EXPECT_EQ(errno, ENETDOWN);
    const uint64_t turns = host.count(counter::net_engine_turns);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_LE(host.count(counter::net_engine_turns), turns + 5) << "it spins";
    EXPECT_EQ(log.count("tap0 is gone, the device goes down"), 1U) << log.text();
    EXPECT_EQ(log.count("[E]"), 1U) << log.text();
}

TEST_F(TapDevice, SurvivesThatTheLinkIsDownForAWhile)
{
    make_tap();
    tap_host host(tap0);
    expect_ping();
    must("ip link set tap0 down");
    EXPECT_NE(host.send("lost", 9), -1); /* a write error is a counter, not the sender's trouble */
    EXPECT_TRUE(eventually([&] { return host.count(counter::dev_tx_errors) > 0; }));
    EXPECT_TRUE(host.up());
    must("ip link set tap0 up");
    expect_ping();
}

TEST_F(TapDevice, WithoutMemoryItThrowsFramesAwayAndGoesOnLater)
{
    make_tap();
    tap_host host([](net_stack &net) MICROPS_REQUIRES(net_locked) {
        net.packets.limit = 0;
        return tap0(net);
    });
    run_command("ping -c 3 -i 0.05 -w 1 192.0.2.2");
    EXPECT_GT(host.count(drop_reason::no_memory), 0U);
    EXPECT_LT(host.count(counter::net_engine_turns), 1000U) << "it spins";
    {
        net_guard guard(host.net);
        host.net.packets.limit = size_t{16} << 20;
    }
    must("ip neigh flush dev tap0");
    expect_ping();
}

TEST_F(TapDevice, AnIdleStackSleeps)
{
    make_tap();
    tap_host host(tap0);
    expect_ping();
    std::this_thread::sleep_for(std::chrono::milliseconds(1500)); /* the ARP entries have been asked for */
    const long before = context_switches();
    const uint64_t turns = host.count(counter::net_engine_turns);
    std::this_thread::sleep_for(std::chrono::seconds(3));
    EXPECT_LE(context_switches() - before, 60); /* ThreadSanitizer alone wakes ten times a second */
    EXPECT_LE(host.count(counter::net_engine_turns) - turns, 10U);
}

TEST_F(TapDevice, WrappedByFaultAndCaptureItStillWorksAndTcpdumpReadsTheCapture)
{
    make_tap();
    char path[] = "/tmp/microps-tap-XXXXXX";
    close(mkstemp(path));
    {
        tap_host host([&](net_stack &net) MICROPS_REQUIRES(net_locked) {
            net_device *tap = ether_tap_alloc(net, "tap0", TEST_MAC);
            net_device *fault = fault_alloc(net, *tap, {.delay = std::chrono::milliseconds(20)});
            return pcap_writer_init(net, *fault, path);
        });
        ASSERT_TRUE(host.running);
        const command_result ping = run_command("ping -c 2 -i 0.1 -w 5 192.0.2.2");
        EXPECT_EQ(ping.status, 0) << ping.output;
        EXPECT_EQ(ping.output.find("time=0."), std::string::npos) << "not delayed: " << ping.output;
    }
    const command_result dump = run_command(std::string("tcpdump -nr ") + path);
    EXPECT_NE(dump.output.find("192.0.2.1 > 192.0.2.2: ICMP echo request"), std::string::npos) << dump.output;
    EXPECT_NE(dump.output.find("192.0.2.2 > 192.0.2.1: ICMP echo reply"), std::string::npos) << dump.output;
    unlink(path);
}

/* What somebody reads for whom it does not work. */

TEST_F(TapDevice, BusyInterfaceIsNamedWithTheWayToFindItsHolder)
{
    make_tap();
    tap_host first(tap0);
    log_capture log(log_level::error);
    tap_host second(tap0);
    EXPECT_FALSE(second.running);
    EXPECT_TRUE(log.contains("ioctl(TUNSETIFF): Device or resource busy, dev=net0: another program holds tap0, "
                             "`ip -d tuntap` shows which"))
        << log.text();
}

TEST_F(TapDevice, InterfaceThatIsNoTapIsSaidSo)
{
    log_capture log(log_level::error);
    tap_host host(tap_named("lo"));
    EXPECT_FALSE(host.running);
    EXPECT_TRUE(log.contains("ioctl(TUNSETIFF): Invalid argument, dev=net0: lo exists and is no tap interface"))
        << log.text();
}

TEST_F(TapDevice, BadNamesAndAddressesAreRefused)
{
    log_capture log(log_level::error);
    net_stack net;
    net_init(net);
    net_guard guard(net);
    EXPECT_EQ(ether_tap_init(net, "a-name-of-16-char", TEST_MAC), nullptr);
    EXPECT_TRUE(log.contains("interface name too long, name=a-name-of-16-char: at most 15 characters"));
    for (const char *name : {"", ".", "..", "tap/0", "tap 0", "tap%d", "tap:0"}) {
        EXPECT_EQ(ether_tap_init(net, name, TEST_MAC), nullptr) << name;
    }
    EXPECT_NE(ether_tap_init(net, "a-name-of-15-ch", TEST_MAC), nullptr);
    for (const char *mac : {"", "nonsense", "00:00:5e:00:53", "01:00:5e:00:53:01", "ff:ff:ff:ff:ff:ff"}) {
        EXPECT_EQ(ether_tap_init(net, "tap0", mac), nullptr) << mac;
        EXPECT_TRUE(log.contains(std::string("invalid address, addr=") + mac));
    }
    EXPECT_EQ(net_devices(net).size(), 1U);
}

/** In a child with a /dev/net of its own: what @p prepare makes of it decides what the log says. */
bool opening_says(const std::string &text, const std::function<bool()> &prepare)
{
    if (unshare(CLONE_NEWNS) == -1 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
        mount("none", "/dev/net", "tmpfs", 0, nullptr) == -1 || !prepare()) {
        std::perror("preparation");
        return false;
    }
    log_capture log(log_level::error);
    const tap_host host(tap0);
    if (!host.running && log.contains(text)) return true;
    std::fprintf(stderr, "expected: %s\nthe log:\n%s", text.c_str(), log.text().c_str());
    return false;
}

bool make_tun_node(mode_t mode, dev_t device = makedev(10, 200))
{
    return mknod("/dev/net/tun", S_IFCHR, device) == 0 && chmod("/dev/net/tun", mode) == 0;
}

bool drop_root() { return setgid(65534) == 0 && setuid(65534) == 0; }

class TapPermission : public TapTest
{
protected:
    void SetUp() override
    {
        TapTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (file_of_init_namespace() == 0) return;
        give_up("making device nodes needs root outside of a user namespace");
    }

private:
    static int file_of_init_namespace() { return run_command("grep -q 4294967295 /proc/self/uid_map").status; }
};

TEST_F(TapPermission, WithoutTheDeviceNodeItSaysHowToMakeIt)
{
    in_child([] {
        return opening_says("open: No such file or directory, dev=net0: sudo mkdir -p /dev/net; sudo mknod -m 666 "
                            "/dev/net/tun c 10 200",
                            [] { return true; });
    });
}

TEST_F(TapPermission, WithoutTheDriverItSaysHowToLoadIt)
{
    in_child([] { return opening_says("open: No such device", [] { return make_tun_node(0666, makedev(10, 254)); }); });
}

TEST_F(TapPermission, WithoutTheRightToTheNodeItSaysHowToGetIt)
{
    in_child([] {
        return opening_says("open: Permission denied, dev=net0: run the program with sudo, or allow it: sudo chmod 666 "
                            "/dev/net/tun",
                            [] { return make_tun_node(0600) && drop_root(); });
    });
}

/* An interface that was made for nobody in particular may be opened by anybody. */
TEST_F(TapPermission, WithoutTheRightToTheInterfaceItNamesTheThreeCommands)
{
    must("ip tuntap add mode tap user 1 name tap0");
    in_child([] {
        return opening_says("ioctl(TUNSETIFF): Operation not permitted, dev=net0: run the program with sudo, or once: "
                            "sudo ip tuntap add mode tap user $USER name tap0; sudo ip addr add 192.0.2.1/24 dev tap0; "
                            "sudo ip link set tap0 up",
                            [] { return make_tun_node(0666) && drop_root(); });
    });
}

TEST_F(TapPermission, TheUserForWhomTheInterfaceWasMadeNeedsNoRights)
{
    must("ip tuntap add mode tap user 65534 name tap0 && ip addr add 192.0.2.1/24 dev tap0 && ip link set tap0 up");
    in_child([] {
        if (unshare(CLONE_NEWNS) == -1 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
            mount("none", "/dev/net", "tmpfs", 0, nullptr) == -1 || !make_tun_node(0666) || !drop_root()) {
            return false;
        }
        const tap_host host(tap0);
        return host.running;
    });
}

} // namespace
} // namespace microps
