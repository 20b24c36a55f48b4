/*
 * Local addresses and ports: bind, ephemeral ports, conflicts (RFC 6056, RFC 6335, POSIX bind()).
 */
#include "support/tcp_options.hpp"

#include <set>

namespace microps
{
namespace
{

/* RFC 6335 6: ephemeral ports are 49152 to 65535, in network byte order on the wire. The C original forgets to swap the
 * bytes and begins with port 192. */
TEST(TcpPort, EphemeralPortIsDynamic)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        test_world world(seed);
        tcp_peer peer(world, connecting);
        peer.expect(syn());
        EXPECT_GE(peer.last().src.port, TCP_SOURCE_PORT_MIN);
        EXPECT_EQ(local_port(peer.stack(), peer.app()), peer.last().src.port.value());
    }
}

/* RFC 6056 3.3: an off-path attacker can predict neither the first ephemeral port nor the next one. The C original
 * always begins with the same port. */
TEST(TcpPort, EphemeralPortsAreNotPredictable)
{
    std::set<uint16_t> first;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        test_world world(seed);
        tcp_peer peer(world, connecting);
        peer.expect(syn());
        first.insert(peer.last().src.port);
    }
    EXPECT_GE(first.size(), 15u);
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    std::set<int> steps; /* between connections to different destinations */
    int before = 0;
    for (uint16_t i = 0; i < 20; i++) {
        const int id = stream_socket(peer.stack());
        EXPECT_EQ(error_of(connect_to(peer.stack(), id, "192.0.2.1", static_cast<uint16_t>(1000 + i * 7))),
                  EINPROGRESS);
        const int port = local_port(peer.stack(), id);
        steps.insert(port - before);
        before = port;
    }
    EXPECT_GE(steps.size(), 15u);
}

/* RFC 6056 2.3: connections to one destination get different ports. */
TEST(TcpPort, EphemeralPortsToOneDestinationDiffer)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    std::set<uint16_t> ports;
    for (int i = 0; i < 500; i++) {
        const int id = stream_socket(peer.stack());
        EXPECT_EQ(error_of(connect_to(peer.stack(), id, "192.0.2.1", 80)), EINPROGRESS);
        ports.insert(local_port(peer.stack(), id));
    }
    EXPECT_EQ(ports.size(), 500u);
    EXPECT_GE(*ports.begin(), TCP_SOURCE_PORT_MIN);
}

/* RFC 6056 2.3: a port that somebody listens on, or has bound to, is not ephemeral. */
TEST(TcpPort, ListenersPortIsNotEphemeral)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    std::set<uint16_t> taken;
    for (int i = 0; i < 300; i++) {
        const int id = stream_socket(net);
        EXPECT_EQ(bind_to(net, id, "0.0.0.0", 0), 0);
        if (i % 2 == 0) { /* the others may do so later */
            EXPECT_EQ(sock_listen(net, id, 1), 0);
        }
        taken.insert(local_port(net, id));
    }
    EXPECT_EQ(taken.size(), 300u);
    for (int i = 0; i < 1000; i++) {
        const int id = stream_socket(net);
        EXPECT_EQ(error_of(connect_to(net, id, "192.0.2.1", 80)), EINPROGRESS);
        EXPECT_FALSE(taken.contains(local_port(net, id)));
    }
}

/** Connects to 192.0.2.1:80; the port that was chosen for it. To one destination they follow each other. */
uint16_t connect_anywhere(net_stack &net)
{
    const int id = stream_socket(net);
    EXPECT_EQ(error_of(connect_to(net, id, "192.0.2.1", 80)), EINPROGRESS);
    return local_port(net, id);
}

uint16_t port_after(uint16_t port, int steps = 1)
{
    const int offset = port - TCP_SOURCE_PORT_MIN + steps;
    return static_cast<uint16_t>(TCP_SOURCE_PORT_MIN + offset % (TCP_SOURCE_PORT_MAX - TCP_SOURCE_PORT_MIN + 1));
}

/* RFC 6056 2.3: a port that a connected socket is bound to is not ephemeral while the connection lasts, as on Linux. */
TEST(TcpPort, BoundPortIsNotEphemeralWhileConnected)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const uint16_t first = connect_anywhere(net);
    const int bound = stream_socket(net);
    EXPECT_EQ(bind_to(net, bound, "192.0.2.2", port_after(first)), 0);
    EXPECT_EQ(error_of(connect_to(net, bound, "192.0.2.1", 81)), EINPROGRESS);
    EXPECT_EQ(connect_anywhere(net), port_after(first, 2));
}

