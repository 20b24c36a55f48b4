/*
 * demo_sim.cpp: the demonstration without any network: two simulated hosts, a wire between them, one virtual clock.
 *
 * The client pings the server and sends data to its echo server. The log of both hosts goes to stderr, every frame on
 * the wire to sim.pcap in the current folder.
 */
#include "microps/icmp.hpp"
#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sim/world.hpp"
#include "microps/sock.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace microps;
using namespace std::chrono_literals;

static constexpr const char *SERVER_ADDR = "192.0.2.2";
static constexpr const char *SERVER_ENDPOINT = "192.0.2.2:7";
static constexpr const char *CAPTURE = "sim.pcap";

static double elapsed_ms(sim_world &world)
{
    return std::chrono::duration<double, std::milli>(world.elapsed()).count();
}

/** Accepts one connection and sends back what comes, until the peer closes. */
static void serve(net_stack &net)
{
    sockaddr local{};
    sockaddr_pton(SERVER_ENDPOINT, &local, sizeof(local));
    const int listener = sock_open(net, AF_INET, SOCK_STREAM, 0);
    sock_bind(net, listener, &local, sizeof(local));
    sock_listen(net, listener, 1);
    const int soc = sock_accept(net, listener, nullptr, nullptr);
    std::array<char, 1024> buffer{};
    for (;;) {
        const ssize_t length = sock_recv(net, soc, buffer.data(), buffer.size());
        if (length <= 0) break;
        sock_send(net, soc, buffer.data(), static_cast<size_t>(length));
    }
    sock_close(net, soc);
    sock_close(net, listener);
}

/** An Echo goes to the server, and its reply comes back. */
static bool ping(sim_world &world, net_stack &net)
{
    const sockaddr_in to = sockaddr_from_endpoint({.addr = ip_addr_t{be32(0xc0000202)}, .port = {}});
    const int soc = sock_open(net, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    const icmp_hdr echo{.type = ICMP_TYPE_ECHO, .code = 0, .sum = {}, .values = 1};
    const double sent = elapsed_ms(world);
    icmp_hdr reply{};
    const bool answered = sock_sendto(net, soc, &echo, sizeof(echo), sockaddr_of(to), sizeof(to)) == sizeof(echo) &&
                          sock_recv(net, soc, &reply, sizeof(reply)) == sizeof(reply);
    sock_close(net, soc);
    std::printf("ping %s: %s after %.3f ms of virtual time\n", SERVER_ADDR, answered ? "answered" : "NOT ANSWERED",
                elapsed_ms(world) - sent);
    return answered && reply.type == ICMP_TYPE_ECHOREPLY;
}

/** The data goes to the server over TCP, and comes back. */
static bool echo(sim_world &world, net_stack &net, const std::string &data)
{
    sockaddr foreign{};
    sockaddr_pton(SERVER_ENDPOINT, &foreign, sizeof(foreign));
    const int soc = sock_open(net, AF_INET, SOCK_STREAM, 0);
    if (sock_connect(net, soc, &foreign, sizeof(foreign)) == -1) return false;
    sock_send(net, soc, data.data(), data.size());
    sock_shutdown(net, soc, SHUT_WR);
    std::string answer;
    std::array<char, 1024> buffer{};
    for (;;) {
        const ssize_t length = sock_recv(net, soc, buffer.data(), buffer.size());
        if (length <= 0) break;
        answer.append(buffer.data(), static_cast<size_t>(length));
    }
    sock_close(net, soc);
    std::printf("echo by TCP: sent '%s', got '%s' at %.3f ms\n", data.c_str(), answer.c_str(), elapsed_ms(world));
    return answer == data;
}

int main()
{
    sim_world world;
    world.log();
    bool pinged = false;
    bool echoed = false;
    sim_host client(world, "client");
    sim_host server(world, "server");
    sim_wire wire(world, {client, "192.0.2.1/24"}, {server, "192.0.2.2/24"}, {.delay = 1ms});
    wire.capture(CAPTURE);
    server.spawn("tcps", [&] { serve(server.net()); });
    client.spawn("user", [&] {
        pinged = ping(world, client.net());
        echoed = echo(world, client.net(), "hello, microps");
    });
    const bool ended = world.run();
    std::printf("the world came to rest after %.0f seconds of virtual time\n", elapsed_ms(world) / 1000);
    return ended && pinged && echoed ? EXIT_SUCCESS : EXIT_FAILURE;
}
