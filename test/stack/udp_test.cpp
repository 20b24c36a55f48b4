/* udp_test.cpp: the User Datagram Protocol, on the wire and in its sockets (RFC 768, RFC 1122 4.1). */
#include "microps/udp.hpp"

#include "support/ip_host.hpp"
#include "support/sock_calls.hpp"

#include <cerrno>
#include <gtest/gtest.h>
#include <set>

namespace microps
{
namespace
{

/* 192.0.2.2:1024 -> 192.0.2.1:7, "hello": IP header with TTL 255, then UDP. */
octets hello_out(unsigned id)
{
    return ip_fields{.id = id,
                     .ttl = 255,
                     .protocol = 17,
                     .src = addr("192.0.2.2"),
                     .dst = addr("192.0.2.1"),
                     .payload = {0x04, 0x00, 0x00, 0x07, 0x00, 0x0d, 0x33, 0xf7, 'h', 'e', 'l', 'l', 'o'}}
        .bytes();
}

/* 192.0.2.1:7 -> 192.0.2.2:1024, "hello". */
octets hello_in(unsigned sum = 0x33f7)
{
    return ip_fields{.protocol = 17,
                     .src = addr("192.0.2.1"),
                     .dst = addr("192.0.2.2"),
                     .payload = {0x00, 0x07, 0x04, 0x00, 0x00, 0x0d, static_cast<uint8_t>(sum >> 8),
                                 static_cast<uint8_t>(sum), 'h', 'e', 'l', 'l', 'o'}}
        .bytes();
}

void pcb_max(ip_host &host, size_t limit)
{
    net_guard guard(host.net);
    udp_configure(host.net).pcb_max = limit;
}

/* RFC 768: the header, byte by byte. */
TEST(UdpOutput, HeaderAndChecksumAreThoseOfRfc768)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    EXPECT_EQ(host.send_to(id, "192.0.2.1", 7, "hello"), 5);
    const auto sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0], hello_out(get16(sent[0], 4)));
    EXPECT_EQ(host.counted(counter::udp_out_datagrams), 1u);
}

/* RFC 768: byte for byte: source port, destination port, length, and a checksum over the pseudo-header. */
TEST(UdpInput, HeaderAndChecksumAreThoseOfRfc768)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    host.receive(hello_in());
    EXPECT_EQ(host.receive_text(id), "hello");
    EXPECT_EQ(host.counted(counter::udp_in_datagrams), 1u);
}

/* RFC 768: "an all zero transmitted checksum value means that the transmitter generated no checksum". */
TEST(UdpInput, ChecksumZeroIsAccepted)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    host.receive(hello_in(0));
    EXPECT_EQ(host.receive_text(id), "hello");
}

/* RFC 1122 4.1.3.4: a datagram with a wrong checksum MUST be discarded silently. */
TEST(UdpInput, WrongChecksumIsDroppedSilently)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    host.receive(hello_in(0x33f6));
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
    EXPECT_EQ(host.dropped(drop_reason::bad_checksum), 1u);
    EXPECT_EQ(host.counted(counter::udp_in_errors), 1u);
    EXPECT_TRUE(host.sent().empty());
}

/* RFC 768: "If the computed checksum is zero, it is transmitted as all ones". */
TEST(UdpOutput, ChecksumZeroIsSentAsAllOnes)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    /* Two bytes of payload that make all words together 0xffff. */
    const uint32_t others = 0xc000 + 0x0202 + 0xc000 + 0x0201 + 17 + 10 + 1024 + 7 + 10;
    const uint32_t folded = (others & 0xffff) + (others >> 16);
    const std::string text{static_cast<char>((0xffff - folded) >> 8), static_cast<char>((0xffff - folded) & 0xff)};
    EXPECT_EQ(host.send_to(id, "192.0.2.1", 7, text), 2);
    const auto sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(get16(sent[0], 26), 0xffffu);
}

/* RFC 768: a header has eight bytes; seven are none. */
TEST(UdpInput, TooShortForAHeaderIsDropped)
{
    ip_host host;
    host.udp_socket("0.0.0.0", 1024);
    octets payload{0x00, 0x07, 0x04, 0x00, 0x00, 0x08, 0x00};
    host.receive(
        ip_fields{.protocol = 17, .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .payload = payload}.bytes());
    EXPECT_EQ(host.dropped(drop_reason::too_short), 1u);
}