/* RFC 6056 2.3: a port is ephemeral again when the last socket that was bound to it is closed. */
TEST(TcpPort, BoundPortIsEphemeralAgainAfterTheLastClose)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const uint16_t port = port_after(connect_anywhere(net));
    std::array<int, 2> sharing{};
    for (int &id : sharing) {
        id = stream_socket(net);
        EXPECT_EQ(set_option(net, id, SOL_SOCKET, SO_REUSEADDR, 1), 0);
        EXPECT_EQ(bind_to(net, id, "192.0.2.2", port), 0);
        EXPECT_EQ(error_of(connect_to(net, id, "192.0.2.1", static_cast<uint16_t>(1000 + id))), EINPROGRESS);
    }
    EXPECT_EQ(sock_close(net, sharing[0]), 0);
    EXPECT_EQ(connect_anywhere(net), port_after(port)) << "one of two is left";
    const int third = stream_socket(net);
    const uint16_t free = port_after(port, 2);
    EXPECT_EQ(bind_to(net, third, "192.0.2.2", free), 0);
    EXPECT_EQ(sock_close(net, third), 0);
    EXPECT_EQ(connect_anywhere(net), free);
}

/* POSIX connect(): a socket may try again, and keeps the port it is bound to. */
TEST(TcpPort, BoundPortIsKeptForTheNextAttempt)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const int id = stream_socket(net);
    const uint16_t port = port_after(connect_anywhere(net));
    EXPECT_EQ(bind_to(net, id, "192.0.2.2", port), 0);
    for (int attempt = 0; attempt < 3; attempt++) {
        drain(peer);
        EXPECT_EQ(error_of(connect_to(net, id, "192.0.2.1", 81)), EINPROGRESS);
        EXPECT_EQ(local_port(net, id), port);
        peer.peer_port = 81;
        peer.stack_port = port;
        peer.expect(syn());
        peer.send(rst().seq(0).ack(peer.last().seq + 1));
        EXPECT_EQ(error_of(connect_to(net, id, "192.0.2.1", 81)), ECONNREFUSED);
    }
    EXPECT_EQ(error_of(connect_to(net, id, "192.0.2.1", 81)), EINPROGRESS);
    EXPECT_EQ(connect_anywhere(net), port_after(port));
}

/* POSIX bind(): port 0 stands for an ephemeral port of the stack's choice. The C original refuses it as already bound.
 */
TEST(TcpPort, BindToPortZeroChooses)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    const int id = stream_socket(peer.stack());
    EXPECT_EQ(bind_to(peer.stack(), id, "192.0.2.2", 0), 0);
    EXPECT_GE(local_port(peer.stack(), id), TCP_SOURCE_PORT_MIN);
    const int other = stream_socket(peer.stack());
    EXPECT_EQ(bind_to(peer.stack(), other, "192.0.2.2", 0), 0);
    EXPECT_NE(local_port(peer.stack(), id), local_port(peer.stack(), other));
}

/* POSIX listen(): a socket that is not bound listens on an ephemeral port. */
TEST(TcpPort, ListenWithoutBindChooses)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    const int id = stream_socket(peer.stack());
    EXPECT_EQ(sock_listen(peer.stack(), id, 1), 0);
    peer.stack_port = local_port(peer.stack(), id);
    EXPECT_GE(peer.stack_port, TCP_SOURCE_PORT_MIN);
    peer.send(syn());
    peer.expect(syn_ack());
}

/* POSIX bind(): a foreign address is refused with EADDRNOTAVAIL, and a second bind() with EINVAL. */
TEST(TcpPort, BindChecksTheAddress)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const int id = stream_socket(net);
    EXPECT_EQ(error_of(bind_to(net, id, "192.0.2.99", 80)), EADDRNOTAVAIL);
    EXPECT_EQ(error_of(bind_to(net, id, "198.51.100.1", 80)), EADDRNOTAVAIL);
    EXPECT_EQ(bind_to(net, id, "192.0.2.2", 80), 0);
    EXPECT_EQ(error_of(bind_to(net, id, "192.0.2.2", 81)), EINVAL) << "bound already";
    EXPECT_EQ(local_port(net, id), 80);
}

/* POSIX bind(), listen(): two listeners on one port conflict, also when one of them is for all addresses. The C
 * original does not notice the latter. */
