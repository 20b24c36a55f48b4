/*
 * IP input (RFC 791, RFC 1122 3.2.1): what reaches a transport protocol, and what it sees.
 */
#include "microps/driver/loopback.hpp"
#include "microps/icmp.hpp"
#include "support/frame_device.hpp"
#include "support/frames.hpp"
#include "support/ip_probe.hpp"

#include <gtest/gtest.h>

namespace microps
{
namespace
{

constexpr mac_addr PEER_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x02}};

class IpInput : public ::testing::Test
{
protected:
    static ip_fields good()
    {
        return {.protocol = IP_PROTOCOL_PROBE,
                .src = addr("192.0.2.1"),
                .dst = addr("192.0.2.2"),
                .payload = text_octets("payload")};
    }
    void comes(const octets &packet, const mac_addr &dst = FRAME_HOST_MAC)
    {
        host.receive(eth_frame(dst, PEER_MAC, 0x0800, packet));
    }
    void comes(const ip_fields &fields, const mac_addr &dst = FRAME_HOST_MAC) { comes(fields.bytes(), dst); }

    frame_host host{};
    ip_probe probe{host};
};

/* RFC 791 3.1: byte for byte. */
TEST_F(IpInput, HeaderIsReadAsRfc791Says)
{
    comes(octets{
        0x45, 0x10, 0x00, 0x17, 0x12, 0x34, 0x40, 0x00, 0x40, 0xfd, 0xa3, 0xa2, /* checksum by hand */
        0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02, 'a',  'b',  'c',
    });
    ASSERT_EQ(probe.in.size(), 1u);
    const ip_probe::received &in = probe.in[0];
    EXPECT_EQ(in.payload, text_octets("abc"));
    EXPECT_EQ(in.packet.size(), 23u);
    EXPECT_EQ(in.src.value, addr("192.0.2.1"));
    EXPECT_EQ(in.dst.value, addr("192.0.2.2"));
    EXPECT_EQ(in.iface, host.iface);
    EXPECT_EQ(in.ttl, 0x40);
    EXPECT_EQ(in.tos, 0x10);
    EXPECT_FALSE(in.csum_valid);
    EXPECT_FALSE(in.link_broadcast);
    EXPECT_FALSE(in.dst_is_broadcast);
}

/* RFC 894: the padding of a short frame is not part of the packet. The C original's older generation hands it up. */
TEST_F(IpInput, LinkPaddingIsStripped)
{
    octets packet = good().bytes();
    const size_t size = packet.size();
    packet.resize(46, 0xee);
    comes(packet);
    ASSERT_EQ(probe.in.size(), 1u);
    EXPECT_EQ(probe.in[0].payload, text_octets("payload"));
    EXPECT_EQ(probe.in[0].packet.size(), size);
}

TEST_F(IpInput, OptionsAreSkippedByTheHeaderLength)
{
    ip_fields fields = good();
    fields.options = {0x94, 0x04, 0x00, 0x00, 0x01, 0x01, 0x01, 0x00};
    comes(fields);
    fields.options = octets(40, 0x01);
    comes(fields);
    ASSERT_EQ(probe.in.size(), 2u);
    EXPECT_EQ(probe.in[0].payload, text_octets("payload"));
    EXPECT_EQ(probe.in[1].payload, text_octets("payload"));
}

TEST_F(IpInput, TooShortForAHeaderIsDropped)
{
    const octets packet = good().bytes();
    for (size_t size = 0; size < 20; size++) {
        comes(octets(packet.begin(), packet.begin() + static_cast<long>(size)));
    }
    EXPECT_EQ(host.dropped(drop_reason::too_short), 20u);
}

/* RFC 1122 3.2.1.1: a version other than 4 is silently discarded. */
TEST_F(IpInput, OtherVersionsAreDropped)
{
    for (unsigned version : {0u, 3u, 5u, 6u, 15u}) {
        ip_fields fields = good();
        fields.version = version;
        comes(fields);
    }
    EXPECT_EQ(host.dropped(drop_reason::ip_version), 5u);
}

