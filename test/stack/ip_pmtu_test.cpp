/*
 * ip_pmtu_test.cpp: the path MTU as datagrams meet it: who fragments, what DF says, what ICMP changes (RFC 1191,
 * RFC 1122 3.3.3); by UDP and ping sockets, IP_MTU_DISCOVER and IP_MTU.
 */
#include "microps/icmp.hpp"
#include "support/ip_host.hpp"

#include <cerrno>
#include <chrono>
#include <gtest/gtest.h>

using namespace std::chrono_literals;

namespace microps
{
namespace
{

constexpr unsigned DF = 0x4000;

int discover(ip_host &host, int id, int how)
{
    return sock_setsockopt(host.net, id, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof(how));
}

/** An option of IP's, or minus errno. */
int option(ip_host &host, int id, int name)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return sock_getsockopt(host.net, id, IPPROTO_IP, name, &value, &size) == 0 ? value : -errno;
}

void fragmentation_needed(ip_host &host, std::span<const uint8_t> quoted, uint32_t mtu)
{
    host.receive(ip_fields{.protocol = 1,
                           .src = addr("192.0.2.1"),
                           .dst = addr("192.0.2.2"),
                           .payload = icmp_message(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_FRAGMENT_NEEDED, mtu, quoted)}
                     .bytes());
}

/** A socket connected to 192.0.2.7, port 7. */
int connected_socket(ip_host &host, int how)
{
    const int id = host.udp_socket(nullptr, 0);
    EXPECT_EQ(discover(host, id, how), 0);
    EXPECT_EQ(host.connect(id, "192.0.2.7", 7), 0);
    return id;
}

octets send_one(ip_host &host, int id, size_t size)
{
    const std::string text(size, 'x');
    EXPECT_EQ(sock_send(host.net, id, text.data(), text.size()), static_cast<ssize_t>(size));
    const auto packets = host.sent();
    return packets.size() == 1 ? packets[0] : octets(20);
}

std::string error_of_send(ip_host &host, int id, size_t size)
{
    const std::string text(size, 'x');
    return sock_send(host.net, id, text.data(), text.size()) == -1 ? error_text(errno) : "sent";
}

/* RFC 1191 3, 5: what fits has DF, what does not is cut by us to the size that the router has told. */
TEST(IpPathMtu, DatagramsAreFragmentedToThePathAndWhatFitsHasDontFragment)
{
    ip_host host;
    const int id = connected_socket(host, IP_PMTUDISC_WANT);
    EXPECT_EQ(option(host, id, IP_MTU), 1500);
    const octets large = send_one(host, id, 1400);
    EXPECT_EQ(get16(large, 6), DF);
    fragmentation_needed(host, large, 1000);
    EXPECT_EQ(error_of_send(host, id, 10), error_text(EMSGSIZE)) << "the user is told once";
    EXPECT_EQ(option(host, id, IP_MTU), 1000);
    EXPECT_EQ(get16(send_one(host, id, 972), 6), DF);
    const std::string text(1400, 'x');
    EXPECT_EQ(sock_send(host.net, id, text.data(), text.size()), 1400);
    const auto fragments = host.sent();
    ASSERT_EQ(fragments.size(), 2u);
    EXPECT_EQ(fragments[0].size(), 20u + 976);
    EXPECT_EQ(get16(fragments[0], 6), 0x2000u) << "more fragments, and no DF";
    EXPECT_EQ(get16(fragments[1], 6), 976u / 8);
}

/* IP_PMTUDISC_DO: nobody fragments; the user is told the size. */
TEST(IpPathMtu, WhoForbidsFragmentsIsRefusedWhatIsTooLarge)
{
    ip_host host;
    const int id = connected_socket(host, IP_PMTUDISC_DO);
    EXPECT_EQ(error_of_send(host, id, 1473), error_text(EMSGSIZE));
    const octets large = send_one(host, id, 1472);
    EXPECT_EQ(get16(large, 6), DF);
    fragmentation_needed(host, large, 1200);
    EXPECT_EQ(host.receive_text(id), error_text(EMSGSIZE));
    EXPECT_EQ(option(host, id, IP_MTU), 1200);
    EXPECT_EQ(error_of_send(host, id, 1173), error_text(EMSGSIZE));
    EXPECT_EQ(get16(send_one(host, id, 1172), 6), DF);
}

/* The original's way, and the default: routers may fragment, so they cannot complain; what others learnt is used. */
TEST(IpPathMtu, WithoutDontFragmentAnErrorIsIgnored)
{
    ip_host host;
    const int id = connected_socket(host, IP_PMTUDISC_DONT);
    EXPECT_EQ(option(host, host.udp_socket(nullptr, 0), IP_MTU_DISCOVER), IP_PMTUDISC_DONT);
    const octets large = send_one(host, id, 1400);
    EXPECT_EQ(get16(large, 6), 0u);
    fragmentation_needed(host, large, 1000);
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
    EXPECT_EQ(option(host, id, IP_MTU), 1500);

    const int other = connected_socket(host, IP_PMTUDISC_WANT);
    fragmentation_needed(host, send_one(host, other, 1400), 1000);
    EXPECT_EQ(error_of_send(host, id, 1400), "sent");
    EXPECT_EQ(host.sent().size(), 2u);
}

/* IP_PMTUDISC_PROBE: DF, and only the link's size counts. */
TEST(IpPathMtu, ProbesDoNotAskForThePath)
{
    ip_host host;
    const int id = connected_socket(host, IP_PMTUDISC_PROBE);
    fragmentation_needed(host, send_one(host, id, 1400), 1000);
    EXPECT_EQ(host.receive_text(id), error_text(EMSGSIZE));
    EXPECT_EQ(option(host, id, IP_MTU), 1000);
    EXPECT_EQ(get16(send_one(host, id, 1472), 6), DF);
    EXPECT_EQ(error_of_send(host, id, 1473), error_text(EMSGSIZE));
}

/* RFC 1191 6.3. */
TEST(IpPathMtu, PathIsForgottenAfterTenMinutes)
{
    ip_host host;
    const int id = connected_socket(host, IP_PMTUDISC_WANT);
    fragmentation_needed(host, send_one(host, id, 1400), 1000);
    host.clock.advance(10min);
    EXPECT_EQ(option(host, id, IP_MTU), 1500);
}

/* RFC 5927: a packet that we cannot have sent, that goes elsewhere, or that would have fitted. */
TEST(IpPathMtu, ForgedErrorsAreDropped)
{
    ip_host host;
    const int id = connected_socket(host, IP_PMTUDISC_WANT);
    const octets sent = send_one(host, id, 1400);
    octets forged = sent;
    forged[20] ^= 1; /* another port */
    fragmentation_needed(host, forged, 1000);
    forged = sent;
    forged[19] = 8; /* 192.0.2.8 */
    fragmentation_needed(host, forged, 1000);
    forged = sent;
    forged[15] ^= 1; /* not from us */
    fragmentation_needed(host, forged, 1000);
    const uint64_t before = host.dropped(drop_reason::icmp_bad_quote);
    fragmentation_needed(host, sent, 1428);
    fragmentation_needed(host, sent, 65535);
    EXPECT_EQ(host.dropped(drop_reason::icmp_bad_quote), before + 2);
    EXPECT_EQ(option(host, id, IP_MTU), 1500);
    forged = sent;
    forged[19] = 2; /* from ourselves to ourselves: no router is between */
    fragmentation_needed(host, forged, 1000);
    const int self = host.udp_socket(nullptr, 0);
    EXPECT_EQ(host.connect(self, "192.0.2.2", 7), 0);
    EXPECT_EQ(option(host, self, IP_MTU), 65535);
}

/* RFC 1191 3: a message never raises the estimate; as on Linux none lowers it below 552, and then DF goes. */
TEST(IpPathMtu, IsNeitherRaisedNorBroughtBelowTheFloor)
{
    ip_host host;
    const int id = connected_socket(host, IP_PMTUDISC_WANT);
    const octets large = send_one(host, id, 1400);
    fragmentation_needed(host, large, 800);
    fragmentation_needed(host, large, 900);
    EXPECT_EQ(option(host, id, IP_MTU), 800);
    fragmentation_needed(host, large, 68);
    EXPECT_EQ(option(host, id, IP_MTU), 552);
    fragmentation_needed(host, large, 552);
    (void)host.receive_text(id); /* the error */
    EXPECT_EQ(get16(send_one(host, id, 500), 6), 0u);
}

/* IP_MTU is about a peer, and cannot be set. */
TEST(IpPathMtu, OptionNeedsAPeer)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    EXPECT_EQ(option(host, id, IP_MTU), -ENOTCONN);
    const int mtu = 1000;
    EXPECT_EQ(sock_setsockopt(host.net, id, IPPROTO_IP, IP_MTU, &mtu, sizeof(mtu)), -1);
    EXPECT_EQ(errno, ENOPROTOOPT);
    EXPECT_EQ(discover(host, id, 4), -1);
    EXPECT_EQ(errno, EINVAL);
}

} // namespace
} // namespace microps
