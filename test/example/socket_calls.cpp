/* Every socket call of the process-wide stack, over its loopback device: what a program in C++ writes. */
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <microps/microps.hpp>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

using namespace microps;

namespace
{

/** Ends the program with a line on what was not so. */
void expect(bool so, const char *what)
{
    if (so) return;
    std::printf("not so: %s\n", what);
    std::exit(1);
}
#define EXPECT(condition) expect(condition, #condition)

sockaddr_in address(const char *text)
{
    sockaddr_in in{};
    EXPECT(sockaddr_pton(text, sockaddr_of(in), sizeof(in)) == 0);
    return in;
}

void streams()
{
    const sockaddr_in here = address("127.0.0.1:7");
    const int listener = sock_open(AF_INET, SOCK_STREAM, 0);
    EXPECT(sock_bind(listener, sockaddr_of(here), sizeof(here)) == 0);
    EXPECT(sock_listen(listener, 1) == 0);
    const int client = sock_open(AF_INET, SOCK_STREAM, 0);
    EXPECT(sock_connect(client, sockaddr_of(here), sizeof(here)) == 0);
    sockaddr_in peer{};
    socklen_t length = sizeof(peer);
    const int server = sock_accept(listener, sockaddr_of(peer), &length);

    sockaddr_in name{};
    EXPECT(sock_getsockname(client, sockaddr_of(name), &length) == 0 && name.sin_port == peer.sin_port);
    EXPECT(sock_getpeername(client, sockaddr_of(name), &length) == 0 && name.sin_port == here.sin_port);
    const int on = 1;
    int value = 0;
    length = sizeof(value);
    EXPECT(sock_setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    EXPECT(sock_getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &value, &length) == 0 && value == 1);

    EXPECT(sock_send(client, "hello", 5) == 5);
    pollfd fd{.fd = server, .events = POLLIN, .revents = 0};
    EXPECT(sock_poll(&fd, 1, -1) == 1 && fd.revents == POLLIN);
    EXPECT(sock_ioctl(server, FIONREAD, &value) == 0 && value == 5);
    std::array<char, 16> text{};
    EXPECT(sock_recv(server, text.data(), text.size()) == 5 && std::string_view(text.data()) == "hello");
    EXPECT(sock_fcntl(server, F_SETFL, O_NONBLOCK) == 0);
    EXPECT(sock_recv(server, text.data(), text.size()) == -1 && errno == EAGAIN);

    EXPECT(sock_connect(sock_open(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), sockaddr_of(here), sizeof(here)) == -1);
    const int second = sock_accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    EXPECT(second != -1 && sock_fcntl(second, F_GETFL) == (O_RDWR | O_NONBLOCK));
    EXPECT(sock_shutdown(client, SHUT_WR) == 0);
    for (const int id : {server, client, second, listener}) {
        EXPECT(sock_close(id) == 0);
    }
}

void datagrams()
{
    const sockaddr_in here = address("127.0.0.1:8");
    const int id = sock_open(AF_INET, SOCK_DGRAM, 0);
    EXPECT(sock_bind(id, sockaddr_of(here), sizeof(here)) == 0);
    EXPECT(sock_sendto(id, "ab", 2, sockaddr_of(here), sizeof(here)) == 2);
    EXPECT(sock_sendto(id, "cd", 2, MSG_DONTWAIT, sockaddr_of(here), sizeof(here)) == 2);
    std::array<char, 16> text{};
    sockaddr_in from{};
    socklen_t length = sizeof(from);
    EXPECT(sock_recvfrom(id, text.data(), text.size(), MSG_PEEK, sockaddr_of(from), &length) == 2);
    EXPECT(sock_recvfrom(id, text.data(), text.size(), sockaddr_of(from), &length) == 2);
    EXPECT(from.sin_port == here.sin_port && std::string_view(text.data(), 2) == "ab");

    sockaddr_in to = here;
    iovec part{.iov_base = text.data(), .iov_len = 2};
    msghdr msg{};
    msg.msg_name = &to;
    msg.msg_namelen = sizeof(to);
    msg.msg_iov = &part;
    msg.msg_iovlen = 1;
    EXPECT(sock_sendmsg(id, &msg) == 2);
    EXPECT(sock_recvmsg(id, &msg) == 2 && std::string_view(text.data(), 2) == "cd");
    EXPECT(sock_close(id) == 0);
}

/** RFC 793's OPEN of a port that nobody listens on. */
void open_rfc793()
{
    const ip_endpoint local{};
    ip_endpoint foreign;
    EXPECT(ip_endpoint_pton("127.0.0.1:9", foreign) == 0);
    EXPECT(sock_open_rfc793(local, &foreign, true) == -1 && errno == ECONNREFUSED);
}

} // namespace

int main()
{
    net_init();
    net_device *loopback = loopback_init();
    EXPECT(ip_iface_register(loopback, ip_iface_alloc("127.0.0.1", "255.0.0.0")) == 0);
    EXPECT(net_run() == 0);
    EXPECT(!tun_init("tun0")); /* while the stack runs it gets no further device */
    streams();
    datagrams();
    open_rfc793();
    net_shutdown();
    std::puts("every call works");
    return 0;
}
