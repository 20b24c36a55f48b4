/*
 * Fragments (RFC 791 3.2, RFC 1122 3.3.2 and 3.3.3, RFC 815, RFC 5722), in both directions.
 */
#include "microps/arp.hpp"
#include "microps/icmp.hpp"
#include "support/frame_device.hpp"
#include "support/frames.hpp"
#include "support/ip_probe.hpp"

#include <algorithm>
#include <cerrno>
#include <gtest/gtest.h>

namespace microps
{
namespace
{

using namespace std::chrono_literals;

constexpr mac_addr PEER_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x02}};

class IpFragment : public ::testing::Test
{
protected:
    IpFragment()
    {
        host.start();
        host.add_neighbour("192.0.2.1", PEER_MAC);
    }

    /** Bytes [begin, end) of @p whole as a fragment. */
    static ip_fields fragment(const octets &whole, size_t begin, size_t end, unsigned id = 1,
                              const char *src = "192.0.2.1")
    {
        const unsigned more = end < whole.size() ? 0x2000u : 0u;
        return {.id = id,
                .offset = static_cast<unsigned>(begin / 8) | more,
                .protocol = IP_PROTOCOL_PROBE,
                .src = addr(src),
                .dst = addr("192.0.2.2"),
                .payload = octets(whole.begin() + static_cast<long>(begin), whole.begin() + static_cast<long>(end))};
    }
    void comes(const ip_fields &fields) { host.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0800, fields.bytes())); }
    void comes(const octets &whole, size_t begin, size_t end, unsigned id = 1)
    {
        comes(fragment(whole, begin, end, id));
    }

    frame_host host{};
    ip_probe probe{host};
};

using IpReassembly = IpFragment;
using IpFragmentation = IpFragment;

/* RFC 791 3.2: fragments make up the packet in whatever order they arrive. */
TEST_F(IpReassembly, FragmentsMakeThePacketInAnyOrder)
{
    const octets whole = pattern_octets(4000);
    std::vector<std::pair<size_t, size_t>> ranges = {{0, 1480}, {1480, 2960}, {2960, 4000}};
    std::sort(ranges.begin(), ranges.end());
    unsigned id = 0;
    do {
        probe.in.clear();
        id++;
        for (const auto &[begin, end] : ranges) {
            comes(whole, begin, end, id);
        }
        ASSERT_EQ(probe.in.size(), 1u);
        EXPECT_EQ(probe.in[0].payload, whole);
        EXPECT_EQ(probe.in[0].src.value, addr("192.0.2.1"));
    } while (std::next_permutation(ranges.begin(), ranges.end()));
    EXPECT_EQ(host.counted(counter::ip_reasm_oks), 6u);
    EXPECT_EQ(host.net.packets.in_use(), 0u);
}

/* What the transport quotes in an error is the packet as it would have come whole. */
TEST_F(IpReassembly, HeaderIsTheFirstFragmentsBroughtUpToDate)
{
    const octets whole = pattern_octets(3000);
    ip_fields first = fragment(whole, 0, 1480, 77);
    first.options = {0x94, 0x04, 0x00, 0x00};
    first.tos = 0x10;
    first.ttl = 33;
    comes(whole, 1480, 3000, 77);
    comes(first);
    ASSERT_EQ(probe.in.size(), 1u);
    ip_fields expected = first;
    expected.offset = 0;
    expected.payload = whole;
    EXPECT_EQ(probe.in[0].packet, expected.bytes());
    EXPECT_EQ(probe.in[0].ttl, 33);
    EXPECT_EQ(probe.in[0].tos, 0x10);
}

/* RFC 1122 3.3.2: EMTU_R is at least 576, and better without a limit, so the largest packet that there is can be
 * reassembled. */
TEST_F(IpReassembly, LargestPacketIsReassembled)
{
    const octets whole = pattern_octets(IP_PAYLOAD_SIZE_MAX);
    for (size_t begin = 0; begin < whole.size(); begin += 1480) {
        comes(whole, begin, std::min(begin + 1480, whole.size()));
    }
    ASSERT_EQ(probe.in.size(), 1u);
    EXPECT_EQ(probe.in[0].payload, whole);
}

