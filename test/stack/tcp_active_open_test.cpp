/*
 * Active and simultaneous open: SYN-SENT (RFC 9293 3.5, 3.10.7.3).
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/* RFC 9293 3.10.1: <SEQ=ISS><CTL=SYN>, with the MSS of the interface (MUST-14, MUST-67). */
TEST(TcpActiveOpen, ConnectSendsSyn)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn().len(0).mss(1460));
    EXPECT_EQ(peer.last().flags, TCP_PEER_SYN);
    EXPECT_EQ(peer.last().ack, 0u);
    EXPECT_GT(peer.last().win, 0);
    EXPECT_FALSE(peer.app_poll() & POLLOUT);
}

/* RFC 9293 3.10.7.3, fourth: the SYN-ACK is acknowledged, and the connection is established. */
TEST(TcpActiveOpen, SynAckIsAcknowledged)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(syn_ack().mss(MSS));
    peer.expect(ack(peer.iss + 1).seq(peer.irs + 1).len(0).within(0ms));
    EXPECT_TRUE(peer.app_poll() & POLLOUT);
    EXPECT_EQ(peer.app_error(), 0);
    EXPECT_EQ(peer.app_write("hello"), 5);
    peer.expect(payload("hello").seq(peer.irs + 1));
}

/* RFC 9293 3.4: sequence numbers are compared modulo 2^32, so the peer's SYN may have any of them, the last one too. */
TEST(TcpActiveOpen, PeersSynMayBeTheLastSequenceNumber)
{
    for (const uint32_t iss : {0xffffffffu, 0xffffff00u, 0u, 0x7fffffffu, 0x80000000u}) {
        test_world world;
        tcp_peer peer(world, connecting, {.iss = iss});
        EXPECT_TRUE(peer.establish()) << iss;
        peer.send(payload("across"));
        peer.expect(ack(iss + 7));
        EXPECT_EQ(peer.app_read(), "across");
    }
}

/* RFC 9293 3.10.7.3, first: SEG.ACK =< ISS or > SND.NXT is answered by <SEQ=SEG.ACK><CTL=RST>; the attempt goes on. */
TEST(TcpActiveOpen, WrongAckIsAnsweredWithRst)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    for (const uint32_t wrong : {peer.irs, peer.irs - 1, peer.irs + 2, peer.irs + 0x40000000}) {
        peer.send(syn_ack().ack(wrong));
        peer.expect(rst().seq(wrong));
        peer.send(ack(wrong));
        peer.expect(rst().seq(wrong));
    }
    EXPECT_FALSE(peer.app_poll() & POLLOUT);
    peer.send(syn_ack());
    peer.expect(ack(peer.iss + 1));
    EXPECT_EQ(peer.app_error(), 0);
}

/* RFC 9293 3.10.7.3, second: a RST with an acceptable ACK refuses the connection. */
TEST(TcpActiveOpen, RstWithOurAckRefusesTheConnection)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(rst().seq(0).ack(peer.irs + 1));
    peer.expect_nothing(10s);
    EXPECT_TRUE(peer.app_poll() & (POLLERR | POLLHUP));
    EXPECT_EQ(peer.app_error(), ECONNREFUSED);
}

/* RFC 9293 3.10.7.3, first: a RST with an unacceptable ACK is dropped and not answered. The C original answers it by a
 * RST. */
TEST(TcpActiveOpen, RstWithWrongAckIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(rst().ack(peer.irs));
    peer.send(rst().ack(peer.irs + 2));
    peer.expect_nothing(500ms);
    EXPECT_EQ(peer.app_error(), 0);
    peer.send(syn_ack());
    peer.expect(ack(peer.iss + 1));
}

/* RFC 9293 3.10.7.3, second: a RST without ACK is dropped, since an off-path attacker need not know our ISS to send
 * one. */
TEST(TcpActiveOpen, RstWithoutAckIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(rst());
    peer.send(rst().seq(0));
    peer.expect_nothing(500ms);
    peer.send(syn_ack());
    peer.expect(ack(peer.iss + 1));
    EXPECT_EQ(peer.app_error(), 0);
}

