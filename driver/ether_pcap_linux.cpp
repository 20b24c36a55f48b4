/*
 * ether_pcap_linux.cpp: Ethernet over a PF_PACKET socket: a second host behind an interface of the kernel's.
 *
 * The socket gets a copy of every frame of its interface. Three things need care. Our own transmissions come back as
 * PACKET_OUTGOING and are skipped, and so is what the kernel itself sends there. A peer in the same machine (the other
 * end of a veth pair) leaves checksums unfilled and sends TCP segments of up to 64 KiB, because it expects a
 * device that does that work: PACKET_VNET_HDR tells us about both (packet(7), linux/if_packet.h). And when the
 * interface goes down or away the socket answers ENETDOWN once: if it is still bound to an interface after that, it
 * was switched off, and works again when it comes back.
 */
#include "microps/driver/ether_pcap.hpp"

#include "interface_linux.hpp"
#include "microps/driver/decorator.hpp"
#include "microps/ether.hpp"
#include "microps/log.hpp"
#include "register.hpp"

#include <cerrno>
#include <cstring>

#include <linux/if_packet.h>
#include <sys/socket.h>

namespace microps
{

static constexpr uint16_t ETHER_P_ALL = 0x0003; /* the kernel's "every protocol" */
static constexpr int SOCKET_BUFFER = 4 << 20;   /* the kernel's limit may cut it */
static constexpr net_duration GONE_INTERVAL = std::chrono::seconds(1);

namespace
{

struct ether_pcap_device;

} // namespace

static int ether_pcap_open(ether_pcap_device &dev) MICROPS_REQUIRES(net_locked);
static int ether_pcap_poll(ether_pcap_device &dev) MICROPS_REQUIRES(net_locked);
static void ether_pcap_look(ether_pcap_device &dev) MICROPS_REQUIRES(net_locked);

namespace
{

struct ether_pcap_device final : net_device {
    ether_pcap_device(net_stack &stack, const char *interface_name)
        : net_device(stack), port(interface_name, true), look(stack, timer_call<ether_pcap_look>(*this))
    {
        ether_setup_helper(*this);
    }

    int open() override MICROPS_REQUIRES(net_locked) { return ether_pcap_open(*this); }
    int close() override MICROPS_REQUIRES(net_locked)
    {
        look.cancel();
        linux_interface_close(port); /* with the socket goes its membership: no promiscuous mode stays on */
        return 0;
    }
    int transmit(uint16_t protocol, packet_ptr pkt, const void *dst) override MICROPS_REQUIRES(net_locked)
    {
        return ether_transmit_helper(*this, protocol, std::move(pkt), dst);
    }
    int poll() override MICROPS_REQUIRES(net_locked) { return ether_pcap_poll(*this); }
    int fd() const override { return port.fd.get(); }
    size_t write(std::span<const packet_ptr> frames) override { return linux_interface_write(port, frames); }
    void input(packet_ptr frame) override MICROPS_REQUIRES(net_locked) { ether_input_helper(*this, std::move(frame)); }

    linux_interface port;
    net_timer look; /* while the interface is down: whether it still exists */
};

} // namespace

/** POSIX wants every kind of address as a sockaddr. */
static sockaddr *as_sockaddr(sockaddr_ll &addr) { return static_cast<sockaddr *>(static_cast<void *>(&addr)); }

/** Reads one frame; skips what this machine sends. */
static ssize_t ether_pcap_read(int fd, std::span<iovec> buffers)
{
    sockaddr_ll from{};
    msghdr msg{};
    msg.msg_name = &from;
    msg.msg_namelen = sizeof(from);
    msg.msg_iov = buffers.data();
    msg.msg_iovlen = buffers.size();
    ssize_t len = -1;
    do {
        len = recvmsg(fd, &msg, 0);
    } while (len == -1 && errno == EINTR);
    if (len >= 0 && from.sll_pkttype == PACKET_OUTGOING) return LINUX_READ_SKIP;
    return len;
}

static const char *socket_advice(int error)
{
    return error == EPERM || error == EACCES
               ? ": run the program with sudo, or once: sudo setcap cap_net_raw+ep PROGRAM"
               : "";
}

static int fail(const ether_pcap_device &dev, const char *what, const char *advice)
{
    errorf("%s: %s, dev=%s%s", what, strerror(errno), dev.name, advice);
    return -1;
}

static int socket_option(int fd, int option, int value)
{
    return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value));
}

