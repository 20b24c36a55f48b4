/*
 * tuntap_linux.cpp: attaches to a TUN or TAP interface, and says how to mend it when that fails.
 */
#include "base/os.hpp"
#include "interface_linux.hpp"
#include "microps/log.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace microps
{

static constexpr char TUN_DEVICE[] = "/dev/net/tun";
static constexpr net_duration CARRIER_WAIT = std::chrono::milliseconds(100);

static const char *tun_open_advice(int error)
{
    switch (error) {
    case ENOENT:
        return ": sudo mkdir -p /dev/net; sudo mknod -m 666 /dev/net/tun c 10 200";
    case ENODEV:
    case ENXIO:
        return ": sudo modprobe tun";
    case EACCES:
    case EPERM:
        return ": run the program with sudo, or allow it: sudo chmod 666 /dev/net/tun";
    default:
        return "";
    }
}

static std::string tun_attach_advice(int error, const std::string &name, const char *mode)
{
    switch (error) {
    case EPERM:
        return ": run the program with sudo, or once: sudo ip tuntap add mode " + std::string(mode) +
               " user $USER name " + name + "; sudo ip addr add 192.0.2.1/24 dev " + name + "; sudo ip link set " +
               name + " up";
    case EBUSY:
        return ": another program holds " + name + ", `ip -d tuntap` shows which";
    case EINVAL:
        return ": " + name + " exists and is no " + mode + " interface, take another name or: sudo ip link del " + name;
    default:
        return "";
    }
}

/** A socket to which the kernel reports every change of an interface (rtnetlink(7)). What it says is not read. */
static bool link_news_subscribe(const linux_fd &news)
{
    sockaddr_nl addr{};
    addr.nl_family = AF_NETLINK;
    addr.nl_groups = RTMGRP_LINK;
    return bind(news.get(), static_cast<const sockaddr *>(static_cast<const void *>(&addr)), sizeof(addr)) == 0;
}

/** Waits for a report. Returns false if there is none in that time. */
static bool link_news_wait(const linux_fd &news, net_duration timeout)
{
    pollfd readable{.fd = news.get(), .events = POLLIN, .revents = 0};
    if (timeout <= net_duration::zero() || os_poll(std::span(&readable, 1), timeout) <= 0) return false;
    std::array<uint8_t, 1> byte{};
    while (recv(news.get(), byte.data(), byte.size(), 0) > 0) {
    }
    return true;
}

/**
 * Waits until the interface runs, or a limited time (it may stay "dormant"). Attaching gives the interface its carrier,
 * which the kernel notices a little later; until then it drops what it sends, such as the reply to our first ARP
 * request, which we would repeat a second later only.
 */
static void tun_wait_carrier(net_device &dev, const std::string &name) MICROPS_REQUIRES(net_locked)
{
    const linux_fd news(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!link_news_subscribe(news)) return;
    const net_time deadline = dev.net.clock.now() + CARRIER_WAIT;
    do {
        const char *request = nullptr;
        linux_interface_info info;
        if (linux_interface_query(name, info, request) == -1 || !info.up || info.running) return;
    } while (link_news_wait(news, deadline - dev.net.clock.now()));
}

int linux_tun_open(net_device &dev, linux_interface &interface, short mode)
{
    interface.fd.reset(::open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (interface.fd.get() == -1) {
        errorf("open: %s, dev=%s%s", strerror(errno), dev.name, tun_open_advice(errno));
        return -1;
    }
    ifreq ifr{};
    interface.name.copy(ifr.ifr_name, IFNAMSIZ - 1);
    /* No packet information in front: the frame's EtherType or the packet's version says the same. */
    ifr.ifr_flags = static_cast<short>(mode | IFF_NO_PI | (interface.vnet ? IFF_VNET_HDR : 0));
    if (ioctl(interface.fd.get(), TUNSETIFF, &ifr) == -1) {
        const int error = errno;
        const std::string advice = tun_attach_advice(error, interface.name, mode == IFF_TAP ? "tap" : "tun");
        errorf("ioctl(TUNSETIFF): %s, dev=%s%s", strerror(error), dev.name, advice.c_str());
        interface.fd.reset();
        return -1;
    }
    if (linux_interface_adopt(dev, interface) == -1) {
        interface.fd.reset();
        return -1;
    }
    tun_wait_carrier(dev, interface.name);
    return 0;
}

/** An interface that was deleted answers EBADFD, one that is being deleted EIO. One that is down is merely silent. */
static bool tun_gone(int error) { return error == EBADFD || error == EBADF || error == EIO || error == ENODEV; }

int linux_tun_poll(net_device &dev, linux_interface &interface)
{
    const int count = linux_interface_poll(dev, interface, linux_readv);
    if (count != -1) return count;
    const int error = errno;
    if (tun_gone(error)) {
        errorf("read: %s, dev=%s: %s is gone, the device goes down", strerror(error), dev.name, interface.name.c_str());
        return -1;
    }
    net_drop(dev.net, drop_reason::device_error, "read: %s, dev=%s", strerror(error), dev.name);
    return 0;
}

} // namespace microps
