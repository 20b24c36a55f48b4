/*
 * TIME-WAIT: what ends it before its time and what does not (RFC 9293 3.10.7.4, RFC 1337, RFC 6191, RFC 7323).
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/** A connection with timestamps in TIME_WAIT. The peer's last TSval is @p last; returns the stack's last one. */
uint32_t close_with_timestamps(tcp_peer &peer, uint32_t last)
{
    EXPECT_TRUE(peer.establish(syn().mss(MSS).timestamps(last - 10, 0)));
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin());
    peer.rcv += 1;
    const uint32_t ours = peer.last().timestamps ? peer.last().timestamps->first : 0;
    peer.send(fin().timestamps(last, ours));
    peer.nxt += 1;
    peer.expect(ack(peer.nxt).timestamps(peer.last().timestamps->first, last));
    return ours;
}

bool reopens(tcp_peer &peer, const tcp_pattern &request)
{
    peer.skip();
    peer.send(request);
    const auto answer = peer.receive(0ms);
    return answer && (answer->flags & TCP_PEER_SYN);
}

/* RFC 6191 2: a newer timestamp reopens the connection, even with lower sequence numbers. */
TEST(TcpTimeWait, NewerTimestampReopens)
{
    test_world world;
    tcp_peer peer(world, listening);
    close_with_timestamps(peer, 1000);
    const uint32_t end = peer.rcv;
    EXPECT_TRUE(reopens(peer, syn().mss(MSS).seq(peer.nxt - 100000).timestamps(1001, 0)));
    EXPECT_GT(static_cast<int32_t>(peer.irs - end), 65535) << "our numbers begin behind the old window, too";
    EXPECT_EQ(peer.host().count(counter::tcp_time_wait_recycled), 1u);
}

/* RFC 6191 2: an equal timestamp reopens with greater sequence numbers only. */
TEST(TcpTimeWait, EqualTimestampNeedsGreaterSequenceNumbers)
{
    for (const uint32_t beyond : {0u, 1u}) {
        test_world world;
        tcp_peer peer(world, listening);
        close_with_timestamps(peer, 1000);
        EXPECT_EQ(reopens(peer, syn().mss(MSS).seq(peer.nxt + beyond).timestamps(1000, 0)), beyond > 0);
    }
}

TEST(TcpTimeWait, OlderTimestampDoesNotReopen)
{
    test_world world;
    tcp_peer peer(world, listening);
    close_with_timestamps(peer, 1000);
    EXPECT_FALSE(reopens(peer, syn().mss(MSS).seq(peer.nxt + 1000).timestamps(999, 0)));
    EXPECT_TRUE(connection_is_known(peer));
}

/* RFC 6191 2: when the new connection will have no timestamps, its sequence number decides. */
TEST(TcpTimeWait, SynWithoutTimestampsIsJudgedByItsNumber)
{
    for (const uint32_t beyond : {0u, 1u, 0x7fffffffu, 0x80000001u}) {
        test_world world;
        tcp_peer peer(world, listening);
        close_with_timestamps(peer, 1000);
        const bool greater = static_cast<int32_t>(beyond) > 0;
        EXPECT_EQ(reopens(peer, syn().mss(MSS).seq(peer.nxt + beyond)), greater) << beyond;
    }
}

/* RFC 6191 2: when the old connection had no timestamps, those of the new one keep old segments out of it. */
TEST(TcpTimeWait, TimestampsReopenWhatHadNone)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    EXPECT_TRUE(reopens(peer, syn().mss(MSS).seq(peer.nxt - 5).timestamps(7, 0)));
}

/* RFC 9293 3.10.7.4: only a SYN without ACK, RST and FIN may reopen the connection. */
TEST(TcpTimeWait, OnlyAPureSynReopens)
{
    for (const uint8_t extra : octets{TCP_PEER_ACK, TCP_PEER_RST, TCP_PEER_FIN}) {
        test_world world;
        tcp_peer peer(world, connected);
        close_actively(peer);
        const auto flags = static_cast<uint8_t>(TCP_PEER_SYN | extra);
        EXPECT_FALSE(reopens(peer, segment(flags).seq(peer.nxt + 1000).ack(peer.rcv).flags(flags)));
        EXPECT_TRUE(connection_is_known(peer));
    }
}

/* RFC 9293 3.10.7.4: when nobody listens any more, a SYN is answered by an ACK as an old one is. */
TEST(TcpTimeWait, WithoutAListenerNothingReopens)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    EXPECT_EQ(sock_close(peer.stack(), peer.listener()), 0);
    peer.send(syn().mss(MSS).seq(peer.nxt + 1000));
    peer.expect(ack(peer.nxt).seq(peer.rcv).len(0));
}

/* RFC 1337 3: TIME-WAIT outlives an old duplicate, our answer to it and the peer's RST to that ("assassination"). Linux
 * protects it only if tcp_rfc1337 is set, which is our default. */
TEST(TcpTimeWait, IsNotAssassinated)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("data"));
    peer.nxt += 4;
    EXPECT_EQ(peer.app_read(), "data");
    peer.wait(100ms);
    peer.skip();
    close_actively(peer);
    peer.send(payload("data").seq(peer.nxt - 5));
    peer.expect(ack(peer.nxt).seq(peer.rcv));
    peer.send(rst().seq(peer.last().ack));
    EXPECT_TRUE(connection_is_known(peer));
    EXPECT_EQ(peer.host().count(drop_reason::tcp_time_wait_rst), 1u);
}

