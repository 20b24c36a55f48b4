/*
 * ARP (RFC 826, RFC 1122 2.3.2, RFC 5227), through an Ethernet device.
 */
#include "microps/arp.hpp"
#include "microps/icmp.hpp"
#include "support/frame_device.hpp"
#include "support/frames.hpp"
#include "support/ip_probe.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace microps
{
namespace
{

using namespace std::chrono_literals;

constexpr mac_addr PEER_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x02}};
constexpr mac_addr OTHER_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x03}};

class Arp : public ::testing::Test
{
protected:
    void arp_comes(const arp_fields &fields, const mac_addr &dst = ETHER_ADDR_BROADCAST)
    {
        host.receive(eth_frame(dst, fields.sha, 0x0806, fields.bytes()));
    }
    void request_comes(const char *spa = "192.0.2.1", const mac_addr &sha = PEER_MAC, const char *tpa = "192.0.2.2")
    {
        arp_comes({.op = 1, .sha = sha, .spa = addr(spa), .tpa = addr(tpa)});
    }
    void reply_comes(const char *spa = "192.0.2.1", const mac_addr &sha = PEER_MAC)
    {
        arp_comes({.op = 2, .sha = sha, .spa = addr(spa), .tha = FRAME_HOST_MAC, .tpa = addr("192.0.2.2")},
                  FRAME_HOST_MAC);
    }
    std::vector<arp_entry> entries()
    {
        net_guard guard(host.net);
        return arp_entries(host.net);
    }
    /** The one entry for an address, or a free one. */
    arp_entry entry(const char *pa = "192.0.2.1")
    {
        for (const arp_entry &e : entries()) {
            if (e.pa.value == addr(pa)) return e;
        }
        return {};
    }
    /** Frames sent since the last call: ARP messages with this opcode. */
    size_t sent_arp(unsigned op, const mac_addr &dst)
    {
        size_t n = 0;
        for (const octets &frame : host.sent()) {
            const frame_view view(frame);
            if (view.type == 0x0806 && view.arp_op == op && view.dst_mac == dst) n++;
        }
        return n;
    }

    frame_host host{};
    ip_probe probe{host};
};

using ArpMessage = Arp;
using ArpInput = Arp;
using ArpCache = Arp;
using ArpOutput = Arp;
using ArpConflict = Arp;
using ArpAnnouncement = Arp;

/* RFC 826: byte for byte, in both directions. */
TEST_F(ArpMessage, StandsOnTheWireAsRfc826Says)
{
    const octets request = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x5e, 0x00, 0x53, 0x02, 0x08, 0x06, /* Ethernet */
        0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01,                                     /* a request */
        0x00, 0x00, 0x5e, 0x00, 0x53, 0x02, 0xc0, 0x00, 0x02, 0x01,                         /* of .1 */
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x00, 0x02, 0x02,                         /* for .2 */
    };
    octets reply = {
        0x00, 0x00, 0x5e, 0x00, 0x53, 0x02, 0x00, 0x00, 0x5e, 0x00, 0x53, 0x01, 0x08, 0x06, /* Ethernet */
        0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x02,                                     /* a reply */
        0x00, 0x00, 0x5e, 0x00, 0x53, 0x01, 0xc0, 0x00, 0x02, 0x02,                         /* of .2 */
        0x00, 0x00, 0x5e, 0x00, 0x53, 0x02, 0xc0, 0x00, 0x02, 0x01,                         /* for .1 */
    };
    reply.resize(60);
    host.receive(request);
    EXPECT_EQ(host.sent(), std::vector<octets>{reply});

    octets question = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x5e, 0x00, 0x53, 0x01, 0x08, 0x06, /* Ethernet */
        0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01,                                     /* a request */
        0x00, 0x00, 0x5e, 0x00, 0x53, 0x01, 0xc0, 0x00, 0x02, 0x02,                         /* of .2 */
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x00, 0x02, 0x09,                         /* for .9 */
    };
    question.resize(60);
    probe.send(octets(10), "192.0.2.9");
    EXPECT_EQ(host.sent(), std::vector<octets>{question});
}

