/* sock_block_test.cpp: socket calls that wait: what ends the wait, when, and with which errno. Virtual time. */
#include "microps/sock.hpp"

#include "support/ip_host.hpp"
#include "support/test_world.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/time.h>

namespace microps
{
namespace
{

using namespace std::chrono_literals;

/** Two hosts and a wire: 192.0.2.1 and 192.0.2.2. */
class SockBlock : public ::testing::Test
{
protected:
    int udp_bound(sim_host &host, unsigned port)
    {
        const int id = sock_open(host.net(), AF_INET, SOCK_DGRAM, 0);
        const sockaddr_in local = sock_address("0.0.0.0", port);
        EXPECT_EQ(sock_bind(host.net(), id, sockaddr_of(local), sizeof(local)), 0);
        return id;
    }
    int listener(sim_host &host, unsigned port, int backlog = 5)
    {
        const int id = sock_open(host.net(), AF_INET, SOCK_STREAM, 0);
        const sockaddr_in local = sock_address("0.0.0.0", port);
        EXPECT_EQ(sock_bind(host.net(), id, sockaddr_of(local), sizeof(local)), 0);
        EXPECT_EQ(sock_listen(host.net(), id, backlog), 0);
        return id;
    }
    void send_to(sim_host &host, const char *dst, unsigned port, std::string_view data)
    {
        const int id = sock_open(host.net(), AF_INET, SOCK_DGRAM, 0);
        const sockaddr_in foreign = sock_address(dst, port);
        sock_sendto(host.net(), id, data.data(), data.size(), sockaddr_of(foreign), sizeof(foreign));
        sock_close(host.net(), id);
    }
    int connect(sim_host &host, int id, const char *dst, unsigned port)
    {
        const sockaddr_in foreign = sock_address(dst, port);
        return sock_connect(host.net(), id, sockaddr_of(foreign), sizeof(foreign));
    }
    void set_timeout(sim_host &host, int id, int name, long milliseconds)
    {
        const timeval tv{.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
        EXPECT_EQ(sock_setsockopt(host.net(), id, SOL_SOCKET, name, &tv, sizeof(tv)), 0);
    }

    test_world world{};
    sim_host a{world, "a"};
    sim_host b{world, "b"};
    sim_wire wire{world, {a, "192.0.2.1/24"}, {b, "192.0.2.2/24"}, {.delay = 1ms}};
    char buffer[64]{};
};

TEST_F(SockBlock, DatagramWakesTheReceiver)
{
    const int id = udp_bound(b, 7);
    b.spawn("receiver", [&] { EXPECT_EQ(sock_recv(b.net(), id, buffer, sizeof(buffer)), 5); });
    a.spawn("sender", [&] {
        world.sleep(1s);
        send_to(a, "192.0.2.2", 7, "hello");
    });
    EXPECT_TRUE(world.run());
}

TEST_F(SockBlock, OneDatagramGoesToOneOfSeveralReceivers)
{
    const int id = udp_bound(b, 7);
    int received = 0;
    for (int i = 0; i < 3; i++) {
        b.spawn("receiver", [&] {
            char data[8];
            if (sock_recv(b.net(), id, data, sizeof(data)) == 1) received++;
        });
    }
    a.spawn("sender", [&] {
        for (int i = 0; i < 3; i++) {
            world.sleep(1s);
            EXPECT_EQ(received, i);
            send_to(a, "192.0.2.2", 7, "x");
        }
    });
    EXPECT_TRUE(world.run());
    EXPECT_EQ(received, 3);
}

TEST_F(SockBlock, ReceiveTimeoutIsEagainAtItsTime)
{
    const int id = udp_bound(b, 7);
    set_timeout(b, id, SO_RCVTIMEO, 1500);
    b.spawn("receiver", [&] {
        const net_time start = world.now();
        EXPECT_EQ(error_of(sock_recv(b.net(), id, buffer, sizeof(buffer))), EAGAIN);
        EXPECT_EQ(world.now() - start, 1500ms);
    });
    EXPECT_TRUE(world.run());
}

TEST_F(SockBlock, AcceptTimeoutIsEagain)
{
    const int id = listener(b, 7);
    set_timeout(b, id, SO_RCVTIMEO, 200);
    b.spawn("server", [&] {
        EXPECT_EQ(error_of(sock_accept(b.net(), id, nullptr, nullptr)), EAGAIN);
        EXPECT_EQ(error_of(sock_fcntl(b.net(), id, F_SETFL, O_NONBLOCK)), 0);
        EXPECT_EQ(error_of(sock_accept(b.net(), id, nullptr, nullptr)), EAGAIN);
    });
    EXPECT_TRUE(world.run());
}

/* POSIX connect(): the attempt goes on after the timeout, and a later call says so. */
TEST_F(SockBlock, ConnectTimeoutIsEinprogress)
{
    wire.cut();
    const int id = sock_open(a.net(), AF_INET, SOCK_STREAM, 0);
    set_timeout(a, id, SO_SNDTIMEO, 500);
    a.spawn("client", [&] {
        EXPECT_EQ(error_of(connect(a, id, "192.0.2.2", 7)), EINPROGRESS);
        EXPECT_EQ(sock_close(a.net(), id), 0);
    });
    EXPECT_TRUE(world.run());
}

TEST_F(SockBlock, CloseWakesTheReceiverWithEbadf)
{
    const int id = udp_bound(b, 7);
    bool left = false;
    b.spawn("receiver", [&] {
        EXPECT_EQ(error_of(sock_recv(b.net(), id, buffer, sizeof(buffer))), EBADF);
        left = true;
    });
    b.spawn("closer", [&] {
        world.sleep(1s);
        EXPECT_EQ(sock_close(b.net(), id), 0);
        EXPECT_FALSE(left);
        EXPECT_EQ(error_of(sock_close(b.net(), id)), EBADF);
        /* The receiver has not left yet: neither its number nor its port's PCB may go to somebody else. */
        const int other = sock_open(b.net(), AF_INET, SOCK_DGRAM, 0);
        EXPECT_NE(other, id);
        EXPECT_EQ(sock_close(b.net(), other), 0);
        world.sleep(1s);
        EXPECT_TRUE(left);
        EXPECT_EQ(udp_bound(b, 7), id);
    });
    EXPECT_TRUE(world.run());
}

TEST_F(SockBlock, CloseWakesEveryKindOfSleeper)
{
    const int udp = udp_bound(b, 7);
    const int ping = sock_open(b.net(), AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    const int tcp = listener(b, 7);
    int left = 0;
    for (const int id : {udp, udp, ping}) {
        b.spawn("receiver", [&, id] {
            char data[8];
            EXPECT_EQ(error_of(sock_recv(b.net(), id, data, sizeof(data))), EBADF);
            left++;
        });
    }
    b.spawn("server", [&] {
        EXPECT_NE(error_of(sock_accept(b.net(), tcp, nullptr, nullptr)), 0);
        left++;
    });
    b.spawn("poller", [&] {
        pollfd fds[] = {{udp, POLLIN, 0}, {tcp, POLLIN, 0}};
        EXPECT_GT(sock_poll(b.net(), fds, 2, -1), 0);
        EXPECT_EQ(fds[0].revents, POLLNVAL);
        left++;
    });
    b.spawn("closer", [&] {
        world.sleep(1s);
        for (const int id : {udp, ping, tcp}) {
            EXPECT_EQ(sock_close(b.net(), id), 0);
        }
    });
    EXPECT_TRUE(world.run());
    EXPECT_EQ(left, 5);
}

TEST_F(SockBlock, InterruptEndsEveryWait)
{
    const int udp = udp_bound(b, 7);
    const int tcp = listener(b, 7);
    b.spawn("receiver", [&] {
        char data[8];
        EXPECT_EQ(error_of(sock_recv(b.net(), udp, data, sizeof(data))), EINTR);
        /* It sticks: what begins to wait now does not wait at all. */
        EXPECT_EQ(error_of(sock_recv(b.net(), udp, data, sizeof(data))), EINTR);
    });
    b.spawn("server", [&] { EXPECT_EQ(error_of(sock_accept(b.net(), tcp, nullptr, nullptr)), EINTR); });
    b.spawn("poller", [&] {
        pollfd fd{udp, POLLIN, 0};
        EXPECT_EQ(error_of(sock_poll(b.net(), &fd, 1, -1)), EINTR);
    });
    a.spawn("user", [&] {
        world.sleep(1s);
        b.interrupt();
    });
    EXPECT_TRUE(world.run());
}

TEST_F(SockBlock, PollWaitsForAnyAndNoLonger)
{
    const int seven = udp_bound(b, 7);
    const int eight = udp_bound(b, 8);
    b.spawn("poller", [&] {
        pollfd fds[] = {{seven, POLLIN, 0}, {eight, POLLIN, 0}};
        const net_time start = world.now();
        EXPECT_EQ(sock_poll(b.net(), fds, 2, 250), 0);
        EXPECT_EQ(world.now() - start, 250ms);
        EXPECT_EQ(sock_poll(b.net(), fds, 2, -1), 1);
        EXPECT_EQ(fds[0].revents, 0);
        EXPECT_EQ(fds[1].revents, POLLIN);
        EXPECT_EQ(sock_poll(b.net(), fds, 2, 5000), 1); /* level-triggered */
    });
    a.spawn("sender", [&] {
        world.sleep(1s);
        send_to(a, "192.0.2.2", 8, "x");
    });
    EXPECT_TRUE(world.run());
}

/* RFC 1122 4.1.3.3: the port unreachable of the other host ends the wait. */
TEST_F(SockBlock, PortUnreachableEndsTheWaitOfAConnectedSocket)
{
    a.spawn("client", [&] {
        const int id = sock_open(a.net(), AF_INET, SOCK_DGRAM, 0);
        EXPECT_EQ(connect(a, id, "192.0.2.2", 9), 0);
        EXPECT_EQ(sock_send(a.net(), id, "x", 1), 1);
        EXPECT_EQ(error_of(sock_recv(a.net(), id, buffer, sizeof(buffer))), ECONNREFUSED);
    });
    EXPECT_TRUE(world.run());
}

/* RFC 1122 2.3.2.1, 3.3.1: when nobody answers to ARP, the sleeping call fails with "host unreachable". */
TEST_F(SockBlock, HostUnreachableEndsAPing)
{
    a.spawn("ping", [&] {
        const int id = sock_open(a.net(), AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
        const sockaddr_in foreign = sock_address("192.0.2.77", 0);
        EXPECT_EQ(sock_sendto(a.net(), id, "\x08\0\0\0\0\0\0\0", 8, sockaddr_of(foreign), sizeof(foreign)), 8);
        EXPECT_EQ(error_of(sock_recv(a.net(), id, buffer, sizeof(buffer))), EHOSTUNREACH);
    });
    EXPECT_TRUE(world.run());
}

TEST_F(SockBlock, ShutdownEndsTheWait)
{
    const int id = udp_bound(b, 7);
    b.spawn("receiver", [&] { EXPECT_EQ(sock_recv(b.net(), id, buffer, sizeof(buffer)), 0); });
    b.spawn("other", [&] {
        world.sleep(1s);
        sock_shutdown(b.net(), id, SHUT_RD);
    });
    EXPECT_TRUE(world.run());
}

TEST_F(SockBlock, NonblockingConnectReportsByPoll)
{
    const int server = listener(b, 7);
    b.spawn("server", [&] {
        sockaddr_in peer{};
        socklen_t length = sizeof(peer);
        const int acc = sock_accept4(b.net(), server, sockaddr_of(peer), &length, SOCK_NONBLOCK);
        EXPECT_EQ(ip_addr_str(peer.sin_addr), "192.0.2.1");
        EXPECT_EQ(error_of(sock_recv(b.net(), acc, buffer, sizeof(buffer))), EAGAIN);
        EXPECT_EQ(sock_close(b.net(), acc), 0);
    });
    a.spawn("client", [&] {
        const int id = sock_open(a.net(), AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        EXPECT_EQ(error_of(connect(a, id, "192.0.2.2", 7)), EINPROGRESS);
        EXPECT_EQ(error_of(connect(a, id, "192.0.2.2", 7)), EALREADY);
        pollfd fd{id, POLLOUT, 0};
        EXPECT_EQ(sock_poll(a.net(), &fd, 1, -1), 1);
        int error = -1;
        socklen_t size = sizeof(error);
        EXPECT_EQ(sock_getsockopt(a.net(), id, SOL_SOCKET, SO_ERROR, &error, &size), 0);
        EXPECT_EQ(error, 0);
        EXPECT_EQ(sock_close(a.net(), id), 0);

        const int refused = sock_open(a.net(), AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        EXPECT_EQ(error_of(connect(a, refused, "192.0.2.2", 9)), EINPROGRESS);
        fd = {refused, POLLOUT, 0};
        EXPECT_EQ(sock_poll(a.net(), &fd, 1, -1), 1);
        EXPECT_TRUE(fd.revents & POLLERR);
        EXPECT_EQ(sock_getsockopt(a.net(), refused, SOL_SOCKET, SO_ERROR, &error, &size), 0);
        EXPECT_EQ(error, ECONNREFUSED);
        EXPECT_EQ(sock_close(a.net(), refused), 0);
    });
    EXPECT_TRUE(world.run());
}

TEST_F(SockBlock, StreamErrnoValues)
{
    a.spawn("client", [&] {
        net_stack &net = a.net();
        const int id = sock_open(net, AF_INET, SOCK_STREAM, 0);
        sockaddr_in peer{};
        socklen_t length = sizeof(peer);
        EXPECT_EQ(error_of(sock_recv(net, id, buffer, 1)), ENOTCONN);
        EXPECT_EQ(error_of(sock_getpeername(net, id, sockaddr_of(peer), &length)), ENOTCONN);
        EXPECT_EQ(error_of(sock_shutdown(net, id, SHUT_WR)), ENOTCONN);
        EXPECT_EQ(error_of(sock_accept(net, id, nullptr, nullptr)), EINVAL);
        EXPECT_EQ(error_of(connect(a, id, "192.0.2.2", 9)), ECONNREFUSED);
        EXPECT_EQ(error_of(connect(a, id, "198.51.100.1", 9)), ENETUNREACH);
        EXPECT_EQ(sock_close(net, id), 0);
        /* A failed accept() leaves no number behind. */
        EXPECT_EQ(sock_open(net, AF_INET, SOCK_STREAM, 0), id);
        EXPECT_EQ(sock_open(net, AF_INET, SOCK_STREAM, 0), id + 1);
    });
    EXPECT_TRUE(world.run());
}

TEST_F(SockBlock, StreamFromSeveralBuffers)
{
    const int server = listener(b, 7);
    b.spawn("server", [&] {
        const int acc = sock_accept(b.net(), server, nullptr, nullptr);
        std::string head(3, '\0');
        std::string tail(10, '\0');
        iovec buffers[] = {{head.data(), head.size()}, {tail.data(), tail.size()}};
        msghdr msg{};
        msg.msg_iov = buffers;
        msg.msg_iovlen = 2;
        EXPECT_EQ(sock_recvmsg(b.net(), acc, &msg), 5);
        EXPECT_EQ(head + tail.substr(0, 2), "hello");
        EXPECT_EQ(sock_recvmsg(b.net(), acc, &msg), 0);
        sock_close(b.net(), acc);
    });
    a.spawn("client", [&] {
        const int id = sock_open(a.net(), AF_INET, SOCK_STREAM, 0);
        EXPECT_EQ(connect(a, id, "192.0.2.2", 7), 0);
        std::string data = "hello";
        iovec buffers[] = {{data.data(), 2}, {data.data() + 2, 3}};
        msghdr msg{};
        msg.msg_iov = buffers;
        msg.msg_iovlen = 2;
        EXPECT_EQ(sock_sendmsg(a.net(), id, &msg), 5);
        sock_close(a.net(), id);
    });
    EXPECT_TRUE(world.run());
}

} // namespace
} // namespace microps
