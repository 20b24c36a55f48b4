/* sock_test.cpp: the socket layer: numbers, addresses, errno values, options, poll. What blocks is in test/sim. */
#include "microps/sock.hpp"

#include "microps/udp.hpp"
#include "support/ip_host.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/time.h>

namespace microps
{
namespace
{

TEST(SockOpen, ArgumentsAreCheckedAsOnLinux)
{
    ip_host host;
    const struct {
        int domain, type, protocol, error;
    } table[] = {
        {AF_INET, SOCK_DGRAM, 0, 0},
        {AF_INET, SOCK_DGRAM, IPPROTO_UDP, 0},
        {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, 0},
        {AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0},
        {AF_INET6, SOCK_DGRAM, 0, EAFNOSUPPORT},
        {AF_UNSPEC, SOCK_DGRAM, 0, EAFNOSUPPORT},
        {-1, SOCK_DGRAM, 0, EAFNOSUPPORT},
        {AF_INET, SOCK_SEQPACKET, 0, ESOCKTNOSUPPORT},
        {AF_INET, SOCK_DGRAM, IPPROTO_TCP, EPROTONOSUPPORT},
        {AF_INET, SOCK_STREAM, IPPROTO_UDP, EPROTONOSUPPORT},
        {AF_INET, SOCK_DGRAM | 0x40000000, 0, EINVAL},
    };
    for (const auto &row : table) {
        EXPECT_EQ(error_of(sock_open(host.net, row.domain, row.type, row.protocol)), row.error)
            << row.domain << " " << row.type << " " << row.protocol;
    }
}

TEST(SockOpen, NumbersAreTheLowestFree)
{
    ip_host host;
    for (int expected = 0; expected < 3; expected++) {
        EXPECT_EQ(host.udp_socket(nullptr, 0), expected);
    }
    EXPECT_EQ(sock_close(host.net, 1), 0);
    EXPECT_EQ(host.udp_socket(nullptr, 0), 1);
    EXPECT_EQ(host.udp_socket(nullptr, 0), 3);
}

/* POSIX socket(): a call that fails takes no socket number. In the C original each open that finds no PCB loses one. */
TEST(SockOpen, FailureLosesNoNumber)
{
    ip_host host;
    {
        net_guard guard(host.net);
        udp_configure(host.net).pcb_max = 1;
    }
    EXPECT_EQ(host.udp_socket(nullptr, 0), 0);
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(host.udp_socket(nullptr, 0), -1);
        EXPECT_EQ(errno, EMFILE);
    }
    EXPECT_EQ(sock_close(host.net, 0), 0);
    EXPECT_EQ(host.udp_socket(nullptr, 0), 0);
}

TEST(SockOpen, WithoutAnInitializedStackFails)
{
    net_stack net;
    EXPECT_EQ(error_of(sock_open(net, AF_INET, SOCK_DGRAM, 0)), ENETDOWN);
    EXPECT_EQ(error_of(sock_close(net, 0)), EBADF);
    EXPECT_EQ(error_of(sock_poll(net, nullptr, 0, 0)), ENETDOWN);
}

TEST(SockCall, UnknownNumberIsBadDescriptor)
{
    ip_host host;
    net_stack &net = host.net;
    const int closed = host.udp_socket(nullptr, 0);
    EXPECT_EQ(sock_close(net, closed), 0);
    for (const int id : {-1, closed, 12345}) {
        sockaddr_in in = sock_address("192.0.2.1", 7);
        socklen_t length = sizeof(in);
        char byte = 0;
        int value = 0;
        msghdr msg{};
        EXPECT_EQ(error_of(sock_close(net, id)), EBADF);
        EXPECT_EQ(error_of(sock_bind(net, id, sockaddr_of(in), length)), EBADF);
        EXPECT_EQ(error_of(sock_listen(net, id, 1)), EBADF);
        EXPECT_EQ(error_of(sock_accept(net, id, sockaddr_of(in), &length)), EBADF);
        EXPECT_EQ(error_of(sock_connect(net, id, sockaddr_of(in), length)), EBADF);
        EXPECT_EQ(error_of(sock_shutdown(net, id, SHUT_RD)), EBADF);
        EXPECT_EQ(error_of(sock_send(net, id, &byte, 1)), EBADF);
        EXPECT_EQ(error_of(sock_recv(net, id, &byte, 1)), EBADF);
        EXPECT_EQ(error_of(sock_sendmsg(net, id, &msg)), EBADF);
        EXPECT_EQ(error_of(sock_recvmsg(net, id, &msg)), EBADF);
        EXPECT_EQ(error_of(sock_getsockname(net, id, sockaddr_of(in), &length)), EBADF);
        EXPECT_EQ(error_of(sock_getpeername(net, id, sockaddr_of(in), &length)), EBADF);
        EXPECT_EQ(error_of(sock_setsockopt(net, id, SOL_SOCKET, SO_BROADCAST, &value, sizeof(value))), EBADF);
        EXPECT_EQ(error_of(sock_getsockopt(net, id, SOL_SOCKET, SO_BROADCAST, &value, &length)), EBADF);
        EXPECT_EQ(error_of(sock_fcntl(net, id, F_GETFL)), EBADF);
        EXPECT_EQ(error_of(sock_ioctl(net, id, FIONBIO, &value)), EBADF);
    }
}

TEST(SockCall, WhatADatagramSocketCannot)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    EXPECT_EQ(error_of(sock_listen(host.net, id, 1)), EOPNOTSUPP);
    EXPECT_EQ(error_of(sock_accept(host.net, id, nullptr, nullptr)), EOPNOTSUPP);
    EXPECT_EQ(error_of(sock_shutdown(host.net, id, 3)), EINVAL);
    EXPECT_EQ(error_of(sock_shutdown(host.net, id, SHUT_RD)), ENOTCONN);
    /* The number that accept() had taken is free again. */
    EXPECT_EQ(host.udp_socket(nullptr, 0), id + 1);
}

