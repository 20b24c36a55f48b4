/* ping_socket_test.cpp: datagram sockets for ICMP Echo (RFC 792, RFC 1122 3.2.2). */
#include "microps/icmp.hpp"

#include "support/ip_host.hpp"

#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>

namespace microps
{
namespace
{

struct ping_host : ip_host {
    int ping_socket(unsigned ident = 0)
    {
        const int id = sock_open(net, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_ICMP);
        if (ident == 0) return id;
        const sockaddr_in local = sock_address("0.0.0.0", ident);
        return sock_bind(net, id, sockaddr_of(local), sizeof(local)) == 0 ? id : -1;
    }
    /** An Echo whose identifier and checksum are the socket's to fill in. */
    ssize_t ping(int id, const char *dst, unsigned sequence, unsigned type = 8, unsigned code = 0)
    {
        const octets message = icmp_message(type, code, 0xabcd0000 | sequence, text_octets("data"));
        return send_to(id, dst, 0, std::string(message.begin(), message.end()));
    }
    void reply(const char *src, unsigned ident, unsigned sequence)
    {
        receive(ip_fields{.tos = 4,
                          .ttl = 63,
                          .protocol = 1,
                          .src = addr(src),
                          .dst = addr("192.0.2.2"),
                          .payload = icmp_message(0, 0, ident << 16 | sequence, text_octets("data"))}
                    .bytes());
    }
};

octets as_octets(const std::string &text) { return {text.begin(), text.end()}; }

/* RFC 792: the message, byte by byte; the identifier is the socket's port. */
TEST(PingSocket, FillsInIdentifierAndChecksum)
{
    ping_host host;
    const int id = host.ping_socket(0x1234);
    EXPECT_EQ(host.ping(id, "192.0.2.1", 7), 12);
    const auto sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    const octets expected{8, 0, 0x0d, 0x02, 0x12, 0x34, 0, 7, 'd', 'a', 't', 'a'};
    EXPECT_EQ(octets(sent[0].begin() + 20, sent[0].end()), expected);
    EXPECT_EQ(host.local_name(id), "0.0.0.0:4660");
}

TEST(PingSocket, ReceivesOnlyTheRepliesToItsOwn)
{
    ping_host host;
    const int a = host.ping_socket(1);
    const int b = host.ping_socket(2);
    host.reply("192.0.2.1", 2, 9);
    host.reply("192.0.2.1", 3, 9);
    EXPECT_EQ(host.receive_text(a), error_text(EAGAIN));
    EXPECT_EQ(as_octets(host.receive_text(b)), icmp_message(0, 0, 0x20009, text_octets("data")));
    EXPECT_EQ(host.receive_text(b), error_text(EAGAIN));
    EXPECT_EQ(host.dropped(drop_reason::ping_no_socket), 1u);
}

/* What a ping program needs: who answered, and the TTL that arrived. */
TEST(PingSocket, TellsSenderAndTtl)
{
    ping_host host;
    const int id = host.ping_socket(1);
    const int on = 1;
    EXPECT_EQ(sock_setsockopt(host.net, id, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)), 0);
    EXPECT_EQ(sock_setsockopt(host.net, id, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)), 0);
    host.reply("192.0.2.1", 1, 9);

    octets head(8);
    octets tail(2);
    iovec buffers[] = {{head.data(), head.size()}, {tail.data(), tail.size()}};
    sockaddr_in from{};
    alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(1)];
    msghdr msg{};
    msg.msg_name = &from;
    msg.msg_namelen = sizeof(from);
    msg.msg_iov = buffers;
    msg.msg_iovlen = 2;
    msg.msg_control = control;
    msg.msg_controllen = sizeof(control);
    EXPECT_EQ(sock_recvmsg(host.net, id, &msg), 10);
    EXPECT_EQ(head, (octets{0, 0, head[2], head[3], 0, 1, 0, 9}));
    EXPECT_EQ(tail, text_octets("da"));
    EXPECT_EQ(ip_endpoint_str(sockaddr_to_endpoint(from)), "192.0.2.1:0");
    EXPECT_EQ(msg.msg_namelen, sizeof(from));
    EXPECT_EQ(msg.msg_flags, MSG_TRUNC);

    const cmsghdr *item = CMSG_FIRSTHDR(&msg);
    ASSERT_NE(item, nullptr);
    EXPECT_EQ(item->cmsg_type, IP_TTL);
    int ttl = 0;
    std::memcpy(&ttl, CMSG_DATA(item), sizeof(ttl));
    EXPECT_EQ(ttl, 63);
    const size_t second = CMSG_SPACE(sizeof(int));
    EXPECT_EQ(control[second + CMSG_LEN(0)], 4); /* TOS */
}

