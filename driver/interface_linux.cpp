/*
 * interface_linux.cpp: names, properties, batched reading and writing of Linux interfaces.
 */
#include "interface_linux.hpp"

#include "microps/ether.hpp"
#include "microps/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace microps
{

static constexpr uint8_t VNET_HDR_F_NEEDS_CSUM = 1;
static constexpr uint8_t VNET_HDR_F_DATA_VALID = 2;
static constexpr uint8_t VNET_HDR_GSO_UDP_L4 = 5; /* several merged datagrams, which UDP could not separate */

static bool temporary(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

/** Fills up the empty blocks for the next batch. False if there is not one. */
static bool blocks_refill(net_stack &net, linux_interface &interface) MICROPS_REQUIRES(net_locked)
{
    while (interface.large.size() < linux_interface::BATCH_LARGE) {
        packet_ptr pkt = packet_alloc(net, PACKET_SMALL, PACKET_LARGE - PACKET_SMALL);
        if (!pkt) break;
        interface.large.push_back(std::move(pkt));
    }
    while (interface.small.size() < linux_interface::BATCH_SMALL) {
        packet_ptr pkt = packet_alloc(net, 0, PACKET_SMALL);
        if (!pkt) break;
        interface.small.push_back(std::move(pkt));
    }
    return !interface.large.empty() && !interface.small.empty();
}

static bool offload_read(const vnet_hdr &hdr, packet &pkt)
{
    if (hdr.gso_type == VNET_HDR_GSO_UDP_L4) return false;
    const size_t sum_end = size_t{hdr.csum_start} + hdr.csum_offset + 2;
    pkt.offload = {.csum_partial = (hdr.flags & VNET_HDR_F_NEEDS_CSUM) && sum_end <= pkt.size(),
                   .csum_valid = (hdr.flags & VNET_HDR_F_DATA_VALID) != 0,
                   .csum_start = hdr.csum_start,
                   .csum_offset = hdr.csum_offset,
                   .gso_size = hdr.gso_size};
    return true;
}

static vnet_hdr offload_write(const packet &pkt)
{
    if (!pkt.offload.csum_partial) return {};
    return {
        .flags = VNET_HDR_F_NEEDS_CSUM, .csum_start = pkt.offload.csum_start, .csum_offset = pkt.offload.csum_offset};
}

/** Makes one packet of @p size bytes that lie at the front of the next small and, from there on, large block. */
static packet_ptr blocks_take(linux_interface &interface, size_t size)
{
    packet &small = *interface.small.back();
    if (size <= small.size()) {
        packet_ptr pkt = std::move(interface.small.back());
        interface.small.pop_back();
        pkt->truncate(size);
        return pkt;
    }
    packet_ptr pkt = std::move(interface.large.back());
    interface.large.pop_back();
    pkt->truncate(size - small.size());
    const std::span<const uint8_t> first = small.bytes();
    std::copy(first.begin(), first.end(), pkt->push(first.size()).begin());
    return pkt;
}

/** Reads until the batch is full or nothing is there. Without the lock. Returns 0 or an errno. */
static int batch_read(linux_interface &interface, linux_read read)
{
    for (size_t n = 0; n < linux_interface::BATCH_SMALL; n++) {
        if (interface.small.empty() || interface.large.empty()) return 0;
        packet &small = *interface.small.back();
        packet &large = *interface.large.back();
        vnet_hdr hdr;
        std::array<iovec, 3> all{{{.iov_base = &hdr, .iov_len = sizeof(hdr)},
                                  {.iov_base = small.data(), .iov_len = small.size()},
                                  {.iov_base = large.data(), .iov_len = large.size()}}};
        const std::span<iovec> buffers = std::span(all).subspan(interface.vnet ? 0 : 1);
        const size_t prefix = interface.vnet ? sizeof(hdr) : 0;

        const ssize_t len = read(interface.fd.get(), buffers);
        if (len == -1 && temporary(errno)) return 0;
        if (len == -1) return errno;
        if (len == LINUX_READ_SKIP || static_cast<size_t>(len) <= prefix) continue;

        packet_ptr frame = blocks_take(interface, static_cast<size_t>(len) - prefix);
        if (offload_read(hdr, *frame)) {
            interface.frames.push_back(std::move(frame));
        } else {
            interface.errors++;
        }
    }
    return 0;
}

/** Drops some frames when there is no memory to read them, so that the descriptor does not stay readable. */
static void batch_discard(linux_interface &interface, linux_read read)
{
    uint8_t byte = 0;
    iovec buffer{.iov_base = &byte, .iov_len = 1};
    for (size_t n = 0; n < linux_interface::BATCH_SMALL; n++) {
        if (read(interface.fd.get(), std::span(&buffer, 1)) == -1) return;
    }
}

static int interface_ioctl(int fd, unsigned long request, const std::string &name, ifreq &ifr)
{
    ifr = {};
    name.copy(ifr.ifr_name, IFNAMSIZ - 1);
    return ioctl(fd, request, &ifr);
}

void linux_fd::reset(int fd)
{
    if (fd_ != -1) ::close(fd_);
    fd_ = fd;
}

ssize_t linux_readv(int fd, std::span<iovec> buffers)
{
    for (;;) {
        const ssize_t len = ::readv(fd, buffers.data(), static_cast<int>(buffers.size()));
        if (len != -1 || errno != EINTR) return len;
    }
}

bool linux_interface_name_valid(const char *name, const char *func)
{
    const std::string_view text = name ? name : "";
    if (text.size() >= IFNAMSIZ) {
        errorf("%s() failure, interface name too long, name=%s: at most %d characters", func, name, IFNAMSIZ - 1);
        return false;
    }
    if (text.empty() || text == "." || text == ".." || text.find_first_of("/: \t\n%") != text.npos) {
        errorf("%s() failure, not an interface name, name=%s: use one like tap0", func, name ? name : "(null)");
        return false;
    }
    return true;
}

bool linux_interface_addr_parse(const char *text, mac_addr &addr)
{
    addr = ETHER_ADDR_ANY;
    if (!text || (ether_addr_pton(text, addr) == 0 && !addr.is_group())) return true;
    errorf("invalid address, addr=%s", text);
    return false;
}

int linux_interface_query(const std::string &name, linux_interface_info &info, const char *&request)
{
    const linux_fd sock(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq ifr;
    request = "SIOCGIFINDEX";
    if (interface_ioctl(sock.get(), SIOCGIFINDEX, name, ifr) == -1) return -1;
    info.index = ifr.ifr_ifindex;
    request = "SIOCGIFMTU";
    if (interface_ioctl(sock.get(), SIOCGIFMTU, name, ifr) == -1) return -1;
    info.mtu = static_cast<uint16_t>(std::clamp<int>(ifr.ifr_mtu, 0, UINT16_MAX));
    request = "SIOCGIFFLAGS";
    if (interface_ioctl(sock.get(), SIOCGIFFLAGS, name, ifr) == -1) return -1;
    info.up = (ifr.ifr_flags & IFF_UP) != 0;
    info.running = (ifr.ifr_flags & IFF_RUNNING) != 0;
    request = "SIOCGIFHWADDR";
    if (interface_ioctl(sock.get(), SIOCGIFHWADDR, name, ifr) == -1) return -1;
    std::memcpy(info.addr.data(), ifr.ifr_hwaddr.sa_data, info.addr.size());
    return 0;
}

int linux_interface_adopt(net_device &dev, const linux_interface &interface)
{
    const char *name = interface.name.c_str();
    const char *request = nullptr;
    linux_interface_info info;
    if (linux_interface_query(interface.name, info, request) == -1) {
        errorf("ioctl(%s): %s, dev=%s: `ip link` lists the interfaces, %s should be there", request, strerror(errno),
               dev.name, name);
        return -1;
    }
    /* A program may have chosen a smaller MTU, never a larger one than the interface takes. */
    const bool chosen = dev.mtu != LINUX_INTERFACE_MTU;
    dev.mtu = chosen ? std::min(dev.mtu, info.mtu) : info.mtu;
    /*
     * As in the original: without an address of our own we take the kernel side's. Two hosts on one wire then share a
     * hardware address; that works because this wire has no third end and Linux does not look at the source address.
     */
    if (dev.alen == MAC_ADDR_LEN && ether_device_addr(dev) == ETHER_ADDR_ANY) {
        ether_device_set_addr(dev, mac_addr{info.addr});
    }
    if (!info.up) warnf("%s is down, dev=%s: sudo ip link set %s up", name, dev.name, name);
    return 0;
}

int linux_interface_poll(net_device &dev, linux_interface &interface, linux_read read)
{
    if (!blocks_refill(dev.net, interface)) {
        batch_discard(interface, read);
        return 0;
    }
    int error = 0;
    {
        net_unguard unlocked(dev.net);
        error = batch_read(interface, read);
    }
    if (interface.errors > 0) net_count_drop(dev.net, drop_reason::device_error, std::exchange(interface.errors, 0));
    const std::vector<packet_ptr>::size_type count = interface.frames.size();
    for (packet_ptr &frame : interface.frames) {
        net_device_input(dev, std::move(frame));
    }
    interface.frames.clear();
    return error ? net_error(error) : static_cast<int>(count);
}

size_t linux_interface_write(const linux_interface &interface, std::span<const packet_ptr> frames)
{
    size_t written = 0;
    for (const packet_ptr &frame : frames) {
        vnet_hdr hdr = offload_write(*frame);
        std::array<iovec, 2> all{
            {{.iov_base = &hdr, .iov_len = sizeof(hdr)}, {.iov_base = frame->data(), .iov_len = frame->size()}}};
        const std::span<const iovec> buffers = std::span(all).subspan(interface.vnet ? 0 : 1);
        ssize_t len = -1;
        do {
            len = ::writev(interface.fd.get(), buffers.data(), static_cast<int>(buffers.size()));
        } while (len == -1 && errno == EINTR);
        /* Down (EIO, ENETDOWN), full (EAGAIN, ENOBUFS) or deleted, which poll() reports: the frame is dropped. */
        if (len != -1) written++;
    }
    return written;
}

void linux_interface_close(linux_interface &interface)
{
    interface.fd.reset();
    interface.small.clear();
    interface.large.clear();
    interface.frames.clear();
}

} // namespace microps