TEST(SockAddress, IsCheckedAsOnLinux)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    sockaddr_in in = sock_address("192.0.2.1", 7);
    const socklen_t length = sizeof(in);
    EXPECT_EQ(error_of(sock_connect(host.net, id, sockaddr_of(in), 15)), EINVAL);
    EXPECT_EQ(error_of(sock_connect(host.net, id, sockaddr_of(in), 1000)), EINVAL);
    EXPECT_EQ(error_of(sock_connect(host.net, id, nullptr, length)), EFAULT);
    EXPECT_EQ(error_of(sock_bind(host.net, id, sockaddr_of(in), 15)), EINVAL);
    EXPECT_EQ(error_of(sock_bind(host.net, id, nullptr, length)), EFAULT);
    EXPECT_EQ(error_of(sock_sendto(host.net, id, "x", 1, 0, sockaddr_of(in), 15)), EINVAL);
    EXPECT_EQ(error_of(sock_bind(host.net, id, sockaddr_of(in), length)), EADDRNOTAVAIL);
    in.sin_family = AF_INET6;
    EXPECT_EQ(error_of(sock_connect(host.net, id, sockaddr_of(in), length)), EAFNOSUPPORT);
    EXPECT_EQ(error_of(sock_bind(host.net, id, sockaddr_of(in), length)), EAFNOSUPPORT);
    EXPECT_EQ(error_of(sock_sendto(host.net, id, "x", 1, 0, sockaddr_of(in), length)), EAFNOSUPPORT);
    /* Old programs leave the family out. */
    in.sin_family = AF_UNSPEC;
    EXPECT_EQ(sock_sendto(host.net, id, "x", 1, 0, sockaddr_of(in), length), 1);
    EXPECT_EQ(error_of(sock_bind(host.net, id, sockaddr_of(in), length)), EAFNOSUPPORT);
}

TEST(SockAddress, LengthsAreValueAndResult)
{
    ip_host host;
    const int id = host.udp_socket("192.0.2.2", 7);
    std::array<uint8_t, 32> room{};
    auto *addr_room = static_cast<sockaddr *>(static_cast<void *>(room.data()));
    room.fill(0xee);
    socklen_t length = 4;
    EXPECT_EQ(sock_getsockname(host.net, id, addr_room, &length), 0);
    EXPECT_EQ(length, sizeof(sockaddr_in));
    EXPECT_EQ(room[3], 7);
    EXPECT_EQ(room[4], 0xee);

    length = sizeof(room);
    EXPECT_EQ(sock_getsockname(host.net, id, addr_room, &length), 0);
    EXPECT_EQ(length, sizeof(sockaddr_in));
    EXPECT_EQ(room[16], 0xee);

    length = static_cast<socklen_t>(-1);
    EXPECT_EQ(error_of(sock_getsockname(host.net, id, addr_room, &length)), EINVAL);
    EXPECT_EQ(error_of(sock_getsockname(host.net, id, addr_room, nullptr)), EFAULT);
    EXPECT_EQ(error_of(sock_getsockname(host.net, id, nullptr, &length)), EFAULT);
    EXPECT_EQ(error_of(sock_getpeername(host.net, id, addr_room, &length)), EINVAL);
    length = sizeof(room);
    EXPECT_EQ(error_of(sock_getpeername(host.net, id, addr_room, &length)), ENOTCONN);
    char byte = 0;
    EXPECT_EQ(error_of(sock_recvfrom(host.net, id, &byte, 1, 0, addr_room, nullptr)), EFAULT);
    EXPECT_EQ(error_of(sock_recv(host.net, id, nullptr, 1)), EFAULT);
    EXPECT_EQ(error_of(sock_send(host.net, id, nullptr, 1)), EFAULT);
}