/* RFC 1122 3.2.2.6: a program may choose the address it pings from. */
TEST(PingSocket, SourceIsTheBoundAddress)
{
    ping_host host;
    const int id = host.ping_socket();
    const sockaddr_in local = sock_address("127.0.0.1", 5);
    EXPECT_EQ(sock_bind(host.net, id, sockaddr_of(local), sizeof(local)), 0);
    EXPECT_EQ(host.ping(id, "127.0.0.1", 1), 12);
    EXPECT_EQ(as_octets(host.receive_text(id)), icmp_message(0, 0, 0x50001, text_octets("data")));
}

TEST(PingSocket, SendsNothingButEchos)
{
    ping_host host;
    const int id = host.ping_socket();
    EXPECT_EQ(host.ping(id, "192.0.2.1", 1, 0), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(host.ping(id, "192.0.2.1", 1, 8, 1), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(host.send_to(id, "192.0.2.1", 0, "1234567"), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(host.send_to(id, "192.0.2.1", 0, std::string(65516, '\x08')), -1);
    EXPECT_EQ(errno, EMSGSIZE);
    EXPECT_EQ(sock_send(host.net, id, "\x08\0\0\0\0\0\0", 8), -1);
    EXPECT_EQ(errno, EDESTADDRREQ);
    EXPECT_EQ(host.ping(id, "192.0.2.255", 1), -1);
    EXPECT_EQ(errno, EACCES);
    EXPECT_EQ(host.ping(id, "198.51.100.1", 1), -1);
    EXPECT_EQ(errno, ENETUNREACH);
    EXPECT_TRUE(host.sent().empty());
}

TEST(PingSocket, IdentifiersAreUnique)
{
    ping_host host;
    EXPECT_NE(host.ping_socket(7), -1);
    EXPECT_EQ(host.ping_socket(7), -1);
    EXPECT_EQ(errno, EADDRINUSE);
    const int a = host.ping_socket();
    const int b = host.ping_socket();
    host.ping(a, "192.0.2.1", 1);
    host.ping(b, "192.0.2.1", 1);
    EXPECT_NE(host.local_name(a), host.local_name(b));
}

/* RFC 1122 3.2.2.1: errors are reported to the one who asked, even without a connection. */
TEST(PingSocket, ErrorsAboutItsEchosArePending)
{
    ping_host host;
    const int id = host.ping_socket(1);
    const int other = host.ping_socket(2);
    const struct {
        unsigned type, code;
        int error;
    } table[] = {{3, 0, ENETUNREACH}, {3, 1, EHOSTUNREACH}, {11, 0, EHOSTUNREACH}};
    for (const auto &row : table) {
        host.ping(id, "192.0.2.1", 1);
        const auto sent = host.sent();
        ASSERT_EQ(sent.size(), 1u);
        host.receive_error(row.type, row.code, sent[0]);
        int error = 0;
        socklen_t size = sizeof(error);
        EXPECT_EQ(sock_getsockopt(host.net, id, SOL_SOCKET, SO_ERROR, &error, &size), 0);
        EXPECT_EQ(error, row.error);
        EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
        EXPECT_EQ(host.receive_text(other), error_text(EAGAIN));
    }
}

TEST(PingSocket, ConnectedHearsOnlyItsPeer)
{
    ping_host host;
    const int id = host.ping_socket(1);
    ASSERT_EQ(host.connect(id, "192.0.2.1", 0), 0);
    host.reply("192.0.2.3", 1, 1);
    EXPECT_EQ(host.receive_text(id), error_text(EAGAIN));
    host.reply("192.0.2.1", 1, 1);
    EXPECT_EQ(host.receive_text(id).size(), 12u);
    sockaddr_in peer{};
    socklen_t length = sizeof(peer);
    EXPECT_EQ(sock_getpeername(host.net, id, sockaddr_of(peer), &length), 0);
    EXPECT_EQ(ip_endpoint_str(sockaddr_to_endpoint(peer)), "192.0.2.1:0");
}

TEST(PingSocket, QueueIsBounded)
{
    ping_host host;
    host.ping_socket(1);
    for (int i = 0; i < 10000; i++) {
        host.reply("192.0.2.1", 1, 1);
    }
    EXPECT_GT(host.dropped(drop_reason::ping_queue_full), 5000u);
}

TEST(PingSocket, TtlIsTheSockets)
{
    ping_host host;
    const int id = host.ping_socket();
    const int ttl = 1;
    EXPECT_EQ(sock_setsockopt(host.net, id, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)), 0);
    host.ping(id, "192.0.2.1", 1);
    const auto sent = host.sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0][8], 1);
}

} // namespace
} // namespace microps
