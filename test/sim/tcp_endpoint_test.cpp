/*
 * tcp_endpoint_test.cpp: a whole TCP conversation at a glance: segment by segment against a scripted peer, and between
 * two of our stacks over good and bad wires. Paragraph by paragraph tests are elsewhere.
 */
#include "support/sock_calls.hpp"
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
    std::string data(size, '\0');
    uint32_t x = 12345;
    for (char &c : data) {
        x = x * 1664525 + 1013904223;
        c = static_cast<char>(x >> 24);
    }
    return data;
}

/** Connects to @p server and sends @p data; a server that does not listen yet is asked again. */
void send_stream(sim_host &host, const char *server, const std::string &data)
{
    net_stack &net = host.net();
    const int id = sock_open(net, AF_INET, SOCK_STREAM, 0);
    const sockaddr_in foreign = sock_address(server);
    int answer = -1;
    for (int attempt = 0; attempt < 3 && answer == -1; attempt++) {
        answer = sock_connect(net, id, sockaddr_of(foreign), sizeof(foreign));
    }
    ASSERT_EQ(answer, 0) << errno;
    EXPECT_EQ(sock_send(net, id, data.data(), data.size()), static_cast<ssize_t>(data.size()));
    EXPECT_EQ(sock_close(net, id), 0);
}

} // namespace

TEST(TcpEndpoint, ThousandKilobytesArriveOverAGoodWire)
{
    const std::string data = pattern(1000 * 1000);
    std::string received;
    test_world world;
    sim_host client(world, "client");
    sim_host server(world, "server");
    sim_wire wire(world, {client, "192.0.2.1/24"}, {server, "192.0.2.2/24"}, {.bandwidth = 100000000, .delay = 1ms});
    server.spawn("server", [&] { EXPECT_EQ(receive_stream(server.net(), "0.0.0.0:7", received), 0); });
    client.spawn("client", [&] { send_stream(client, "192.0.2.2:7", data); });
    EXPECT_TRUE(world.run());
    EXPECT_EQ(received.size(), data.size());
    EXPECT_TRUE(received == data);
    EXPECT_EQ(client.count(counter::tcp_retrans_segs), 0u);
    EXPECT_EQ(client.packets_in_use(), 0u);
    EXPECT_EQ(server.packets_in_use(), 0u);
}

/* A program may connect to itself; and RFC 9293 3.5, figure 7: simultaneous open, with oneself. */
TEST(TcpEndpoint, LoopbackConnectsToListenersAndToItself)
{
    test_world world;
    std::string received;
    sim_host host(world, "host");
    const std::string data = pattern(300 * 1000);
    host.spawn("server", [&] { EXPECT_EQ(receive_stream(host.net(), "0.0.0.0:7", received), 0); });
    host.spawn("client", [&] { send_stream(host, "127.0.0.1:7", data); });
    EXPECT_TRUE(world.run());
    EXPECT_TRUE(received == data);

    net_stack &net = host.net();
    const int id = sock_open(net, AF_INET, SOCK_STREAM, 0);
    const sockaddr_in self = sock_address("127.0.0.1:5000");
    ASSERT_EQ(sock_bind(net, id, sockaddr_of(self), sizeof(self)), 0);
    ASSERT_EQ(sock_connect(net, id, sockaddr_of(self), sizeof(self)), 0) << errno;
    EXPECT_EQ(sock_send(net, id, "me", 2), 2);
    char buffer[8];
    EXPECT_EQ(sock_recv(net, id, buffer, sizeof(buffer)), 2);
    EXPECT_EQ(sock_close(net, id), 0);
}