/* RFC 768: a length below the header's, or beyond the packet's end, is refused. */
TEST(UdpInput, LengthsThatCannotBeAreDropped)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    for (const unsigned length : {0u, 7u, 14u, 65535u}) {
        octets packet = hello_in(0);
        packet[24] = static_cast<uint8_t>(length >> 8);
        packet[25] = static_cast<uint8_t>(length);
        host.receive(packet);
    }
    EXPECT_EQ(host.dropped(drop_reason::bad_length), 4u);
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
}

/* The IP packet may be longer than the datagram in it: the UDP length counts. */
TEST(UdpInput, BytesBehindTheUdpLengthAreIgnored)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    octets payload = udp_message(7, 1024, text_octets("hello"));
    payload.insert(payload.end(), {1, 2, 3});
    host.receive(
        ip_fields{.protocol = 17, .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .payload = payload}.bytes());
    EXPECT_EQ(host.receive_text(id), "hello");
}

/* RFC 768: the smallest length is eight: a datagram without data is one, too. */
TEST(UdpInput, EmptyDatagramIsReceived)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    host.receive_udp("192.0.2.1", 7, "192.0.2.2", 1024, "");
    host.receive_udp("192.0.2.1", 7, "192.0.2.2", 1024, "next");
    char buffer[8];
    sockaddr_in from{};
    socklen_t length = sizeof(from);
    EXPECT_EQ(sock_recvfrom(host.net, id, buffer, sizeof(buffer), 0, sockaddr_of(from), &length), 0);
    EXPECT_EQ(ip_endpoint_str(sockaddr_to_endpoint(from)), "192.0.2.1:7");
    EXPECT_EQ(host.receive_text(id), "next");
}

/* RFC 1122 4.1.3.1: for a port nobody listens on, port unreachable SHOULD be sent. */
TEST(UdpInput, ClosedPortIsAnsweredByPortUnreachable)
{
    ip_host host;
    host.udp_socket("0.0.0.0", 1025);
    host.receive(hello_in());
    const auto sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0][9], 1);  /* ICMP */
    EXPECT_EQ(sent[0][20], 3); /* destination unreachable */
    EXPECT_EQ(sent[0][21], 3); /* port */
    EXPECT_EQ(get32(sent[0], 16), addr("192.0.2.1"));
    EXPECT_EQ(octets(sent[0].begin() + 28, sent[0].end()), hello_in());
    EXPECT_EQ(host.counted(counter::udp_no_ports), 1u);
}

/* RFC 1122 3.2.2: no ICMP error about a broadcast. */
TEST(UdpInput, ClosedPortStaysSilentForBroadcast)
{
    ip_host host;
    host.receive_udp("192.0.2.1", 7, "192.0.2.255", 1024, "hello");
    host.receive_udp("192.0.2.1", 7, "255.255.255.255", 1024, "hello");
    EXPECT_EQ(host.dropped(drop_reason::udp_no_port), 2u);
    EXPECT_TRUE(host.sent().empty());
}

/* An unbound socket has no port, and so nothing to receive. */
TEST(UdpInput, PortZeroBelongsToNobody)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    host.receive_udp("192.0.2.1", 7, "192.0.2.2", 0, "hello");
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
    EXPECT_EQ(host.dropped(drop_reason::udp_no_port), 1u);
}

/* A datagram goes to the connected socket, else to the one with the specific address, else to the one for any address.
 */
TEST(UdpDemux, MostSpecificSocketReceives)
{
    ip_host host;
    const int specific = host.udp_socket("192.0.2.2", 7);
    const int loopback = host.udp_socket("127.0.0.1", 7);
    EXPECT_NE(specific, -1);
    EXPECT_NE(loopback, -1);
    host.receive_udp("192.0.2.1", 9, "192.0.2.2", 7, "for the specific");
    EXPECT_EQ(host.receive_text(specific), "for the specific");
    EXPECT_EQ(host.receive_text(loopback), error_text(EAGAIN));

    ASSERT_EQ(host.connect(specific, "192.0.2.1", 9), 0);
    host.receive_udp("192.0.2.1", 9, "192.0.2.2", 7, "from the peer");
    host.receive_udp("192.0.2.1", 10, "192.0.2.2", 7, "from another");
    EXPECT_EQ(host.receive_text(specific), "from the peer");
    EXPECT_EQ(host.receive_text(specific), error_text(EAGAIN));
    EXPECT_EQ(host.dropped(drop_reason::udp_no_port), 1u);
}