/* RFC 815: shuffled and duplicated fragments of random sizes make up the packet. */
TEST_F(IpReassembly, RandomFragmentsInRandomOrderWithDuplicates)
{
    net_random random(5);
    for (unsigned round = 0; round < 200; round++) {
        const octets whole = pattern_octets(1 + random.below(20000));
        std::vector<std::pair<size_t, size_t>> ranges;
        for (size_t begin = 0; begin < whole.size();) {
            const size_t end = std::min(whole.size(), begin + 8 * (1 + random.below(180)));
            ranges.emplace_back(begin, end);
            if (random.chance(0.2)) ranges.emplace_back(begin, end);
            begin = end;
        }
        for (size_t i = ranges.size(); i > 1; i--) {
            std::swap(ranges[i - 1], ranges[random.below(i)]);
        }
        probe.in.clear();
        for (const auto &[begin, end] : ranges) {
            comes(whole, begin, end, round);
        }
        ASSERT_GE(probe.in.size(), 1u) << "round " << round;
        EXPECT_EQ(probe.in[0].payload, whole) << "round " << round;
        host.advance(61s); /* duplicates after the end begin a datagram that will never be whole */
    }
    EXPECT_EQ(host.dropped(drop_reason::ip_fragment_overlap), 0u);
    EXPECT_EQ(host.net.packets.in_use(), 0u);
}

/* RFC 791 3.2: fragments belong together by source, destination, protocol and identification. */
TEST_F(IpReassembly, FragmentsOfDifferentPacketsAreNotMixed)
{
    const octets whole = pattern_octets(2000);
    comes(fragment(whole, 0, 1480, 1));
    comes(fragment(whole, 1480, 2000, 2));
    comes(fragment(whole, 1480, 2000, 1, "192.0.2.3"));
    ip_fields broadcast = fragment(whole, 1480, 2000, 1);
    broadcast.dst = addr("192.0.2.255");
    comes(broadcast);
    ip_fields other = fragment(whole, 1480, 2000, 1);
    other.protocol = IP_PROTOCOL_UDP;
    comes(other);
    EXPECT_TRUE(probe.in.empty());
    comes(fragment(whole, 1480, 2000, 1));
    EXPECT_EQ(probe.in.size(), 1u);
}

/* RFC 5722 (for IPv6, against the same attack): overlapping fragments discard the packet, and also the fragments of it
 * that come later. */
TEST_F(IpReassembly, OverlapDiscardsTheWholePacket)
{
    const octets whole = pattern_octets(3200);
    octets evil = whole;
    evil[1400] ^= 0xff;
    const auto rest = [&](unsigned id) {
        comes(whole, 0, 1600, id);
        comes(whole, 1600, 3200, id);
    };
    comes(whole, 800, 1600, 1);
    comes(whole, 0, 808, 1); /* reaches into it */
    rest(1);
    comes(whole, 800, 1600, 2);
    comes(whole, 792, 2400, 2); /* covers it */
    rest(2);
    comes(whole, 800, 1600, 3);
    comes(evil, 800, 1600, 3); /* the same place, other bytes */
    rest(3);
    EXPECT_TRUE(probe.in.empty());
    EXPECT_EQ(host.dropped(drop_reason::ip_fragment_overlap), 3u + 6u);
    EXPECT_EQ(host.counted(counter::ip_reasm_fails), 3u);
    EXPECT_TRUE(host.sent().empty());
    host.advance(61s);
    rest(1); /* the number may be used again */
    EXPECT_EQ(probe.in.size(), 1u);
}

TEST_F(IpReassembly, ContradictingLengthsDiscardTheWholePacket)
{
    const octets whole = pattern_octets(3200);
    const octets shorter = pattern_octets(2400);
    comes(whole, 1600, 3200, 1);
    comes(shorter, 1600, 2400, 1); /* another end */
    comes(shorter, 1600, 2400, 2);
    comes(whole, 2400, 2480, 2); /* beyond the end */
    EXPECT_EQ(host.dropped(drop_reason::ip_fragment_overlap), 2u);
    EXPECT_EQ(host.counted(counter::ip_reasm_fails), 2u);
}

TEST_F(IpReassembly, ImpossibleFragmentsAreDropped)
{
    const octets whole = pattern_octets(3200);
    ip_fields odd = fragment(whole, 0, 15);
    comes(odd);                   /* not the last, and not a multiple of eight */
    comes(fragment(whole, 8, 8)); /* empty */
    ip_fields empty_last = fragment(whole, 8, 8);
    empty_last.offset = 1;
    comes(empty_last);
    ip_fields death = fragment(whole, 0, 8);
    death.offset = 0x1fff; /* "ping of death": ends behind byte 65535 */
    comes(death);
    EXPECT_EQ(host.dropped(drop_reason::bad_length), 4u);
    EXPECT_EQ(host.net.packets.in_use(), 0u);
}

