/*
 * ICMP (RFC 792, RFC 1122 3.2.2, RFC 1812 4.3.2): echo, errors of ours, and errors about packets of ours.
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
constexpr unsigned UNKNOWN_PROTOCOL = 254;

class Icmp : public ::testing::Test
{
protected:
    Icmp()
    {
        host.start();
        host.add_neighbour("192.0.2.1", PEER_MAC);
    }

    void comes(const ip_fields &fields, const mac_addr &dst = FRAME_HOST_MAC)
    {
        host.receive(eth_frame(dst, PEER_MAC, 0x0800, fields.bytes()));
    }
    void icmp_comes(const octets &message, const char *dst = "192.0.2.2", const mac_addr &mac = FRAME_HOST_MAC)
    {
        comes({.src = addr("192.0.2.1"), .dst = addr(dst), .payload = message}, mac);
    }
    /** A packet for a protocol that nobody has: provokes "protocol unreachable". */
    static ip_fields provocation()
    {
        return {
            .protocol = UNKNOWN_PROTOCOL, .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .payload = octets(20)};
    }
    /** A packet that the probe could have sent. */
    static ip_fields ours()
    {
        return {.protocol = IP_PROTOCOL_PROBE,
                .src = addr("192.0.2.2"),
                .dst = addr("198.51.100.7"),
                .payload = text_octets("0123456789")};
    }

    frame_host host{};
    ip_probe probe{host};
};

using IcmpEcho = Icmp;
using IcmpErrorOut = Icmp;
using IcmpErrorIn = Icmp;
using IcmpInput = Icmp;
using IcmpOutput = Icmp;

/* RFC 792: byte for byte, in both directions: code, identifier, sequence number and data come back. */
TEST_F(IcmpEcho, IsAnsweredWithTheSameBytes)
{
    const octets echo = {0x08, 0x00, 0x21, 0x68, 0x12, 0x34, 0x00, 0x01, 'a', 'b', 'c'};
    octets reply = echo;
    reply[0] = 0x00;
    reply[2] = 0x29; /* 0x2168 + 0x0800 */
    ASSERT_EQ(cksum16(echo), 0);
    icmp_comes(echo);
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    const frame_view view(sent[0]);
    EXPECT_EQ(octets(view.payload.begin(), view.payload.end()), reply);
    EXPECT_EQ(view.src, addr("192.0.2.2"));
    EXPECT_EQ(view.dst, addr("192.0.2.1"));
    EXPECT_EQ(view.ttl, 255u);
}

/* RFC 1122 3.2.2.6: data received in an Echo is entirely included in the reply, whatever its size. */
TEST_F(IcmpEcho, AnySizeIsAnswered)
{
    for (const size_t size :
         {size_t{0}, size_t{1}, size_t{56}, size_t{1472}, size_t{1473}, size_t{60000}, size_t{65507}}) {
        const octets message = icmp_message(8, 0, 0x00010002, pattern_octets(size));
        for (size_t begin = 0; begin < message.size(); begin += 1480) {
            const size_t end = std::min(begin + 1480, message.size());
            comes({.id = static_cast<unsigned>(size),
                   .offset = static_cast<unsigned>(begin / 8) | (end < message.size() ? 0x2000u : 0u),
                   .src = addr("192.0.2.1"),
                   .dst = addr("192.0.2.2"),
                   .payload =
                       octets(message.begin() + static_cast<long>(begin), message.begin() + static_cast<long>(end))});
        }
        octets joined;
        for (const octets &frame : host.sent()) {
            put(joined, frame_view(frame).payload);
        }
        EXPECT_EQ(joined, icmp_message(0, 0, 0x00010002, pattern_octets(size))) << size;
    }
}

/* RFC 1122 3.2.2.6 lets a host ignore a broadcast Echo. The C original answers it from its own address, and so do we.
 */
TEST_F(IcmpEcho, BroadcastIsAnsweredFromOurOwnAddress)
{
    icmp_comes(icmp_message(8, 0, 1, octets(8)), "192.0.2.255", ETHER_ADDR_BROADCAST);
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(frame_view(sent[0]).src, addr("192.0.2.2"));
}

