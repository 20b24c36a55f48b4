/*
 * IP output (RFC 791, RFC 1122 3.2.1, 3.3.1): what goes out, from which address, and to whom.
 */
#include "microps/arp.hpp"
#include "microps/driver/loopback.hpp"
#include "microps/driver/raw_ip.hpp"
#include "support/frame_device.hpp"
#include "support/frames.hpp"
#include "support/ip_probe.hpp"

#include <cerrno>
#include <gtest/gtest.h>
#include <set>

namespace microps
{
namespace
{

constexpr mac_addr GATEWAY_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x02}};
constexpr mac_addr NEIGHBOUR_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x07}};

ip_addr_t ip(const char *text) { return ip_addr_t(be32(addr(text))); }

class IpOutput : public ::testing::Test
{
protected:
    /** Teaches the host who its gateway 192.0.2.1 and its neighbour 192.0.2.7 are. */
    void know_neighbours()
    {
        host.start();
        host.add_neighbour("192.0.2.1", GATEWAY_MAC);
        host.add_neighbour("192.0.2.7", NEIGHBOUR_MAC);
    }
    /** The last send's only frame. */
    octets sent_frame()
    {
        const std::vector<octets> frames = host.sent();
        EXPECT_EQ(frames.size(), 1u);
        return frames.empty() ? octets{} : frames[0];
    }
    void add_loopback()
    {
        net_guard guard(host.net);
        ip_iface_register(*loopback_init(host.net), *ip_iface_alloc(host.net, "127.0.0.1", "255.0.0.0"));
    }

    frame_host host{};
    ip_probe probe{host};
};

/* RFC 791 3.1: byte for byte; only the identification is free. */
TEST_F(IpOutput, HeaderIsWrittenAsRfc791Says)
{
    know_neighbours();
    EXPECT_EQ(probe.send(text_octets("abc"), "192.0.2.7", nullptr, {.ttl = 64, .tos = 0x10, .df = ip_df::always}), 3);
    octets frame = sent_frame();
    ASSERT_EQ(frame.size(), 60u);
    const frame_view view(frame);
    EXPECT_TRUE(view.ip_sum_good);
    frame[18] = frame[19] = frame[24] = frame[25] = 0; /* identification, checksum */
    octets expected = {
        0x00, 0x00, 0x5e, 0x00, 0x53, 0x07, 0x00, 0x00, 0x5e, 0x00, 0x53, 0x01, 0x08, 0x00, /* Ethernet */
        0x45, 0x10, 0x00, 0x17, 0x00, 0x00, 0x40, 0x00, 0x40, 0xfd, 0x00, 0x00,             /* IP */
        0xc0, 0x00, 0x02, 0x02, 0xc0, 0x00, 0x02, 0x07, 'a',  'b',  'c',
    };
    expected.resize(60);
    EXPECT_EQ(frame, expected);
}

TEST_F(IpOutput, DefaultsAreTheOriginals)
{
    know_neighbours();
    probe.send(text_octets("abc"), "192.0.2.7");
    const octets frame = sent_frame();
    EXPECT_EQ(frame_view(frame).ttl, 255u);
    EXPECT_EQ(frame_view(frame).tos, 0u);
    EXPECT_EQ(frame_view(frame).offset, 0u);
}

/* RFC 1122 3.3.1.1: a destination on the subnet is reached directly and any other one by the gateway. The C original's
 * older generation never uses the gateway here. */
TEST_F(IpOutput, OffLinkGoesToTheGateway)
{
    know_neighbours();
    probe.send(text_octets("abc"), "192.0.2.7", "192.0.2.2");
    EXPECT_EQ(frame_view(sent_frame()).dst_mac, NEIGHBOUR_MAC);
    probe.send(text_octets("abc"), "8.8.8.8", "192.0.2.2");
    EXPECT_EQ(frame_view(sent_frame()).dst_mac, GATEWAY_MAC);
    probe.send(text_octets("abc"), "8.8.8.8");
    const octets frame = sent_frame();
    EXPECT_EQ(frame_view(frame).dst_mac, GATEWAY_MAC);
    EXPECT_EQ(frame_view(frame).src, addr("192.0.2.2"));
}

/* RFC 1122 3.3.6: a limited broadcast goes to the link's broadcast address. The C original's newer generation sends it
 * to the gateway's. */
