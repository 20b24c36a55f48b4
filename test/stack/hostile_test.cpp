/*
 * Hostile input: whatever comes in, the stack survives, and says of each frame what became of it.
 */
#include "microps/arp.hpp"
#include "support/frame_device.hpp"
#include "support/frames.hpp"
#include "support/ip_probe.hpp"

#include <gtest/gtest.h>

namespace microps
{
namespace
{

constexpr mac_addr PEER_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x02}};

/** Well-formed frames of every kind the stack knows, to be damaged. */
std::vector<octets> seeds()
{
    const auto from_peer = [](unsigned protocol, unsigned offset, octets payload) {
        const ip_fields fields{.offset = offset,
                               .protocol = protocol,
                               .src = addr("192.0.2.1"),
                               .dst = addr("192.0.2.2"),
                               .payload = std::move(payload)};
        return eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0800, fields.bytes());
    };
    const octets quoted =
        ip_fields{.protocol = 17, .src = addr("192.0.2.2"), .dst = addr("198.51.100.1"), .payload = octets(16)}.bytes();
    octets syn(40);
    syn[0] = 0x9c;
    syn[3] = 7;
    syn[12] = 0xa0;
    syn[13] = 0x02;
    const arp_fields arp{.sha = PEER_MAC, .spa = addr("192.0.2.1"), .tpa = addr("192.0.2.2")};
    return {eth_frame(ETHER_ADDR_BROADCAST, PEER_MAC, 0x0806, arp.bytes()),
            from_peer(1, 0, icmp_message(8, 0, 1, pattern_octets(56))),
            from_peer(1, 0, icmp_message(0, 0, 1, pattern_octets(56))),
            from_peer(1, 0, icmp_message(3, 3, 0, quoted)),
            from_peer(1, 0, icmp_message(11, 0, 0, quoted)),
            from_peer(17, 0, udp_message(40000, 7, pattern_octets(30))),
            from_peer(17, 0x2000, pattern_octets(64)),
            from_peer(17, 0x0008, pattern_octets(64)),
            from_peer(6, 0, syn),
            from_peer(IP_PROTOCOL_PROBE, 0, pattern_octets(100)),
            from_peer(200, 0, pattern_octets(100)),
            eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x86dd, octets(60))};
}

/** Makes the IP header's checksum right again, so that damage behind it is looked at. */
void repair(octets &frame)
{
    if (frame.size() < 34 || get16(frame, 12) != 0x0800) return;
    const size_t hlen = std::min<size_t>((frame[14] & 0x0f) * 4u, frame.size() - 14);
    if (hlen < 20) return;
    frame[24] = frame[25] = 0;
    const uint16_t sum = cksum16(std::span(frame).subspan(14, hlen));
    frame[24] = static_cast<uint8_t>(sum >> 8);
    frame[25] = static_cast<uint8_t>(sum & 0xff);
}

/** One to four of: a flipped bit, a random byte, an extreme byte, a cut, an extension. */
void damage(octets &frame, net_random &random)
{
    for (uint64_t n = 1 + random.below(4); n > 0 && !frame.empty(); n--) {
        uint8_t &byte = frame[random.below(frame.size())];
        switch (random.below(5)) {
        case 0:
            byte = static_cast<uint8_t>(byte ^ (1u << random.below(8)));
            break;
        case 1:
            byte = static_cast<uint8_t>(random.u32());
            break;
        case 2:
            byte = random.chance(0.5) ? 0x00 : 0xff;
            break;
        case 3:
            frame.resize(random.below(frame.size() + 1));
            break;
        default:
            frame.resize(frame.size() + random.below(100), static_cast<uint8_t>(random.u32()));
            break;
        }
    }
}

class Hostile : public ::testing::TestWithParam<uint64_t>
{
protected:
    /** What the stack says has become of the frames so far. */
    [[nodiscard]] uint64_t accounted() const
    {
        return host.net.stats.dropped() + host.counted(counter::arp_in_requests) +
               host.counted(counter::arp_in_replies) + host.counted(counter::ip_in_delivers) +
               host.counted(counter::ip_reasm_reqds);
    }

    frame_host host{};
    ip_probe probe{host};
};

TEST_P(Hostile, RandomFramesAreAllAccountedFor)
{
    net_random random(GetParam());
    for (int i = 0; i < 5000; i++) {
        octets frame(random.below(200));
        for (uint8_t &byte : frame) {
            byte = static_cast<uint8_t>(random.u32());
        }
        if (frame.size() >= 14 && random.chance(0.9)) { /* past the first filter */
            std::copy(FRAME_HOST_MAC.bytes.begin(), FRAME_HOST_MAC.bytes.end(), frame.begin());
            frame[12] = 0x08;
            frame[13] = random.chance(0.5) ? 0x00 : 0x06;
        }
        const uint64_t before = accounted();
        host.receive(frame);
        ASSERT_GT(accounted(), before) << "frame " << i;
    }
}

TEST_P(Hostile, DamagedFramesAreAllAccountedFor)
{
    const std::vector<octets> originals = seeds();
    net_random random(GetParam() + 1000);
    for (int i = 0; i < 10000; i++) {
        octets frame = originals[random.below(originals.size())];
        damage(frame, random);
        if (random.chance(0.7)) repair(frame);
        const uint64_t before = accounted();
        host.receive(frame);
        ASSERT_GT(accounted(), before) << "frame " << i;
        if (random.chance(0.01)) host.advance(std::chrono::seconds(1));
    }
    /* Nothing is kept: not a packet, not a timer. */
    host.advance(std::chrono::minutes(10));
    host.sent();
    EXPECT_EQ(host.net.packets.in_use(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Hostile, ::testing::Range<uint64_t>(1, 6));

} // namespace
} // namespace microps