/* RFC 1122 3.2.2.6: the source of the reply is the address that was asked. */
TEST_F(IcmpEcho, ReplyComesFromTheAddressThatWasAsked)
{
    frame_host two;
    two.add_device(PEER_MAC, "198.51.100.2");
    two.add_neighbour("192.0.2.1", PEER_MAC);
    const ip_fields fields{
        .src = addr("192.0.2.1"), .dst = addr("198.51.100.2"), .payload = icmp_message(8, 0, 1, octets(8))};
    two.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0800, fields.bytes()));
    const std::vector<octets> sent = two.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(frame_view(sent[0]).src, addr("198.51.100.2"));
}

/* RFC 1349 5.1: a reply has the request's type of service. */
TEST_F(IcmpEcho, ReplyHasTheRequestsTypeOfService)
{
    comes(
        {.tos = 0x13, .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .payload = icmp_message(8, 0, 1, octets(8))});
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(frame_view(sent[0]).tos, 0x10u);
}

TEST_F(IcmpInput, EveryFlippedBitIsNoticed)
{
    const octets message = icmp_message(8, 0, 0x12345678, pattern_octets(20));
    for (size_t bit = 0; bit < message.size() * 8; bit++) {
        octets damaged = message;
        damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ (1u << bit % 8));
        icmp_comes(damaged);
    }
    EXPECT_TRUE(host.sent().empty());
    EXPECT_EQ(host.dropped(drop_reason::bad_checksum), message.size() * 8);
}

TEST_F(IcmpInput, TruncatedMessagesAreDropped)
{
    for (size_t size = 0; size < 8; size++) {
        icmp_comes(octets(size));
    }
    EXPECT_EQ(host.dropped(drop_reason::too_short), 8u);
}

/* RFC 1122 3.2.2: an unknown type MUST be silently discarded. */
TEST_F(IcmpInput, UnknownTypesAreDropped)
{
    for (unsigned type : {1u, 2u, 7u, 9u, 10u, 13u, 14u, 15u, 16u, 17u, 40u, 255u}) {
        icmp_comes(icmp_message(type, 0, 0, octets(28)));
    }
    EXPECT_EQ(host.dropped(drop_reason::icmp_unknown_type), 12u);
    EXPECT_TRUE(host.sent().empty());
}

/* RFC 6633 3: Source Quench is ignored. RFC 1122 3.2.2.2: so may redirects be where there is one gateway. */
TEST_F(IcmpInput, SourceQuenchAndRedirectAreCountedAndIgnored)
{
    icmp_comes(icmp_message(4, 0, 0, ours().bytes()));
    icmp_comes(icmp_message(5, 1, addr("192.0.2.66"), ours().bytes()));
    EXPECT_EQ(host.counted(counter::icmp_in_src_quenchs), 1u);
    EXPECT_EQ(host.counted(counter::icmp_in_redirects), 1u);
    EXPECT_EQ(host.dropped(drop_reason::icmp_ignored), 2u);
    EXPECT_TRUE(probe.errors.empty());
}

/* RFC 1122 3.2.2: an ICMP error MUST be passed to the transport whose packet it quotes. */
TEST_F(IcmpErrorIn, ReachesTheProtocolThatSentThePacket)
{
    for (const unsigned type : {3u, 11u, 12u}) {
        probe.errors.clear();
        icmp_comes(icmp_message(type, 1, 0, ours().bytes()));
        ASSERT_EQ(probe.errors.size(), 1u) << type;
        const ip_probe::failed &error = probe.errors[0];
        EXPECT_EQ(error.type, type);
        EXPECT_EQ(error.code, 1);
        EXPECT_EQ(error.mtu, 0);
        EXPECT_EQ(error.src.value, addr("192.0.2.2"));
        EXPECT_EQ(error.dst.value, addr("198.51.100.7"));
        EXPECT_EQ(error.reporter.value, addr("192.0.2.1"));
        EXPECT_EQ(error.quote, text_octets("0123456789"));
    }
}

TEST_F(IcmpErrorIn, QuotedOptionsAreSkipped)
{
    ip_fields quoted = ours();
    quoted.options = {0x94, 0x04, 0x00, 0x00};
    icmp_comes(icmp_message(3, 3, 0, quoted.bytes()));
    ASSERT_EQ(probe.errors.size(), 1u);
    EXPECT_EQ(probe.errors[0].quote, text_octets("0123456789"));
}

