/*
 * Listening: backlog, half-open connections, SYN floods, the listener's end (RFC 9293 3.10.1, RFC 4987).
 */
#include "support/tcp_options.hpp"

namespace microps
{
namespace
{

/** A whole handshake from @p port, without the application. Returns whether it was answered. */
bool shake_hands(tcp_peer &peer, uint16_t port, uint32_t &theirs)
{
    peer.skip();
    peer.send(syn().mss(MSS).peer_port(port));
    const auto answer = peer.receive(0ms);
    if (!answer || answer->flags != (TCP_PEER_SYN | TCP_PEER_ACK)) return false;
    theirs = answer->seq + 1;
    peer.send(ack(theirs).peer_port(port));
    return true;
}

int accept_all(tcp_peer &peer)
{
    int count = 0;
    while (accept_from(peer.stack(), peer.listener()) >= 0) {
        count++;
    }
    return count;
}

/* POSIX listen(): the backlog bounds the accept queue. The C original ignores it. Linux lets one more connection in
 * than was asked for, and so do we. */
TEST(TcpListen, BacklogIsHonoured)
{
    for (const int backlog : {0, 1, 4}) {
        test_world world;
        tcp_peer peer(world, listening, {.backlog = backlog});
        for (uint16_t i = 0; i < 20; i++) {
            uint32_t theirs = 0;
            shake_hands(peer, static_cast<uint16_t>(20000 + i), theirs);
        }
        EXPECT_EQ(accept_all(peer), backlog + 1);
    }
}

/* POSIX listen(): a SYN that finds the accept queue full is dropped and not refused. Linux does the same: the client
 * retransmits and gets in later. */
TEST(TcpListen, FullBacklogDropsAndDoesNotRefuse)
{
    test_world world;
    tcp_peer peer(world, listening, {.backlog = 2});
    for (uint16_t i = 0; i < 10; i++) {
        peer.send(syn().mss(MSS).peer_port(static_cast<uint16_t>(20000 + i)));
        const auto answer = peer.receive(0ms);
        if (answer) {
            EXPECT_FALSE(answer->flags & TCP_PEER_RST);
            peer.send(ack(answer->seq + 1).peer_port(static_cast<uint16_t>(20000 + i)));
        }
    }
    for (const tcp_peer_segment &seg : drain(peer, 500ms)) {
        EXPECT_FALSE(seg.flags & TCP_PEER_RST);
    }
    EXPECT_GE(peer.host().count(counter::tcp_listen_overflows), 1u);
    EXPECT_GE(accept_all(peer), 2);
    peer.wait(200s);
    peer.skip();
    peer.peer_port = 30000;
    EXPECT_TRUE(peer.establish());
}

/* RFC 9293 3.10.7.4: connections are accepted in the order in which they were established. */
TEST(TcpListen, ConnectionsAreAcceptedInOrder)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (const uint16_t port : words{500, 300, 400, 100, 200}) {
        uint32_t theirs = 0;
        EXPECT_TRUE(shake_hands(peer, port, theirs));
    }
    for (const uint16_t port : words{500, 300, 400, 100, 200}) {
        sockaddr_in from{};
        EXPECT_GE(accept_from(peer.stack(), peer.listener(), &from), 0);
        EXPECT_EQ(be16::from_net(from.sin_port), port);
    }
}

/* POSIX accept(): data that came before accept() is read after it. */
TEST(TcpListen, DataBeforeAcceptIsKept)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(ack());
    peer.send(payload("early bird"));
    peer.nxt += 10;
    peer.wait(10s);
    EXPECT_EQ(peer.una(), peer.nxt);
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_read(), "early bird");
}

/* POSIX accept(): a connection that was reset before it was accepted leaves the accept queue. The C original wipes it
 * but leaves it queued, so that accept() returns an unused PCB or another connection's. */
TEST(TcpListen, ResetConnectionIsNotAccepted)
{
    test_world world;
    tcp_peer peer(world, listening);
    uint32_t theirs = 0;
    EXPECT_TRUE(shake_hands(peer, 20000, theirs));
    EXPECT_TRUE(shake_hands(peer, 20001, theirs));
    peer.send(rst().seq(peer.nxt).peer_port(20000));
    peer.wait(0ms);
    sockaddr_in from{};
    int id = accept_from(peer.stack(), peer.listener(), &from);
    if (id == -1 && errno == ECONNABORTED) id = accept_from(peer.stack(), peer.listener(), &from);
    ASSERT_GE(id, 0);
    EXPECT_EQ(be16::from_net(from.sin_port), 20001);
    EXPECT_EQ(error_of(accept_from(peer.stack(), peer.listener())), EAGAIN);
}

/* POSIX accept(): a connection that its peer has closed already is accepted, and its data is read up to the end. */
TEST(TcpListen, ClosedConnectionIsAccepted)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(ack());
    peer.send(payload("bye").fin());
    peer.wait(1s);
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_read(), "bye");
    EXPECT_TRUE(peer.app_eof());
}

/* RFC 9293 3.10.4: when a listener is closed, the connections in its accept queue are reset and half-open ones
 * disappear. The C original leaves both behind without a RST. */
