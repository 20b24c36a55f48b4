/*
 * Ethernet: which frames get in, and what frames that go out look like.
 */
#include "support/frame_device.hpp"
#include "support/frames.hpp"

#include <gtest/gtest.h>

namespace microps
{
namespace
{

constexpr mac_addr PEER_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x02}};

octets request_for_us()
{
    return arp_fields{.op = 1, .sha = PEER_MAC, .spa = addr("192.0.2.1"), .tpa = addr("192.0.2.2")}.bytes();
}

TEST(EtherInput, FramesForUsAndBroadcastsGetIn)
{
    frame_host host;
    host.receive(eth_frame(ETHER_ADDR_BROADCAST, PEER_MAC, 0x0806, request_for_us()));
    EXPECT_EQ(host.sent().size(), 1u);
    host.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0806, request_for_us()));
    EXPECT_EQ(host.sent().size(), 1u);
}

TEST(EtherInput, OtherFramesAreCountedAsNotForUs)
{
    frame_host host;
    host.receive(eth_frame(PEER_MAC, PEER_MAC, 0x0806, request_for_us()));
    host.receive(eth_frame(mac_addr{{0x01, 0x00, 0x5e, 0, 0, 1}}, PEER_MAC, 0x0806, request_for_us()));
    host.receive(eth_frame(mac_addr{{0x33, 0x33, 0, 0, 0, 1}}, PEER_MAC, 0x86dd, octets(40)));
    EXPECT_TRUE(host.sent().empty());
    EXPECT_EQ(host.dropped(drop_reason::not_for_us), 3u);
}

TEST(EtherInput, FramesShorterThanTheHeaderAreDropped)
{
    frame_host host;
    for (size_t size = 0; size < 14; size++) {
        host.receive(octets(size, 0xff));
    }
    EXPECT_EQ(host.dropped(drop_reason::too_short), 14u);
}

/* RFC 1122 2.3.3: a host may discard IEEE 802.3 frames; their type field is a length. */
TEST(EtherInput, LengthsAndUnknownTypesAreDropped)
{
    frame_host host;
    for (unsigned type : {0u, 46u, 0x05ffu, 0x0600u, 0x86ddu, 0xffffu}) {
        host.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, type, octets(46)));
    }
    EXPECT_EQ(host.dropped(drop_reason::unknown_ethertype), 6u);
}

/* RFC 894: the padding of a short frame is not part of the packet, and (we add) nobody's old data. */
TEST(EtherOutput, ShortFramesArePaddedWithZeroToSixtyBytes)
{
    frame_host host;
    host.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0806, request_for_us()));
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    octets expected = eth_frame(
        PEER_MAC, FRAME_HOST_MAC, 0x0806,
        arp_fields{.op = 2, .sha = FRAME_HOST_MAC, .spa = addr("192.0.2.2"), .tha = PEER_MAC, .tpa = addr("192.0.2.1")}
            .bytes());
    expected.resize(60);
    EXPECT_EQ(sent[0], expected);
}

TEST(EtherOutput, HeaderStandsInFrontOfThePayload)
{
    frame_host host;
    host.start();
    {
        net_guard guard(host.net);
        packet_ptr pkt = packet_alloc(host.net, LINK_HEADROOM, pattern_octets(1500));
        ASSERT_EQ(net_device_output(*host.dev, 0x0800, std::move(pkt), PEER_MAC.bytes.data()), 0);
        pkt = packet_alloc(host.net, LINK_HEADROOM, pattern_octets(46));
        ASSERT_EQ(net_device_output(*host.dev, 0x0800, std::move(pkt), nullptr), 0);
        pkt = packet_alloc(host.net, LINK_HEADROOM, pattern_octets(1501));
        ASSERT_EQ(net_device_output(*host.dev, 0x0800, std::move(pkt), nullptr), -1);
    }
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(sent[0], eth_frame(PEER_MAC, FRAME_HOST_MAC, 0x0800, pattern_octets(1500)));
    EXPECT_EQ(sent[1], eth_frame(ETHER_ADDR_BROADCAST, FRAME_HOST_MAC, 0x0800, pattern_octets(46)));
    EXPECT_EQ(host.dropped(drop_reason::too_long), 1u);
}

} // namespace
} // namespace microps
