/*
 * The user calls: states, errno, blocking, poll (RFC 9293 3.9.1, 3.10; POSIX).
 */
#include "support/sock_calls.hpp"
#include "support/tcp_options.hpp"

namespace microps
{
namespace
{

/** A connection of a socket whose state can be asked for. */
class stateful_peer
{
public:
    explicit stateful_peer(sim_world &world) : peer(world, tcp_peer_start::idle)
    {
        id = tcp_open(net(), SOCK_NONBLOCK);
        EXPECT_EQ(tcp_bind(net(), id, peer.stack_endpoint()), 0);
    }

    int state() { return tcp_state(net(), id); }
    void listen() { EXPECT_EQ(sock_listen(net(), id, 5), 0); }
    void connect() { EXPECT_EQ(error_of(tcp_connect(net(), id, peer.peer_endpoint())), EINPROGRESS); }
    void shutdown(int how = SHUT_WR) { EXPECT_EQ(sock_shutdown(net(), id, how), 0); }
    /** Active open, established. */
    void establish()
    {
        connect();
        peer.expect(syn());
        peer.send(syn_ack().mss(MSS));
        peer.expect(ack());
    }
    net_stack &net() { return peer.stack(); }

    tcp_peer peer;
    int id = -1;
};

/* RFC 9293 figure 5: CLOSED, LISTEN; CLOSED, SYN-SENT, ESTABLISHED. */
TEST(TcpState, OpeningStates)
{
    test_world world;
    stateful_peer passive(world);
    EXPECT_EQ(passive.state(), TCP_STATE_CLOSED);
    passive.listen();
    EXPECT_EQ(passive.state(), TCP_STATE_LISTEN);

    test_world other;
    stateful_peer active(other);
    active.connect();
    EXPECT_EQ(active.state(), TCP_STATE_SYN_SENT);
    active.peer.expect(syn());
    active.peer.send(syn());
    EXPECT_EQ(active.state(), TCP_STATE_SYN_RECEIVED);
    active.peer.expect(syn_ack());
    active.peer.send(ack());
    EXPECT_EQ(active.state(), TCP_STATE_ESTABLISHED);
}

/* RFC 9293 figure 5: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT, CLOSED. */
TEST(TcpState, ActiveClosingStates)
{
    test_world world;
    stateful_peer user(world);
    user.establish();
    user.shutdown();
    EXPECT_EQ(user.state(), TCP_STATE_FIN_WAIT1);
    user.peer.expect(fin());
    user.peer.rcv += 1;
    user.peer.send(ack());
    EXPECT_EQ(user.state(), TCP_STATE_FIN_WAIT2);
    user.peer.send(fin());
    user.peer.expect(ack(user.peer.nxt + 1));
    EXPECT_EQ(user.state(), TCP_STATE_TIME_WAIT);
    user.peer.wait(61s);
    EXPECT_EQ(user.state(), TCP_STATE_CLOSED);
    EXPECT_EQ(sock_close(user.net(), user.id), 0);
}

/* RFC 9293 figure 5: FIN-WAIT-1, CLOSING, TIME-WAIT. */
TEST(TcpState, SimultaneousClosingStates)
{
    test_world world;
    stateful_peer user(world);
    user.establish();
    user.shutdown();
    user.peer.expect(fin());
    user.peer.send(fin());
    EXPECT_EQ(user.state(), TCP_STATE_CLOSING);
    user.peer.expect(ack(user.peer.nxt + 1));
    user.peer.nxt += 1;
    user.peer.rcv += 1;
    user.peer.send(ack());
    EXPECT_EQ(user.state(), TCP_STATE_TIME_WAIT);
}

/* RFC 9293 3.10.7.4: a FIN that acknowledges our FIN leads from FIN-WAIT-1 to TIME-WAIT. */
TEST(TcpState, FinAndAckLeadToTimeWait)
{
    test_world world;
    stateful_peer user(world);
    user.establish();
    user.shutdown();
    user.peer.expect(fin());
    user.peer.rcv += 1;
    user.peer.send(fin());
    EXPECT_EQ(user.state(), TCP_STATE_TIME_WAIT);
}

/* RFC 9293 figure 5: CLOSE-WAIT, LAST-ACK, CLOSED. */
TEST(TcpState, PassiveClosingStates)
{
    test_world world;
    stateful_peer user(world);
    user.establish();
    user.peer.send(fin());
    user.peer.nxt += 1;
    EXPECT_EQ(user.state(), TCP_STATE_CLOSE_WAIT);
    user.peer.expect(ack(user.peer.nxt));
    user.shutdown();
    EXPECT_EQ(user.state(), TCP_STATE_LAST_ACK);
    user.peer.expect(fin());
    user.peer.rcv += 1;
    user.peer.send(ack());
    EXPECT_EQ(user.state(), TCP_STATE_CLOSED);
    EXPECT_EQ(sock_close(user.net(), user.id), 0);
    EXPECT_EQ(error_of(tcp_state(user.net(), user.id)), EBADF);
}

/* RFC 9293 3.10.7.4, second: a RST leads to CLOSED, and the id stays its user's until it is closed. In the C original
 * the id names nothing from then on. */
TEST(TcpState, RstLeadsToClosed)
{
    test_world world;
    stateful_peer user(world);
    user.establish();
    user.peer.send(rst());
    EXPECT_EQ(user.state(), TCP_STATE_CLOSED);
    EXPECT_EQ(sock_close(user.net(), user.id), 0);
    EXPECT_EQ(error_of(sock_close(user.net(), user.id)), EBADF);
}

/* POSIX EBADF: a closed id names nothing, and in particular no other user's connection. The C original's ids are bare
 * array indexes that the next connection takes over. */
TEST(TcpState, ClosedIdIsBad)
{
    test_world world;
    stateful_peer user(world);
    user.establish();
    EXPECT_EQ(sock_close(user.net(), user.id), 0);
    std::array<uint8_t, 4> bytes{};
    EXPECT_EQ(error_of(tcp_state(user.net(), user.id)), EBADF);
    EXPECT_EQ(error_of(tcp_send(user.net(), user.id, bytes)), EBADF);
    EXPECT_EQ(error_of(tcp_receive(user.net(), user.id, bytes)), EBADF);
    EXPECT_EQ(error_of(sock_close(user.net(), user.id)), EBADF);
    for (const int id : {-1, 9999, 1 << 30, -(1 << 30)}) {
        EXPECT_EQ(error_of(tcp_state(user.net(), id)), EBADF) << id;
        EXPECT_EQ(error_of(sock_close(user.net(), id)), EBADF) << id;
        EXPECT_EQ(error_of(sock_listen(user.net(), id, 1)), EBADF) << id;
    }
}

/** RFC 793's OPEN in a program of its own, since the call waits until the connection is established. */
class rfc793_open
{
public:
    enum mode { passive, passive_specified, active };