/* The last place a fragment can have, together with a long header, passes 65535 bytes. */
TEST_F(IpReassembly, PacketLongerThan65535IsDropped)
{
    const octets whole = pattern_octets(IP_PAYLOAD_SIZE_MAX);
    ip_fields first = fragment(whole, 0, 1480);
    first.options = octets(40, 0x01);
    comes(first);
    for (size_t begin = 1480; begin < whole.size(); begin += 1480) {
        comes(whole, begin, std::min(begin + 1480, whole.size()));
    }
    EXPECT_TRUE(probe.in.empty());
    EXPECT_EQ(host.dropped(drop_reason::bad_length), 1u);
}

/* RFC 1122 3.3.2: after 60 seconds a packet is given up, and the sender of its first fragment is told (RFC 792). */
TEST_F(IpReassembly, TimeoutIsReportedIfTheFirstFragmentCame)
{
    const octets whole = pattern_octets(4000);
    comes(whole, 0, 1480, 1);
    comes(whole, 1480, 2960, 1);
    comes(whole, 1480, 2960, 2);
    EXPECT_NE(host.net.packets.in_use(), 0u);
    host.advance(59s);
    EXPECT_TRUE(host.sent().empty());
    host.advance(2s);
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    const frame_view view(sent[0]);
    ASSERT_EQ(view.protocol, IP_PROTOCOL_ICMP);
    EXPECT_EQ(view.total, 576u);
    EXPECT_EQ(view.payload[0], ICMP_TYPE_TIME_EXCEEDED);
    EXPECT_EQ(view.payload[1], ICMP_CODE_EXCEEDED_FRAGMENT);
    const octets first = fragment(whole, 0, 1480, 1).bytes();
    EXPECT_TRUE(std::equal(view.payload.begin() + 8, view.payload.end(), first.begin()));
    EXPECT_EQ(host.dropped(drop_reason::ip_fragment_timeout), 2u);
    EXPECT_EQ(host.counted(counter::ip_reasm_fails), 2u);
    EXPECT_EQ(host.net.packets.in_use(), 0u);
    EXPECT_EQ(net_poll(host.net), NET_TIME_NEVER);
}

/* RFC 1122 3.3.2: the timeout is of the whole packet, not of the last fragment. */
TEST_F(IpReassembly, LaterFragmentsDoNotProlongIt)
{
    const octets whole = pattern_octets(800);
    for (size_t begin = 0; begin < 70; begin++) {
        comes(whole, 8 * begin, 8 * begin + 8);
        host.advance(1s);
    }
    EXPECT_EQ(host.dropped(drop_reason::ip_fragment_timeout), 1u);
}

TEST_F(IpReassembly, MemoryIsBounded)
{
    const octets whole = pattern_octets(3000);
    for (unsigned i = 0; i < 1000; i++) {
        ip_fields fields = fragment(whole, 1480, 3000, i);
        fields.src = addr("198.51.0.0") + 1 + i % 200;
        comes(fields);
        EXPECT_LE(host.net.packets.in_use(), 64 * PACKET_LARGE);
    }
    EXPECT_EQ(host.dropped(drop_reason::ip_fragment_limit), 1000u - 64u);
}

/* One source cannot push everybody else's datagrams out. */
TEST_F(IpReassembly, MemoryIsBoundedForEachSource)
{
    const octets whole = pattern_octets(3000);
    comes(fragment(whole, 0, 1480, 1, "192.0.2.3"));
    for (unsigned i = 0; i < 1000; i++) {
        comes(whole, 1480, 3000, i);
    }
    EXPECT_LE(host.net.packets.in_use(), 17 * PACKET_LARGE);
    comes(fragment(whole, 1480, 3000, 1, "192.0.2.3"));
    EXPECT_EQ(probe.in.size(), 1u);
}

/* RFC 791 3.2: fragments have multiples of eight bytes and one identification, and the last one is without "more
 * fragments". */
