/*
 * tcp_offload_test.cpp: devices that fill in checksums and cut large packets: TCP leaves both to them, and takes both
 * from a peer that did. The device is a loopback, so that what TCP leaves undone comes back undone.
 */
#include "support/manual_clock.hpp"

#include "microps/icmp.hpp"
#include "microps/ip.hpp"
#include "microps/tcp.hpp"
#include "support/sock_calls.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

/** A loopback with an Ethernet's MTU that may lose what it gets, and shows it. */
struct offload_device final : net_device {
    explicit offload_device(net_stack &stack) : net_device(stack)
    {
        type = NET_DEVICE_TYPE_LOOPBACK;
        mtu = 1500;
        flags = NET_DEVICE_FLAG_LOOPBACK;
    }

    int transmit(uint16_t protocol, packet_ptr pkt, const void *) override MICROPS_REQUIRES(net_locked)
    {
        if (carries) return net_input_handler(protocol, std::move(pkt), *this);
        lost.emplace_back(pkt->bytes().begin(), pkt->bytes().end());
        return 0;
    }
    void output(packet_ptr) override MICROPS_REQUIRES(net_locked) {}
    void input(packet_ptr) override MICROPS_REQUIRES(net_locked) {}

    bool carries = true;
    std::vector<std::vector<uint8_t>> lost{};
};

/** A stack without a thread, whose device has offloads. */
struct offload_host {
    explicit offload_host(bool csum, size_t gso, uint64_t seed = 1) : net({.clock = &clock, .seed = seed})
    {
        net_init(net);
        {
            net_guard guard(net);
            dev = net_device_alloc<offload_device>(net);
            net_device_register(*dev);
            dev->csum_offload = csum;
            dev->gso_max = gso;
            ip_iface_register(*dev, *ip_iface_alloc(net, "127.0.0.1", "255.0.0.0"));
        }
        net_run(net, net_engine::caller);
    }

    /** Lets everything happen that is due, and what comes after it, for a while. */
    void settle()
    {
        poll();
        clock.advance(1ms);
    }
    void poll()
    {
        for (int i = 0; i < 20; i++) {
            net_poll(net);
        }
    }

    /** Makes a connection and returns its two ends. */
    std::pair<int, int> connect()
    {
        const ip_endpoint here{ip_addr_t(be32(INADDR_LOOPBACK)), 7};
        const int listener = tcp_open(net, SOCK_NONBLOCK);
        EXPECT_EQ(tcp_bind(net, listener, here), 0);
        EXPECT_EQ(sock_listen(net, listener, 1), 0);
        const int active = tcp_open(net, SOCK_NONBLOCK);
        EXPECT_EQ(tcp_connect(net, active, here), -1);
        return {listener, active};
    }

