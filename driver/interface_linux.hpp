/*
 * driver/interface_linux.hpp: what the drivers of Linux interfaces (TAP, TUN, PF_PACKET) have in common.
 *
 * One readv(2) reads a frame into a small block and, behind its end, into a large one. So a short frame does not occupy
 * 66 KiB, and a long frame, which is rare, costs one copy of its first 2 KiB:
 *
 *      small block (2 KiB)     large block (66 KiB)
 *      [ short frame      ]    [ unused until needed                        ]
 *      [ long frame, first|    |(room for the first 2 KiB) | rest of it     ]
 *
 * Blocks are taken from the pool under the stack's lock and frames are read without it. Unused blocks are kept for the
 * next batch.
 */
#pragma once

#include "microps/ether.hpp"
#include "microps/net.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>
#include <sys/uio.h>

namespace microps
{

/** A descriptor that is closed with its owner. */
class linux_fd
{
public:
    explicit linux_fd(int fd = -1) : fd_(fd) {}
    ~linux_fd() { reset(); }
    linux_fd(const linux_fd &) = delete;
    linux_fd &operator=(const linux_fd &) = delete;

    [[nodiscard]] int get() const { return fd_; }
    void reset(int fd = -1);

private:
    int fd_;
};

/**
 * The kernel's struct virtio_net_hdr, in front of every frame of a descriptor that was asked for it (IFF_VNET_HDR,
 * PACKET_VNET_HDR): what of the checksum and the segmentation is still to be done. In host byte order.
 */
struct vnet_hdr {
    uint8_t flags = 0;
    uint8_t gso_type = 0;
    uint16_t hdr_len = 0;
    uint16_t gso_size = 0;
    uint16_t csum_start = 0; /* from the beginning of the frame */
    uint16_t csum_offset = 0;
};
static_assert(sizeof(vnet_hdr) == 10);

/** What a device starts with; a program that wants another MTU sets it before net_run(). */
inline constexpr uint16_t LINUX_INTERFACE_MTU = 1500;

/** Reads one frame into the buffers, as readv does; LINUX_READ_SKIP if the frame is to be ignored. */
using linux_read = ssize_t (*)(int fd, std::span<iovec> buffers);
inline constexpr ssize_t LINUX_READ_SKIP = -2;

/** readv(2), repeated after EINTR. */
ssize_t linux_readv(int fd, std::span<iovec> buffers);

/** One interface of the kernel and our descriptor to it. */
struct linux_interface {
    static constexpr size_t BATCH_SMALL = 64; /* frames read at most before the stack gets them */
    static constexpr size_t BATCH_LARGE = 4;  /* of them, those longer than a small block */

    linux_interface(const char *name_, bool vnet_) : name(name_), vnet(vnet_) {}

    std::string name;
    bool vnet; /* a vnet_hdr stands in front of each frame */
    linux_fd fd{};
    std::vector<packet_ptr> small{}; /* empty blocks */
    std::vector<packet_ptr> large{};
    std::vector<packet_ptr> frames{}; /* read, not delivered yet */
    size_t errors = 0;                /* frames the kernel could not hand out */
};

/** What the kernel says about an interface. */
struct linux_interface_info {
    int index = 0;
    uint16_t mtu = 0;
    bool up = false;
    bool running = false; /* up, and there is a carrier */
    std::array<uint8_t, 6> addr{};
};

/** Whether @p name can be the name of an interface; logs under the name of @p func if not. */
bool linux_interface_name_valid(const char *name, const char *func);
/**
 * Reads the address of an Ethernet device; null gives ETHER_ADDR_ANY: open() takes the interface's. False if logged.
 */
bool linux_interface_addr_parse(const char *text, mac_addr &addr);
/** What *_alloc of an Ethernet device does: checks both strings and makes the device. Null if one is wrong (logged). */
template <typename T>
net_device *linux_ether_alloc(net_stack &net, const char *name, const char *addr, const char *func)
    MICROPS_REQUIRES(net_locked)
{
    mac_addr own;
    if (!linux_interface_name_valid(name, func) || !linux_interface_addr_parse(addr, own)) return nullptr;
    net_device *dev = net_device_alloc<T>(net, name);
    ether_device_set_addr(*dev, own);
    return dev;
}
/** Asks the kernel. Returns 0, or -1 with errno, and in @p request the name of the request that failed. */
int linux_interface_query(const std::string &name, linux_interface_info &info, const char *&request);
/**
 * For open(): takes MTU and address from the interface unless the device has its own, and warns if it is down.
 * Returns 0, or -1 (logged).
 */
int linux_interface_adopt(net_device &dev, const linux_interface &interface) MICROPS_REQUIRES(net_locked);

/**
 * For poll(): reads a batch without the lock and hands each frame to net_device_input().
 * Returns the number of frames; -1 with errno when reading failed for another reason than that nothing is there.
 */
int linux_interface_poll(net_device &dev, linux_interface &interface, linux_read read) MICROPS_REQUIRES(net_locked);
/** For write(): writes each frame by itself. Returns how many the kernel took. */
size_t linux_interface_write(const linux_interface &interface, std::span<const packet_ptr> frames);
/** For close(): closes the descriptor and gives the blocks back. */
void linux_interface_close(linux_interface &interface);

/**
 * Attaches to the TUN/TAP interface, which the kernel makes if it does not exist and the process may.
 * @p mode is IFF_TAP or IFF_TUN. Returns 0, or -1 after logging what to do about it.
 */
int linux_tun_open(net_device &dev, linux_interface &interface, short mode) MICROPS_REQUIRES(net_locked);
/** For poll() of both: -1, after reporting it, when the interface has been deleted. */
int linux_tun_poll(net_device &dev, linux_interface &interface) MICROPS_REQUIRES(net_locked);

} // namespace microps