    rfc793_open(tcp_peer &peer, mode how)
    {
        peer.host().spawn("user", [this, &peer, how] {
            const ip_endpoint foreign = peer.peer_endpoint();
            id = sock_open_rfc793(peer.stack(), peer.stack_endpoint(), how == passive ? nullptr : &foreign,
                                  how == active);
            error = id == -1 ? errno : 0;
        });
        peer.wait(0ms);
    }

    int id = -1; /* of the connection, once the call has returned */
    int error = 0;
};

/* RFC 793's OPEN, passive and unspecified: one call that returns the established connection. */
TEST(TcpRfc793, PassiveOpenWaitsForAPeer)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    rfc793_open user(peer, rfc793_open::passive);
    half_open(peer);
    EXPECT_EQ(user.id, -1);
    peer.send(ack());
    peer.wait(10ms);
    ASSERT_GE(user.id, 0);
    EXPECT_EQ(tcp_state(peer.stack(), user.id), TCP_STATE_ESTABLISHED);
    peer.send(payload("hello"));
    std::array<uint8_t, 16> bytes{};
    EXPECT_EQ(tcp_receive(peer.stack(), user.id, bytes), 5);
    EXPECT_EQ(sock_close(peer.stack(), user.id), 0);
}

/* RFC 793's OPEN, passive and specified: only that peer is accepted. */
TEST(TcpRfc793, SpecifiedPassiveOpenTakesThatPeerOnly)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    rfc793_open user(peer, rfc793_open::passive_specified);
    peer.send(syn().peer_port(1234));
    peer.expect(rst());
    half_open(peer);
    peer.send(ack());
    peer.wait(10ms);
    EXPECT_GE(user.id, 0);
}

