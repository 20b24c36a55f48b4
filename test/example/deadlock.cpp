/* Two programs that wait for each other, over a bad wire: what the world reports when somebody waits for ever. */
#include <cstdio>
#include <microps/sim/host.hpp>
#include <microps/sim/wire.hpp>
#include <microps/sock.hpp>

int main()
{
    sockaddr to{};
    microps::sockaddr_pton("192.0.2.2:7", &to, sizeof(to));

    microps::sim_world world(6);
    microps::sim_host client(world, "client");
    microps::sim_host server(world, "server");
    microps::sim_wire wire(world, {client, "192.0.2.1/24"}, {server, "192.0.2.2/24"},
                           {.delay = std::chrono::milliseconds(10), .drop = 0.2, .reorder = 0.1});
    server.spawn("listens", [&] {
        const int listener = sock_open(server.net(), AF_INET, SOCK_STREAM, 0);
        sock_bind(server.net(), listener, &to, sizeof(to));
        sock_listen(server.net(), listener, 1);
        char request[64];
        sock_recv(server.net(), sock_accept(server.net(), listener, nullptr, nullptr), request, sizeof(request));
    });
    client.spawn("waits", [&] {
        const int conn = sock_open(client.net(), AF_INET, SOCK_STREAM, 0);
        sock_connect(client.net(), conn, &to, sizeof(to));
        char greeting[64]; /* the server says nothing before it has been asked */
        sock_recv(client.net(), conn, greeting, sizeof(greeting));
    });
    world.run_for(std::chrono::hours(1));
    std::printf("%s", world.report().c_str());
    return 0;
}