/* RFC 826, packet reception: "?Do I have the hardware type ... ?Do I speak the protocol". */
TEST_F(ArpInput, OtherHardwareAndProtocolsAreDropped)
{
    const arp_fields good{.op = 1, .sha = PEER_MAC, .spa = addr("192.0.2.1"), .tpa = addr("192.0.2.2")};
    for (int field = 0; field < 5; field++) {
        arp_fields bad = good;
        if (field == 0) bad.hrd = 6;
        if (field == 1) bad.hln = 8;
        if (field == 2) bad.pro = 0x86dd;
        if (field == 3) bad.pln = 16;
        if (field == 4) bad.op = 3;
        arp_comes(bad);
    }
    EXPECT_EQ(host.dropped(drop_reason::arp_unsupported), 5u);
    EXPECT_TRUE(host.sent().empty());
    EXPECT_TRUE(entries().empty());
}

TEST_F(ArpInput, TruncatedMessagesAreDropped)
{
    const octets whole =
        arp_fields{.op = 1, .sha = PEER_MAC, .spa = addr("192.0.2.1"), .tpa = addr("192.0.2.2")}.bytes();
    for (size_t size = 0; size < whole.size(); size++) {
        host.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0806, std::span(whole).first(size)));
    }
    EXPECT_EQ(host.dropped(drop_reason::too_short), whole.size());
    EXPECT_TRUE(host.sent().empty());
}

TEST_F(ArpInput, RequestsForOthersAreNotAnswered)
{
    request_comes("192.0.2.1", PEER_MAC, "192.0.2.3");
    EXPECT_TRUE(host.sent().empty());
    EXPECT_TRUE(entries().empty());
}

/* RFC 826: a host that asks for us will be answered by us soon, so its address is kept. */
TEST_F(ArpCache, RequestForUsInsertsItsSender)
{
    request_comes();
    EXPECT_EQ(sent_arp(2, PEER_MAC), 1u);
    EXPECT_EQ(entry().state, arp_state::resolved);
    EXPECT_EQ(entry().ha, PEER_MAC);
    probe.send(octets(10), "192.0.2.1");
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(frame_view(sent[0]).dst_mac, PEER_MAC);
    EXPECT_EQ(frame_view(sent[0]).protocol, IP_PROTOCOL_PROBE);
}

TEST_F(ArpCache, UnsolicitedReplyIsIgnored)
{
    reply_comes();
    EXPECT_TRUE(entries().empty());
}

/* RFC 5227 3 and RFC 2002 4.6: announcements update what is there, and add nothing. */
TEST_F(ArpCache, GratuitousArpUpdatesButDoesNotInsert)
{
    const arp_fields announcement{.op = 1, .sha = OTHER_MAC, .spa = addr("192.0.2.1"), .tpa = addr("192.0.2.1")};
    arp_comes(announcement);
    EXPECT_TRUE(entries().empty());
    request_comes();
    arp_comes(announcement);
    EXPECT_EQ(entry().ha, OTHER_MAC);
    EXPECT_EQ(entries().size(), 1u);
}

/* RFC 5227 1.1, 2.1.1: a probe has no sender address; it is answered and teaches nothing. */
TEST_F(ArpCache, ProbeIsAnsweredButNotCached)
{
    arp_comes({.op = 1, .sha = PEER_MAC, .spa = 0, .tpa = addr("192.0.2.2")});
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(frame_view(sent[0]).arp_op, 2u);
    EXPECT_EQ(frame_view(sent[0]).tpa, 0u);
    EXPECT_TRUE(entries().empty());
}

/* RFC 1812 3.3.2: an ARP message must not teach us a broadcast or multicast link address. */
TEST_F(ArpCache, GroupAddressesAreNeverCached)
{
    for (const mac_addr &sha : {ETHER_ADDR_BROADCAST, ETHER_ADDR_ANY, mac_addr{{0x01, 0x00, 0x5e, 0, 0, 1}}}) {
        request_comes("192.0.2.1", sha);
    }
    request_comes("224.0.0.1");
    request_comes("192.0.2.255");
    request_comes("255.255.255.255");
    request_comes("127.0.0.1");
    EXPECT_EQ(host.dropped(drop_reason::arp_bad_sender), 7u);
    EXPECT_TRUE(entries().empty());
    EXPECT_TRUE(host.sent().empty());
}