TEST_F(IpOutput, LimitedBroadcastGoesToEverybodyAndNotToTheGateway)
{
    know_neighbours();
    for (const char *src : {static_cast<const char *>(nullptr), "192.0.2.2"}) {
        EXPECT_EQ(probe.send(text_octets("abc"), "255.255.255.255", src), 3);
        const octets frame = sent_frame();
        EXPECT_EQ(frame_view(frame).dst_mac, ETHER_ADDR_BROADCAST);
        EXPECT_EQ(frame_view(frame).dst, 0xffffffffu);
        EXPECT_EQ(frame_view(frame).src, addr("192.0.2.2"));
    }
    EXPECT_EQ(probe.send(text_octets("abc"), "192.0.2.255"), 3);
    EXPECT_EQ(frame_view(sent_frame()).dst_mac, ETHER_ADDR_BROADCAST);
}

TEST_F(IpOutput, LimitedBroadcastLeavesByTheInterfaceOfItsSource)
{
    frame_device *second = host.add_device(NEIGHBOUR_MAC, "198.51.100.2");
    host.start();
    second->sent.clear();
    probe.send(text_octets("abc"), "255.255.255.255", "198.51.100.2");
    EXPECT_TRUE(host.sent().empty());
    ASSERT_EQ(second->sent.size(), 1u);
    EXPECT_EQ(frame_view(second->sent[0]).src, addr("198.51.100.2"));
    probe.send(text_octets("abc"), "255.255.255.255");
    EXPECT_EQ(host.sent().size(), 1u); /* without a source: by the default route */
    EXPECT_EQ(second->sent.size(), 1u);
}

TEST_F(IpOutput, SourceMustBeOurs)
{
    for (const char *src : {"192.0.2.3", "192.0.2.255", "255.255.255.255", "224.0.0.1", "8.8.8.8", "127.0.0.1"}) {
        EXPECT_EQ(probe.send(text_octets("abc"), "192.0.2.7", src), -1) << src;
        EXPECT_EQ(errno, EADDRNOTAVAIL) << src;
    }
    EXPECT_EQ(host.dropped(drop_reason::ip_bad_source), 6u);
    EXPECT_TRUE(host.sent().empty());
}

TEST_F(IpOutput, WithoutRouteItFails)
{
    for (const char *dst : {"0.0.0.0", "224.0.0.1"}) {
        EXPECT_EQ(probe.send(text_octets("abc"), dst), -1) << dst;
        EXPECT_EQ(errno, ENETUNREACH) << dst;
    }
    frame_host island("192.0.2.2", "255.255.255.0", nullptr);
    ip_probe other(island);
    for (const char *dst : {"8.8.8.8", "127.0.0.1", "255.255.255.255"}) {
        EXPECT_EQ(other.send(text_octets("abc"), dst), -1) << dst;
        EXPECT_EQ(errno, ENETUNREACH) << dst;
    }
    EXPECT_EQ(island.dropped(drop_reason::ip_no_route), 3u);
}

TEST_F(IpOutput, FailsWhileTheDeviceIsDown)
{
    net_guard guard(host.net);
    for (const char *dst : {"255.255.255.255", "192.0.2.7", "8.8.8.8"}) {
        packet_ptr pkt = packet_alloc(host.net, IP_HEADROOM, text_octets("abc"));
        EXPECT_EQ(ip_output(host.net, IP_PROTOCOL_PROBE, std::move(pkt), IP_ADDR_ANY, ip(dst)), -1);
        EXPECT_EQ(errno, ENETDOWN);
    }
    EXPECT_EQ(host.dropped(drop_reason::device_down), 3u);
}

/* RFC 1122 3.3.4: packets for own addresses never reach a wire. The C original asks by ARP for itself. */
TEST_F(IpOutput, OwnAddressesGoThroughTheLoopback)
{
    add_loopback();
    for (const char *dst : {"192.0.2.2", "127.0.0.1", "127.0.0.2", "127.255.255.254"}) {
        probe.in.clear();
        EXPECT_EQ(probe.send(text_octets("abc"), dst), 3) << dst;
        EXPECT_TRUE(host.sent().empty()) << dst;
        ASSERT_EQ(probe.in.size(), 1u) << dst;
        EXPECT_EQ(probe.in[0].dst.value, addr(dst));
        EXPECT_EQ(probe.in[0].src.value, addr(dst[0] == '1' && dst[1] == '9' ? dst : "127.0.0.1"));
        EXPECT_TRUE(probe.in[0].iface->dev->flags & NET_DEVICE_FLAG_LOOPBACK);
    }
}

TEST_F(IpOutput, OwnAddressIsReachableWithoutALoopbackDevice)
{
    EXPECT_EQ(probe.send(pattern_octets(20000), "192.0.2.2"), 20000);
    EXPECT_TRUE(host.sent().empty());
    ASSERT_EQ(probe.in.size(), 1u);
    EXPECT_EQ(probe.in[0].payload, pattern_octets(20000));
    EXPECT_EQ(probe.in[0].src.value, addr("192.0.2.2"));
}