/* RFC 1122 4.1.3.5: of several sockets on a port the one that fits best gets the datagram. */
TEST(UdpDemux, ConnectedSocketComesBeforeSpecificAddressBeforeAny)
{
    ip_host host;
    /* SO_REUSEADDR lets all three have the same port. */
    std::vector<int> ids;
    for (const char *local : {"192.0.2.2", "192.0.2.2", "0.0.0.0"}) {
        ids.push_back(host.udp_socket(nullptr, 0));
        const int on = 1;
        ASSERT_EQ(sock_setsockopt(host.net, ids.back(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        ASSERT_EQ(udp_bind(host.net, ids.back(), {ip_addr_t(be32(addr(local))), 7}), 0);
    }
    ASSERT_EQ(host.connect(ids[0], "192.0.2.1", 9), 0);
    host.receive_udp("192.0.2.1", 9, "192.0.2.2", 7, "from the peer");
    host.receive_udp("192.0.2.1", 10, "192.0.2.2", 7, "from another");
    EXPECT_EQ(host.receive_text(ids[0]), "from the peer");
    EXPECT_EQ(host.receive_text(ids[1]), "from another");
    EXPECT_EQ(host.receive_text(ids[2]), error_text(EAGAIN));
}

/* RFC 1122 3.3.6: a broadcast goes to sockets bound to its address or to any, not to those bound to a host's
 * address. */
TEST(UdpDemux, BroadcastReachesEverySocketThatListens)
{
    ip_host host;
    const int a = host.udp_socket("192.0.2.255", 7);
    const int b = host.udp_socket("255.255.255.255", 7);
    const int c = host.udp_socket("192.0.2.2", 7);
    const int d = host.udp_socket("0.0.0.0", 8);
    host.receive_udp("192.0.2.1", 9, "192.0.2.255", 7, "subnet");
    host.receive_udp("192.0.2.1", 9, "255.255.255.255", 7, "limited");
    EXPECT_EQ(host.receive_text(a), "subnet");
    EXPECT_EQ(host.receive_text(b), "limited");
    EXPECT_EQ(host.receive_text(c), error_text(EAGAIN));
    EXPECT_EQ(host.receive_text(d), error_text(EAGAIN));
    host.receive_udp("192.0.2.1", 9, "192.0.2.255", 8, "any");
    EXPECT_EQ(host.receive_text(d), "any");
}

/* A receive queue that is full drops what comes, and keeps what it has. */
TEST(UdpQueue, IsBoundedAndDropsTheNewest)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 7);
    {
        net_guard guard(host.net);
        udp_configure(host.net).receive_bytes_max = 4096;
    }
    const std::string text(1000, 'x');
    for (int i = 0; i < 10; i++) {
        host.receive_udp("192.0.2.1", 9, "192.0.2.2", 7, std::to_string(i) + text);
    }
    EXPECT_EQ(host.dropped(drop_reason::udp_queue_full), 7u);
    EXPECT_EQ(host.counted(counter::udp_rcvbuf_errors), 7u);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(host.receive_text(id), std::to_string(i) + text);
    }
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
}

/* Empty datagrams take memory as well. */
TEST(UdpQueue, CountsTheOverheadOfEachDatagram)
{
    ip_host host;
    host.udp_socket("0.0.0.0", 7);
    {
        net_guard guard(host.net);
        udp_configure(host.net).receive_bytes_max = 4096;
    }
    for (int i = 0; i < 1000; i++) {
        host.receive_udp("192.0.2.1", 9, "192.0.2.2", 7, "");
    }
    EXPECT_GT(host.dropped(drop_reason::udp_queue_full), 900u);
}

/* POSIX bind(): EADDRINUSE for an address and port that another socket has, EADDRNOTAVAIL for an address that is
 * not ours. */
TEST(UdpBind, RefusesWhatIsTaken)
{
    ip_host host;
    ASSERT_NE(host.udp_socket("192.0.2.2", 7), -1);
    const struct {
        const char *addr;
        unsigned port;
        int error;
    } table[] = {
        {"192.0.2.2", 7, EADDRINUSE},
        {"0.0.0.0", 7, EADDRINUSE}, /* "any" excludes every address */
        {"127.0.0.1", 7, 0},
        {"192.0.2.2", 8, 0},
        {"192.0.2.1", 9, EADDRNOTAVAIL},
        {"198.51.100.1", 0, EADDRNOTAVAIL},
    };
    for (const auto &row : table) {
        const int id = host.udp_socket(row.addr, row.port);
        EXPECT_EQ(id == -1 ? errno : 0, row.error) << row.addr << ":" << row.port;
    }
    /* And the other way round: a specific address after "any". */
    ASSERT_NE(host.udp_socket("0.0.0.0", 99), -1);
    EXPECT_EQ(host.udp_socket("192.0.2.2", 99), -1);
    EXPECT_EQ(errno, EADDRINUSE);
}

