/*
 * pcap_writer.cpp: a capture of everything that passes a device, in pcap's classic format with nanoseconds.
 *
 * Records are collected in memory and written at the end of each batch of work, or before if there are many, so that
 * the file is always complete up to the last batch, even after a kill -9. If the file cannot be written any more, that
 * is logged once and the device works on without capture.
 */
#include "microps/driver/pcap_writer.hpp"

#include "base/os.hpp"
#include "microps/driver/decorator.hpp"
#include "microps/log.hpp"
#include "register.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace microps
{

static constexpr uint32_t PCAP_MAGIC_NSEC = 0xa1b23c4d;
static constexpr uint16_t PCAP_VERSION_MAJOR = 2;
static constexpr uint16_t PCAP_VERSION_MINOR = 4;
static constexpr uint32_t PCAP_SNAPLEN = 262144; /* frames are never truncated */
static constexpr uint32_t PCAP_LINKTYPE_ETHERNET = 1;
static constexpr uint32_t PCAP_LINKTYPE_RAW = 101;

static constexpr size_t PCAP_BUFFER = size_t{256} << 10;

namespace
{

struct pcap_writer_device;

} // namespace

static void pcap_writer_record(pcap_writer_device &dev, const packet &frame) MICROPS_REQUIRES(net_locked);
static void pcap_writer_flush(pcap_writer_device &dev) MICROPS_REQUIRES(net_locked);

namespace
{

struct pcap_writer_device final : net_device {
    pcap_writer_device(net_stack &stack, net_device &inner_, const char *path_, int file_)
        : net_device(stack), inner(inner_), path(path_), file(file_)
    {
    }
    ~pcap_writer_device() override { os_close(file); }

    int open() override MICROPS_REQUIRES(net_locked) { return decorator_open(*this, inner); }
    int close() override MICROPS_REQUIRES(net_locked)
    {
        pcap_writer_flush(*this);
        return decorator_close(inner);
    }
    int transmit(uint16_t protocol, packet_ptr pkt, const void *dst) override MICROPS_REQUIRES(net_locked)
    {
        return decorator_transmit(*this, protocol, std::move(pkt), dst);
    }
    int poll() override MICROPS_REQUIRES(net_locked) { return inner.poll(); }
    int fd() const override { return inner.fd(); }
    void output(packet_ptr frame) override MICROPS_REQUIRES(net_locked)
    {
        pcap_writer_record(*this, *frame);
        inner.output(std::move(frame));
    }
    void input(packet_ptr frame) override MICROPS_REQUIRES(net_locked)
    {
        pcap_writer_record(*this, *frame);
        decorator_pass_up(*this, std::move(frame));
    }

    net_device &inner;
    std::string path;
    int file;
    std::vector<uint8_t> buffer{};
};

} // namespace

/** Always little-endian, so that the same traffic gives the same file everywhere; readers go by the magic number. */
static void put(std::vector<uint8_t> &out, uint32_t value, size_t bytes = 4)
{
    for (size_t i = 0; i < bytes; i++) {
        out.push_back(static_cast<uint8_t>(value >> 8 * i));
    }
}

static void pcap_writer_header(pcap_writer_device &dev)
{
    put(dev.buffer, PCAP_MAGIC_NSEC);
    put(dev.buffer, PCAP_VERSION_MAJOR, 2);
    put(dev.buffer, PCAP_VERSION_MINOR, 2);
    put(dev.buffer, 0); /* time zone: UTC */
    put(dev.buffer, 0); /* accuracy: not stated, by custom */
    put(dev.buffer, PCAP_SNAPLEN);
    put(dev.buffer, dev.type == NET_DEVICE_TYPE_ETHERNET ? PCAP_LINKTYPE_ETHERNET : PCAP_LINKTYPE_RAW);
}

static void pcap_writer_record(pcap_writer_device &dev, const packet &frame)
{
    if (dev.file == -1) return;
    const auto wall = std::chrono::duration_cast<std::chrono::nanoseconds>(dev.net.clock.wall().time_since_epoch());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(wall);
    put(dev.buffer, static_cast<uint32_t>(seconds.count()));
    put(dev.buffer, static_cast<uint32_t>((wall - seconds).count()));
    put(dev.buffer, static_cast<uint32_t>(frame.size())); /* captured */
    put(dev.buffer, static_cast<uint32_t>(frame.size())); /* on the wire */
    const std::span<const uint8_t> bytes = frame.bytes();
    dev.buffer.insert(dev.buffer.end(), bytes.begin(), bytes.end());
    if (dev.buffer.size() >= PCAP_BUFFER) pcap_writer_flush(dev);
}

static void pcap_writer_flush(pcap_writer_device &dev)
{
    std::span<const uint8_t> rest = dev.buffer;
    while (!rest.empty() && dev.file != -1) {
        const ssize_t n = os_write(dev.file, rest);
        if (n >= 0) {
            rest = rest.subspan(static_cast<size_t>(n));
        } else if (errno != EINTR) {
            errorf("write: %s, dev=%s, file=%s: the capture ends here", strerror(errno), dev.name, dev.path.c_str());
            os_close(std::exchange(dev.file, -1));
        }
    }
    dev.buffer.clear();
}

net_device *pcap_writer_alloc(net_stack &net, net_device &inner, const char *path)
{
    const int file = os_file_create(path);
    if (file == -1) {
        errorf("open: %s, file=%s", strerror(errno), path);
        return nullptr;
    }
    auto *dev = net_device_alloc<pcap_writer_device>(net, inner, path, file);
    decorator_wrap(*dev, inner);
    pcap_writer_header(*dev);
    pcap_writer_flush(*dev);
    if (dev->file == -1) return nullptr;
    net_batch_register(net, [dev] {
        net_assert_locked(dev->net);
        pcap_writer_flush(*dev);
    });
    return dev;
}

net_device *pcap_writer_init(net_stack &net, net_device &inner, const char *path)
{
    net_device *dev = driver_register(pcap_writer_alloc(net, inner, path));
    if (dev) debugf("initialized, dev=%s, file=%s", dev->name, path);
    return dev;
}

} // namespace microps