TEST(TcpListen, CloseResetsWhatWasNotAccepted)
{
    test_world world;
    tcp_peer peer(world, listening);
    uint32_t theirs = 0;
    EXPECT_TRUE(shake_hands(peer, 20000, theirs));
    peer.send(syn().mss(MSS).peer_port(20001)); /* half open */
    const auto half = peer.receive(0ms);
    ASSERT_TRUE(half);
    EXPECT_EQ(sock_close(peer.stack(), peer.listener()), 0);
    bool reset = false;
    for (const tcp_peer_segment &seg : drain(peer)) {
        reset = reset || ((seg.flags & TCP_PEER_RST) && seg.dst.port == 20000 && seg.seq == theirs);
    }
    EXPECT_TRUE(reset);
    peer.send(ack(half->seq + 1).peer_port(20001));
    peer.expect(rst().seq(half->seq + 1));
    peer.expect_nothing(200s);
}

/* RFC 9293 3.10.4: the half-open connections of a closed listener do not reach the next listener of the port. In the C
 * original they keep a pointer to the old listener's PCB, which may be anybody's by then. */
TEST(TcpListen, NewListenerGetsNoOldChildren)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    const uint32_t old = peer.rcv;
    net_stack &net = peer.stack();
    EXPECT_EQ(sock_close(net, peer.listener()), 0);
    peer.skip();
    const int id = listening_socket(net, "0.0.0.0", 7);
    peer.send(ack(old));
    peer.expect(rst().seq(old));
    EXPECT_EQ(error_of(accept_from(net, id)), EAGAIN);
}

/* POSIX leaves open what shutdown() does to a listener. As on Linux, SHUT_WR does nothing, and SHUT_RD ends the
 * listening, which may begin again. */
TEST(TcpListen, ShutdownOfAListener)
{
    test_world world;
    tcp_peer peer(world, listening);
    net_stack &net = peer.stack();
    const auto accepts = [&] {
        return option_of(net, peer.listener(), SOL_SOCKET, SO_ACCEPTCONN);
    };
    EXPECT_EQ(sock_shutdown(net, peer.listener(), SHUT_WR), 0);
    EXPECT_EQ(accepts(), 1);
    EXPECT_EQ(sock_shutdown(net, peer.listener(), SHUT_RD), 0);
    EXPECT_EQ(accepts(), 0);
    EXPECT_EQ(error_of(accept_from(net, peer.listener())), EINVAL);
    EXPECT_EQ(sock_listen(net, peer.listener(), 5), 0);
    EXPECT_TRUE(peer.establish());
}

/* POSIX accept(): as on Linux, an accepted socket inherits SO_RCVTIMEO, SO_SNDTIMEO and SO_REUSEADDR from its listener,
 * but not O_NONBLOCK. */
TEST(TcpListen, AcceptedSocketHasTheListenersTimeouts)
{
    test_world world;
    tcp_peer peer(world, listening);
    net_stack &net = peer.stack();
    const timeval receive{.tv_sec = 3, .tv_usec = 0};
    const timeval send{.tv_sec = 4, .tv_usec = 0};
    EXPECT_EQ(sock_setsockopt(net, peer.listener(), SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive)), 0);
    EXPECT_EQ(sock_setsockopt(net, peer.listener(), SOL_SOCKET, SO_SNDTIMEO, &send, sizeof(send)), 0);
    EXPECT_EQ(set_option(net, peer.listener(), SOL_SOCKET, SO_REUSEADDR, 1), 0);
    ASSERT_TRUE(peer.establish());
    timeval value{};
    socklen_t size = sizeof(value);
    EXPECT_EQ(sock_getsockopt(net, peer.app(), SOL_SOCKET, SO_RCVTIMEO, &value, &size), 0);
    EXPECT_EQ(value.tv_sec, 3);
    EXPECT_EQ(sock_getsockopt(net, peer.app(), SOL_SOCKET, SO_SNDTIMEO, &value, &size), 0);
    EXPECT_EQ(value.tv_sec, 4);
    EXPECT_EQ(option_of(peer, SOL_SOCKET, SO_REUSEADDR), 1);
}

/* RFC 9293 3.10.4: an accepted connection goes on when its listener is closed. */
TEST(TcpListen, AcceptedConnectionOutlivesTheListener)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(sock_close(peer.stack(), peer.listener()), 0);
    peer.expect_nothing();
    upload_acknowledged(peer, "still here");
    EXPECT_EQ(peer.app_read(), "still here");
}

/* RFC 4987, tcp_config::half_open_max: half-open connections are bounded, and a real client gets in meanwhile. */
TEST(TcpSynFlood, HalfOpenConnectionsAreBounded)
{
    test_world world;
    tcp_peer peer(world, listening, {.configure = [](tcp_config &config) {
                      config.half_open_max = 32;
                  }});
    for (uint16_t port = 1000; port < 6000; port++) {
        peer.send(syn().mss(MSS).peer_port(port));
    }
    peer.skip();
    EXPECT_LT(peer.host().packets_in_use(), 1u << 20);
    peer.peer_port = 40001;
    EXPECT_TRUE(peer.establish());
    peer.wait(1s); /* retransmitted SYN-ACKs, of 32 connections at most */
    EXPECT_LE(drain(peer).size(), 33u);
}