TEST_F(ArpCache, StaticEntryIsNeverUpdatedEvictedOrTimedOut)
{
    {
        net_guard guard(host.net);
        ASSERT_EQ(arp_set_static(*host.iface, ip_addr_t(be32(addr("192.0.2.1"))), PEER_MAC), 0);
    }
    request_comes("192.0.2.1", OTHER_MAC);
    reply_comes("192.0.2.1", OTHER_MAC);
    for (uint32_t i = 0; i < ARP_CACHE_SIZE + 10; i++) {
        arp_comes({.op = 1, .sha = OTHER_MAC, .spa = addr("192.0.3.0") + i, .tpa = addr("192.0.2.2")});
    }
    host.advance(1h);
    EXPECT_EQ(entry().state, arp_state::statically);
    EXPECT_EQ(entry().ha, PEER_MAC);
    EXPECT_EQ(entries().size(), 1u);
}

/* RFC 1122 2.3.2.1: entries that are out of date go: timeout. */
TEST_F(ArpCache, UnusedEntryTimesOut)
{
    request_comes();
    host.sent();
    host.advance(30s);
    EXPECT_EQ(entry().state, arp_state::resolved);
    host.advance(2s);
    EXPECT_TRUE(entries().empty());
    EXPECT_TRUE(host.sent().empty()); /* nobody used it: nobody asked */
}

/* RFC 1122 2.3.2.1 (2), unicast poll: an entry in use is confirmed before it ends, so that no packet is lost to its
 * timeout. */
TEST_F(ArpCache, EntryInUseIsRefreshedByUnicast)
{
    request_comes();
    host.sent();
    size_t packets = 0;
    size_t polls = 0;
    for (int second = 0; second < 300; second++) {
        probe.send(octets(10), "192.0.2.1");
        host.advance(1s);
        for (const octets &frame : host.sent()) {
            const frame_view view(frame);
            EXPECT_EQ(view.dst_mac, PEER_MAC) << "second " << second;
            if (view.type == 0x0800) packets++;
            if (view.type != 0x0806) continue;
            polls++;
            reply_comes();
        }
    }
    EXPECT_EQ(packets, 300u);
    EXPECT_GE(polls, 10u);
    EXPECT_LE(polls, 12u);
}

/* RFC 1122 2.3.2.1: "the mapping is removed if no reply is received" to the polls; then everybody is asked. */
TEST_F(ArpCache, NeighbourThatLeavesIsAskedForAgain)
{
    request_comes();
    size_t unicasts = 0;
    size_t broadcasts = 0;
    for (int second = 0; second < 33; second++) {
        probe.send(octets(10), "192.0.2.1");
        host.advance(1s);
        for (const octets &frame : host.sent()) {
            const frame_view view(frame);
            if (view.type != 0x0806 || view.arp_op != 1) continue;
            (view.dst_mac == PEER_MAC ? unicasts : broadcasts)++;
        }
    }
    EXPECT_GE(unicasts, 3u);
    EXPECT_GE(broadcasts, 1u);
    reply_comes("192.0.2.1", OTHER_MAC);
    EXPECT_EQ(entry().ha, OTHER_MAC);
}

TEST_F(ArpCache, IsBoundedAndTheLeastRecentlyUsedGoes)
{
    request_comes("192.0.2.1");
    request_comes("192.0.2.3");
    for (uint32_t i = 0; i < ARP_CACHE_SIZE - 2; i++) {
        arp_comes({.op = 1, .sha = OTHER_MAC, .spa = addr("192.0.3.0") + i, .tpa = addr("192.0.2.2")});
    }
    EXPECT_EQ(entries().size(), ARP_CACHE_SIZE);
    host.advance(1s);
    probe.send(octets(10), "192.0.2.1");
    request_comes("192.0.2.4");
    EXPECT_EQ(entries().size(), ARP_CACHE_SIZE);
    EXPECT_EQ(entry("192.0.2.1").state, arp_state::resolved);
    EXPECT_EQ(entry("192.0.2.4").state, arp_state::resolved);
    EXPECT_EQ(host.counted(counter::arp_deletions), 1u);
}

