/*
 * RST: when it is sent, when it is accepted, and what else an off-path attacker may try (RFC 9293 3.5.2, 3.5.3,
 * 3.10.7.1; RFC 5961).
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/* RFC 9293 3.10.7.1: a segment without ACK is answered by <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
TEST(TcpReset, SynToAClosedPortIsRefused)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    peer.send(syn());
    peer.expect(rst().seq(0).ack(peer.iss + 1));
    peer.send(syn().payload("abc"));
    peer.expect(rst().seq(0).ack(peer.iss + 4));
    peer.send(segment(TCP_PEER_FIN).seq(1000).payload("ab"));
    peer.expect(rst().seq(0).ack(1003));
    peer.send(segment(0).seq(77));
    peer.expect(rst().seq(0).ack(77));
}

/* RFC 9293 3.10.7.1: a segment with ACK is answered by <SEQ=SEG.ACK><CTL=RST>. */
TEST(TcpReset, AckToAClosedPortIsAnsweredWithItsNumber)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    peer.send(ack(4711));
    peer.expect(rst().seq(4711));
    EXPECT_FALSE(peer.last().flags & TCP_PEER_ACK);
    peer.send(payload("text").ack(4711));
    peer.expect(rst().seq(4711));
    peer.send(syn_ack().ack(4711));
    peer.expect(rst().seq(4711));
    EXPECT_GE(peer.host().count(counter::tcp_out_rsts), 3u);
}

/* RFC 9293 3.10.7.1: a RST is never answered, or two stacks would never stop. */
TEST(TcpReset, RstToAClosedPortIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    peer.send(rst());
    peer.send(rst().ack(1));
    peer.send(segment(TCP_PEER_RST | TCP_PEER_SYN));
    peer.expect_nothing(1s);
}

/* RFC 9293 3.10.7.4, second, RFC 5961 3.2: a RST exactly at RCV.NXT ends the connection, and the user learns
 * ECONNRESET. */
TEST(TcpReset, ExactRstEndsTheConnection)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(rst());
    peer.expect_nothing(1s);
    EXPECT_TRUE(peer.app_poll() & (POLLERR | POLLHUP));
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_EQ(peer.app_errno(), ECONNRESET);
    EXPECT_EQ(peer.app_write("x"), -1);
    EXPECT_EQ(peer.app_errno(), EPIPE);
    EXPECT_EQ(peer.app_close(), 0);
    EXPECT_EQ(peer.host().count(counter::tcp_estab_resets), 1u);
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 5961 3.2: a RST in the window that is not exactly at RCV.NXT is answered by a challenge ACK, and a real peer
 * answers that by the exact RST. In the C original any RST in the window ends the connection. */
TEST(TcpReset, RstInTheWindowIsChallenged)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(rst().seq(peer.nxt + 1));
    peer.expect(ack(peer.nxt).seq(peer.rcv).len(0));
    peer.wait(2s);
    peer.send(rst().seq(peer.nxt + 60000));
    peer.expect(ack(peer.nxt).seq(peer.rcv).len(0));
    expect_alive(peer);
    EXPECT_GE(peer.host().count(counter::tcp_challenge_acks), 2u);
}

/* RFC 5961 3.2: a RST outside of the window is dropped silently. */
TEST(TcpReset, RstOutsideTheWindowIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (const uint32_t offset : {0xffffffffu, 0xffff0000u, 0x80000000u, 70000u, 0x7fffffffu}) {
        peer.send(rst().seq(peer.nxt + offset));
    }
    peer.expect_nothing(1s);
    expect_alive(peer);
}

/* RFC 9293 3.10.7.4, second: the ACK field of a RST does not matter here, and a RST may carry data (SHLD-2). */
TEST(TcpReset, RstMayCarryDataAndAnyAck)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(rst().ack(12345).payload("out of memory"));
    peer.expect_nothing(1s);
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_EQ(peer.app_errno(), ECONNRESET);
}

/* RFC 5961 4.2: a peer that has really restarted answers the challenge with a RST and may connect again. */
TEST(TcpReset, RestartedPeerMayConnectAgain)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(syn().seq(peer.nxt + 5000).mss(MSS));
    peer.expect(ack(peer.nxt));
    peer.send(rst().seq(peer.last().ack)); /* "what connection?" */
    peer.expect_nothing();
    EXPECT_EQ(peer.app_error(), ECONNRESET);
    EXPECT_TRUE(establish_anew(peer, peer.nxt + 5000));
}

/* RFC 5961 5.2: data with an ACK outside of [SND.UNA - MAX.SND.WND, SND.NXT] comes from an off-path attacker and is not
 * delivered. */
TEST(TcpReset, BlindDataIsNotDelivered)
{
    test_world world;
    tcp_peer peer(world, connected);
    write_acknowledged(peer, "x");
    net_random random(3);
    for (int i = 0; i < 200; i++) {
        uint32_t guess = random.u32();
        if (guess - (peer.rcv - 70000) < 140000) guess += 0x40000000;
        peer.send(payload("evil").ack(guess));
    }
    EXPECT_EQ(peer.app_read(), "");
    peer.skip();
    expect_alive(peer);
}

/*
 * RFC 9293 MUST-12: a call that sleeps on a connection that is reset wakes with ECONNRESET, and the stack goes on. The
 * C original destroys a condition variable on which the user still waits, and the whole process hangs.
 */
