/*
 * The capture, byte by byte (draft-ietf-opsawg-pcap: little-endian, magic a1b23c4d for nanoseconds).
 */
#include "driver_stack.hpp"
#include "microps/driver/pcap_writer.hpp"
#include "microps/ether.hpp"
#include "support/log_capture.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <sys/resource.h>
#include <unistd.h>

namespace microps
{
namespace
{

struct PcapWriter : driver_stack {
    PcapWriter()
    {
        char name[] = "/tmp/microps-pcap-XXXXXX";
        const int fd = mkstemp(name);
        close(fd);
        path = name;
    }
    ~PcapWriter() override { unlink(path.c_str()); }

    std::vector<uint8_t> file() const
    {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    net_device *wrap_raw()
    {
        net_guard guard(net);
        inner = raw();
        return pcap_writer_init(net, *inner, path.c_str());
    }

    std::string path;
    net_device *inner = nullptr;
};

/* An Ethernet device that sends into the void. */
struct ether_void final : net_device {
    explicit ether_void(net_stack &stack) : net_device(stack)
    {
        ether_setup_helper(*this);
        ether_device_set_addr(*this, mac_addr{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x01}});
    }
};

const std::vector<uint8_t> raw_header = {
    0x4d, 0x3c, 0xb2, 0xa1, 0x02, 0x00, 0x04, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x00, 0x04, 0x00, 101, 0, 0, 0,
};

std::vector<uint8_t> operator+(std::vector<uint8_t> a, const std::vector<uint8_t> &b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/* draft-ietf-opsawg-pcap: header, records with nanoseconds, and the frames of both directions stand in the file
 * byte for byte. */
TEST_F(PcapWriter, FileHasTheExactBytesOfBothDirections)
{
    clock.set(net_time(std::chrono::seconds(0x65432100) + std::chrono::nanoseconds(7)));
    run(*wrap_raw());
    send({0x60, 1, 2});
    clock.advance(std::chrono::milliseconds(1500));
    feed(*inner, {0x61, 3});
    EXPECT_EQ(sent.size(), 1U);
    EXPECT_EQ(received.size(), 1U);
    EXPECT_EQ(received_from, dev);
    const std::vector<uint8_t> first = {0x00, 0x21, 0x43, 0x65, 7, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 0x60, 1, 2};
    const std::vector<uint8_t> second = {0x01, 0x21, 0x43, 0x65, 0x07, 0x65, 0xcd, 0x1d, 2,
                                         0,    0,    0,    2,    0,    0,    0,    0x61, 3};
    EXPECT_EQ(file(), raw_header + first + second);
}

/* After each batch the file holds whole records, so that a program which is killed leaves a readable capture. */
TEST_F(PcapWriter, FileIsCompleteAfterEveryBatch)
{
    run(*wrap_raw());
    EXPECT_EQ(file(), raw_header);
    for (size_t n = 1; n <= 3; n++) {
        send(bytes(100));
        EXPECT_EQ(file().size(), raw_header.size() + n * 116);
    }
}

/* A packet of 65,535 bytes is captured as a whole. */
TEST_F(PcapWriter, LargestPacketIsNotCut)
{
    run(*wrap_raw());
    send(bytes(65535));
    EXPECT_EQ(file().size(), raw_header.size() + 16 + 65535);
}

/* The capture of an Ethernet device has link type 1 and the frames with header and padding. */
TEST_F(PcapWriter, EthernetFramesAreCapturedWithTheirHeader)
{
    net_device *made = nullptr;
    {
        net_guard guard(net);
        made = pcap_writer_init(net, *net_device_alloc<ether_void>(net), path.c_str());
    }
    EXPECT_EQ(made->type, NET_DEVICE_TYPE_ETHERNET);
    EXPECT_EQ(made->mtu, 1500);
    EXPECT_EQ(ether_addr_str(ether_device_addr(*made)), "00:00:5e:00:53:01");
    run(*made);
    send(bytes(46));
    const std::vector<uint8_t> all = file();
    ASSERT_EQ(all.size(), 24U + 16 + 60);
    EXPECT_EQ(all[20], 1); /* LINKTYPE_ETHERNET */
    const std::vector<uint8_t> head = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x5e, 0, 0x53, 1, 0x86, 0xdd};
    EXPECT_EQ(std::vector<uint8_t>(all.begin() + 40, all.begin() + 54), head);
}

/* Without its file the device is not made, and the log says why. */
TEST_F(PcapWriter, FileThatCannotBeMadeIsReported)
{
    log_capture log(log_level::error);
    net_guard guard(net);
    EXPECT_EQ(pcap_writer_init(net, *raw(), "/nowhere/x.pcap"), nullptr);
    EXPECT_EQ(pcap_writer_init(net, *raw(), "/dev/full"), nullptr);
    EXPECT_TRUE(log.contains("pcap_writer_alloc: open: No such file or directory, file=/nowhere/x.pcap"));
    EXPECT_TRUE(log.contains("No space left on device"));
}

/* When the file can no longer be written, the log says so once, and the device goes on without it. */
TEST_F(PcapWriter, WriteErrorIsReportedOnceAndTrafficGoesOn)
{
    run(*wrap_raw());
    rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    const rlimit small{.rlim_cur = 100, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    {
        log_capture log(log_level::error);
        for (int n = 0; n < 5; n++) {
            send(bytes(100));
        }
        setrlimit(RLIMIT_FSIZE, &before);
        EXPECT_EQ(log.count("the capture ends here"), 1U);
        EXPECT_TRUE(log.contains("File too large"));
    }
    EXPECT_EQ(sent.size(), 5U);
}

} // namespace
} // namespace microps
