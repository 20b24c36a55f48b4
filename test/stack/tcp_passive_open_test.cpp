/*
 * Passive open: LISTEN and SYN-RECEIVED (RFC 9293 3.5, 3.10.7.2, 3.10.7.4).
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/* RFC 9293 3.10.7.2, third: <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>. */
TEST(TcpPassiveOpen, SynIsAnsweredWithSynAck)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().ack(peer.iss + 1).len(0));
    EXPECT_FALSE(peer.app_accept());
    EXPECT_EQ(peer.app_errno(), EAGAIN);
}

/* RFC 9293 3.10.7.4, fifth: SND.UNA < SEG.ACK =< SND.NXT enters ESTABLISHED; an ACK is not acknowledged. */
TEST(TcpPassiveOpen, AckOfOurSynEstablishes)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(ack());
    peer.expect_nothing(1s);
    EXPECT_TRUE(peer.app_accept());
    EXPECT_TRUE(peer.app_poll() & POLLOUT);
}

/* RFC 9293 3.4: sequence numbers are compared modulo 2^32, so the peer's SYN may have the last one. A peer whose ISS is
 * 0xffffff00 never establishes a connection with the C original. */
TEST(TcpPassiveOpen, PeersSynMayBeTheLastSequenceNumber)
{
    for (const uint32_t iss : {0xffffffffu, 0xfffffffeu, 0u, 0x7fffffffu, 0x80000000u}) {
        test_world world;
        tcp_peer peer(world, listening, {.iss = iss});
        EXPECT_TRUE(peer.establish()) << iss;
        peer.send(payload("across"));
        peer.nxt += 6;
        peer.expect(ack(iss + 7));
        EXPECT_EQ(peer.app_read(), "across");
    }
}

/* RFC 9293 3.10.7.4, fifth: an unacceptable ACK in SYN-RECEIVED is answered by <SEQ=SEG.ACK><CTL=RST>. */
TEST(TcpPassiveOpen, AckBeyondOurSynIsAnsweredWithRst)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(ack(peer.irs + 2));
    peer.expect(rst().seq(peer.irs + 2));
    EXPECT_FALSE(peer.app_accept());
}

/* RFC 9293 3.10.7.4, fifth: an ACK in SYN-RECEIVED must satisfy SND.UNA < SEG.ACK, so one that equals our ISS does not
 * establish. The C original accepts it. */
TEST(TcpPassiveOpen, AckThatDoesNotCoverOurSynDoesNotEstablish)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(ack(peer.irs));
    peer.expect(rst().seq(peer.irs));
    EXPECT_FALSE(peer.app_accept());
}

/* RFC 9293 3.5.2 group 2: the half-open connection survives a wrong ACK, and the right one still establishes it. */
TEST(TcpPassiveOpen, WrongAckDoesNotDisturbTheHandshake)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(ack(peer.irs - 1000));
    peer.expect_rst();
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
}

/* RFC 9293 3.10.7.2, second: any acknowledgment is bad in LISTEN. */
TEST(TcpListenState, AckIsAnsweredWithRst)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(ack(12345));
    peer.expect(rst().seq(12345));
    peer.send(syn_ack().ack(777));
    peer.expect(rst().seq(777));
    peer.send(fin().ack(888));
    peer.expect(rst().seq(888));
}

/* RFC 9293 3.10.7.2, first: an incoming RST is ignored. */
TEST(TcpListenState, RstIsIgnored)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(rst());
    peer.send(rst().ack(1));
    peer.expect_nothing(1s);
    EXPECT_TRUE(peer.establish());
}

/* RFC 9293 3.10.7.2, fourth: a segment with neither RST, ACK nor SYN is dropped. */
TEST(TcpListenState, SegmentWithoutSynOrAckIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(segment(0));
    peer.send(segment(TCP_PEER_FIN));
    peer.send(segment(TCP_PEER_PSH | TCP_PEER_URG).payload("text"));
    peer.expect_nothing(1s);
    EXPECT_TRUE(peer.establish());
}

/* RFC 9293 3.10.7.2: no client sends a SYN with a FIN, so it is dropped as on Linux. */
TEST(TcpListenState, SynWithFinIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(segment(TCP_PEER_SYN | TCP_PEER_FIN).seq(peer.iss));
    peer.expect_nothing(2s);
}

/* RFC 9293 3.10.7.2, first: RST is looked at before SYN. */
TEST(TcpListenState, SynWithRstIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(segment(TCP_PEER_SYN | TCP_PEER_RST).seq(peer.iss));
    peer.expect_nothing(2s);
}

