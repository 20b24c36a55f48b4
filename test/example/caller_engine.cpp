/* One thread for everything: the stack has none of its own, so a call that waits does the stack's work meanwhile. */
#include <cstdio>
#include <microps/driver/loopback.hpp>
#include <microps/ip.hpp>
#include <microps/sock.hpp>

using namespace microps;

int main()
{
    net_stack net;
    net_init(net);
    {
        const net_guard guard(net);
        ip_iface_register(*loopback_init(net), *ip_iface_alloc(net, "127.0.0.1", "255.0.0.0"));
    }
    if (net_run(net, net_engine::caller) == -1) return 1;

    sockaddr addr{};
    sockaddr_pton("127.0.0.1:7", &addr, sizeof(addr));
    const int server = sock_open(net, AF_INET, SOCK_STREAM, 0);
    sock_bind(net, server, &addr, sizeof(addr));
    sock_listen(net, server, 1);
    const int client = sock_open(net, AF_INET, SOCK_STREAM, 0);

    /* It sleeps until the handshake is over, and carries both sides' segments itself while it does. */
    if (sock_connect(net, client, &addr, sizeof(addr)) == -1) return 1;
    const int conn = sock_accept(net, server, nullptr, nullptr);
    sock_send(net, client, "hello", 5);
    char data[16] = "";
    const ssize_t size = sock_recv(net, conn, data, sizeof(data) - 1);

    /* A program that waits elsewhere, say in its own event loop, lets the stack work now and then: */
    sock_close(net, client);
    net_poll(net);
    const ssize_t end = sock_recv(net, conn, data + 5, 1, MSG_DONTWAIT); /* the FIN has come */
    std::printf("%zd bytes: %s, then %zd\n", size, data, end);
    net_shutdown(net);
    return size == 5 && end == 0 ? 0 : 1;
}