/* RFC 9293 3.10.7.4, second: after a RST in SYN-RECEIVED the passive OPEN goes on listening. */
TEST(TcpRfc793, PassiveOpenSurvivesARst)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    rfc793_open user(peer, rfc793_open::passive);
    half_open(peer);
    peer.send(rst());
    peer.wait(10ms);
    EXPECT_EQ(user.id, -1);
    half_open(peer);
    peer.send(ack());
    peer.wait(10ms);
    EXPECT_GE(user.id, 0);
}

/* RFC 793's OPEN, active: one call that returns the established connection. */
TEST(TcpRfc793, ActiveOpenConnects)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    rfc793_open user(peer, rfc793_open::active);
    peer.expect(syn());
    peer.send(syn_ack().mss(MSS));
    peer.expect(ack());
    peer.wait(10ms);
    ASSERT_GE(user.id, 0);
    EXPECT_EQ(tcp_state(peer.stack(), user.id), TCP_STATE_ESTABLISHED);
}

/* RFC 9293 3.10.7.3, second: an active OPEN that is refused fails with ECONNREFUSED and leaves no PCB behind. In the C
 * original the caller's id dangles. */
TEST(TcpRfc793, ActiveOpenIsRefused)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    rfc793_open user(peer, rfc793_open::active);
    peer.expect(syn());
    peer.send(rst().seq(0).ack(peer.rcv));
    peer.wait(10ms);
    EXPECT_EQ(user.error, ECONNREFUSED);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 1u);
}

/* POSIX: calls on a socket that is not connected fail with ENOTCONN, accept() with EINVAL. */
TEST(TcpErrno, UnconnectedSocket)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const int id = stream_socket(net);
    char c = 0;
    EXPECT_EQ(error_of(sock_recv(net, id, &c, 1)), ENOTCONN);
    const int error = error_of(sock_send(net, id, &c, 1));
    EXPECT_TRUE(error == ENOTCONN || error == EPIPE) << error;
    EXPECT_EQ(error_of(sock_shutdown(net, id, SHUT_WR)), ENOTCONN);
    EXPECT_EQ(error_of(sock_accept(net, id, nullptr, nullptr)), EINVAL);
    sockaddr_in addr{};
    socklen_t size = sizeof(addr);
    EXPECT_EQ(error_of(sock_getpeername(net, id, sockaddr_of(addr), &size)), ENOTCONN);
    EXPECT_EQ(sock_close(net, id), 0);
    EXPECT_EQ(error_of(sock_close(net, id)), EBADF);
}

/* POSIX: a listening socket neither reads nor writes nor connects. */
TEST(TcpErrno, ListeningSocket)
{
    test_world world;
    tcp_peer peer(world, listening);
    net_stack &net = peer.stack();
    char c = 0;
    EXPECT_EQ(error_of(sock_recv(net, peer.listener(), &c, 1)), ENOTCONN);
    const int error = error_of(sock_send(net, peer.listener(), &c, 1));
    EXPECT_TRUE(error == ENOTCONN || error == EPIPE) << error;
    const int connect_error = error_of(connect_to(net, peer.listener(), "192.0.2.1", 80));
    EXPECT_TRUE(connect_error == EISCONN || connect_error == EOPNOTSUPP || connect_error == EINVAL) << connect_error;
    EXPECT_EQ(error_of(sock_accept(net, peer.listener(), nullptr, nullptr)), EAGAIN);
    EXPECT_TRUE(peer.establish()) << "still listening";
}