/* RFC 9293 3.10.7.3, fifth: a segment with neither SYN nor RST is dropped. */
TEST(TcpActiveOpen, SegmentWithoutSynIsDropped)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(ack());
    peer.send(payload("early"));
    peer.send(segment(TCP_PEER_FIN));
    peer.expect_nothing(500ms);
    peer.send(syn_ack());
    peer.expect(ack(peer.iss + 1));
    EXPECT_EQ(peer.app_read(), "");
}

/* RFC 9293 3.10.7.3, fourth: data in the SYN-ACK is delivered once, whether it is kept now or only accepted when it is
 * retransmitted. */
TEST(TcpActiveOpen, DataWithTheSynAckIsDeliveredOnce)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(syn_ack().payload("banner"));
    peer.expect(ack());
    peer.send(payload("banner"));
    peer.wait(500ms);
    EXPECT_EQ(peer.una(), peer.nxt + 6);
    EXPECT_EQ(peer.app_read(), "banner");
}

/* RFC 9293 3.10.7.4, eighth: a peer that sends data and FIN at once has connected, and its data is read. In the C
 * original the state is CLOSE-WAIT before the user's call looks at it, and connect() fails. */
TEST(TcpActiveOpen, PeerThatClosesAtOnceIsConnected)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    int result = -1;
    std::string data(16, '\0');
    peer.host().spawn("client", [&] {
        const int id = stream_socket(peer.stack(), 0);
        bind_to(peer.stack(), id, "192.0.2.2", peer.stack_port);
        result = connect_to(peer.stack(), id, "192.0.2.1", peer.peer_port);
        data.resize(static_cast<size_t>(std::max<ssize_t>(0, sock_recv(peer.stack(), id, data.data(), data.size()))));
        sock_close(peer.stack(), id);
    });
    peer.expect(syn());
    peer.inject(peer.packet(syn_ack()));
    peer.inject(peer.packet(payload("quick").fin()));
    peer.wait(1s);
    EXPECT_EQ(result, 0);
    EXPECT_EQ(data, "quick");
}

/* RFC 9293 MUST-10, figure 8: both sides open at once. */
TEST(TcpSimultaneousOpen, SynIsAnsweredWithSynAckOfTheSameIss)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    const uint32_t iss = peer.last().seq;
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().seq(iss).ack(peer.iss + 1));
    peer.send(ack());
    EXPECT_TRUE(peer.app_poll() & POLLOUT);
    EXPECT_EQ(peer.app_error(), 0);
    EXPECT_EQ(peer.app_write("hello"), 5);
    peer.expect(payload("hello").seq(iss + 1).ack(peer.iss + 1));
}

/* RFC 9293 figure 8, line 5 on: the SYN-ACKs cross too. */
TEST(TcpSimultaneousOpen, CrossingSynAcksEstablish)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack());
    peer.send(syn_ack().mss(MSS));
    peer.wait(100ms);
    for (const tcp_peer_segment &seg : drain(peer)) {
        EXPECT_FALSE(seg.flags & TCP_PEER_RST);
        EXPECT_EQ(seg.ack, peer.iss + 1);
    }
    upload_acknowledged(peer, "across");
    EXPECT_EQ(peer.app_read(), "across");
    EXPECT_EQ(peer.app_write("back"), 4);
    peer.expect(payload("back").seq(peer.irs + 1));
}

/* RFC 9293 3.10.7.4, seventh and eighth: the crossing SYN-ACK may carry data and, behind it, a FIN. */
TEST(TcpSimultaneousOpen, SynAckWithDataAndFinIsTakenWhole)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack());
    peer.send(syn_ack().mss(MSS).payload("short").fin());
    peer.wait(100ms);
    EXPECT_EQ(peer.una(), peer.iss + 1 + 5 + 1);
    EXPECT_EQ(peer.app_read(), "short");
    EXPECT_TRUE(peer.app_eof());
}

/* RFC 9293 3.10.7.3, fourth: the crossing SYN's own MSS counts. */
TEST(TcpSimultaneousOpen, MssOfTheSynCounts)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(syn().mss(700));
    peer.expect(syn_ack().mss(1460));
    peer.send(ack());
    EXPECT_EQ(peer.app_write(stream(1000)), 1000);
    peer.expect(payload(stream(700)));
}