/* RFC 1122 3.2.1: a header length below 20 bytes, or beyond the packet, is malformed. The C original reads the former
 * as 20 and the latter to its end. */
TEST_F(IpInput, HeaderLengthMustBePossible)
{
    for (int ihl = 0; ihl < 5; ihl++) {
        ip_fields fields = good();
        fields.ihl = ihl;
        comes(fields);
    }
    ip_fields fields = good();
    fields.ihl = 15; /* 60 bytes, of which 27 are there */
    comes(fields);
    EXPECT_EQ(host.dropped(drop_reason::bad_header), 6u);
    EXPECT_TRUE(probe.in.empty());
}

/* RFC 791 3.1: the total length is at least the header's and at most the packet's. In the C original a smaller one
 * makes the payload's length wrap around. */
TEST_F(IpInput, TotalLengthMustHoldTheHeaderAndBeThere)
{
    for (int total : {0, 1, 19, 28, 1500, 65535}) {
        ip_fields fields = good();
        fields.total = total;
        comes(fields);
    }
    EXPECT_EQ(host.dropped(drop_reason::bad_length), 6u);
    ip_fields fields = good();
    fields.total = 20;
    comes(fields);
    ASSERT_EQ(probe.in.size(), 1u);
    EXPECT_TRUE(probe.in[0].payload.empty());
}

/* RFC 1122 3.2.1.2: a host MUST verify the header checksum. */
TEST_F(IpInput, EveryFlippedBitOfTheHeaderIsNoticed)
{
    const octets packet = good().bytes();
    for (size_t bit = 0; bit < 160; bit++) {
        octets damaged = packet;
        damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ (1u << bit % 8));
        comes(damaged);
    }
    EXPECT_TRUE(probe.in.empty());
    EXPECT_EQ(host.net.stats.dropped(), 160u);
}

/* RFC 1122 3.2.1.7: a host MUST NOT discard a datagram just because it was received with TTL less than 2. */
TEST_F(IpInput, TtlZeroIsAcceptedByItsDestination)
{
    ip_fields fields = good();
    fields.ttl = 0;
    comes(fields);
    ASSERT_EQ(probe.in.size(), 1u);
    EXPECT_EQ(probe.in[0].ttl, 0);
}

/* RFC 1122 3.2.1.3, 3.3.6: for us are our address and the broadcast addresses of the link. */
TEST_F(IpInput, BroadcastsReachUs)
{
    for (const char *dst : {"192.0.2.255", "255.255.255.255"}) {
        ip_fields fields = good();
        fields.dst = addr(dst);
        comes(fields, ETHER_ADDR_BROADCAST);
    }
    ASSERT_EQ(probe.in.size(), 2u);
    EXPECT_TRUE(probe.in[0].link_broadcast);
    EXPECT_TRUE(probe.in[0].dst_is_broadcast);
    EXPECT_TRUE(probe.in[1].dst_is_broadcast);
}

TEST_F(IpInput, OtherDestinationsAreCountedAndNotForwarded)
{
    for (const char *dst : {"192.0.2.3", "198.51.100.1", "224.0.0.1", "127.0.0.1", "127.1.2.3", "0.0.0.0", "192.0.2.0",
                            "192.0.3.255", "255.255.255.254"}) {
        ip_fields fields = good();
        fields.dst = addr(dst);
        comes(fields);
    }
    EXPECT_EQ(host.dropped(drop_reason::ip_not_local), 9u);
    EXPECT_TRUE(probe.in.empty());
    EXPECT_TRUE(host.sent().empty());
}

/* RFC 1122 3.3.6: a link broadcast that is not an IP broadcast is silently discarded. */
TEST_F(IpInput, UnicastInALinkBroadcastIsDropped)
{
    comes(good(), ETHER_ADDR_BROADCAST);
    EXPECT_TRUE(probe.in.empty());
    EXPECT_EQ(host.dropped(drop_reason::ip_not_local), 1u);
}

