/*
 * tap_host.hpp: tests against the Linux kernel, each in a private network namespace that vanishes with it.
 *
 * They need root, or the right to make user namespaces. Without it they are skipped with the reason; when
 * MICROPS_REQUIRE_TAP is set (in CI) a skip is a failure.
 */
#pragma once

#include "microps/net.hpp"
#include "process.hpp"
#include "support/log_capture.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <string>

#include <netinet/in.h>

namespace microps
{

class TapTest : public ::testing::Test
{
protected:
    void SetUp() override;

    bool needs_tun = true; /* a fixture without TAP or TUN device says no, in its constructor */

    /** Runs a command that must succeed. */
    static void must(const std::string &command);
    /** Ends the test as skipped, or failed if nothing may be skipped. */
    static void give_up(const std::string &reason);
    /** Makes a persistent tap (or tun) interface with 192.0.2.1/24 on the kernel's side, and silences IPv6 on it. */
    static void make_tap(const std::string &name = "tap0", const std::string &mode = "tap");
    /** Makes a veth pair: the stack gets one end, the kernel has 192.0.2.1/24 at the other. */
    static void make_veth(const std::string &ours, const std::string &kernels);
    /** Pings 192.0.2.2 from the kernel. */
    static void expect_ping(size_t size = 56, const std::string &more = "");
    /** Runs @p body in a child process; expects that it returns true. What it logs goes to the test's output. */
    static void in_child(const std::function<bool()> &body);
};

/** A kernel UDP socket bound to 192.0.2.1, any port, with a receive timeout. */
class kernel_udp
{
public:
    kernel_udp();
    ~kernel_udp();
    kernel_udp(const kernel_udp &) = delete;
    kernel_udp &operator=(const kernel_udp &) = delete;

    void send(const std::string &text, uint16_t port) const;
    /** The next datagram, or "(nothing)" after two seconds. */
    [[nodiscard]] std::string receive() const;
    [[nodiscard]] uint16_t port() const;

private:
    int fd_;
};

/** A stack with a thread of its own that has the address 192.0.2.2/24 on one device, and echoes UDP on port 7. */
class tap_host
{
public:
    using make_device = std::function<net_device *(net_stack &net)>;
    explicit tap_host(const make_device &make);
    ~tap_host();
    tap_host(const tap_host &) = delete;
    tap_host &operator=(const tap_host &) = delete;

    [[nodiscard]] bool up();
    [[nodiscard]] uint64_t count(counter what);
    [[nodiscard]] uint64_t count(drop_reason what);
    /** Sends a datagram to the kernel at 192.0.2.1. Returns what udp_sendto does. */
    ssize_t send(const std::string &text, uint16_t port);

    net_stack net{};
    net_device *dev = nullptr;
    bool running = false; /* net_run() was content */

private:
    int socket_ = -1;
    std::thread echo_;
};

/** Waits until @p condition holds, at most two seconds. */
bool eventually(const std::function<bool()> &condition, test_span limit = std::chrono::seconds(2));
/** What `ip -d link` prints behind a word: "mtu", "link/ether", "promiscuity". */
std::string link_property(const std::string &name, const std::string &what);
/** Whether the interface is up and has a carrier. */
bool link_running(const std::string &name);
/** How often the threads of this process have been put to sleep and awakened. */
long context_switches();

inline constexpr char TEST_MAC[] = "00:00:5e:00:53:01"; /* RFC 7042 2.1.2: for documentation */

} // namespace microps
