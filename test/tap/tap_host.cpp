/*
 * tap_host.cpp: the namespace, and the two hosts in it: the kernel and a stack.
 */
#include "tap_host.hpp"

#include "microps/ip.hpp"
#include "microps/udp.hpp"
#include "support/sock_calls.hpp"
#include "tcp_client.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace microps
{

namespace
{

bool write_file(const std::string &path, const std::string &text)
{
    std::ofstream file(path);
    file << text;
    return static_cast<bool>(file.flush());
}

/** Router solicitations and the like would wake an idle stack. */
void silence_ipv6(const std::string &name) { write_file("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6", "1"); }

/** Root of a user namespace of our own, for those who are not root. */
bool become_root()
{
    const std::string uid = std::to_string(getuid());
    const std::string gid = std::to_string(getgid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1) return false;
    write_file("/proc/self/setgroups", "deny");
    return write_file("/proc/self/uid_map", "0 " + uid + " 1") && write_file("/proc/self/gid_map", "0 " + gid + " 1");
}

} // namespace

void TapTest::SetUp()
{
    if (unshare(CLONE_NEWNET) == -1 && !become_root()) {
        return give_up(std::string("no network namespace: ") + strerror(errno) + "; run as root");
    }
    if (needs_tun && access("/dev/net/tun", R_OK | W_OK) == -1) {
        return give_up(std::string("/dev/net/tun: ") + strerror(errno));
    }
    for (const char *program : {"ip", "ping", "tcpdump", "nc"}) {
        if (!have_program(program))
            return give_up(std::string(program) + " is missing: apt-get install iproute2 "
                                                  "iputils-ping tcpdump netcat-openbsd");
    }
    must("ip link set lo up");
}

void TapTest::give_up(const std::string &reason)
{
    if (std::getenv("MICROPS_REQUIRE_TAP")) FAIL() << reason;
    GTEST_SKIP() << reason;
}

void TapTest::must(const std::string &command)
{
    const command_result result = run_command(command);
    ASSERT_EQ(result.status, 0) << command << "\n" << result.output;
}

void TapTest::make_tap(const std::string &name, const std::string &mode)
{
    must("ip tuntap add mode " + mode + " name " + name);
    silence_ipv6(name);
    must("ip addr add 192.0.2.1/24 dev " + name + " && ip link set " + name + " up");
}

void TapTest::make_veth(const std::string &ours, const std::string &kernels)
{
    must("ip link add " + ours + " type veth peer name " + kernels);
    for (const std::string &name : {ours, kernels}) {
        silence_ipv6(name);
    }
    must("ip addr add 192.0.2.1/24 dev " + kernels);
    must("ip link set " + ours + " up && ip link set " + kernels + " up");
    /* An interface with somebody at its end has a carrier; until the kernel has noticed, it swallows frames. */
    EXPECT_TRUE(
        eventually([] { return run_command("ip -o link show up").output.find("NO-CARRIER") == std::string::npos; }));
}

void TapTest::expect_ping(size_t size, const std::string &more)
{
    const command_result ping =
        run_command("ping -c 2 -i 0.05 -W 3 -s " + std::to_string(size) + " " + more + " 192.0.2.2");
    EXPECT_EQ(ping.status, 0) << ping.output;
    EXPECT_NE(ping.output.find(" 0% packet loss"), std::string::npos) << ping.output;
    EXPECT_NE(ping.output.find("ttl=255"), std::string::npos) << ping.output;
}

void TapTest::in_child(const std::function<bool()> &body)
{
    const pid_t pid = fork();
    ASSERT_NE(pid, -1);
    if (pid == 0) _exit(body() ? 0 : 1);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << "the child has logged why";
}

kernel_udp::kernel_udp() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
{
    const sockaddr_in sin = kernel_address("192.0.2.1", 0);
    EXPECT_EQ(bind(fd_, sockaddr_of(sin), sizeof(sin)), 0) << strerror(errno);
    const timeval limit{.tv_sec = 2, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

kernel_udp::~kernel_udp() { close(fd_); }

void kernel_udp::send(const std::string &text, uint16_t port) const
{
    const sockaddr_in sin = kernel_address("192.0.2.2", port);
    EXPECT_EQ(sendto(fd_, text.data(), text.size(), 0, sockaddr_of(sin), sizeof(sin)),
              static_cast<ssize_t>(text.size()));
}

std::string kernel_udp::receive() const
{
    std::string text(65536, '\0');
    const ssize_t n = recv(fd_, text.data(), text.size(), 0);
    if (n == -1) return "(nothing)";
    text.resize(static_cast<size_t>(n));
    return text;
}

uint16_t kernel_udp::port() const
{
    sockaddr_in sin{};
    socklen_t len = sizeof(sin);
    getsockname(fd_, sockaddr_of(sin), &len);
    return ntohs(sin.sin_port);
}

static void udp_echo(net_stack &net, int id)
{
    std::vector<uint8_t> block(65536);
    ip_endpoint foreign;
    for (;;) {
        const ssize_t n = udp_recvfrom(net, id, block, &foreign);
        if (n == -1) return;
        udp_sendto(net, id, std::span<const uint8_t>(block).first(static_cast<size_t>(n)), foreign);
    }
}

tap_host::tap_host(const make_device &make)
{
    net_init(net);
    {
        net_guard guard(net);
        dev = make(net);
        if (!dev) return;
        ip_iface *iface = ip_iface_alloc(net, "192.0.2.2", "255.255.255.0");
        ip_iface_register(*dev, *iface);
    }
    running = net_run(net) == 0;
    if (!running) return;
    socket_ = udp_socket_open(net);
    EXPECT_EQ(udp_bind(net, socket_, {.addr = {}, .port = 7}), 0);
    echo_ = std::thread([this] { udp_echo(net, socket_); });
}

tap_host::~tap_host()
{
    if (echo_.joinable()) {
        net_interrupt(net);
        echo_.join();
    }
    net_shutdown(net);
}

bool tap_host::up()
{
    net_guard guard(net);
    return dev && NET_DEVICE_IS_UP(dev);
}

uint64_t tap_host::count(counter what)
{
    net_guard guard(net);
    return net.stats[what];
}

uint64_t tap_host::count(drop_reason what)
{
    net_guard guard(net);
    return net.stats[what];
}

ssize_t tap_host::send(const std::string &text, uint16_t port)
{
    ip_endpoint to{.addr = {}, .port = port};
    ip_addr_pton("192.0.2.1", to.addr);
    const std::vector<uint8_t> data(text.begin(), text.end());
    return udp_sendto(net, socket_, data, to);
}

bool eventually(const std::function<bool()> &condition, test_span limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        usleep(2000);
    }
    return true;
}

std::string link_property(const std::string &name, const std::string &what)
{
    std::istringstream words(run_command("ip -d -o link show " + name).output);
    std::string word;
    while (words >> word) {
        if (word == what && words >> word) return word;
    }
    return "(none)";
}

bool link_running(const std::string &name)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq ifr{};
    name.copy(ifr.ifr_name, IFNAMSIZ - 1);
    const bool known = ioctl(fd, SIOCGIFFLAGS, &ifr) == 0;
    close(fd);
    return known && (ifr.ifr_flags & IFF_RUNNING);
}

long context_switches()
{
    long sum = 0;
    for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(task.path() / "status");
        std::string word;
        while (status >> word) {
            long n = 0;
            if (word == "voluntary_ctxt_switches:" && status >> n) sum += n;
        }
    }
    return sum;
}

} // namespace microps
