/*
 * Addresses as text: what is read, what is refused, what is written.
 */
#include "microps/ether.hpp"
#include "microps/ip.hpp"

#include <gtest/gtest.h>
#include <string>

namespace microps
{
namespace
{

/* An address is six hexadecimal numbers of one or two digits each, with colons between them. */
TEST(EtherAddr, ReadsSixHexadecimalBytes)
{
    mac_addr addr;
    ASSERT_EQ(ether_addr_pton("00:00:5e:00:53:01", addr), 0);
    EXPECT_EQ(addr, (mac_addr{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x01}}));
    ASSERT_EQ(ether_addr_pton("A:b:C:d:E:fF", addr), 0);
    EXPECT_EQ(addr, (mac_addr{{0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0xff}}));
}

/* Whatever is not such an address is refused, and the result keeps its value. */
TEST(EtherAddr, RefusesAnythingElseAndLeavesTheResultAlone)
{
    const mac_addr before{{1, 2, 3, 4, 5, 6}};
    for (const char *text :
         {"", "00", "00:00:5e:00:53", "00:00:5e:00:53:", "00:00:5e:00:53:01:02", "00:00:5e:00:53:01 ",
          " 00:00:5e:00:53:01", "00-00-5e-00-53-01", "00:00:5e:00:53:001", "00:00:5e:00:53:g1",
          "::::::", "0x0:00:5e:00:53:01", "+0:00:5e:00:53:01", "100:00:5e:00:53:01"}) {
        mac_addr addr = before;
        EXPECT_EQ(ether_addr_pton(text, addr), -1) << text;
        EXPECT_EQ(addr, before) << text;
    }
}

/* Addresses are written as the C original writes them: two lower-case digits for each byte. */
TEST(EtherAddr, IsWrittenWithTwoLowerCaseDigitsPerByte)
{
    const mac_addr addr{{0x00, 0x0a, 0xbc, 0xde, 0xf0, 0xff}};
    char text[ETHER_ADDR_STR_LEN];
    EXPECT_STREQ(ether_addr_ntop(addr, text, sizeof(text)), "00:0a:bc:de:f0:ff");
    EXPECT_EQ(ether_addr_str(ETHER_ADDR_BROADCAST), "ff:ff:ff:ff:ff:ff");
    char little[4];
    EXPECT_STREQ(ether_addr_ntop(addr, little, sizeof(little)), "00:");
}

/* IEEE 802: the first bit on the wire, which is the lowest of the first byte, says that an address is a group's. */
TEST(EtherAddr, GroupBitIsTheFirstOnTheWire)
{
    EXPECT_TRUE(ETHER_ADDR_BROADCAST.is_group());
    EXPECT_TRUE((mac_addr{{0x01, 0x00, 0x5e, 0, 0, 1}}).is_group());
    EXPECT_FALSE((mac_addr{{0x02, 0x00, 0x5e, 0, 0, 1}}).is_group());
}

/* An address is four decimal numbers up to 255, with dots between them. */
TEST(IpAddr, ReadsDottedQuads)
{
    ip_addr_t addr;
    ASSERT_EQ(ip_addr_pton("192.0.2.1", addr), 0);
    EXPECT_EQ(addr.value.value(), 0xc0000201u);
    ASSERT_EQ(ip_addr_pton("0.0.0.0", addr), 0);
    EXPECT_EQ(addr, IP_ADDR_ANY);
    ASSERT_EQ(ip_addr_pton("255.255.255.255", addr), 0);
    EXPECT_EQ(addr, IP_ADDR_BROADCAST);
}

/* Whatever is not such an address is refused, and the result keeps its value. */
TEST(IpAddr, RefusesAnythingElseAndLeavesTheResultAlone)
{
    for (const char *text :
         {"",         "1",         "1.2.3",    "1.2.3.",     "1.2.3.4.",         "1.2.3.4.5", "256.1.1.1", "1.1.1.256",
          "1.2.3.-4", "1.2.3.+4",  "+1.2.3.4", " 1.2.3.4",   "1.2.3.4 ",         "1. 2.3.4",  "1..2.3",    ".1.2.3",
          "a.b.c.d",  "0x1.2.3.4", "1.2.3.4x", "1.2.3.0004", "1.2.3.4294967296", "1.2.3.4:5"}) {
        ip_addr_t addr = IP_ADDR_BROADCAST;
        EXPECT_EQ(ip_addr_pton(text, addr), -1) << text;
        EXPECT_EQ(addr, IP_ADDR_BROADCAST) << text;
    }
}

/* Addresses are written as four decimal numbers with dots between them. */
TEST(IpAddr, IsWrittenAsDottedQuad)
{
    char text[IP_ADDR_STR_LEN];
    EXPECT_STREQ(ip_addr_ntop(ip_addr_t(be32(0xc0000201)), text, sizeof(text)), "192.0.2.1");
    EXPECT_STREQ(ip_addr_ntop(IP_ADDR_BROADCAST, text, sizeof(text)), "255.255.255.255");
    EXPECT_EQ(ip_addr_str(IP_ADDR_ANY), "0.0.0.0");
}

/* An address becomes POSIX's in_addr and comes back from it without a change of its bytes. */
TEST(IpAddr, ConvertsFromAndToPosix)
{
    const in_addr posix = ip_addr_t(be32(0xc0000201));
    EXPECT_EQ(posix.s_addr, be32(0xc0000201).to_net());
    EXPECT_EQ(ip_addr_t(posix), ip_addr_t(be32(0xc0000201)));
}

/* RFC 1122 3.2.1.3: broadcast, multicast and loopback addresses are told from those of hosts. */
TEST(IpAddr, KnowsItsClass)
{
    EXPECT_TRUE(ip_addr_t(be32(0xe0000001)).is_multicast());
    EXPECT_TRUE(ip_addr_t(be32(0xefffffff)).is_multicast());
    EXPECT_FALSE(ip_addr_t(be32(0xf0000000)).is_multicast());
    EXPECT_FALSE(ip_addr_t(be32(0xdfffffff)).is_multicast());
    EXPECT_TRUE(ip_addr_t(be32(0x7fffffff)).is_loopback());
    EXPECT_FALSE(ip_addr_t(be32(0x80000000)).is_loopback());
}

/* An endpoint is an address, a colon, and a decimal port. */
TEST(IpEndpoint, ReadsAddressAndPort)
{
    ip_endpoint endpoint;
    ASSERT_EQ(ip_endpoint_pton("192.0.2.1:7", endpoint), 0);
    EXPECT_EQ(endpoint.addr.value.value(), 0xc0000201u);
    EXPECT_EQ(endpoint.port.value(), 7);
    ASSERT_EQ(ip_endpoint_pton("0.0.0.0:65535", endpoint), 0);
    EXPECT_EQ(endpoint.port.value(), 65535);
}

/* Whatever is not an address and a port is refused. */
TEST(IpEndpoint, RefusesAnythingElse)
{
    for (const char *text : {"", ":", ":7", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:7x",
                             "192.0.2.1:7 ", "192.0.2.1: 7", "192.0.2.1:+7", "192.0.2.1:-7", "192.0.2.1:000007",
                             "192.0.2.1:4294967303", "192.0.2.1:7:7", "192.0.2:7"}) {
        ip_endpoint endpoint;
        EXPECT_EQ(ip_endpoint_pton(text, endpoint), -1) << text;
    }
}

/* The part before the colon may have any length. The C original copies it into 16 bytes unchecked. */
TEST(IpEndpoint, RefusesAnyLengthOfText)
{
    ip_endpoint endpoint;
    EXPECT_EQ(ip_endpoint_pton((std::string(100000, '1') + ":7").c_str(), endpoint), -1);
    EXPECT_EQ(ip_endpoint_pton(("192.0.2.1:" + std::string(100000, '1')).c_str(), endpoint), -1);
}

/* Endpoints are written as an address, a colon, and a decimal port. */
TEST(IpEndpoint, IsWrittenAsAddressColonPort)
{
    const ip_endpoint endpoint{.addr = IP_ADDR_BROADCAST, .port = 65535};
    char text[IP_ENDPOINT_STR_LEN];
    EXPECT_STREQ(ip_endpoint_ntop(endpoint, text, sizeof(text)), "255.255.255.255:65535");
    EXPECT_EQ(ip_endpoint_str({.addr = ip_addr_t(be32(0xc0000201)), .port = 7}), "192.0.2.1:7");
}

/* Every bit of the endpoints and of the key changes the hash, so that nobody can choose ports which collide. */
TEST(IpEndpoint, HashDependsOnEveryBitAndOnTheKey)
{
    const siphash_key key{1, 2};
    const ip_endpoint local{.addr = ip_addr_t(be32(0xc0000202)), .port = 7};
    const ip_endpoint foreign{.addr = ip_addr_t(be32(0xc0000201)), .port = 40000};
    const uint64_t hash = ip_endpoint_hash(key, local, foreign);
    EXPECT_EQ(hash, ip_endpoint_hash(key, local, foreign));
    EXPECT_NE(hash, ip_endpoint_hash({1, 3}, local, foreign));
    EXPECT_NE(hash, ip_endpoint_hash(key, foreign, local));
    for (unsigned bit = 0; bit < 32; bit++) {
        const ip_endpoint other{.addr = ip_addr_t(be32(0xc0000201 ^ (1u << bit))), .port = 40000};
        EXPECT_NE(hash, ip_endpoint_hash(key, local, other));
    }
    for (unsigned bit = 0; bit < 16; bit++) {
        const auto port = static_cast<uint16_t>(40000 ^ (1u << bit));
        EXPECT_NE(hash, ip_endpoint_hash(key, local, {.addr = foreign.addr, .port = port}));
    }
}

} // namespace
} // namespace microps