/* RFC 4987 2: after a flood of SYNs no memory is in use, and the stack serves as before. */
TEST(TcpSynFlood, FloodLeavesNothingBehind)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (uint16_t port = 1000; port < 9000; port++) {
        peer.send(syn().mss(MSS).peer_port(port));
    }
    peer.wait(300s);
    peer.skip();
    EXPECT_EQ(peer.host().packets_in_use(), 0u);
    uint32_t theirs = 0;
    for (uint16_t i = 0; i < 100; i++) {
        EXPECT_TRUE(shake_hands(peer, static_cast<uint16_t>(20000 + i), theirs)) << i;
    }
    EXPECT_EQ(accept_all(peer), 100);
}

/* RFC 4987 2: a hundred clients that never complete the handshake do not disable the server. Sixteen of them disable
 * the C original for ever. */
TEST(TcpSynFlood, AbandonedHandshakesDoNotDisableTheServer)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (uint16_t i = 0; i < 100; i++) {
        peer.send(syn().mss(MSS).peer_port(static_cast<uint16_t>(20000 + i)));
    }
    peer.skip();
    EXPECT_TRUE(peer.establish());
    peer.wait(10min);
    peer.skip();
    EXPECT_TRUE(establish_from(peer, static_cast<uint16_t>(peer.peer_port + 1)));
}

/* RFC 9293 MUST-42: one program may listen on many ports; MUST-41: they do not disturb each other. */
TEST(TcpListen, ManyListenersDoNotDisturbEachOther)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    std::array<int, 5> ids{};
    for (uint16_t i = 0; i < 5; i++) {
        ids[i] = listening_socket(net, "0.0.0.0", static_cast<uint16_t>(100 + i));
    }
    peer.send(syn().mss(MSS).stack_port(103));
    peer.expect(syn_ack().stack_port(103));
    peer.send(ack().stack_port(103));
    for (uint16_t i = 0; i < 5; i++) {
        EXPECT_EQ(accept_from(net, ids[i]) >= 0, i == 3) << i;
    }
}

/* RFC 9293 3.10.7: a listener on a specific address is preferred to one on all addresses, which the C original does not
 * do. */
TEST(TcpListen, SpecificAddressIsPreferred)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const int specific = listening_socket(net, "192.0.2.2", 80);
    peer.stack_port = 80;
    half_open(peer);
    peer.send(ack());
    EXPECT_GE(accept_from(net, specific), 0);
    listening_socket(net, "127.0.0.1", 81);
    peer.send(syn().stack_port(81));
    peer.expect(rst().stack_port(81)); /* nobody listens on that address */
}

/* RFC 9293 3.10.7: a segment of an established connection reaches that connection and not the listener of the same
 * port. */
TEST(TcpListen, ConnectionIsPreferredToTheListener)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("mine"));
    EXPECT_EQ(peer.app_read(), "mine");
    peer.send(payload("not mine").peer_port(static_cast<uint16_t>(peer.peer_port + 1)));
    peer.skip();
    EXPECT_EQ(peer.app_read(), "");
}

/* POSIX listen(): a backlog of 0 or less still lets one connection in, and tcp_config::backlog_max bounds a large one.
 */
TEST(TcpListen, OddBacklogs)
{
    for (const int backlog : {0, -1, 1 << 30}) {
        test_world world;
        tcp_peer peer(world, listening, {.backlog = backlog});
        EXPECT_TRUE(peer.establish()) << backlog;
    }
}

/* POSIX accept(): a sleeping call wakes with each connection, and with an error when the listener is closed. */
TEST(TcpListen, SleepingAcceptWakes)
{
    test_world world;
    tcp_peer peer(world, listening);
    net_stack &net = peer.stack();
    const int listener = peer.listener();
    make_blocking(net, listener);
    int accepted = 0;
    int error = 0;
    peer.host().spawn("server", [&] {
        while (true) {
            const int id = sock_accept(net, listener, nullptr, nullptr);
            if (id == -1) {
                error = errno;
                return;
            }
            accepted++;
        }
    });
    uint32_t theirs = 0;
    for (uint16_t i = 0; i < 3; i++) {
        EXPECT_TRUE(shake_hands(peer, static_cast<uint16_t>(20000 + i), theirs));
        peer.wait(10ms);
        EXPECT_EQ(accepted, i + 1);
    }
    EXPECT_EQ(sock_close(net, listener), 0);
    peer.wait(10ms);
    EXPECT_EQ(error, EBADF);
}

/* POSIX listen(): a second call changes the backlog, and a connected socket cannot listen. */
TEST(TcpListen, ListenAgain)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(sock_listen(peer.stack(), peer.listener(), 1), 0);
    EXPECT_EQ(error_of(sock_listen(peer.stack(), peer.app(), 1)), EINVAL);
}

} // namespace
} // namespace microps