/* RFC 9293 MUST-11: SYN-RECEIVED remembers that it came from an active open; RST means refused, not back to LISTEN. */
TEST(TcpSimultaneousOpen, RstRefusesTheConnection)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(syn());
    peer.expect(syn_ack());
    peer.send(rst());
    peer.expect_nothing(20s);
    EXPECT_EQ(peer.app_error(), ECONNREFUSED);
}

/* RFC 9293 3.10.7.4, fifth: in SYN-RECEIVED of a simultaneous open, too, only an ACK of our SYN establishes. */
TEST(TcpSimultaneousOpen, WrongAckDoesNotEstablish)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.send(syn());
    peer.expect(syn_ack());
    peer.send(ack(peer.irs));
    peer.expect(rst().seq(peer.irs));
    EXPECT_FALSE(peer.app_poll() & POLLOUT);
    peer.send(ack());
    EXPECT_TRUE(peer.app_poll() & POLLOUT);
}

/* RFC 9293 3.8.3 MUST-22, RFC 6298 2.1: SYNs are retransmitted with back-off from 1 s on. Linux gives up after six
 * retransmissions, 127 s in all, and so do we. */
TEST(TcpActiveOpen, SynIsResentWithBackOffAndGivenUp)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    const uint32_t iss = peer.last().seq;
    const net_time begin = peer.last().at;
    for (const auto at : {1s, 3s, 7s, 15s, 31s, 63s}) {
        peer.expect(syn().seq(iss).mss(1460).within(at + 1s));
        EXPECT_EQ(peer.last().at - begin, at);
    }
    peer.wait(63s);
    EXPECT_EQ(peer.app_error(), 0) << "125 s";
    peer.wait(3s);
    EXPECT_EQ(peer.app_error(), ETIMEDOUT) << "128 s";
    peer.expect_nothing(200s);
    EXPECT_GE(peer.host().count(counter::tcp_abort_on_timeout), 1u);
}

/* RFC 9293 MUST-20: a blocking connect() that nobody answers ends with ETIMEDOUT, and the socket can be closed. In the
 * C original closing such a socket fails. */
TEST(TcpActiveOpen, BlockingConnectTimesOut)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    const int id = stream_socket(peer.stack(), 0);
    EXPECT_EQ(error_of(connect_to(peer.stack(), id, "192.0.2.1", 9)), ETIMEDOUT);
    EXPECT_NEAR(std::chrono::duration<double>(world.elapsed()).count(), 127, 2);
    EXPECT_EQ(sock_close(peer.stack(), id), 0);
}

/* RFC 9293 3.8.1: the answer to a retransmitted SYN establishes the connection as one to the first does. */
TEST(TcpActiveOpen, AnswerToTheSecondSynEstablishes)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.expect(syn().seq(peer.irs).within(1s).after(1s));
    peer.send(syn_ack());
    peer.expect(ack(peer.iss + 1));
    peer.expect_nothing(10s);
    EXPECT_EQ(peer.app_error(), 0);
}

/* RFC 9293 3.10.7.4, first: a retransmitted SYN-ACK, which says that our ACK was lost, is acknowledged again. */
TEST(TcpActiveOpen, RepeatedSynAckIsAcknowledgedAgain)
{
    test_world world;
    tcp_peer peer(world, connecting);
    EXPECT_TRUE(peer.establish());
    peer.send(syn_ack().mss(MSS));
    peer.expect(ack(peer.iss + 1).len(0));
    EXPECT_EQ(peer.app_write("fine"), 4);
    peer.expect(payload("fine"));
}

/* RFC 9293 3.9.1.1: data that is written during the handshake is queued and sent when the connection is established.
 * The C original refuses it with "insufficient resources". */
TEST(TcpActiveOpen, DataWrittenDuringTheHandshakeIsSentAfterIt)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    ssize_t sent = -1;
    peer.host().spawn("writer", [&] {
        const int id = stream_socket(peer.stack());
        bind_to(peer.stack(), id, "192.0.2.2", peer.stack_port);
        connect_to(peer.stack(), id, "192.0.2.1", peer.peer_port);
        make_blocking(peer.stack(), id);
        sent = sock_send(peer.stack(), id, "hello", 5);
    });
    peer.expect(syn());
    peer.send(syn_ack().mss(MSS));
    peer.wait(100ms);
    EXPECT_EQ(sent, 5);
    EXPECT_EQ(data_of(drain(peer), peer.irs + 1), "hello");
}

