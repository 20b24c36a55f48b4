/* A program that uses the simulation: a datagram over a wire that loses none. */
#include <microps/sim/host.hpp>
#include <microps/sim/wire.hpp>
#include <microps/sim/world.hpp>
#include <microps/sock.hpp>

#include <array>
#include <cstdio>

using namespace microps;

int main()
{
    sim_world world;
    sim_host client(world, "client");
    sim_host server(world, "server");
    sim_wire wire(world, {client, "192.0.2.1/24"}, {server, "192.0.2.2/24"});
    ssize_t received = 0;
    server.spawn("receiver", [&] {
        sockaddr local{};
        sockaddr_pton("192.0.2.2:7", &local, sizeof(local));
        const int soc = sock_open(server.net(), AF_INET, SOCK_DGRAM, 0);
        sock_bind(server.net(), soc, &local, sizeof(local));
        std::array<char, 16> text{};
        received = sock_recv(server.net(), soc, text.data(), text.size());
        sock_close(server.net(), soc);
    });
    client.spawn("sender", [&] {
        sockaddr foreign{};
        sockaddr_pton("192.0.2.2:7", &foreign, sizeof(foreign));
        const int soc = sock_open(client.net(), AF_INET, SOCK_DGRAM, 0);
        sock_sendto(client.net(), soc, "hello", 5, &foreign, sizeof(foreign));
        sock_close(client.net(), soc);
    });
    const bool worked = world.run() && received == 5;
    std::puts(worked ? "hello" : "failed");
    return worked ? 0 : 1;
}