/* RFC 6864 4.3: identifications do not repeat towards one destination while packets may live. */
TEST_F(IpOutput, IdentificationsDoNotRepeatAndCannotBeGuessed)
{
    know_neighbours();
    std::set<unsigned> ids;
    for (int i = 0; i < 65536; i++) {
        probe.send(text_octets("abc"), "192.0.2.7");
        if (i % 64 != 63) continue;
        for (const octets &frame : host.sent()) {
            ids.insert(frame_view(frame).id);
        }
    }
    EXPECT_EQ(ids.size(), 65536u);

    /* Another stack, another beginning; another destination, another sequence. */
    frame_host other_host("192.0.2.2", "255.255.255.0", "192.0.2.1", 2);
    ip_probe other(other_host);
    std::set<unsigned> first;
    for (const char *dst : {"255.255.255.255", "192.0.2.255"}) {
        probe.send(text_octets("abc"), dst);
        first.insert(frame_view(sent_frame()).id);
        other.send(text_octets("abc"), dst);
        const std::vector<octets> frames = other_host.sent();
        ASSERT_EQ(frames.size(), 1u);
        first.insert(frame_view(frames[0]).id);
    }
    EXPECT_EQ(first.size(), 4u);
}

/* A device without ARP: no link address, and any destination on it is on the link. */
TEST_F(IpOutput, PointToPointDevicesNeedNoArp)
{
    std::vector<octets> packets;
    {
        net_guard guard(host.net);
        net_device *raw = raw_ip_init(host.net, 1400, [&](std::span<const uint8_t> packet) {
            packets.emplace_back(packet.begin(), packet.end());
        });
        ip_iface *iface = ip_iface_alloc(host.net, "10.0.0.1", "255.255.255.255");
        ip_iface_register(*raw, *iface);
        ip_route_add(ip("10.0.0.0"), ip("255.0.0.0"), IP_ADDR_ANY, *iface);
    }
    EXPECT_EQ(probe.send(text_octets("abc"), "10.9.9.9"), 3);
    host.settle();
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].size(), 23u);
    EXPECT_EQ(get32(packets[0], 12), addr("10.0.0.1"));
    EXPECT_EQ(get32(packets[0], 16), addr("10.9.9.9"));
}

TEST_F(IpOutput, LimitsAreThoseOfTheWayOut)
{
    add_loopback();
    net_guard guard(host.net);
    EXPECT_EQ(ip_output_limits(host.net, ip("8.8.8.8"))->mtu, 1500u);
    EXPECT_EQ(ip_output_limits(host.net, ip("8.8.8.8"))->payload_max, 1480u);
    EXPECT_EQ(ip_output_limits(host.net, ip("192.0.2.2"))->mtu, 65535u);
    EXPECT_FALSE(ip_output_limits(host.net, ip("224.0.0.1")));
    EXPECT_EQ(ip_source_select(host.net, ip("8.8.8.8")), ip("192.0.2.2"));
    EXPECT_EQ(ip_source_select(host.net, ip("127.0.0.3")), ip("127.0.0.1"));
    EXPECT_FALSE(ip_source_select(host.net, ip("224.0.0.1")));
}

TEST_F(IpOutput, KnowsWhatIsLocalAndWhatIsBroadcast)
{
    net_guard guard(host.net);
    for (const char *text : {"0.0.0.0", "127.0.0.1", "127.255.0.1", "192.0.2.2"}) {
        EXPECT_TRUE(ip_addr_is_local(host.net, ip(text))) << text;
    }
    for (const char *text : {"192.0.2.1", "192.0.2.255", "255.255.255.255", "8.8.8.8"}) {
        EXPECT_FALSE(ip_addr_is_local(host.net, ip(text))) << text;
    }
    EXPECT_TRUE(ip_addr_is_broadcast(host.net, ip("192.0.2.255")));
    EXPECT_TRUE(ip_addr_is_broadcast(host.net, ip("255.255.255.255")));
    EXPECT_FALSE(ip_addr_is_broadcast(host.net, ip("192.0.2.2")));
    EXPECT_FALSE(ip_addr_is_broadcast(host.net, ip("8.8.8.255")));
}

/* RFC 768, RFC 9293 3.1: the pseudo-header, against a sum by hand. */
TEST_F(IpOutput, PseudoHeaderSumIsThatOfItsTwelveBytes)
{
    const octets pseudo = {0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02, 0x00, 0x11, 0x01, 0x02};
    EXPECT_EQ(ip_pseudo_sum(ip("192.0.2.1"), ip("192.0.2.2"), 17, 0x0102), cksum_partial(pseudo));
}

} // namespace
} // namespace microps