/* RFC 9293 3.10.7.4, first: a retransmitted SYN, which says that our SYN-ACK was lost, is acknowledged again. */
TEST(TcpPassiveOpen, RepeatedSynIsAcknowledgedAgain)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(syn().mss(MSS));
    peer.expect(segment().ack(peer.iss + 1));
    EXPECT_FALSE(peer.last().flags & TCP_PEER_RST);
    peer.skip();
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
}

/* RFC 9293 3.10.7.4, first and fourth: a SYN-ACK is no answer to a SYN-ACK, but comes from an off-path attacker who has
 * guessed a number. Its SYN lies before the window, so it is challenged (RFC 5961 4.2) and establishes nothing. */
TEST(TcpPassiveOpen, SynAckDoesNotEstablish)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(syn_ack().mss(MSS));
    peer.expect(ack(peer.iss + 1).seq(peer.irs + 1).len(0).within(0ms));
    EXPECT_FALSE(peer.app_accept());
    EXPECT_EQ(peer.host().count(counter::tcp_syn_challenge), 1u);
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
}

/* RFC 9293 3.10.7.4, second: a RST in SYN-RECEIVED of a passive open returns to LISTEN silently. The C original closes
 * instead. */
TEST(TcpPassiveOpen, RstReturnsToListen)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(rst());
    peer.expect_nothing(20s);
    EXPECT_FALSE(peer.app_accept());
    EXPECT_TRUE(establish_anew(peer, peer.iss + 5000));
}

/* RFC 5961 3.2: in SYN-RECEIVED, too, a RST that is not exactly at RCV.NXT ends nothing. */
TEST(TcpPassiveOpen, RstOutsideTheExactNumberDoesNotEndTheHandshake)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(rst().seq(peer.nxt - 1));
    peer.send(rst().seq(peer.nxt + 100000));
    peer.skip();
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
}

/* RFC 9293 3.5.1, figure 9: a client that restarts during the handshake, with another ISS, gets in. */
TEST(TcpPassiveOpen, ClientThatRestartsGetsIn)
{
    for (const uint32_t offset : {100u, 0x40000000u, 0x80000000u, 0xfffff000u}) {
        test_world world;
        tcp_peer peer(world, listening);
        half_open(peer);
        peer.iss += offset;
        peer.nxt = peer.iss + 1;
        for (int i = 0; i < 3; i++) { /* the client's SYN, and its answers to what does not belong to it */
            peer.skip();
            peer.send(syn().mss(MSS));
            const auto answer = peer.receive(0ms);
            if (!answer) continue;
            if (answer->flags == (TCP_PEER_SYN | TCP_PEER_ACK) && answer->ack == peer.nxt) break;
            peer.send(rst().seq(answer->ack));
        }
        peer.send(ack());
        EXPECT_TRUE(peer.app_accept()) << offset;
        peer.send(payload("hello"));
        EXPECT_EQ(peer.app_read(), "hello");
    }
}

/* RFC 9293 3.10.7.4, seventh: the ACK that completes the handshake may carry data. */
TEST(TcpPassiveOpen, DataMayComeWithTheHandshakesAck)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(payload("GET /"));
    peer.expect(ack(peer.nxt + 5));
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_read(), "GET /");
}

/* RFC 9293 3.10.7.4: a peer that closes at once is accepted, and its data is read up to the end. The C original drops
 * such a connection as one that failed to open. */
TEST(TcpPassiveOpen, FinMayComeWithTheHandshakesAck)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(payload("bye").fin());
    peer.expect(ack(peer.nxt + 4));
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_read(), "bye");
    EXPECT_TRUE(peer.app_eof());
    EXPECT_EQ(peer.app_write("still open"), 10);
    peer.expect(payload("still open"));
}

/* RFC 9293 3.10.7.4: when the handshake's ACK was lost, the next segment, which carries the same acknowledgment,
 * establishes the connection. */
TEST(TcpPassiveOpen, LaterSegmentEstablishesWhenTheAckWasLost)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(payload("BBBB").seq(peer.nxt + 4));
    peer.expect(ack(peer.nxt));
    EXPECT_TRUE(peer.app_accept());
    peer.send(payload("AAAA"));
    peer.expect(ack(peer.nxt + 8));
    EXPECT_EQ(peer.app_read(), "AAAABBBB");
}

/* RFC 9293 3.10.7.4, fifth: without ACK the segment is dropped, also in SYN-RECEIVED. */
TEST(TcpPassiveOpen, SegmentWithoutAckDoesNotEstablish)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.send(segment(TCP_PEER_PSH).payload("blind"));
    EXPECT_FALSE(peer.app_accept());
    peer.skip();
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_read(), "");
}