/* tcp_config::rfc1337: without it an exact RST ends TIME-WAIT, as RFC 9293 3.10.7.4 says and as Linux does by default,
 * and other RSTs do not. */
TEST(TcpTimeWait, RstMayEndIt)
{
    test_world world;
    tcp_peer peer(world, listening, {.configure = [](tcp_config &config) {
                      config.rfc1337 = false;
                  }});
    EXPECT_TRUE(peer.establish());
    close_actively(peer);
    peer.send(rst().seq(peer.nxt + 1));
    peer.send(rst().seq(peer.nxt - 1));
    EXPECT_TRUE(connection_is_known(peer));
    peer.send(rst());
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 9293 3.10.7.4, first: a segment outside of the window is answered, but the answers to empty ones are limited. */
TEST(TcpTimeWait, AnswersAreLimited)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    for (uint32_t i = 0; i < 1000; i++) {
        peer.send(ack().seq(peer.nxt + 70000 + i));
        peer.send(syn().seq(peer.nxt - i - 1));
    }
    EXPECT_EQ(drain(peer).size(), 1u);
    EXPECT_EQ(peer.host().count(counter::tcp_ack_skipped), 1999u);
    peer.wait(600ms);
    peer.send(ack().seq(peer.nxt + 70000));
    peer.expect(ack(peer.nxt).seq(peer.rcv));
}

/* RFC 9293 3.10.7.4: an ACK at RCV.NXT is not answered, or two ends in TIME-WAIT would never stop. */
TEST(TcpTimeWait, ExactAckIsNotAnswered)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    peer.send(ack());
    peer.expect_nothing(1s);
}

/* RFC 9293 3.10.7.4, eighth: only the peer's own FIN, which stands just before RCV.NXT, restarts the time; one that an
 * off-path attacker sends anywhere else does not. */
TEST(TcpTimeWait, ForgedFinDoesNotProlongIt)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    for (int i = 0; i < 10; i++) {
        peer.wait(10s);
        peer.send(fin().seq(peer.nxt + 30000 + static_cast<uint32_t>(i)));
    }
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 7323 5.3: PAWS holds in TIME-WAIT, too: a segment with an older timestamp is answered and changes nothing. */
TEST(TcpTimeWait, PawsHolds)
{
    test_world world;
    tcp_peer peer(world, listening);
    const uint32_t ours = close_with_timestamps(peer, 1000);
    peer.send(fin().seq(peer.nxt - 1).timestamps(900, ours));
    peer.expect(ack(peer.nxt).seq(peer.rcv));
    EXPECT_EQ(peer.host().count(counter::tcp_paws_estab), 1u);
    peer.wait(59s);
    peer.send(fin().seq(peer.nxt - 1).timestamps(900, ours)); /* does not prolong it either */
    peer.wait(2s);
    EXPECT_FALSE(connection_is_known(peer));
}

/* tcp_config::pcb_max: when the bound is reached, the oldest connection in TIME-WAIT ends early, and that is counted.
 */
TEST(TcpTimeWait, OldestMakesRoom)
{
    test_world world;
    tcp_peer peer(world, listening, {.configure = [](tcp_config &config) {
                      config.pcb_max = 4;
                  }});
    for (int i = 0; i < 10; i++) {
        peer.nxt = peer.iss + 1;
        EXPECT_TRUE(peer.establish()) << i;
        close_actively(peer);
        peer.peer_port++;
    }
    EXPECT_EQ(peer.host().count(counter::tcp_time_wait_overflow), 7u);
}

/* RFC 6191 2: a connection of this host to itself, whose client closes first and binds the same port again. As on
 * Linux, connect() may end its own TIME-WAIT after a second, on loopback and with timestamps, since otherwise the
 * endpoints would be taken. */
TEST(TcpTimeWait, ConnectMayReuseItOnLoopback)
{
    for (const bool timestamps : {true, false}) {
        test_world world;
        tcp_peer peer(world, listening, {.configure = [timestamps](tcp_config &config) {
                          config.timestamps = timestamps;
                      }});
        net_stack &net = peer.stack();
        const auto connect_once = [&] {
            const int id = stream_socket(net);
            const int on = 1;
            EXPECT_EQ(sock_setsockopt(net, id, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
            EXPECT_EQ(bind_to(net, id, "192.0.2.2", 50000), 0);
            const int error = error_of(connect_to(net, id, "192.0.2.2", 7));
            peer.wait(10ms);
            const int server = accept_from(net, peer.listener());
            sock_close(net, id); /* first: this end keeps TIME_WAIT */
            peer.wait(10ms);
            if (server >= 0) sock_close(net, server);
            peer.wait(10ms);
            return error;
        };
        EXPECT_EQ(connect_once(), EINPROGRESS);
        EXPECT_EQ(connect_once(), EADDRNOTAVAIL) << "too soon";
        peer.wait(2s);
        EXPECT_EQ(connect_once(), timestamps ? EINPROGRESS : EADDRNOTAVAIL);
    }
}

} // namespace
} // namespace microps