/* RFC 1191 4: "fragmentation needed" carries the next link's MTU. */
TEST_F(IcmpErrorIn, FragmentationNeededCarriesTheMtu)
{
    icmp_comes(icmp_message(3, 4, 1400, ours().bytes()));
    ASSERT_EQ(probe.errors.size(), 1u);
    EXPECT_EQ(probe.errors[0].mtu, 1400);
}

/* What is quoted must be a packet of ours, with the eight bytes of payload that RFC 792 promises. */
TEST_F(IcmpErrorIn, QuotesThatAreNotOursAreDropped)
{
    const octets quote = ours().bytes();
    size_t dropped = 0;
    for (size_t size = 0; size < 28; size++, dropped++) {
        icmp_comes(icmp_message(3, 1, 0, std::span(quote).first(size)));
    }
    for (const char *src : {"192.0.2.3", "0.0.0.0", "255.255.255.255", "8.8.8.8"}) {
        ip_fields foreign = ours();
        foreign.src = addr(src);
        icmp_comes(icmp_message(3, 1, 0, foreign.bytes()));
        dropped++;
    }
    for (const int ihl : {0, 4, 15}) {
        ip_fields wrong = ours();
        wrong.ihl = ihl;
        icmp_comes(icmp_message(3, 1, 0, wrong.bytes()));
        dropped++;
    }
    ip_fields version = ours();
    version.version = 6;
    icmp_comes(icmp_message(3, 1, 0, version.bytes()));
    ip_fields later = ours(); /* has no transport header: whose it is cannot be known */
    later.offset = 1;
    icmp_comes(icmp_message(3, 1, 0, later.bytes()));
    ip_fields unknown = ours();
    unknown.protocol = UNKNOWN_PROTOCOL;
    icmp_comes(icmp_message(3, 1, 0, unknown.bytes()));
    EXPECT_EQ(host.dropped(drop_reason::icmp_bad_quote), dropped + 3);
    EXPECT_TRUE(probe.errors.empty());
}

/* RFC 1122 3.2.2: header and at least eight bytes; RFC 1812 4.3.2.3: as much as fits into 576 bytes. */
TEST_F(IcmpErrorOut, QuotesAsMuchAsFitsInto576Bytes)
{
    ip_fields fields = provocation();
    fields.payload = pattern_octets(1000);
    comes(fields);
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    const frame_view view(sent[0]);
    EXPECT_EQ(view.total, 576u);
    EXPECT_EQ(view.src, addr("192.0.2.2"));
    EXPECT_EQ(view.dst, addr("192.0.2.1"));
    EXPECT_EQ(view.payload[0], 3);
    EXPECT_EQ(view.payload[1], 2);
    EXPECT_EQ(get32(view.payload, 4), 0u);
    EXPECT_EQ(cksum16(view.payload), 0);
    const octets packet = fields.bytes();
    EXPECT_TRUE(std::equal(view.payload.begin() + 8, view.payload.end(), packet.begin()));
}

/* RFC 1122 3.2.2: no error is sent about a broadcast. */
TEST_F(IcmpErrorOut, BroadcastsAreNotAnswered)
{
    for (const char *dst : {"192.0.2.255", "255.255.255.255"}) {
        ip_fields fields = provocation();
        fields.dst = addr(dst);
        comes(fields, ETHER_ADDR_BROADCAST);
        comes(fields); /* also when the frame itself was not one */
    }
    EXPECT_EQ(host.dropped(drop_reason::ip_unknown_protocol), 4u);
    EXPECT_TRUE(host.sent().empty());
}

/* RFC 1122 3.2.2: no error is sent about an ICMP error, nor about a message of unknown type, which may be one. */
TEST_F(IcmpErrorOut, ErrorsAreNotAnswered)
{
    host.start();
    net_guard guard(host.net);
    for (unsigned type = 0; type < 20; type++) {
        const octets packet = ip_fields{.src = addr("192.0.2.1"),
                                        .dst = addr("192.0.2.2"),
                                        .payload = icmp_message(type, 0, 0, octets(28))}
                                  .bytes();
        const std::span<const uint8_t> bytes = packet;
        host.dev->sent.clear();
        icmp_error_output({.payload = bytes.subspan(20),
                           .packet = bytes,
                           .src = ip_addr_t(be32(addr("192.0.2.1"))),
                           .dst = ip_addr_t(be32(addr("192.0.2.2"))),
                           .iface = *host.iface,
                           .protocol = IP_PROTOCOL_ICMP,
                           .ttl = 1,
                           .tos = 0,
                           .csum_valid = false,
                           .gso_size = 0,
                           .link_broadcast = false,
                           .dst_is_broadcast = false},
                          ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH);
        const bool question = type == 0 || type == 8 || (type >= 13 && type <= 18);
        EXPECT_EQ(host.dev->sent.size(), question ? 1u : 0u) << type;
    }
}