/* POSIX connect(): a second call fails with EALREADY while the attempt lasts, and with EISCONN afterwards. */
TEST(TcpErrno, ConnectAgain)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    EXPECT_EQ(error_of(connect_to(peer.stack(), peer.app(), "192.0.2.1", peer.peer_port)), EALREADY);
    peer.send(syn_ack());
    peer.expect(ack());
    connect_to(peer.stack(), peer.app(), "192.0.2.1", peer.peer_port); /* Linux lets the first one succeed */
    EXPECT_EQ(error_of(connect_to(peer.stack(), peer.app(), "192.0.2.1", peer.peer_port)), EISCONN);
    peer.expect_nothing();
}

/* POSIX connect(): as on Linux, a blocking call waits for the attempt that is under way, as long as SO_SNDTIMEO
 * permits. */
TEST(TcpErrno, BlockingConnectJoinsTheAttempt)
{
    test_world world;
    tcp_peer peer(world, connecting);
    net_stack &net = peer.stack();
    peer.expect(syn());
    make_blocking(net, peer.app());
    const timeval second{.tv_sec = 1, .tv_usec = 0};
    EXPECT_EQ(sock_setsockopt(net, peer.app(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second)), 0);
    const net_time begin = world.now();
    EXPECT_EQ(error_of(connect_to(net, peer.app(), "192.0.2.1", peer.peer_port)), EALREADY);
    EXPECT_EQ(world.now() - begin, 1s);
    const std::vector<uint8_t> answer = peer.packet(syn_ack());
    world.after(500ms, [&] { peer.inject(answer); });
    EXPECT_EQ(error_of(connect_to(net, peer.app(), "192.0.2.1", peer.peer_port)), 0);
    EXPECT_EQ(error_of(connect_to(net, peer.app(), "192.0.2.1", peer.peer_port)), EISCONN);
}

/* POSIX connect(), send(): a refused connection is reported once, and the socket may be tried again or closed. */
TEST(TcpErrno, RefusedConnection)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(rst().seq(0).ack(peer.rcv));
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_EQ(peer.app_errno(), ECONNREFUSED);
    EXPECT_EQ(peer.app_error(), 0) << "taken already";
    EXPECT_EQ(peer.app_close(), 0);
}

/* POSIX connect(): a blocking call that is refused fails with ECONNREFUSED. */
TEST(TcpErrno, BlockingConnectIsRefused)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const int id = stream_socket(net, 0);
    int error = 0;
    peer.host().spawn("client", [&] { error = error_of(connect_to(net, id, "192.0.2.1", 40000)); });
    peer.expect(syn());
    peer.send(rst().seq(0).ack(peer.rcv));
    peer.wait(10ms);
    EXPECT_EQ(error, ECONNREFUSED);
    EXPECT_EQ(sock_close(net, id), 0);
}

/* POSIX recv(): EAGAIN without data, MSG_PEEK, and a length of zero. */
TEST(TcpErrno, ReceiveFlags)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_stack &net = peer.stack();
    std::array<char, 16> bytes{};
    EXPECT_EQ(error_of(sock_recv(net, peer.app(), bytes.data(), 4, MSG_DONTWAIT)), EAGAIN);
    peer.send(payload("hello"));
    EXPECT_EQ(sock_recv(net, peer.app(), bytes.data(), 16, MSG_PEEK), 5);
    EXPECT_EQ(sock_recv(net, peer.app(), bytes.data(), 3, MSG_PEEK), 3);
    EXPECT_EQ(sock_recv(net, peer.app(), bytes.data(), 0, 0), 0);
    EXPECT_EQ(sock_recv(net, peer.app(), bytes.data(), 2, 0), 2);
    EXPECT_EQ(sock_recv(net, peer.app(), bytes.data(), 16, 0), 3);
    EXPECT_EQ(std::string(bytes.data(), 3), "llo");
}

/* POSIX recv(): as on Linux there is no urgent data beside the stream and no queue of errors, and what is in the stream
 * stays there. */