TEST(SockAddress, TextBothWays)
{
    sockaddr_in in{};
    EXPECT_EQ(sockaddr_pton("192.0.2.1:80", sockaddr_of(in), sizeof(in)), 0);
    EXPECT_EQ(in.sin_family, AF_INET);
    EXPECT_EQ(in.sin_port, be16(80).to_net());
    EXPECT_EQ(in.sin_addr.s_addr, be32(0xc0000201).to_net());
    char text[SOCKADDR_STR_LEN];
    EXPECT_STREQ(sockaddr_ntop(sockaddr_of(in), text, sizeof(text)), "192.0.2.1:80");
    for (const char *bad : {"", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2:1", "x:1",
                            "192.0.2.1:80 ", "111111111111111111111111111111.2.3.4:5"}) {
        EXPECT_EQ(sockaddr_pton(bad, sockaddr_of(in), sizeof(in)), -1) << bad;
    }
    EXPECT_EQ(sockaddr_pton("192.0.2.1:80", sockaddr_of(in), 8), -1);
    in.sin_family = AF_INET6;
    EXPECT_EQ(sockaddr_ntop(sockaddr_of(in), text, sizeof(text)), nullptr);
}

TEST(SockOption, SetAndGet)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    const struct {
        int level, name, initial, set;
    } table[] = {
        {SOL_SOCKET, SO_REUSEADDR, 0, 1}, {SOL_SOCKET, SO_BROADCAST, 0, 1}, {IPPROTO_IP, IP_TTL, 255, 64},
        {IPPROTO_IP, IP_TOS, 0, 16},      {IPPROTO_IP, IP_RECVTTL, 0, 1},   {IPPROTO_IP, IP_RECVTOS, 0, 1},
    };
    for (const auto &row : table) {
        int value = -1;
        socklen_t size = sizeof(value);
        EXPECT_EQ(sock_getsockopt(host.net, id, row.level, row.name, &value, &size), 0);
        EXPECT_EQ(value, row.initial) << row.name;
        EXPECT_EQ(sock_setsockopt(host.net, id, row.level, row.name, &row.set, sizeof(row.set)), 0);
        EXPECT_EQ(sock_getsockopt(host.net, id, row.level, row.name, &value, &size), 0);
        EXPECT_EQ(value, row.set) << row.name;
    }
}

TEST(SockOption, WhatCanOnlyBeAsked)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    const struct {
        int name, value;
    } table[] = {
        {SO_TYPE, SOCK_DGRAM}, {SO_DOMAIN, AF_INET}, {SO_PROTOCOL, IPPROTO_UDP}, {SO_ACCEPTCONN, 0}, {SO_ERROR, 0}};
    for (const auto &row : table) {
        int value = -1;
        socklen_t size = sizeof(value);
        EXPECT_EQ(sock_getsockopt(host.net, id, SOL_SOCKET, row.name, &value, &size), 0);
        EXPECT_EQ(value, row.value) << row.name;
        EXPECT_EQ(error_of(sock_setsockopt(host.net, id, SOL_SOCKET, row.name, &value, size)), ENOPROTOOPT);
    }
}