/* POSIX bind(): EINVAL if the socket is bound already. */
TEST(UdpBind, SecondBindIsInvalid)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 7);
    const sockaddr_in other = sock_address("0.0.0.0", 8);
    EXPECT_EQ(sock_bind(host.net, id, sockaddr_of(other), sizeof(other)), -1);
    EXPECT_EQ(errno, EINVAL);
}

/* POSIX SO_REUSEADDR: sockets share a port only if all of them have set the option. */
TEST(UdpBind, ReuseAddressNeedsBothSides)
{
    ip_host host;
    const int on = 1;
    const sockaddr_in local = sock_address("0.0.0.0", 7);
    const int a = host.udp_socket(nullptr, 0);
    const int b = host.udp_socket(nullptr, 0);
    EXPECT_EQ(sock_setsockopt(host.net, a, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    EXPECT_EQ(sock_bind(host.net, a, sockaddr_of(local), sizeof(local)), 0);
    EXPECT_EQ(sock_bind(host.net, b, sockaddr_of(local), sizeof(local)), -1);
    EXPECT_EQ(errno, EADDRINUSE);
    EXPECT_EQ(sock_setsockopt(host.net, b, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    EXPECT_EQ(sock_bind(host.net, b, sockaddr_of(local), sizeof(local)), 0);
}

/* A port is free again after close. */
TEST(UdpBind, ClosedPortCanBeBoundAgain)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 7);
    EXPECT_EQ(sock_close(host.net, id), 0);
    EXPECT_EQ(host.udp_socket("0.0.0.0", 7), id);
}

/* RFC 6056 3.3.1, RFC 6335: dynamic ports lie in 49152..65535, differ, and are not one after the other. */
TEST(UdpBind, DynamicPortsAreUnpredictable)
{
    ip_host host;
    std::set<unsigned> ports;
    unsigned neighbours = 0;
    unsigned last = 0;
    for (int i = 0; i < 200; i++) {
        const int id = host.udp_socket("0.0.0.0", 0);
        const std::string name = host.local_name(id);
        const auto port = static_cast<unsigned>(std::stoul(name.substr(name.find(':') + 1)));
        EXPECT_GE(port, 49152u);
        if (port == last + 1) neighbours++;
        last = port;
        ports.insert(port);
    }
    EXPECT_EQ(ports.size(), 200u);
    EXPECT_LT(neighbours, 10u);
}

/* RFC 6335 6: each of the 16,384 dynamic ports can be had; without a free one bind() fails. */
TEST(UdpBind, AllDynamicPortsCanBeUsedAndThenNoMore)
{
    ip_host host;
    pcb_max(host, 20000);
    int id = -1;
    for (int i = 0; i < 16384; i++) {
        id = udp_socket_open(host.net);
        ASSERT_EQ(udp_bind(host.net, id, {}), 0);
    }
    EXPECT_EQ(udp_bind(host.net, udp_socket_open(host.net), {}), -1);
    EXPECT_EQ(errno, EADDRINUSE);
    sock_close(host.net, id);
    EXPECT_EQ(udp_bind(host.net, udp_socket_open(host.net), {}), 0);
}

/* udp_config::pcb_max bounds the sockets, whose numbers are the lowest free ones. */
TEST(UdpPcb, TableIsBoundedAndIdsAreTheLowestFree)
{
    ip_host host;
    pcb_max(host, 3);
    EXPECT_EQ(udp_socket_open(host.net), 0);
    EXPECT_EQ(udp_socket_open(host.net), 1);
    EXPECT_EQ(udp_socket_open(host.net), 2);
    EXPECT_EQ(udp_socket_open(host.net), -1);
    EXPECT_EQ(errno, EMFILE);
    EXPECT_EQ(sock_close(host.net, 1), 0);
    EXPECT_EQ(udp_socket_open(host.net), 1);
}

/* POSIX: a call with a number that is no socket's fails with EBADF. */
TEST(UdpPcb, UnknownIdIsBadDescriptor)
{
    ip_host host;
    uint8_t byte = 0;
    for (const int id : {-1, 0, 99}) {
        EXPECT_EQ(udp_bind(host.net, id, {}), -1);
        EXPECT_EQ(errno, EBADF);
        EXPECT_EQ(udp_sendto(host.net, id, {&byte, 1}, {}), -1);
        EXPECT_EQ(errno, EBADF);
        EXPECT_EQ(udp_recvfrom(host.net, id, {&byte, 1}, nullptr), -1);
        EXPECT_EQ(errno, EBADF);
        EXPECT_EQ(sock_close(host.net, id), -1);
        EXPECT_EQ(errno, EBADF);
    }
}

/* POSIX sendto(): a socket that is not bound gets a port by its first datagram. */
TEST(UdpSend, BindsToADynamicPortFirst)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    EXPECT_EQ(host.local_name(id), "0.0.0.0:0");
    EXPECT_EQ(host.send_to(id, "192.0.2.1", 7, "hello"), 5);
    EXPECT_EQ(host.sent().size(), 1u);
    EXPECT_NE(host.local_name(id), "0.0.0.0:0");
}

/* POSIX sendto(): each thing that cannot be sent has its errno. */
TEST(UdpSend, ReportsWhatIsWrong)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    EXPECT_EQ(sock_send(host.net, id, "x", 1), -1);
    EXPECT_EQ(errno, EDESTADDRREQ);
    EXPECT_EQ(host.send_to(id, "192.0.2.1", 0, "x"), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(host.send_to(id, "198.51.100.1", 7, "x"), -1);
    EXPECT_EQ(errno, ENETUNREACH);
    EXPECT_EQ(host.send_to(id, "192.0.2.1", 7, std::string(65508, 'x')), -1);
    EXPECT_EQ(errno, EMSGSIZE);
    EXPECT_EQ(host.send_to(id, "192.0.2.1", 7, "x", MSG_OOB), -1);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_TRUE(host.sent().empty());
}

/* POSIX: permission to broadcast must be asked for. */
TEST(UdpSend, BroadcastNeedsPermission)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    EXPECT_EQ(host.send_to(id, "192.0.2.255", 7, "x"), -1);
    EXPECT_EQ(errno, EACCES);
    EXPECT_EQ(host.connect(id, "192.0.2.255", 7), -1);
    EXPECT_EQ(errno, EACCES);
    const int on = 1;
    EXPECT_EQ(sock_setsockopt(host.net, id, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
    EXPECT_EQ(host.send_to(id, "192.0.2.255", 7, "x"), 1);
    EXPECT_EQ(host.sent().size(), 1u);
}

/* RFC 1122 4.1.3.2, 4.1.3.6: TTL and TOS are the application's to choose. */
TEST(UdpSend, TtlAndTosAreTheSockets)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    const int ttl = 3;
    const int tos = 0x10;
    EXPECT_EQ(sock_setsockopt(host.net, id, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)), 0);
    EXPECT_EQ(sock_setsockopt(host.net, id, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), 0);
    host.send_to(id, "192.0.2.1", 7, "x");
    const auto sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0][1], 0x10);
    EXPECT_EQ(sent[0][8], 3);
}