/* RFC 9293 3.10.7.2: data in a SYN may be kept or, as on Linux without Fast Open, dropped until it is retransmitted,
 * but it is never delivered twice. */
TEST(TcpPassiveOpen, DataInTheSynIsDeliveredOnce)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().mss(MSS).payload("early"));
    peer.expect(syn_ack());
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    peer.send(payload("early"));
    peer.expect(ack(peer.nxt + 5));
    EXPECT_EQ(peer.app_read(), "early");
}

/* RFC 9293 3.8.1, RFC 6298 5.5: the SYN-ACK is retransmitted with back-off. Linux retransmits it five times
 * (tcp_synack_retries), and so do we. */
TEST(TcpPassiveOpen, SynAckIsResentWithBackOff)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    const net_time begin = peer.last().at;
    for (const auto at : {1s, 3s, 7s, 15s, 31s}) {
        peer.expect(syn_ack().seq(peer.irs).ack(peer.iss + 1).within(at + 1s));
        EXPECT_EQ(peer.last().at - begin, at);
    }
    peer.expect_nothing(200s);
}

/* RFC 9293 3.8.3: a half-open connection whose SYN-ACKs are not answered is given up, and a late ACK meets LISTEN. The
 * C original keeps its PCB for ever. */
TEST(TcpPassiveOpen, HalfOpenConnectionIsGivenUp)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.wait(70s);
    peer.skip();
    peer.send(ack());
    peer.expect(rst().seq(peer.rcv));
    EXPECT_FALSE(peer.app_accept());
}

/* RFC 9293 3.10.7.4, first: the SYN-ACK is not retransmitted once it is acknowledged. */
TEST(TcpPassiveOpen, EstablishedConnectionSendsNoMoreSynAcks)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.expect_nothing(300s);
}

/* RFC 9293 MUST-57: segments to a broadcast or multicast address are dropped silently. */
TEST(TcpPassiveOpen, SynToBroadcastOrMulticastIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, listening);
    const auto packet = peer.packet(syn().mss(MSS));
    for (const char *dst : {"192.0.2.255", "255.255.255.255", "224.0.0.1"}) {
        peer.inject(readdressed(packet, "192.0.2.1", dst));
        peer.expect_nothing(2s);
        EXPECT_FALSE(peer.receive_other(0ms)) << dst;
    }
}

/* RFC 9293 MUST-63: a SYN from an invalid source address is dropped. */
TEST(TcpPassiveOpen, SynFromAnInvalidSourceIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, listening);
    const auto packet = peer.packet(syn().mss(MSS));
    for (const char *src : {"192.0.2.255", "255.255.255.255", "224.0.0.1", "127.0.0.1", "0.0.0.0"}) {
        peer.inject(readdressed(packet, src, "192.0.2.2"));
        peer.expect_nothing(2s);
        EXPECT_FALSE(peer.receive_other(0ms)) << src;
    }
    EXPECT_TRUE(peer.establish());
}

/* RFC 9293 3.10.7.4: simultaneous connections from one host are told apart by port. */
TEST(TcpPassiveOpen, ConnectionsAreToldApartByPort)
{
    test_world world;
    tcp_peer peer(world, listening);
    std::array<uint32_t, 3> ours{};
    for (uint16_t i = 0; i < 3; i++) {
        const auto port = static_cast<uint16_t>(41000 + i);
        peer.send(syn().mss(MSS).peer_port(port));
        peer.expect(syn_ack().peer_port(port));
        ours[i] = peer.last().seq;
        peer.send(ack(ours[i] + 1).peer_port(port));
    }
    std::array<int, 3> ids{};
    for (uint16_t i = 0; i < 3; i++) {
        sockaddr_in from{};
        ids[i] = accept_from(peer.stack(), peer.listener(), &from);
        ASSERT_GE(ids[i], 0);
        EXPECT_EQ(be16::from_net(from.sin_port), 41000 + i);
    }
    for (uint16_t i = 0; i < 3; i++) {
        const auto port = static_cast<uint16_t>(41000 + i);
        peer.send(payload(std::string(1, static_cast<char>('a' + i))).ack(ours[i] + 1).peer_port(port));
    }
    for (size_t i = 0; i < 3; i++) {
        char c = 0;
        EXPECT_EQ(sock_recv(peer.stack(), ids[i], &c, 1), 1);
        EXPECT_EQ(c, 'a' + static_cast<char>(i));
    }
}

} // namespace
} // namespace microps
