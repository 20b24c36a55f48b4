/* A UDP echo server on tap0: the stack of this process, brought up, used, and shut down. */
#include <csignal>
#include <microps/microps.hpp>

using namespace microps;

int main()
{
    log_set_level(log_level::debug);
    std::signal(SIGINT, [](int) { net_interrupt(); });

    net_init();
    net_device *tap = ether_tap_init("tap0", "00:00:5e:00:53:01");
    ip_iface *iface = ip_iface_alloc("192.0.2.2", "255.255.255.0");
    ip_iface_register(tap, iface);
    ip_route_set_default_gateway(iface, "192.0.2.1");
    if (net_run() == -1) return 1;

    const int soc = sock_open(AF_INET, SOCK_DGRAM, 0);
    sockaddr local{};
    sockaddr_pton("192.0.2.2:7", &local, sizeof(local));
    sock_bind(soc, &local, sizeof(local));
    for (;;) {
        char data[2048];
        sockaddr peer{};
        socklen_t length = sizeof(peer);
        const ssize_t size = sock_recvfrom(soc, data, sizeof(data), &peer, &length);
        if (size == -1) break; /* EINTR: Ctrl-C */
        sock_sendto(soc, data, static_cast<size_t>(size), &peer, length);
    }
    sock_close(soc);
    net_shutdown();
    return 0;
}