TEST(TcpErrno, ReceivingWhatThereIsNot)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_stack &net = peer.stack();
    peer.send(payload("text"));
    std::array<char, 4> bytes{};
    EXPECT_EQ(error_of(sock_recv(net, peer.app(), bytes.data(), 4, MSG_OOB)), EINVAL);
    EXPECT_EQ(error_of(sock_recv(net, peer.app(), bytes.data(), 4, MSG_ERRQUEUE)), EAGAIN);
    EXPECT_EQ(peer.app_read(), "text");
}

/** Two buffers that one recvmsg() fills, one after the other. */
struct two_buffers {
    two_buffers(size_t first_size, size_t second_size) : first(first_size, '\0'), second(second_size, '\0') {}

    ssize_t receive(tcp_peer &peer, int flags = 0)
    {
        std::array<iovec, 2> list{iovec{first.data(), first.size()}, iovec{second.data(), second.size()}};
        msghdr msg{};
        msg.msg_iov = list.data();
        msg.msg_iovlen = list.size();
        return sock_recvmsg(peer.stack(), peer.app(), &msg, flags);
    }

    std::string first;
    std::string second;
};

/* POSIX recvmsg(): MSG_PEEK fills all buffers, and leaves everything where it is. */
TEST(TcpErrno, PeekFillsAllBuffers)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("abcdefgh"));
    two_buffers buffers(2, 4);
    EXPECT_EQ(buffers.receive(peer, MSG_PEEK), 6);
    EXPECT_EQ(buffers.second, "cdef");
    EXPECT_EQ(peer.app_read(), "abcdefgh");
}

/* POSIX recvmsg(): what came before a RST is one answer and the error is the next, however many buffers there are. */
TEST(TcpErrno, ErrorBehindAFullBufferIsNotLost)
{
    test_world world;
    tcp_peer peer(world, connected);
    upload(peer, "four");
    peer.send(rst());
    peer.wait(0ms);
    two_buffers buffers(4, 4);
    EXPECT_EQ(buffers.receive(peer), 4);
    EXPECT_EQ(error_of(buffers.receive(peer)), ECONNRESET);
    EXPECT_EQ(buffers.receive(peer), 0);
}

/* POSIX recv(): MSG_WAITALL waits for all bytes, or the end. */
TEST(TcpErrno, ReceiveWaitsForAll)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_stack &net = peer.stack();
    make_blocking(net, peer.app());
    std::array<char, 16> bytes{};
    ssize_t first = -2;
    ssize_t second = -2;
    peer.host().spawn("reader", [&] {
        first = sock_recv(net, peer.app(), bytes.data(), 8, MSG_WAITALL);
        second = sock_recv(net, peer.app(), bytes.data(), 8, MSG_WAITALL);
    });
    for (const char *part : {"abc", "def", "ghi"}) {
        EXPECT_EQ(first, -2);
        peer.send(payload(part));
        peer.nxt += 3;
        peer.wait(10ms);
    }
    EXPECT_EQ(first, 8);
    EXPECT_EQ(second, -2);
    peer.send(fin());
    peer.wait(10ms);
    EXPECT_EQ(second, 1);
}

/* POSIX recv(): data wakes a sleeping reader, and of several readers each byte goes to one. */
TEST(TcpUser, SleepingReadersWake)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_stack &net = peer.stack();
    make_blocking(net, peer.app());
    std::string got;
    int ended = 0;
    for (int i = 0; i < 3; i++) {
        peer.host().spawn("reader", [&] {
            char c = 0;
            while (sock_recv(net, peer.app(), &c, 1) == 1) {
                got.push_back(c);
            }
            ended++;
        });
    }
    peer.wait(10ms);
    peer.send(payload("abcdefgh").fin());
    peer.wait(10ms);
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, "abcdefgh");
    EXPECT_EQ(ended, 3);
}

/* sock.hpp: net_interrupt() ends every sleeping call with EINTR, and calls after net_interrupt_clear() sleep again. In
 * the C original the interruption of a PCB on which nobody sleeps is never cleared. */