/* Two links may use the same addresses. */
TEST_F(ArpCache, IsKeyedByInterface)
{
    frame_device *second = host.add_device(OTHER_MAC, "198.51.100.2");
    request_comes("192.0.2.1", PEER_MAC);
    {
        net_guard guard(host.net);
        second->receive(eth_frame(
            ETHER_ADDR_BROADCAST, mac_addr{{2, 2, 2, 2, 2, 2}}, 0x0806,
            arp_fields{.op = 1, .sha = {{2, 2, 2, 2, 2, 2}}, .spa = addr("192.0.2.1"), .tpa = addr("198.51.100.2")}
                .bytes()));
    }
    host.settle();
    ASSERT_EQ(entries().size(), 2u);
    EXPECT_NE(entries()[0].iface, entries()[1].iface);
    EXPECT_NE(entries()[0].ha, entries()[1].ha);
}

/* RFC 1122 2.3.2.2: the packet that asked waits for the answer, with those after it, in their order. */
TEST_F(ArpOutput, PacketsWaitForTheAnswerInOrder)
{
    for (uint8_t i = 0; i < 5; i++) {
        EXPECT_EQ(probe.send(octets{i, i, i}, "192.0.2.1"), 3);
    }
    EXPECT_EQ(sent_arp(1, ETHER_ADDR_BROADCAST), 1u);
    reply_comes();
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 5u);
    for (uint8_t i = 0; i < 5; i++) {
        const frame_view view(sent[i]);
        EXPECT_EQ(view.dst_mac, PEER_MAC);
        EXPECT_EQ(octets(view.payload.begin(), view.payload.end()), (octets{i, i, i}));
    }
}

TEST_F(ArpOutput, RequestOfTheNeighbourIsAnAnswerToo)
{
    probe.send(octets(3), "192.0.2.1");
    host.sent();
    request_comes();
    EXPECT_EQ(host.sent().size(), 2u); /* the packet, and the reply */
}

TEST_F(ArpOutput, WaitingPacketsAreBoundedAndTheOldestGoes)
{
    for (size_t i = 0; i < ARP_QUEUE_MAX + 3; i++) {
        EXPECT_EQ(probe.send(octets{static_cast<uint8_t>(i)}, "192.0.2.1"), 1);
    }
    host.sent();
    EXPECT_EQ(host.dropped(drop_reason::arp_queue_full), 3u);
    reply_comes();
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), ARP_QUEUE_MAX);
    EXPECT_EQ(frame_view(sent[0]).payload[0], 3);
}

/* RFC 1122 2.3.2.1: no more than one request a second for an address (we stop after three). */
TEST_F(ArpOutput, RequestsAreLimitedToOneASecond)
{
    net_time last{};
    size_t requests = 0;
    for (int i = 0; i < 40; i++) {
        probe.send(octets(10), "192.0.2.1");
        for (const octets &frame : host.sent()) {
            ASSERT_EQ(frame_view(frame).arp_op, 1u);
            if (requests > 0) {
                EXPECT_GE(host.clock.now() - last, 1s);
            }
            requests++;
            last = host.clock.now();
        }
        host.advance(100ms);
    }
    EXPECT_GE(requests, 3u);
    EXPECT_LE(requests, 4u);
}

/* RFC 1122 2.3.2.2, 3.2.2.1: when no answer comes, the senders of the packets that wait are told "host unreachable". */
TEST_F(ArpOutput, WithoutAnswerThePacketsComeBackAsHostUnreachable)
{
    probe.send(text_octets("first"), "192.0.2.1");
    probe.send(text_octets("second"), "192.0.2.1");
    host.advance(2900ms);
    EXPECT_TRUE(probe.errors.empty());
    EXPECT_EQ(sent_arp(1, ETHER_ADDR_BROADCAST), 3u);
    host.advance(1100ms);
    ASSERT_EQ(probe.errors.size(), 2u);
    EXPECT_EQ(probe.errors[0].type, ICMP_TYPE_DEST_UNREACH);
    EXPECT_EQ(probe.errors[0].code, ICMP_CODE_HOST_UNREACH);
    EXPECT_EQ(icmp_error_to_errno(probe.errors[0].type, probe.errors[0].code), EHOSTUNREACH);
    EXPECT_EQ(probe.errors[0].dst.value, addr("192.0.2.1"));
    EXPECT_EQ(probe.errors[0].src.value, addr("192.0.2.2"));
    EXPECT_EQ(probe.errors[0].quote, text_octets("first"));
    EXPECT_EQ(probe.errors[1].quote, text_octets("second"));
    EXPECT_EQ(host.dropped(drop_reason::arp_unresolved), 2u);
    EXPECT_TRUE(entries().empty());
}

