/*
 * The TAP device, with the kernel at the other end.
 */
#include "microps/driver/ether_tap.hpp"

#include "microps/driver/fault.hpp"
#include "microps/driver/pcap_writer.hpp"
#include "microps/ether.hpp"
#include "tap_host.hpp"

#include <cstring>
#include <filesystem>
#include <thread>

#include <fcntl.h>
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

/* Else the answer to the first ARP request is lost, and the first packet waits a second for the next one. */
TEST_F(TapDevice, OnceOpenTheKernelAnswersAtOnce)
{
    for (int n = 0; n < 10; n++) {
        make_tap();
        {
            tap_host host(tap0);
            EXPECT_TRUE(link_running("tap0"));
        }
        must("ip link del tap0");
    }
}

TEST_F(TapDevice, OpensAllTheSameWhenTheInterfaceIsNotLetRun)
{
    make_tap();
    must("ip link set tap0 mode dormant");
    tap_host host(tap0);
    EXPECT_TRUE(host.running);
    EXPECT_FALSE(link_running("tap0"));
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

/**
 * A root directory with an empty /dev/net: a child moves in, and makes of it what its test is about. Mounting something
 * over /dev/net would do as well, but where / is no mount point (a plain chroot) a mount cannot be made private first.
 */
class small_root
{
public:
    small_root()
    {
        std::error_code error;
        if (!mkdtemp(path_)) return;
        std::filesystem::create_directories(dev_net(), error);
        ready_ = !error && chmod(path_, 0755) == 0;
    }
    ~small_root()
    {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    small_root(const small_root &) = delete;
    small_root &operator=(const small_root &) = delete;

    /** Whether a device node that is made here can be opened: not where the file system is mounted with nodev. */
    [[nodiscard]] bool takes_devices() const
    {
        const std::string node = dev_net() + "/null";
        const bool good = ready_ && mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0;
        const int fd = good ? open(node.c_str(), O_RDWR | O_CLOEXEC) : -1;
        if (fd != -1) close(fd);
        unlink(node.c_str());
        return fd != -1;
    }
    [[nodiscard]] bool enter() const { return chroot(path_) == 0 && chdir("/") == 0; }

private:
    [[nodiscard]] std::string dev_net() const { return std::string(path_) + "/dev/net"; }

    char path_[32] = "/tmp/microps-root-XXXXXX";
    bool ready_ = false;
};

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
        if (!root_.takes_devices()) give_up("making device nodes in /tmp needs root outside of a user namespace");
    }

    /** Runs @p body in a child that has gone through @p prepare in a root directory of its own. */
    void in_small_root(const std::function<bool()> &prepare, const std::function<bool()> &body) const
    {
        in_child([&] {
            if (root_.enter() && prepare()) return body();
            std::perror("preparation");
            return false;
        });
    }

    /** What the log says when the device is opened there. */
    void opening_says(const std::string &text, const std::function<bool()> &prepare) const
    {
        in_small_root(prepare, [&] {
            log_capture log(log_level::error);
            const tap_host host(tap0);
            if (!host.running && log.contains(text)) return true;
            std::fprintf(stderr, "expected: %s\nthe log:\n%s", text.c_str(), log.text().c_str());
            return false;
        });
    }

private:
    small_root root_;
};

TEST_F(TapPermission, WithoutTheDeviceNodeItSaysHowToMakeIt)
{
    opening_says("open: No such file or directory, dev=net0: sudo mkdir -p /dev/net; sudo mknod -m 666 /dev/net/tun c "
                 "10 200",
                 [] { return true; });
}

TEST_F(TapPermission, WithoutTheDriverItSaysHowToLoadIt)
{
    opening_says("open: No such device", [] { return make_tun_node(0666, makedev(10, 254)); });
}

TEST_F(TapPermission, WithoutTheRightToTheNodeItSaysHowToGetIt)
{
    opening_says("open: Permission denied, dev=net0: run the program with sudo, or allow it: sudo chmod 666 "
                 "/dev/net/tun",
                 [] { return make_tun_node(0600) && drop_root(); });
}

/* An interface that was made for nobody in particular may be opened by anybody. */
TEST_F(TapPermission, WithoutTheRightToTheInterfaceItNamesTheThreeCommands)
{
    must("ip tuntap add mode tap user 1 name tap0");
    opening_says("ioctl(TUNSETIFF): Operation not permitted, dev=net0: run the program with sudo, or once: sudo ip "
                 "tuntap add mode tap user $USER name tap0; sudo ip addr add 192.0.2.1/24 dev tap0; sudo ip link set "
                 "tap0 up",
                 [] { return make_tun_node(0666) && drop_root(); });
}

TEST_F(TapPermission, TheUserForWhomTheInterfaceWasMadeNeedsNoRights)
{
    must("ip tuntap add mode tap user 65534 name tap0 && ip addr add 192.0.2.1/24 dev tap0 && ip link set tap0 up");
    in_small_root([] { return make_tun_node(0666) && drop_root(); },
                  [] {
                      net_stack net;
                      net_init(net);
                      {
                          net_guard guard(net);
                          ether_tap_init(net, "tap0", TEST_MAC);
                      }
                      const bool running = net_run(net) == 0;
                      net_shutdown(net);
                      return running;
                  });
}

} // namespace
} // namespace microps