TEST(SockOption, BadArguments)
{
    ip_host host;
    net_stack &net = host.net;
    const int id = host.udp_socket(nullptr, 0);
    int value = 256;
    socklen_t size = sizeof(value);
    EXPECT_EQ(error_of(sock_setsockopt(net, id, IPPROTO_IP, IP_TTL, &value, size)), EINVAL);
    value = 0;
    EXPECT_EQ(error_of(sock_setsockopt(net, id, IPPROTO_IP, IP_TTL, &value, size)), EINVAL);
    EXPECT_EQ(error_of(sock_setsockopt(net, id, IPPROTO_IP, 9999, &value, size)), ENOPROTOOPT);
    EXPECT_EQ(error_of(sock_setsockopt(net, id, 9999, 1, &value, size)), ENOPROTOOPT);
    EXPECT_EQ(error_of(sock_setsockopt(net, id, SOL_SOCKET, SO_BROADCAST, &value, 3)), EINVAL);
    EXPECT_EQ(error_of(sock_setsockopt(net, id, SOL_SOCKET, SO_BROADCAST, nullptr, size)), EFAULT);
    EXPECT_EQ(error_of(sock_setsockopt(net, id, SOL_SOCKET, SO_BROADCAST, &value, static_cast<socklen_t>(-1))), EINVAL);
    EXPECT_EQ(error_of(sock_getsockopt(net, id, SOL_SOCKET, SO_TYPE, nullptr, &size)), EFAULT);
    EXPECT_EQ(error_of(sock_getsockopt(net, id, SOL_SOCKET, SO_TYPE, &value, nullptr)), EFAULT);
    EXPECT_EQ(error_of(sock_getsockopt(net, id, SOL_SOCKET, 9999, &value, &size)), ENOPROTOOPT);
    /* One byte is enough for IP's options, and a short buffer gets what fits. */
    const uint8_t byte = 9;
    EXPECT_EQ(sock_setsockopt(net, id, IPPROTO_IP, IP_TTL, &byte, 1), 0);
    size = 1;
    uint8_t low = 0;
    EXPECT_EQ(sock_getsockopt(net, id, IPPROTO_IP, IP_TTL, &low, &size), 0);
    EXPECT_EQ(size, 1u);
}

TEST(SockOption, Timeouts)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    for (const int name : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        timeval tv{.tv_sec = 2, .tv_usec = 500000};
        EXPECT_EQ(sock_setsockopt(host.net, id, SOL_SOCKET, name, &tv, sizeof(tv)), 0);
        timeval got{};
        socklen_t size = sizeof(got);
        EXPECT_EQ(sock_getsockopt(host.net, id, SOL_SOCKET, name, &got, &size), 0);
        EXPECT_EQ(got.tv_sec, 2);
        EXPECT_EQ(got.tv_usec, 500000);
        tv.tv_usec = 1000000;
        EXPECT_EQ(error_of(sock_setsockopt(host.net, id, SOL_SOCKET, name, &tv, sizeof(tv))), EDOM);
        EXPECT_EQ(error_of(sock_setsockopt(host.net, id, SOL_SOCKET, name, &tv, 4)), EINVAL);
    }
}

TEST(SockNonblock, EveryWayToAskForIt)
{
    ip_host host;
    char byte = 0;
    const int id = host.udp_socket(nullptr, 0);
    EXPECT_EQ(sock_fcntl(host.net, id, F_GETFL), O_RDWR | O_NONBLOCK);
    EXPECT_EQ(error_of(sock_recv(host.net, id, &byte, 1)), EAGAIN);
    EXPECT_EQ(sock_fcntl(host.net, id, F_SETFL, 0), 0);
    EXPECT_EQ(sock_fcntl(host.net, id, F_GETFL), O_RDWR);
    EXPECT_EQ(error_of(sock_recv(host.net, id, &byte, 1, MSG_DONTWAIT)), EAGAIN);
    int on = 1;
    EXPECT_EQ(sock_ioctl(host.net, id, FIONBIO, &on), 0);
    EXPECT_EQ(error_of(sock_recv(host.net, id, &byte, 1)), EAGAIN);
    EXPECT_EQ(error_of(sock_fcntl(host.net, id, 9999)), EINVAL);
    EXPECT_EQ(error_of(sock_ioctl(host.net, id, 0x12345678, &on)), ENOTTY);
    EXPECT_EQ(error_of(sock_ioctl(host.net, id, FIONREAD, nullptr)), EFAULT);
}

/* As a handler does it: calls the socket API under the lock, which the analysis rightly dislikes elsewhere. */
void call_nested(ip_host &host, int id) MICROPS_NO_ANALYSIS
{
    net_guard guard(host.net);
    char byte = 0;
    EXPECT_EQ(error_of(sock_recv(host.net, id, &byte, 1)), EDEADLK);
    pollfd fd{.fd = id, .events = POLLIN, .revents = 0};
    EXPECT_EQ(error_of(sock_poll(host.net, &fd, 1, -1)), EDEADLK);
    EXPECT_EQ(sock_poll(host.net, &fd, 1, 0), 0);
    EXPECT_EQ(sock_close(host.net, id), 0);
}

/* A handler runs under the lock, so a call that would block there fails with EDEADLK. */
TEST(SockNested, BlockingCallFailsInsteadOfHanging)
{
    ip_host host;
    call_nested(host, sock_open(host.net, AF_INET, SOCK_DGRAM, 0));
}