/* A suspicion by a transport (no acknowledgements) is checked at once, and the old address is kept until it fails. */
TEST_F(ArpOutput, SuspectedNeighbourIsAskedAndReplacedIfSilent)
{
    request_comes();
    host.sent();
    host.advance(2s);
    {
        net_guard guard(host.net);
        ip_suspect(host.net, ip_addr_t(be32(addr("192.0.2.1"))));
        ip_suspect(host.net, ip_addr_t(be32(addr("192.0.2.1"))));
    }
    EXPECT_EQ(sent_arp(1, PEER_MAC), 1u);
    reply_comes();
    host.advance(20s);
    EXPECT_EQ(entry().state, arp_state::resolved);
    {
        net_guard guard(host.net);
        ip_suspect(host.net, ip_addr_t(be32(addr("192.0.2.1"))));
    }
    host.advance(6s);
    EXPECT_TRUE(entries().empty());
}

/* With nothing in the cache nothing is timed, and an idle host sleeps. */
TEST_F(ArpCache, IdleHostHasNoDeadline)
{
    request_comes();
    EXPECT_NE(net_poll(host.net), NET_TIME_NEVER);
    host.advance(40s);
    EXPECT_EQ(net_poll(host.net), NET_TIME_NEVER);
}

/* RFC 5227 2.4 (b): a conflict is answered by one announcement at most in ten seconds; nothing is cached. */
TEST_F(ArpConflict, AddressIsDefendedAtMostOnceInTenSeconds)
{
    for (int i = 0; i < 5; i++) {
        request_comes("192.0.2.2", OTHER_MAC, "192.0.2.2");
        reply_comes("192.0.2.2", OTHER_MAC);
    }
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    const frame_view view(sent[0]);
    EXPECT_EQ(view.dst_mac, ETHER_ADDR_BROADCAST);
    EXPECT_EQ(view.arp_op, 1u);
    EXPECT_EQ(view.sha, FRAME_HOST_MAC);
    EXPECT_EQ(view.spa, addr("192.0.2.2"));
    EXPECT_EQ(view.tpa, addr("192.0.2.2"));
    EXPECT_TRUE(entries().empty());
    host.advance(9s);
    request_comes("192.0.2.2", OTHER_MAC, "192.0.2.7");
    EXPECT_TRUE(host.sent().empty());
    host.advance(1s);
    request_comes("192.0.2.2", OTHER_MAC, "192.0.2.7");
    EXPECT_EQ(host.sent().size(), 1u);
}

TEST_F(ArpConflict, OurOwnFramesReflectedAreNoConflict)
{
    request_comes("192.0.2.2", FRAME_HOST_MAC, "192.0.2.2");
    EXPECT_TRUE(host.sent().empty());
    EXPECT_EQ(host.dropped(drop_reason::arp_bad_sender), 1u);
}

/* RFC 5227 2.3: two announcements, two seconds apart. */
TEST_F(ArpAnnouncement, IsMadeTwiceOnStart)
{
    net_run(host.net, net_engine::caller);
    net_poll(host.net);
    ASSERT_EQ(host.dev->sent.size(), 1u);
    const frame_view view(host.dev->sent[0]);
    EXPECT_EQ(view.dst_mac, ETHER_ADDR_BROADCAST);
    EXPECT_EQ(view.arp_op, 1u);
    EXPECT_EQ(view.spa, addr("192.0.2.2"));
    EXPECT_EQ(view.tpa, addr("192.0.2.2"));
    EXPECT_EQ(view.tha, ETHER_ADDR_ANY);
    const net_time next = net_poll(host.net);
    EXPECT_EQ(next - host.clock.now(), 2s);
    host.clock.set(next);
    net_poll(host.net);
    EXPECT_EQ(host.dev->sent.size(), 2u);
    EXPECT_EQ(net_poll(host.net), NET_TIME_NEVER);
}

} // namespace
} // namespace microps