/* RFC 9293 3.10.4: CLOSE in SYN-SENT deletes the connection; what comes for it later is answered with RST. */
TEST(TcpActiveOpen, CloseDuringTheHandshakeForgetsIt)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect_nothing(10s);
    peer.send(syn_ack());
    peer.expect(rst().seq(peer.irs + 1));
}

/* RFC 9293 3.10.7.3, fourth: a SYN-ACK with a FIN does no harm, whether it establishes the connection or, as on Linux,
 * does not. */
TEST(TcpActiveOpen, PeerThatSendsSynAckAndThenFinIsClosedOrderly)
{
    test_world world;
    tcp_peer peer(world, connecting);
    EXPECT_TRUE(peer.establish());
    send_fin(peer);
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_TRUE(peer.app_eof());
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin().seq(peer.rcv));
}

/* RFC 9293 MUST-46: OPEN to a broadcast or multicast address is refused, and sends nothing. */
TEST(TcpActiveOpen, BroadcastAndMulticastDestinationsAreRefused)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    for (const char *dst : {"255.255.255.255", "192.0.2.255", "224.0.0.1", "239.1.2.3"}) {
        const int id = stream_socket(peer.stack());
        EXPECT_EQ(connect_to(peer.stack(), id, dst, 80), -1) << dst;
        EXPECT_NE(errno, EINPROGRESS) << dst;
        EXPECT_EQ(sock_close(peer.stack(), id), 0);
    }
    peer.expect_nothing(2s);
    EXPECT_FALSE(peer.receive_other(0ms));
}

/* RFC 9293 MUST-44: IP chooses the source address of the SYN, unless the user has bound one (MUST-43, MUST-45). */
TEST(TcpActiveOpen, SourceAddressIsTheInterfacesUnlessBound)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    EXPECT_EQ(ip_addr_str(peer.last().src.addr), "192.0.2.2");
    const int id = stream_socket(peer.stack());
    EXPECT_EQ(bind_to(peer.stack(), id, "192.0.2.2", 5555), 0);
    EXPECT_EQ(error_of(connect_to(peer.stack(), id, "192.0.2.1", peer.peer_port)), EINPROGRESS);
    const auto second = peer.receive(0ms);
    ASSERT_TRUE(second);
    EXPECT_EQ(ip_endpoint_str(second->src), "192.0.2.2:5555");
}

/* POSIX connect(): without a route to the destination the call fails at once. */
TEST(TcpActiveOpen, NoRouteIsReportedAtOnce)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    const int id = stream_socket(peer.stack());
    const int error = error_of(connect_to(peer.stack(), id, "198.51.100.1", 80));
    EXPECT_TRUE(error == ENETUNREACH || error == EHOSTUNREACH) << error;
    EXPECT_EQ(error_of(connect_to(peer.stack(), id, "192.0.2.1", 80)), EINPROGRESS) << "the socket is still good";
}

/* RFC 9293 3.10.7.3, fourth: a connection to itself is a simultaneous open with itself. */
TEST(TcpSimultaneousOpen, SocketMayConnectToItself)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    const int id = stream_socket(peer.stack());
    ASSERT_EQ(bind_to(peer.stack(), id, "127.0.0.1", 6000), 0);
    const int error = error_of(connect_to(peer.stack(), id, "127.0.0.1", 6000));
    EXPECT_TRUE(error == EINPROGRESS || error == 0) << error;
    world.run_for(3s);
    EXPECT_EQ(sock_send(peer.stack(), id, "echo", 4), 4);
    world.run_for(1s);
    std::array<char, 8> data{};
    EXPECT_EQ(sock_recv(peer.stack(), id, data.data(), data.size()), 4);
    EXPECT_EQ(std::string(data.data(), 4), "echo");
}

} // namespace
} // namespace microps