    /** Sends what of @p data was not @p sent yet from one end, and returns what comes out of the other. */
    std::string transfer(int from, int to, const std::string &data, size_t sent = 0)
    {
        std::string received;
        for (int i = 0; i < 2000 && received.size() < data.size(); i++) {
            const size_t rest = data.size() - sent;
            const ssize_t n = rest == 0 ? 0 : sock_send(net, from, data.data() + sent, rest, MSG_DONTWAIT);
            if (n > 0) sent += static_cast<size_t>(n);
            std::vector<char> buffer(30000);
            const ssize_t m = sock_recv(net, to, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (m > 0) received.append(buffer.begin(), buffer.begin() + m);
            settle();
        }
        return received;
    }

    /** Sends @p size bytes, all of which the device loses. */
    void lose(int from, size_t size)
    {
        dev->carries = false;
        EXPECT_EQ(tcp_send(net, from, std::vector<uint8_t>(size, 'z'), MSG_DONTWAIT), static_cast<ssize_t>(size));
        poll();
        dev->carries = true;
    }

    /** A router (who has our address) says that the first lost packet was too large for its next link. */
    void fragmentation_needed(uint32_t mtu)
    {
        {
            net_guard guard(net);
            const ip_addr_t here(be32(INADDR_LOOPBACK));
            ASSERT_FALSE(dev->lost.empty());
            const std::span<const uint8_t> quote(dev->lost[0].data(), IP_HDR_SIZE_MIN + 8);
            icmp_output(net, ICMP_TYPE_DEST_UNREACH, ICMP_CODE_FRAGMENT_NEEDED, be32(mtu), quote, here, here);
        }
        poll();
    }

    int accept(int listener)
    {
        settle();
        return sock_accept(net, listener, nullptr, nullptr);
    }

    manual_clock clock{};
    net_stack net;
    offload_device *dev = nullptr;
};

std::string data_of(size_t size)
{
    std::string data(size, '\0');
    for (size_t i = 0; i < size; i++) {
        data[i] = static_cast<char>('a' + i % 23);
    }
    return data;
}

/** A transfer of half a megabyte; returns how many segments TCP made of it. */
uint64_t segments_for(bool csum, size_t gso)
{
    offload_host host(csum, gso);
    const auto [listener, active] = host.connect();
    const int passive = host.accept(listener);
    EXPECT_NE(passive, -1);
    const std::string data = data_of(500000);
    EXPECT_TRUE(host.transfer(active, passive, data) == data);
    EXPECT_EQ(host.net.stats[drop_reason::bad_checksum], 0u);
    EXPECT_EQ(host.net.stats[counter::tcp_retrans_segs], 0u);
    return host.net.stats[counter::tcp_out_segs];
}

} // namespace

TEST(TcpOffload, WithoutOffloadsSegmentsFitTheLink) { EXPECT_GE(segments_for(false, 0), 500000u / 1460); }

TEST(TcpOffload, ChecksumsMayBeLeftToTheDevice) { EXPECT_GE(segments_for(true, 0), 500000u / 1460); }

TEST(TcpOffload, SeveralSegmentsLeaveAsOnePacketWhereTheDeviceCutsThem) { EXPECT_LT(segments_for(true, 65535), 200u); }

/* RFC 9293 3.8.1: what was sent as one large packet is retransmitted in segments of the MSS. */
TEST(TcpOffload, LostLargePacketsAreResentSegmentBySegment)
{
    offload_host host(true, 65535);
    const auto [listener, active] = host.connect();
    const int passive = host.accept(listener);
    const std::string data = data_of(100000);
    EXPECT_TRUE(host.transfer(active, passive, data) == data);
    host.lose(active, 20000);
    host.settle();
    host.clock.advance(2s);
    const std::string lost(20000, 'z');
    EXPECT_TRUE(host.transfer(active, passive, lost, lost.size()) == lost);
    EXPECT_GE(host.net.stats[counter::tcp_retrans_segs], 20000u / 1460);
}

/* RFC 1191 6.4: a large packet is too large for the path only if the segments are into which the device has cut it. */
TEST(TcpOffload, ErrorAboutASizeThatFitsMakesNothingLost)
{
    for (uint64_t seed = 1; seed <= 20; seed++) { /* sequence numbers from everywhere */
        offload_host host(true, 65535, seed);
        const auto [listener, active] = host.connect();
        const int passive = host.accept(listener);
        const std::string data = data_of(100000);
        EXPECT_TRUE(host.transfer(active, passive, data) == data);
        host.lose(active, 20000);
        ASSERT_LT(host.dev->lost.size(), 10u);
        host.fragmentation_needed(1500);
        EXPECT_EQ(host.net.stats[counter::tcp_retrans_segs], 0u) << "seed " << seed;
    }
}

TEST(TcpOffload, SegmentSizeStaysTheLinks)
{
    offload_host host(true, 65535);
    const auto [listener, active] = host.connect();
    EXPECT_NE(host.accept(listener), -1);
    int value = 0;
    socklen_t size = sizeof(value);
    EXPECT_EQ(sock_getsockopt(host.net, active, IPPROTO_TCP, TCP_MAXSEG, &value, &size), 0);
    EXPECT_EQ(value, 1448); /* without the timestamps, which is how Linux counts it */
}