TEST_F(IpFragmentation, LongPacketsAreCut)
{
    const octets whole = pattern_octets(4000);
    EXPECT_EQ(probe.send(whole, "192.0.2.1"), 4000);
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 3u);
    octets joined;
    for (size_t i = 0; i < sent.size(); i++) {
        const frame_view view(sent[i]);
        EXPECT_TRUE(view.ip_sum_good);
        EXPECT_EQ(view.id, frame_view(sent[0]).id);
        EXPECT_EQ((view.offset & 0x1fff) * 8, joined.size());
        EXPECT_EQ(view.offset & 0xe000, i < 2 ? 0x2000u : 0u);
        EXPECT_LE(view.total, 1500u);
        put(joined, view.payload);
    }
    EXPECT_EQ(joined, whole);
    EXPECT_EQ(host.counted(counter::ip_frag_oks), 1u);
    EXPECT_EQ(host.counted(counter::ip_frag_creates), 3u);
}

TEST_F(IpFragmentation, CutExactlyWhenItDoesNotFit)
{
    EXPECT_EQ(probe.send(pattern_octets(1480), "192.0.2.1"), 1480);
    EXPECT_EQ(host.sent().size(), 1u);
    EXPECT_EQ(probe.send(pattern_octets(1481), "192.0.2.1"), 1481);
    EXPECT_EQ(host.sent().size(), 2u);
}

TEST_F(IpFragmentation, LargestPacketIsSentAndNothingLarger)
{
    EXPECT_EQ(probe.send(pattern_octets(IP_PAYLOAD_SIZE_MAX), "192.0.2.1"), 65515);
    EXPECT_EQ(host.sent().size(), 45u);
    EXPECT_EQ(probe.send(pattern_octets(IP_PAYLOAD_SIZE_MAX + 1), "192.0.2.1"), -1);
    EXPECT_EQ(errno, EMSGSIZE);
    EXPECT_TRUE(host.sent().empty());
}

/* RFC 791 3.1: a packet with "don't fragment" that is too large is refused. */
TEST_F(IpFragmentation, DontFragmentFailsInstead)
{
    EXPECT_EQ(probe.send(pattern_octets(1481), "192.0.2.1", nullptr, {.df = ip_df::always}), -1);
    EXPECT_EQ(errno, EMSGSIZE);
    EXPECT_TRUE(host.sent().empty());
    EXPECT_EQ(host.counted(counter::ip_frag_fails), 1u);
    EXPECT_EQ(host.dropped(drop_reason::too_long), 1u);
    EXPECT_EQ(probe.send(pattern_octets(1480), "192.0.2.1", nullptr, {.df = ip_df::always}), 1480);
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(frame_view(sent[0]).offset, 0x4000u);
}

/* RFC 1122 2.3.2.2: all fragments of a packet wait for ARP, and none is lost to the resolution. */
TEST_F(IpFragmentation, FragmentsOfAPacketThatWaitsForArpAllArrive)
{
    EXPECT_EQ(probe.send(pattern_octets(60000), "192.0.2.9"), 60000);
    EXPECT_EQ(host.sent().size(), 1u);
    host.receive(
        eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0806,
                  arp_fields{.op = 2, .sha = PEER_MAC, .spa = addr("192.0.2.9"), .tpa = addr("192.0.2.2")}.bytes()));
    EXPECT_EQ(host.sent().size(), 41u);
}

/* RFC 1122 3.3.3: a checksum that was left to the device is filled in before the packet is fragmented, since the device
 * sees fragments only. */
TEST_F(IpFragmentation, UnfinishedChecksumIsFinishedFirst)
{
    octets payload = pattern_octets(3000);
    payload[16] = 0x12; /* the pseudo-header's part, as a transport leaves it */
    payload[17] = 0x34;
    {
        net_guard guard(host.net);
        packet_ptr pkt = packet_alloc(host.net, IP_HEADROOM, payload);
        pkt->offload = {.csum_partial = true, .csum_start = 0, .csum_offset = 16};
        ip_output(host.net, IP_PROTOCOL_PROBE, std::move(pkt), IP_ADDR_ANY, ip_addr_t(be32(addr("192.0.2.1"))));
    }
    octets joined;
    for (const octets &frame : host.sent()) {
        put(joined, frame_view(frame).payload);
    }
    const uint16_t sum = cksum16(payload);
    payload[16] = static_cast<uint8_t>(sum >> 8);
    payload[17] = static_cast<uint8_t>(sum & 0xff);
    EXPECT_EQ(joined, payload);
}

} // namespace
} // namespace microps