TEST(TcpPort, ListenersConflict)
{
    for (const char *second : {"0.0.0.0", "192.0.2.2"}) {
        for (const char *first : {"0.0.0.0", "192.0.2.2"}) {
            test_world world;
            tcp_peer peer(world, tcp_peer_start::idle);
            net_stack &net = peer.stack();
            const int a = listening_socket(net, first, 80, 1);
            const int b = stream_socket(net);
            int error = error_of(bind_to(net, b, second, 80));
            if (error == 0) error = error_of(sock_listen(net, b, 1));
            EXPECT_EQ(error, EADDRINUSE) << first << " and " << second;
            EXPECT_EQ(sock_close(net, a), 0);
            const int c = stream_socket(net);
            EXPECT_EQ(bind_to(net, c, second, 80), 0) << "free again";
            EXPECT_EQ(sock_listen(net, c, 1), 0);
        }
    }
}

/* POSIX bind(): listeners on different addresses do not conflict. */
TEST(TcpPort, DifferentAddressesDoNotConflict)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    for (const char *addr : {"192.0.2.2", "127.0.0.1"}) {
        listening_socket(net, addr, 80, 1);
    }
}

/* POSIX SO_REUSEADDR: connections of the port, in TIME-WAIT or established, do not keep a server from starting again.
 * In the C original they do. */
TEST(TcpPort, ServerMayRestartOverOldConnections)
{
    test_world world;
    tcp_peer peer(world, listening);
    net_stack &net = peer.stack();
    EXPECT_EQ(set_option(net, peer.listener(), SOL_SOCKET, SO_REUSEADDR, 1), 0);
    EXPECT_TRUE(peer.establish());
    close_actively(peer);
    EXPECT_TRUE(establish_from(peer, static_cast<uint16_t>(peer.peer_port + 1))); /* and one that is alive */
    EXPECT_EQ(sock_close(net, peer.listener()), 0);
    const int id = stream_socket(net);
    EXPECT_EQ(set_option(net, id, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    EXPECT_EQ(bind_to(net, id, "0.0.0.0", 7), 0);
    EXPECT_EQ(sock_listen(net, id, 5), 0);
    expect_alive(peer);
}

/* POSIX connect(): a bound port is the connection's source; the same pair of endpoints cannot be used twice. */
TEST(TcpPort, SamePairIsRefused)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const int a = stream_socket(net);
    const int b = stream_socket(net);
    EXPECT_EQ(bind_to(net, a, "192.0.2.2", 5000), 0);
    EXPECT_EQ(error_of(connect_to(net, a, "192.0.2.1", 80)), EINPROGRESS);
    int error = error_of(bind_to(net, b, "192.0.2.2", 5000));
    if (error == 0) error = error_of(connect_to(net, b, "192.0.2.1", 80));
    EXPECT_TRUE(error == EADDRINUSE || error == EADDRNOTAVAIL) << error;
}

/* POSIX connect(): an ephemeral port is free again as soon as its connection has ended. */
TEST(TcpPort, PortsAreReleased)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    for (int i = 0; i < 2000; i++) { /* 2,000 ports to one destination, none kept */
        const int id = stream_socket(net);
        ASSERT_EQ(error_of(connect_to(net, id, "192.0.2.1", 80)), EINPROGRESS);
        ASSERT_EQ(sock_close(net, id), 0);
        peer.skip();
    }
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 2000u);
}

/* POSIX getsockname() and getpeername() tell both ends of a connection. */
TEST(TcpPort, NamesOfAConnection)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_stack &net = peer.stack();
    sockaddr_in addr{};
    socklen_t size = sizeof(addr);
    EXPECT_EQ(sock_getsockname(net, peer.app(), sockaddr_of(addr), &size), 0);
    EXPECT_EQ(ip_endpoint_str(sockaddr_to_endpoint(addr)), "192.0.2.2:7");
    size = sizeof(addr);
    EXPECT_EQ(sock_getpeername(net, peer.app(), sockaddr_of(addr), &size), 0);
    EXPECT_EQ(ip_endpoint_str(sockaddr_to_endpoint(addr)), "192.0.2.1:40000");
    size = sizeof(addr);
    EXPECT_EQ(error_of(sock_getpeername(net, peer.listener(), sockaddr_of(addr), &size)), ENOTCONN);
}

} // namespace
} // namespace microps