/* RFC 1122 3.2.2: no error is sent about a fragment other than the first, so a reassembled packet is answered once. */
TEST_F(IcmpErrorOut, WholeReassembledPacketIsAnsweredOnce)
{
    ip_fields first = provocation();
    first.offset = 0x2000;
    first.payload = octets(16);
    ip_fields second = provocation();
    second.offset = 2;
    comes(second);
    EXPECT_TRUE(host.sent().empty());
    comes(first);
    EXPECT_EQ(host.sent().size(), 1u);
}

/* RFC 1812 4.3.2.8: errors are limited to 100 a second, with 50 at once. */
TEST_F(IcmpErrorOut, RateIsLimited)
{
    const auto answers = [&](int packets) {
        for (int i = 0; i < packets; i++) {
            comes(provocation());
        }
        return host.sent().size();
    };
    EXPECT_EQ(answers(200), 50u);
    EXPECT_EQ(host.dropped(drop_reason::icmp_rate_limit), 150u);
    host.advance(10ms);
    EXPECT_EQ(answers(10), 1u);
    host.advance(105ms);
    EXPECT_EQ(answers(20), 10u);
    host.advance(1h);
    EXPECT_EQ(answers(200), 50u); /* a quiet hour is not saved up */
    EXPECT_EQ(host.counted(counter::icmp_out_dest_unreachs), 111u);
}

TEST_F(IcmpOutput, MessageIsWrittenAsRfc792Says)
{
    {
        net_guard guard(host.net);
        EXPECT_EQ(icmp_output(host.net, ICMP_TYPE_ECHO, 0, be32(0x12340001), text_octets("abc"), IP_ADDR_ANY,
                              ip_addr_t(be32(addr("192.0.2.1")))),
                  11);
    }
    const std::vector<octets> sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    const frame_view view(sent[0]);
    EXPECT_EQ(octets(view.payload.begin(), view.payload.end()),
              (octets{0x08, 0x00, 0x21, 0x68, 0x12, 0x34, 0x00, 0x01, 'a', 'b', 'c'}));
    EXPECT_EQ(view.src, addr("192.0.2.2"));
}

TEST_F(IcmpOutput, TooMuchDataIsRefused)
{
    net_guard guard(host.net);
    const octets data_too_long(65508);
    EXPECT_EQ(icmp_output(host.net, ICMP_TYPE_ECHO, 0, be32(1), data_too_long, IP_ADDR_ANY, IP_ADDR_BROADCAST), -1);
    EXPECT_EQ(errno, EMSGSIZE);
}

/* RFC 1122 4.1.3.3, 4.2.3.9; the values are Linux'. */
TEST(IcmpErrno, MeansWhatItMeansOnLinux)
{
    EXPECT_EQ(icmp_error_to_errno(3, 0), ENETUNREACH);
    EXPECT_EQ(icmp_error_to_errno(3, 1), EHOSTUNREACH);
    EXPECT_EQ(icmp_error_to_errno(3, 2), ENOPROTOOPT);
    EXPECT_EQ(icmp_error_to_errno(3, 3), ECONNREFUSED);
    EXPECT_EQ(icmp_error_to_errno(3, 4), EMSGSIZE);
    EXPECT_EQ(icmp_error_to_errno(3, 5), EOPNOTSUPP);
    EXPECT_EQ(icmp_error_to_errno(3, 13), EHOSTUNREACH);
    EXPECT_EQ(icmp_error_to_errno(3, 255), EHOSTUNREACH);
    EXPECT_EQ(icmp_error_to_errno(11, 0), EHOSTUNREACH);
    EXPECT_EQ(icmp_error_to_errno(12, 0), EPROTO);
    EXPECT_EQ(icmp_error_to_errno(4, 0), 0);
    EXPECT_EQ(icmp_error_to_errno(0, 0), 0);
}

} // namespace
} // namespace microps