/* RFC 1122 3.2.1.3: a datagram whose source is not one host's address is silently discarded. */
TEST_F(IpInput, MartianSourcesAreDropped)
{
    for (const char *src : {"255.255.255.255", "192.0.2.255", "224.0.0.1", "239.255.255.255", "127.0.0.1", "127.9.9.9",
                            "0.0.0.0", "0.1.2.3", "192.0.2.2"}) {
        ip_fields fields = good();
        fields.src = addr(src);
        comes(fields);
    }
    EXPECT_EQ(host.dropped(drop_reason::ip_martian_source), 9u);
    EXPECT_TRUE(probe.in.empty());
}

/* RFC 1122 3.2.2.1: a host SHOULD answer an unknown protocol by "protocol unreachable". */
TEST_F(IpInput, UnknownProtocolIsAnsweredByProtocolUnreachable)
{
    host.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0806,
                           arp_fields{.sha = PEER_MAC, .spa = addr("192.0.2.1"), .tpa = addr("192.0.2.2")}.bytes()));
    host.sent();
    ip_fields fields = good();
    fields.protocol = 254;
    comes(fields);
    EXPECT_EQ(host.dropped(drop_reason::ip_unknown_protocol), 1u);
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    const frame_view view(sent[0]);
    ASSERT_EQ(view.protocol, IP_PROTOCOL_ICMP);
    EXPECT_EQ(view.payload[0], ICMP_TYPE_DEST_UNREACH);
    EXPECT_EQ(view.payload[1], ICMP_CODE_PROTO_UNREACH);
    EXPECT_EQ(octets(view.payload.begin() + 8, view.payload.end()), fields.bytes());
}

/* RFC 1122 3.3.4.2, weak model: any of our addresses by any interface, as in Linux; 127/8 by none. */
TEST_F(IpInput, AnyOfOurAddressesIsReachableByAnyInterface)
{
    host.add_device(PEER_MAC, "198.51.100.2");
    {
        net_guard guard(host.net);
        ip_iface_register(*loopback_init(host.net), *ip_iface_alloc(host.net, "127.0.0.1", "255.0.0.0"));
    }
    ip_fields fields = good();
    fields.dst = addr("198.51.100.2");
    comes(fields);
    ASSERT_EQ(probe.in.size(), 1u);
    EXPECT_EQ(probe.in[0].iface, host.iface);
    fields.dst = addr("198.51.100.255"); /* a broadcast on another link is not one here */
    comes(fields);
    fields.dst = addr("127.0.0.1");
    comes(fields);
    EXPECT_EQ(probe.in.size(), 1u);
    EXPECT_EQ(host.dropped(drop_reason::ip_not_local), 2u);
}

TEST_F(IpInput, DeviceWithoutAddressTakesNothing)
{
    frame_device *second = host.add_device(PEER_MAC);
    host.start();
    {
        net_guard guard(host.net);
        second->receive(eth_frame(PEER_MAC, FRAME_HOST_MAC, 0x0800, good().bytes()));
    }
    host.settle();
    EXPECT_TRUE(probe.in.empty());
    EXPECT_EQ(host.dropped(drop_reason::ip_not_local), 1u);
}

/* What a device says about checksums reaches the transport, unless it says it about something else. */
TEST_F(IpInput, ChecksumOffloadIsPassedUp)
{
    host.start();
    const octets frame = eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0800, good().bytes());
    const auto receive = [&](const packet_offload &offload) {
        {
            net_guard guard(host.net);
            packet_ptr pkt = packet_alloc(host.net, 0, frame);
            pkt->offload = offload;
            net_device_input(*host.dev, std::move(pkt));
        }
        host.settle();
        return probe.in.back().csum_valid;
    };
    EXPECT_FALSE(receive({}));
    EXPECT_TRUE(receive({.csum_valid = true}));
    EXPECT_TRUE(receive({.csum_partial = true, .csum_start = 34, .csum_offset = 6}));
    EXPECT_FALSE(receive({.csum_partial = true, .csum_start = 35, .csum_offset = 6}));
}

} // namespace
} // namespace microps
