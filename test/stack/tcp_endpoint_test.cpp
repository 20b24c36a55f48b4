/*
 * tcp_endpoint_test.cpp: a whole TCP conversation at a glance: segment by segment against a scripted peer, and between
 * two of our stacks over good and bad wires. Paragraph by paragraph tests are elsewhere.
 */
#include "support/test_world.hpp"

#include "microps/sim/tcp_peer.hpp"
#include "microps/sock.hpp"

#include <gtest/gtest.h>
#include <string>

using namespace microps;
using namespace std::chrono_literals;

/* RFC 9293 3.5, figure 6; 3.8.6.3; 3.6, figure 12. */
TEST(TcpEndpoint, ServesAConnectionFromSynToTheLastAck)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().mss(1460));
    peer.expect(syn_ack().ack(peer.nxt).mss(1460).win(65535));
    peer.send(ack());
    ASSERT_TRUE(peer.app_accept());

    peer.send(payload("hello"));
    peer.expect(ack(peer.nxt + 5).seq(peer.rcv).len(0).within(40ms));
    peer.nxt += 5;
    EXPECT_EQ(peer.app_read(), "hello");

    EXPECT_EQ(peer.app_write("world"), 5);
    peer.expect(payload("world").seq(peer.rcv).ack(peer.nxt));
    peer.rcv += 5;
    peer.send(ack());

    peer.send(fin());
    peer.nxt += 1;
    peer.expect(ack(peer.nxt).len(0));
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_TRUE(peer.app_eof());
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin().seq(peer.rcv).ack(peer.nxt));
    peer.rcv += 1;
    peer.send(ack());
    peer.expect_nothing(10s);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 1u);
}

namespace
{

std::string pattern(size_t size)
{
    std::string text(size, '\0');
    uint32_t x = 12345;
    for (char &c : text) {
        x = x * 1664525 + 1013904223;
        c = static_cast<char>(x >> 24);
    }
    return text;
}

struct transfer {
    std::string received{};
    ssize_t server_end = -2;
    int client_errno = 0;
};

void serve(sim_host &host, transfer &result)
{
    net_stack &net = host.net();
    const int listener = sock_open(net, AF_INET, SOCK_STREAM, 0);
    sockaddr_in addr = sockaddr_from_endpoint({IP_ADDR_ANY, 7});
    ASSERT_EQ(sock_bind(net, listener, reinterpret_cast<sockaddr *>(&addr), sizeof(addr)), 0);
    ASSERT_EQ(sock_listen(net, listener, 5), 0);
    const int connection = sock_accept(net, listener, nullptr, static_cast<socklen_t *>(nullptr));
    ASSERT_NE(connection, -1);
    std::string buffer(5000, '\0');
    ssize_t n;
    while ((n = sock_recv(net, connection, buffer.data(), buffer.size())) > 0) {
        result.received.append(buffer, 0, static_cast<size_t>(n));
    }
    result.server_end = n;
    sock_close(net, connection);
    sock_close(net, listener);
}

void upload(sim_host &host, const char *server, const std::string &text, transfer &result)
{
    net_stack &net = host.net();
    const int id = sock_open(net, AF_INET, SOCK_STREAM, 0);
    sockaddr_in addr{};
    ASSERT_EQ(sockaddr_pton(server, reinterpret_cast<sockaddr *>(&addr), sizeof(addr)), 0);
    int connected_ok = -1;
    for (int attempt = 0; attempt < 3 && connected_ok == -1; attempt++) {
        connected_ok = sock_connect(net, id, reinterpret_cast<sockaddr *>(&addr), sizeof(addr));
    }
    ASSERT_EQ(connected_ok, 0) << errno;
    EXPECT_EQ(sock_send(net, id, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    EXPECT_EQ(sock_close(net, id), 0);
    result.client_errno = errno;
}

} // namespace

TEST(TcpEndpoint, ThousandKilobytesArriveOverAGoodWire)
{
    const std::string text = pattern(1000 * 1000);
    transfer result;
    test_world world;
    sim_host client(world, "client");
    sim_host server(world, "server");
    sim_wire wire(world, {client, "192.0.2.1/24"}, {server, "192.0.2.2/24"}, {.bandwidth = 100000000, .delay = 1ms});
    server.spawn("server", [&] { serve(server, result); });
    client.spawn("client", [&] { upload(client, "192.0.2.2:7", text, result); });
    EXPECT_TRUE(world.run());
    EXPECT_EQ(result.received.size(), text.size());
    EXPECT_TRUE(result.received == text);
    EXPECT_EQ(result.server_end, 0);
    EXPECT_EQ(client.count(counter::tcp_retrans_segs), 0u);
    EXPECT_EQ(client.packets_in_use(), 0u);
    EXPECT_EQ(server.packets_in_use(), 0u);
}

/* A program may connect to itself; and RFC 9293 3.5, figure 7: simultaneous open, with oneself. */
TEST(TcpEndpoint, LoopbackConnectsToListenersAndToItself)
{
    test_world world;
    transfer result;
    sim_host host(world, "host");
    const std::string text = pattern(300 * 1000);
    host.spawn("server", [&] { serve(host, result); });
    host.spawn("client", [&] { upload(host, "127.0.0.1:7", text, result); });
    EXPECT_TRUE(world.run());
    EXPECT_TRUE(result.received == text);

    net_stack &net = host.net();
    const int id = sock_open(net, AF_INET, SOCK_STREAM, 0);
    sockaddr_in self{};
    ASSERT_EQ(sockaddr_pton("127.0.0.1:5000", reinterpret_cast<sockaddr *>(&self), sizeof(self)), 0);
    ASSERT_EQ(sock_bind(net, id, reinterpret_cast<sockaddr *>(&self), sizeof(self)), 0);
    ASSERT_EQ(sock_connect(net, id, reinterpret_cast<sockaddr *>(&self), sizeof(self)), 0) << errno;
    EXPECT_EQ(sock_send(net, id, "me", 2), 2);
    char buffer[8];
    EXPECT_EQ(sock_recv(net, id, buffer, sizeof(buffer)), 2);
    EXPECT_EQ(sock_close(net, id), 0);
}