/** Everything the socket must know before frames may come. */
static int ether_pcap_setup(ether_pcap_device &dev, const linux_interface_info &info) MICROPS_REQUIRES(net_locked)
{
    const int fd = dev.port.fd.get();
    if (socket_option(fd, PACKET_VNET_HDR, 1) == -1) return fail(dev, "setsockopt(PACKET_VNET_HDR)", "");
#ifdef PACKET_IGNORE_OUTGOING
    socket_option(fd, PACKET_IGNORE_OUTGOING, 1); /* saves the copying; an older kernel leaves it to ether_pcap_read */
#endif
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &SOCKET_BUFFER, sizeof(SOCKET_BUFFER));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &SOCKET_BUFFER, sizeof(SOCKET_BUFFER));

    sockaddr_ll addr{};
    addr.sll_family = AF_PACKET;
    addr.sll_protocol = be16(ETHER_P_ALL).to_net();
    addr.sll_ifindex = info.index;
    if (bind(fd, as_sockaddr(addr), sizeof(addr)) == -1) return fail(dev, "bind", "");

    /* The interface's filter knows the kernel's address only; with the same one there is nothing to widen. */
    if (ether_device_addr(dev) == mac_addr{info.addr}) return 0;
    packet_mreq promiscuous{};
    promiscuous.mr_ifindex = info.index;
    promiscuous.mr_type = PACKET_MR_PROMISC;
    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) == -1) {
        return fail(dev, "setsockopt(PACKET_ADD_MEMBERSHIP)", "");
    }
    return 0;
}

static int ether_pcap_open(ether_pcap_device &dev)
{
    /* Without a protocol the socket gets nothing until it is bound: no frame of another interface slips in. */
    dev.port.fd.reset(socket(PF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (dev.port.fd.get() == -1) return fail(dev, "socket", socket_advice(errno));

    const char *request = nullptr;
    linux_interface_info info;
    const bool there = linux_interface_adopt(dev, dev.port) == 0;
    if (there && linux_interface_query(dev.port.name, info, request) == 0 && ether_pcap_setup(dev, info) == 0) return 0;
    dev.port.fd.reset();
    return -1;
}

/** Whether the socket lost its interface: bound to none any more. */
static bool ether_pcap_gone(const ether_pcap_device &dev)
{
    sockaddr_ll addr{};
    socklen_t len = sizeof(addr);
    return getsockname(dev.port.fd.get(), as_sockaddr(addr), &len) == -1 || addr.sll_ifindex <= 0;
}

static void report_gone(const ether_pcap_device &dev, int error)
{
    errorf("read: %s, dev=%s: %s is gone, the device goes down", strerror(error), dev.name, dev.port.name.c_str());
}

/** A socket whose interface is down hears nothing when it is deleted as well: so look from time to time. */
static void ether_pcap_look(ether_pcap_device &dev)
{
    if (ether_pcap_gone(dev)) {
        report_gone(dev, ENODEV);
        return net_device_failed(decorator_outermost(dev));
    }
    const char *request = nullptr;
    linux_interface_info info;
    if (linux_interface_query(dev.port.name, info, request) == 0 && info.up) return;
    dev.look.arm(GONE_INTERVAL);
}

static int ether_pcap_poll(ether_pcap_device &dev)
{
    const int count = linux_interface_poll(dev, dev.port, ether_pcap_read);
    if (count != -1) return count;
    const int error = errno;
    if (ether_pcap_gone(dev)) {
        report_gone(dev, error);
        return -1;
    }
    if (error == ENETDOWN) {
        const char *name = dev.port.name.c_str();
        warnf("%s is down, dev=%s: sudo ip link set %s up", name, dev.name, name);
        dev.look.arm(GONE_INTERVAL);
    } else {
        net_drop(dev.net, drop_reason::device_error, "read: %s, dev=%s", strerror(error), dev.name);
    }
    return 0;
}

net_device *ether_pcap_alloc(net_stack &net, const char *name, const char *addr)
{
    return linux_ether_alloc<ether_pcap_device>(net, name, addr, "ether_pcap_init");
}

net_device *ether_pcap_init(net_stack &net, const char *name, const char *addr)
{
    net_device *dev = driver_register(ether_pcap_alloc(net, name, addr));
    if (dev) debugf("ethernet device initialized, dev=%s", dev->name);
    return dev;
}

} // namespace microps
