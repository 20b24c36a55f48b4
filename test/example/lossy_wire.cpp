/* A megabyte over a wire that loses every twentieth frame, and what tcpdump would have seen at both of its ends. */
#include <cstdio>
#include <microps/sim/host.hpp>
#include <microps/sim/wire.hpp>
#include <microps/sock.hpp>
#include <string>

int main()
{
    const std::string sent(1000000, 'm');
    std::string received;
    sockaddr to{};
    microps::sockaddr_pton("192.0.2.2:7", &to, sizeof(to));

    microps::sim_world world(42); /* the seed: every run is the same, byte for byte */
    microps::sim_host client(world, "client");
    microps::sim_host server(world, "server");
    microps::sim_wire wire(world, {client, "192.0.2.1/24"}, {server, "192.0.2.2/24"},
                           {.delay = std::chrono::milliseconds(10), .drop = 0.05});
    wire.capture(client, "client.pcap");
    wire.capture(server, "server.pcap");

    server.spawn("sink", [&] {
        const int listener = sock_open(server.net(), AF_INET, SOCK_STREAM, 0);
        sock_bind(server.net(), listener, &to, sizeof(to));
        sock_listen(server.net(), listener, 1);
        const int conn = sock_accept(server.net(), listener, nullptr, nullptr);
        char part[4096];
        ssize_t n = 0;
        while ((n = sock_recv(server.net(), conn, part, sizeof(part))) > 0) {
            received.append(part, static_cast<size_t>(n));
        }
        sock_close(server.net(), conn);
        sock_close(server.net(), listener);
    });
    client.spawn("source", [&] {
        const int conn = sock_open(client.net(), AF_INET, SOCK_STREAM, 0);
        sock_connect(client.net(), conn, &to, sizeof(to));
        sock_send(client.net(), conn, sent.data(), sent.size());
        sock_close(client.net(), conn);
    });
    world.run(); /* until both have ended, and TIME_WAIT is over */

    const auto lost = static_cast<unsigned long>(wire.stats(client).lost + wire.stats(server).lost);
    std::printf("%zu bytes received, %lu frames lost on the way\n", received.size(), lost);
    return received == sent ? 0 : 1;
}