/* RFC 768, RFC 791 3.2: 65,507 bytes of data are the most that one IP packet carries. */
TEST(UdpSend, LargestDatagramGoesThroughFragmentsAndBack)
{
    ip_host host;
    const int server = host.udp_socket("127.0.0.1", 7);
    const int client = host.udp_socket(nullptr, 0);
    std::string text(65507, '\0');
    for (size_t i = 0; i < text.size(); i++) {
        text[i] = static_cast<char>(i * 31 >> 3);
    }
    EXPECT_EQ(host.send_to(client, "127.0.0.1", 7, text), 65507);
    EXPECT_TRUE(host.receive_text(server) == text);
    EXPECT_EQ(host.send_to(client, "192.0.2.1", 7, text), 65507);
    EXPECT_EQ(host.sent().size(), 45u);
}

/* POSIX connect(): a connected socket sends to its peer, and receives from nobody else. */
TEST(UdpConnect, FiltersAndSuppliesThePeer)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 7);
    ASSERT_EQ(host.connect(id, "192.0.2.1", 9), 0);
    EXPECT_EQ(host.local_name(id), "192.0.2.2:7");
    EXPECT_EQ(sock_send(host.net, id, "x", 1), 1);
    EXPECT_EQ(host.sent().size(), 1u);
    host.receive_udp("192.0.2.1", 9, "192.0.2.2", 7, "peer");
    host.receive_udp("192.0.2.3", 9, "192.0.2.2", 7, "other");
    EXPECT_EQ(host.receive_text(id), "peer");
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));

    /* AF_UNSPEC dissolves the connection; what was bound stays bound. */
    sockaddr_in unspec{};
    EXPECT_EQ(sock_connect(host.net, id, sockaddr_of(unspec), sizeof(unspec)), 0);
    EXPECT_EQ(host.local_name(id), "0.0.0.0:7");
    host.receive_udp("192.0.2.3", 9, "192.0.2.2", 7, "other");
    EXPECT_EQ(host.receive_text(id), "other");
}

