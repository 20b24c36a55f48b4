/*
 * The network layer's log: the lines and dumps of the original, which learners compare with their lecture's.
 */
#include "microps/arp.hpp"
#include "support/frame_device.hpp"
#include "support/frames.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>
#include <regex>

namespace microps
{
namespace
{

constexpr mac_addr PEER_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x02}};

/** The log without what changes from day to day: time, file and line. */
std::string timeless(const std::string &log)
{
    return std::regex_replace(log, std::regex(R"(\d\d:\d\d:\d\d\.\d\d\d (\[.\][^\n]*) \([^\n]*\.cpp:\d+\))"), "$1");
}

TEST(NetworkLog, ArpRequestAndReply)
{
    frame_host host;
    host.start();
    log_capture log;
    host.receive(eth_frame(ETHER_ADDR_BROADCAST, PEER_MAC, 0x0806,
                           arp_fields{.sha = PEER_MAC, .spa = addr("192.0.2.1"), .tpa = addr("192.0.2.2")}.bytes()));
    EXPECT_EQ(timeless(log.text()), R"([D] ether_poll_helper: dev=net0, type=ARP(0x0806), len=42
        src: 00:00:5e:00:53:02
        dst: ff:ff:ff:ff:ff:ff
       type: 0x0806 (ARP)
[D] net_input_handler: queue pushed (num:1), dev=net0, type=ARP(0x0806), len=28
[D] net_protocol_handler: queue popped (num:0), dev=net0, type=0x0806, len=28
[D] arp_input: dev=net0, opcode=Request(0x0001), len=28
        hrd: 0x0001
        pro: 0x0800
        hln: 6
        pln: 4
         op: 0x0001 (Request)
        sha: 00:00:5e:00:53:02
        spa: 192.0.2.1
        tha: 00:00:00:00:00:00
        tpa: 192.0.2.2
[D] arp_cache_insert: INSERT: pa=192.0.2.1, ha=00:00:5e:00:53:02
[D] arp_reply: dev=net0, opcode=Reply(0x0002), len=28
        hrd: 0x0001
        pro: 0x0800
        hln: 6
        pln: 4
         op: 0x0002 (Reply)
        sha: 00:00:5e:00:53:01
        spa: 192.0.2.2
        tha: 00:00:5e:00:53:02
        tpa: 192.0.2.1
[D] net_device_output: dev=net0, type=ARP(0x0806), len=28
[D] ether_transmit_helper: dev=net0, type=ARP(0x0806), len=60
        src: 00:00:5e:00:53:01
        dst: 00:00:5e:00:53:02
       type: 0x0806 (ARP)
)");
}

/* The 48 bytes that the original's test program sends to itself, from another address. */
TEST(NetworkLog, EchoAndReply)
{
    frame_host host;
    host.start();
    host.add_neighbour("192.0.2.1", PEER_MAC);
    const octets echo = icmp_message(8, 0, 0x00800001, text_octets("1234567890!@#$%^&*()"));
    const ip_fields packet{.id = 128, .ttl = 255, .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .payload = echo};
    log_capture log;
    host.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0800, packet.bytes()));
    /* The identification of what we send is not foreseeable, nor is its checksum. */
    const std::string text = std::regex_replace(
        timeless(log.text()),
        std::regex("(output_core[^]*  id: )\\d+([^]*sum: )0x(....) .0x\\3.([^]*\\[D\\] arp_resolve)"),
        "$1ID$2SUM (SUM)$4");
    EXPECT_EQ(text, R"([D] ether_poll_helper: dev=net0, type=IP(0x0800), len=62
        src: 00:00:5e:00:53:02
        dst: 00:00:5e:00:53:01
       type: 0x0800 (IP)
[D] net_input_handler: queue pushed (num:1), dev=net0, type=IP(0x0800), len=48
[D] net_protocol_handler: queue popped (num:0), dev=net0, type=0x0800, len=48
[D] ip_input: dev=net0, iface=192.0.2.2, protocol=ICMP(0x01), len=48
        vhl: 0x45 [v: 4, hl: 5 (20)]
        tos: 0x00
      total: 48 (payload: 28)
         id: 128
     offset: 0x0000 [flags=0, offset=0]
        ttl: 255
   protocol: 1 (ICMP)
        sum: 0x3749 (0x3749)
        src: 192.0.2.1
        dst: 192.0.2.2
[D] icmp_input: 192.0.2.1 => 192.0.2.2, type=Echo(8), len=28, iface=192.0.2.2
       type: 8 (Echo)
       code: 0
        sum: 0x3564 (0x3564)
         id: 128
        seq: 1
[D] icmp_output: 192.0.2.2 => 192.0.2.1, type=EchoReply(0), len=28
       type: 0 (EchoReply)
       code: 0
        sum: 0x3d64 (0x3d64)
         id: 128
        seq: 1
[D] ip_output_core: dev=net0, iface=192.0.2.2, protocol=ICMP(0x01), len=48
        vhl: 0x45 [v: 4, hl: 5 (20)]
        tos: 0x00
      total: 48 (payload: 28)
         id: ID
     offset: 0x0000 [flags=0, offset=0]
        ttl: 255
   protocol: 1 (ICMP)
        sum: SUM (SUM)
        src: 192.0.2.2
        dst: 192.0.2.1
[D] arp_resolve: resolved, pa=192.0.2.1, ha=00:00:5e:00:53:02
[D] net_device_output: dev=net0, type=IP(0x0800), len=48
[D] ether_transmit_helper: dev=net0, type=IP(0x0800), len=62
        src: 00:00:5e:00:53:01
        dst: 00:00:5e:00:53:02
       type: 0x0800 (IP)
)");
}

TEST(NetworkLog, ErrorsAreDumpedWithTheirValues)
{
    frame_host host;
    host.start();
    const ip_fields packet{
        .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .payload = icmp_message(5, 1, 0xc0000242, octets(28))};
    log_capture log;
    host.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0800, packet.bytes()));
    EXPECT_TRUE(log.contains("       type: 5 (Redirect)\n       code: 1\n"));
    EXPECT_TRUE(log.contains("     values: 0xc0000242\n"));
}

/* The sum in brackets is what it should have been. */
TEST(NetworkLog, BadChecksumIsShownWithTheRightOne)
{
    frame_host host;
    host.start();
    ip_fields packet{.src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .payload = octets(8)};
    const octets good = packet.bytes();
    packet.sum = 0x1234;
    char expected[80];
    std::snprintf(expected, sizeof(expected), "ip_input: checksum error: sum=0x1234, verify=0x%04x", get16(good, 10));
    log_capture log;
    host.receive(eth_frame(FRAME_HOST_MAC, PEER_MAC, 0x0800, packet.bytes()));
    EXPECT_TRUE(log.contains(expected)) << log.text();
}

} // namespace
} // namespace microps