TEST(TcpUser, InterruptEndsSleep)
{
    test_world world;
    tcp_peer peer(world, connected);
    sleeping_reader interrupted(peer);
    peer.host().interrupt();
    peer.wait(10ms);
    EXPECT_EQ(interrupted.error(), EINTR);
    peer.host().uninterrupt();
    sleeping_reader undisturbed(peer);
    peer.send(payload("x"));
    peer.wait(10ms);
    EXPECT_EQ(undisturbed.result(), 1);
}

/* POSIX close(): a call that sleeps on the socket returns EBADF. In the C original the closing thread hangs and keeps
 * the stack's lock. */
TEST(TcpUser, CloseWakesSleepers)
{
    test_world world;
    tcp_peer peer(world, connected);
    sleeping_reader reader(peer);
    EXPECT_EQ(peer.app_close(), 0);
    peer.wait(10ms);
    EXPECT_EQ(reader.error(), EBADF);
}

/* POSIX poll(): what each state answers. */
TEST(TcpPoll, StatesAnswer)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_poll(), POLLOUT);
    peer.send(payload("x"));
    EXPECT_EQ(peer.app_poll(), POLLIN | POLLOUT);
    peer.nxt += 1;
    EXPECT_EQ(peer.app_read(), "x");
    EXPECT_EQ(peer.app_poll(), POLLOUT);
    peer.send(fin());
    peer.nxt += 1;
    EXPECT_EQ(peer.app_poll(POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    EXPECT_TRUE(peer.app_poll(POLLIN) & (POLLIN | POLLHUP));
}

/* POSIX poll(): a listener is readable when there is something to accept. */
TEST(TcpPoll, ListenerIsReadable)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.set_app(peer.listener());
    EXPECT_EQ(peer.app_poll(POLLIN), 0);
    half_open(peer);
    EXPECT_EQ(peer.app_poll(POLLIN), 0);
    peer.send(ack());
    EXPECT_EQ(peer.app_poll(POLLIN), POLLIN);
    EXPECT_TRUE(peer.app_accept());
    peer.set_app(peer.listener());
    EXPECT_EQ(peer.app_poll(POLLIN), 0);
}

/* POSIX poll(): a failed connect is writable and in error. */
TEST(TcpPoll, RefusedConnectIsAnError)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    EXPECT_EQ(peer.app_poll(), 0);
    peer.send(rst().seq(0).ack(peer.rcv));
    EXPECT_TRUE(peer.app_poll() & POLLERR);
    EXPECT_TRUE(peer.app_poll() & POLLHUP);
    EXPECT_EQ(peer.app_error(), ECONNREFUSED);
}

/* POSIX send(): 0 bytes are nothing. */
TEST(TcpUser, NothingWrittenSendsNothing)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(""), 0);
    peer.expect_nothing(1s);
}

/* RFC 9293 MUST-48, MUST-49: TTL and Diffserv field are the user's. */
TEST(TcpUser, TtlAndTosAreConfigurable)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_stack &net = peer.stack();
    EXPECT_EQ(peer.app_write("a"), 1);
    peer.expect(payload("a").ttl(IP_TTL_DEFAULT));
    peer.rcv += 1;
    peer.send(ack());
    EXPECT_EQ(set_option(net, peer.app(), IPPROTO_IP, IP_TTL, 33), 0);
    EXPECT_EQ(set_option(net, peer.app(), IPPROTO_IP, IP_TOS, 0x28), 0);
    EXPECT_EQ(peer.app_write("b"), 1);
    peer.expect(payload("b").ttl(33));
    EXPECT_EQ(peer.last().tos, 0x28);
}

/* POSIX SO_RCVTIMEO: a receive that takes too long ends with EAGAIN. */
TEST(TcpUser, ReceiveTimeout)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_stack &net = peer.stack();
    make_blocking(net, peer.app());
    const timeval timeout{.tv_sec = 3, .tv_usec = 0};
    EXPECT_EQ(sock_setsockopt(net, peer.app(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
    const net_time begin = world.now();
    char c = 0;
    EXPECT_EQ(error_of(sock_recv(net, peer.app(), &c, 1)), EAGAIN);
    EXPECT_EQ(world.now() - begin, 3s);
}

} // namespace
} // namespace microps