TEST(TcpReset, SleepersWake)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 0});
    net_stack &net = peer.stack();
    const int id = peer.app();
    make_blocking(net, id);
    int reader = 0;
    int writer = 0;
    peer.host().spawn("reader", [&] {
        char c = 0;
        reader = error_of(sock_recv(net, id, &c, 1));
    });
    peer.host().spawn("writer", [&] {
        const std::string data = stream(1 << 20);
        writer = error_of(sock_send(net, id, data.data(), data.size()));
        if (writer == 0) writer = error_of(sock_send(net, id, data.data(), data.size()));
    });
    peer.wait(50ms);
    peer.send(rst());
    peer.wait(1s);
    EXPECT_TRUE(reader == ECONNRESET || writer == ECONNRESET);
    EXPECT_NE(reader, 0);
    EXPECT_NE(writer, 0);
    EXPECT_EQ(sock_close(net, id), 0);
    peer.set_app(-1);
    peer.peer_port += 1;
    EXPECT_TRUE(peer.establish());
}

/** A RST ends the connection, which nobody holds any more, at once and without an answer. */
void expect_silent_end_by_rst(tcp_peer &peer, sim_site site = sim_site::here())
{
    peer.send(rst());
    peer.expect_nothing(100s, site);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 1u);
}

/* RFC 9293 3.10.7.4, second: in each state after our close a RST ends the connection at once and without an answer. */
TEST(TcpReset, RstInFinWait)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin());
    expect_silent_end_by_rst(peer);
}

TEST(TcpReset, RstInFinWait2)
{
    test_world world;
    tcp_peer peer(world, connected);
    reach_fin_wait2(peer);
    expect_silent_end_by_rst(peer);
}

TEST(TcpReset, RstInCloseWait)
{
    test_world world;
    tcp_peer peer(world, connected);
    send_fin(peer);
    peer.send(rst());
    peer.expect_nothing(1s);
    EXPECT_EQ(peer.app_write("x"), -1);
    EXPECT_TRUE(peer.app_errno() == EPIPE || peer.app_errno() == ECONNRESET) << peer.app_errno();
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect_nothing(10s);
}

/* RFC 9293 3.10.7.4, second: a reader who has read the peer's end of data has been told everything, so as on Linux it
 * does not hear of a later RST, and a writer gets EPIPE instead of ECONNRESET. */
TEST(TcpReset, RstBehindTheEndIsABrokenPipe)
{
    for (const bool read : {true, false}) {
        test_world world;
        tcp_peer peer(world, connected);
        peer.send(payload("last words").fin());
        peer.nxt += 11;
        if (read) {
            EXPECT_EQ(peer.app_read(), "last words");
        }
        EXPECT_EQ(peer.app_write("too late"), 8);
        peer.wait(10ms);
        peer.send(rst());
        peer.wait(0ms);
        EXPECT_EQ(peer.app_read(), read ? "" : "last words");
        EXPECT_TRUE(peer.app_eof()) << peer.app_errno();
        if (!read) {
            EXPECT_EQ(peer.app_error(), EPIPE) << "still to be asked for";
        }
        EXPECT_EQ(peer.app_write("x"), -1);
        EXPECT_EQ(peer.app_errno(), EPIPE);
        EXPECT_EQ(peer.app_close(), 0);
    }
}

TEST(TcpReset, RstInLastAck)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_passively(peer);
    expect_silent_end_by_rst(peer);
}

TEST(TcpReset, RstInClosing)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin());
    send_fin(peer);
    expect_silent_end_by_rst(peer);
}

/* RFC 9293 3.5.2: after a reset the same addresses and ports may connect again at once. */
TEST(TcpReset, PortsAreFreeAfterAReset)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (int i = 0; i < 5; i++) {
        peer.send(rst());
        EXPECT_EQ(peer.app_close(), 0);
        ASSERT_TRUE(establish_anew(peer, peer.iss + 100000)) << i;
    }
}

/* RFC 9293 3.10.7.4, second, would flush the data that was received before the RST. As on Linux it is read first, so
 * that the answer of a server that resets afterwards is not lost. */
TEST(TcpReset, DataBeforeTheRstIsRead)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("answer"));
    peer.send(payload("lost, above a hole").seq(peer.nxt + 10));
    peer.nxt += 6;
    peer.send(rst());
    EXPECT_EQ(peer.app_read(), "answer");
    EXPECT_EQ(peer.app_errno(), ECONNRESET);
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_EQ(peer.app_close(), 0);
}

/* POSIX connect(): a socket that connects again does not read what its old connection has left. */
TEST(TcpReset, NewConnectionReadsNothingOld)
{
    test_world world;
    tcp_peer peer(world, connecting);
    EXPECT_TRUE(peer.establish());
    peer.send(payload("old"));
    peer.nxt += 3;
    peer.send(rst());
    EXPECT_EQ(peer.app_error(), ECONNRESET);
    peer.skip();
    const int error = error_of(connect_to(peer.stack(), peer.app(), "192.0.2.1", peer.peer_port));
    ASSERT_TRUE(error == EINPROGRESS || error == EISCONN) << error;
    if (error == EISCONN) return; /* Linux says this */
    peer.nxt = peer.iss + 1;
    EXPECT_TRUE(peer.establish());
    peer.send(payload("new"));
    EXPECT_EQ(peer.app_read(), "new");
}

/* RFC 9293 3.5.2: a RST that carries SYN or FIN is still a RST. */
TEST(TcpReset, RstWithOtherBitsIsARst)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(segment(TCP_PEER_RST | TCP_PEER_SYN | TCP_PEER_FIN | TCP_PEER_ACK).seq(peer.nxt));
    peer.expect_nothing(1s);
    EXPECT_EQ(peer.app_error(), ECONNRESET);
}

} // namespace
} // namespace microps
