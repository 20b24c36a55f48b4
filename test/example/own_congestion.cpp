/* The congestion control of fixed_window.hpp against CUBIC, on a wire that loses frames. */
#include "fixed_window.hpp"

#include <cstdio>
#include <microps/sim/host.hpp>
#include <microps/sim/wire.hpp>
#include <microps/sock.hpp>
#include <microps/tcp.hpp>
#include <string>
using namespace microps;

static void transfer(const char *congestion)
{
    sockaddr to{};
    sockaddr_pton("192.0.2.2:7", &to, sizeof(to));
    sim_world world(42);
    const net_time begin = world.now();
    sim_host client(world, "client"), server(world, "server");
    sim_wire wire(world, {client, "192.0.2.1/24"}, {server, "192.0.2.2/24"},
                  {.delay = std::chrono::milliseconds(10), .drop = 0.05});
    server.spawn("sink", [&] {
        const int listener = sock_open(server.net(), AF_INET, SOCK_STREAM, 0);
        sock_bind(server.net(), listener, &to, sizeof(to));
        sock_listen(server.net(), listener, 1);
        const int conn = sock_accept(server.net(), listener, nullptr, nullptr);
        char part[4096];
        size_t received = 0;
        for (ssize_t n = 0; (n = sock_recv(server.net(), conn, part, sizeof(part))) > 0;) {
            received += static_cast<size_t>(n);
        }
        const auto took = static_cast<long>((world.now() - begin) / std::chrono::milliseconds(1));
        std::printf("%s: %zu bytes in %ld ms\n", congestion, received, took);
    });
    {
        net_guard guard(client.net());
        fixed_window_register(client.net());
        tcp_sysctl_set(client.net(), "tcp_congestion_control", congestion);
    }
    client.spawn("source", [&] {
        const int conn = sock_open(client.net(), AF_INET, SOCK_STREAM, 0);
        sock_connect(client.net(), conn, &to, sizeof(to));
        sock_send(client.net(), conn, std::string(1000000, 'm').data(), 1000000);
        sock_close(client.net(), conn);
    });
    world.run();
}

int main()
{
    transfer("cubic");
    transfer("fixed");
}