TEST(SockMessage, BuffersAreOneDatagram)
{
    ip_host host;
    const int server = host.udp_socket("127.0.0.1", 7);
    const int client = host.udp_socket(nullptr, 0);
    std::string a = "hel";
    std::string b = "lo";
    iovec buffers[] = {{a.data(), a.size()}, {nullptr, 0}, {b.data(), b.size()}};
    sockaddr_in to = sock_address("127.0.0.1", 7);
    msghdr msg{};
    msg.msg_name = &to;
    msg.msg_namelen = sizeof(to);
    msg.msg_iov = buffers;
    msg.msg_iovlen = 3;
    EXPECT_EQ(sock_sendmsg(host.net, client, &msg), 5);
    EXPECT_EQ(host.receive_text(server), "hello");
    msg.msg_iovlen = 1025;
    EXPECT_EQ(error_of(sock_sendmsg(host.net, client, &msg)), EMSGSIZE);
    msg.msg_iovlen = 1;
    buffers[0].iov_base = nullptr;
    EXPECT_EQ(error_of(sock_sendmsg(host.net, client, &msg)), EFAULT);
    EXPECT_EQ(error_of(sock_sendmsg(host.net, client, nullptr)), EFAULT);
}

TEST(SockMessage, ControlDataThatDoesNotFitIsReported)
{
    ip_host host;
    const int id = host.udp_socket("192.0.2.2", 7);
    const int on = 1;
    sock_setsockopt(host.net, id, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
    host.receive_udp("192.0.2.1", 9, "192.0.2.2", 7, "hello");
    char buffer[8];
    iovec vec{buffer, sizeof(buffer)};
    msghdr msg{};
    msg.msg_iov = &vec;
    msg.msg_iovlen = 1;
    EXPECT_EQ(sock_recvmsg(host.net, id, &msg), 5);
    EXPECT_EQ(msg.msg_flags, MSG_CTRUNC);
}

TEST(SockPoll, ReportsStates)
{
    ip_host host;
    const int ready = host.udp_socket("192.0.2.2", 7);
    const int idle = host.udp_socket("192.0.2.2", 8);
    const int ended = host.udp_socket("192.0.2.2", 9);
    sock_shutdown(host.net, ended, SHUT_RDWR);
    host.receive_udp("192.0.2.1", 9, "192.0.2.2", 7, "hello");
    pollfd fds[] = {{ready, POLLIN | POLLOUT, 77},
                    {idle, POLLIN, 77},
                    {ended, POLLIN | POLLRDHUP, 77},
                    {-5, POLLIN, 77},
                    {4711, POLLIN, 77},
                    {ended, 0, 77}};
    EXPECT_EQ(sock_poll(host.net, fds, 6, 0), 4);
    EXPECT_EQ(fds[0].revents, POLLIN | POLLOUT);
    EXPECT_EQ(fds[1].revents, 0);
    EXPECT_EQ(fds[2].revents, POLLIN | POLLRDHUP | POLLHUP);
    EXPECT_EQ(fds[3].revents, 0);
    EXPECT_EQ(fds[4].revents, POLLNVAL);
    EXPECT_EQ(fds[5].revents, POLLHUP);
    /* Level-triggered: the same answer again, until the datagram is taken. */
    EXPECT_EQ(sock_poll(host.net, fds, 2, 0), 1);
    host.receive_text(ready);
    EXPECT_EQ(sock_poll(host.net, fds, 2, 0), 1); /* POLLOUT */
    EXPECT_EQ(fds[0].revents, POLLOUT);
}

TEST(SockPoll, PendingErrorIsReportedUnasked)
{
    ip_host host;
    const int id = host.udp_socket("0.0.0.0", 7);
    ASSERT_EQ(host.connect(id, "192.0.2.1", 9), 0);
    sock_send(host.net, id, "x", 1);
    host.receive_error(3, 3, host.sent().at(0));
    pollfd fd{id, 0, 0};
    EXPECT_EQ(sock_poll(host.net, &fd, 1, 0), 1);
    EXPECT_EQ(fd.revents, POLLERR);
    int error = 0;
    socklen_t size = sizeof(error);
    EXPECT_EQ(sock_getsockopt(host.net, id, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    EXPECT_EQ(error, ECONNREFUSED);
    EXPECT_EQ(sock_poll(host.net, &fd, 1, 0), 0);
}

/* A call's errno is its own, whatever is written to devices when it ends. */
TEST(SockCall, ErrnoSurvivesTheEndOfTheCall)
{
    ip_host host;
    const int id = host.udp_socket(nullptr, 0);
    host.send_to(id, "127.0.0.1", 7, "x");
    char byte = 0;
    EXPECT_EQ(error_of(sock_recv(host.net, id, &byte, 1)), EAGAIN);
}

} // namespace
} // namespace microps