/* POSIX connect() with AF_UNSPEC: a port that was not chosen by the user is given back. */
TEST(UdpConnect, DissolvingGivesADynamicPortBack)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    ASSERT_EQ(host.connect(id, "192.0.2.1", 9), 0);
    sockaddr_in unspec{};
    EXPECT_EQ(sock_connect(host.net, id, sockaddr_of(unspec), sizeof(unspec)), 0);
    EXPECT_EQ(host.local_name(id), "0.0.0.0:0");
}

/* RFC 1122 4.1.3.3: UDP MUST pass ICMP errors to the application. */
TEST(UdpError, PortUnreachableReachesTheConnectedSocketOnce)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    ASSERT_EQ(host.connect(id, "192.0.2.1", 7), 0);
    for (const bool sending : {false, true}) {
        sock_send(host.net, id, "x", 1);
        const auto sent = host.sent();
        ASSERT_EQ(sent.size(), 1u);
        host.receive_error(3, 3, sent[0]);
        if (sending) {
            EXPECT_EQ(sock_send(host.net, id, "x", 1), -1);
            EXPECT_EQ(errno, ECONNREFUSED);
        } else {
            EXPECT_EQ(host.receive_text(id), error_text(ECONNREFUSED));
        }
        EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
    }
}

/* RFC 1122 4.1.3.3: an ICMP error concerns the socket that is connected to the destination it quotes. */
TEST(UdpError, IsNotForUnconnectedSocketsNorForOtherPeers)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 1024);
    host.send_to(id, "192.0.2.1", 7, "x");
    const auto sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    host.receive_error(3, 3, sent[0]);
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
    ASSERT_EQ(host.connect(id, "192.0.2.1", 8), 0);
    host.receive_error(3, 3, sent[0]);
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
}

/* POSIX shutdown(): no more is received, or no more can be sent. */
TEST(UdpShutdown, EndsReceivingAndSending)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 7);
    /* Linux reports ENOTCONN for an unconnected socket, but shuts it down; programs rely on both. */
    EXPECT_EQ(sock_shutdown(host.net, id, SHUT_RD), -1);
    EXPECT_EQ(errno, ENOTCONN);
    EXPECT_EQ(host.receive_text(id), "");
    ASSERT_EQ(host.connect(id, "192.0.2.1", 9), 0);
    EXPECT_EQ(sock_shutdown(host.net, id, SHUT_WR), 0);
    EXPECT_EQ(sock_send(host.net, id, "x", 1), -1);
    EXPECT_EQ(errno, EPIPE);
}

/* POSIX recv(): what does not fit of a datagram is lost; MSG_PEEK leaves it, MSG_TRUNC and FIONREAD tell its
 * length. */
TEST(UdpReceive, TruncatesPeeksAndTellsTheLength)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 7);
    host.receive_udp("192.0.2.1", 9, "192.0.2.2", 7, "hello");
    char buffer[3];
    EXPECT_EQ(sock_recv(host.net, id, buffer, sizeof(buffer), MSG_PEEK), 3);
    EXPECT_EQ(sock_recv(host.net, id, buffer, sizeof(buffer), MSG_PEEK | MSG_TRUNC), 5);
    int pending = 0;
    EXPECT_EQ(sock_ioctl(host.net, id, 0x541b /* FIONREAD */, &pending), 0);
    EXPECT_EQ(pending, 5);
    EXPECT_EQ(sock_recv(host.net, id, buffer, sizeof(buffer)), 3);
    EXPECT_EQ(std::string(buffer, 3), "hel");
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN)); /* the rest is lost */
}

} // namespace
} // namespace microps
