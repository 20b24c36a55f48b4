/*
 * Closing: all ways, TIME-WAIT, half close, abort (RFC 9293 3.6, 3.10.4, 3.10.5, 3.10.7.4; RFC 1122 4.2.2.13).
 */
#include "support/sock_calls.hpp"
#include "support/tcp_options.hpp"

namespace microps
{
namespace
{

/* RFC 9293 3.6, case 1, figure 12: we close first. */
TEST(TcpClose, ActiveClose)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin().seq(peer.rcv).ack(peer.nxt).len(0).within(0ms));
    peer.rcv += 1;
    peer.send(ack());
    peer.expect_nothing(1s);
    peer.send(fin());
    peer.nxt += 1;
    peer.expect(ack(peer.nxt).seq(peer.rcv).within(0ms));
    peer.expect_nothing(300s);
}

/* RFC 9293 3.6, case 2: the peer closes first; our side may go on sending, and closes when the user says so. */
TEST(TcpClose, PassiveClose)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(fin());
    peer.nxt += 1;
    peer.expect(ack(peer.nxt));
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_TRUE(peer.app_eof());
    EXPECT_EQ(peer.app_write("last words"), 10);
    peer.expect(payload("last words").ack(peer.nxt));
    peer.rcv += 10;
    peer.send(ack());
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin().seq(peer.rcv).ack(peer.nxt));
    peer.rcv += 1;
    peer.send(ack());
    peer.expect_nothing(10s);
    EXPECT_FALSE(connection_is_known(peer)) << "no TIME-WAIT for the passive side";
}

/* RFC 9293 3.6, case 3, figure 13: both close at once: CLOSING, then TIME-WAIT. */
TEST(TcpClose, SimultaneousClose)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin().seq(peer.rcv));
    peer.send(fin()); /* has not seen ours */
    peer.nxt += 1;
    peer.expect(ack(peer.nxt).seq(peer.rcv + 1));
    peer.rcv += 1;
    peer.send(ack());
    peer.expect_nothing(50s);
    peer.send(fin().seq(peer.nxt - 1));
    peer.expect(ack(peer.nxt)); /* TIME-WAIT answers */
}

/* RFC 9293 3.10.7.4, eighth: in CLOSING our FIN is retransmitted until it is acknowledged. */
TEST(TcpClose, ClosingRetransmitsTheFin)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin());
    send_fin(peer);
    peer.expect(fin().seq(peer.rcv).ack(peer.nxt).within(3s));
}

/* RFC 9293 3.10.7.4, fifth and eighth: a FIN that acknowledges our FIN leads from FIN-WAIT-1 straight to TIME-WAIT, and
 * nothing is left when that is over. */
TEST(TcpClose, FinThatAcknowledgesOurFin)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin());
    peer.rcv += 1;
    send_fin(peer);
    peer.expect_nothing(30s);
    peer.send(fin().seq(peer.nxt - 1));
    peer.expect(ack(peer.nxt));
    peer.expect_nothing(5min);
    EXPECT_EQ(peer.host().packets_in_use(), 0u);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 1u);
}

/* RFC 9293 3.10.4: the FIN is queued behind the data. */
TEST(TcpClose, DataIsDeliveredBeforeTheFin)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(30000);
    EXPECT_EQ(peer.app_write(data), 30000);
    EXPECT_EQ(peer.app_close(), 0);
    std::string got;
    bool finished = false;
    while (!finished) {
        const auto seg = peer.receive(5s);
        ASSERT_TRUE(seg);
        if (seg->seq != peer.rcv) continue;
        got += seg->payload;
        finished = (seg->flags & TCP_PEER_FIN) != 0;
        peer.rcv += seg->length();
        peer.send(ack());
    }
    EXPECT_EQ(got, data);
    send_fin(peer);
}

/* RFC 9293 3.10.4: data and FIN leave together when they can. */
TEST(TcpClose, WriteAndCloseMayShareASegment)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("bye"), 3);
    EXPECT_EQ(peer.app_close(), 0);
    const auto segments = drain(peer);
    EXPECT_EQ(data_of(segments, peer.rcv), "bye");
    EXPECT_EQ(peer.rcv_max(), peer.rcv + 4) << "Nagle does not hold the FIN back";
}

/* RFC 9293 3.6: after our FIN, data is still received (half close). */
TEST(TcpHalfClose, DataIsReceivedAfterShutdown)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("request"), 7);
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    drain(peer);
    EXPECT_EQ(peer.rcv_max(), peer.rcv + 8);
    peer.rcv += 8;
    peer.send(ack());
    peer.wait(300s); /* longer than any FIN-WAIT-2 timeout: the application still waits */
    peer.send(payload("answer").fin());
    peer.nxt += 7;
    peer.expect(ack(peer.nxt));
    EXPECT_EQ(peer.app_read(), "answer");
    EXPECT_TRUE(peer.app_eof());
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect_nothing(100s);
}

/* RFC 9293 3.10.7.4, seventh: data is received in FIN-WAIT-1 too, before our FIN is acknowledged. */
TEST(TcpHalfClose, DataIsReceivedInFinWait1)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    peer.expect(fin());
    upload_acknowledged(peer, "answer");
    EXPECT_EQ(peer.app_read(), "answer");
}

/* RFC 9293 3.10.3: data that waits in the buffer is still delivered after TIME-WAIT has begun. The C original discards
 * it. */
TEST(TcpHalfClose, BufferedDataIsReadInTimeWait)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    peer.expect(fin());
    peer.rcv += 1;
    peer.send(payload("last").fin());
    peer.nxt += 5;
    peer.expect(ack(peer.nxt));
    EXPECT_EQ(peer.app_read(), "last");
    EXPECT_TRUE(peer.app_eof());
}

/* RFC 9293 3.10.4: data that was acknowledged can be read after our FIN is acknowledged in LAST-ACK, too. */
TEST(TcpHalfClose, DataUnreadInLastAckIsKeptForTheUser)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("data").fin());
    peer.nxt += 5;
    peer.expect(ack(peer.nxt));
    EXPECT_EQ(peer.app_shutdown(), 0);
    peer.expect(fin().ack(peer.nxt));
    peer.rcv += 1;
    peer.send(ack());
    EXPECT_EQ(peer.app_read(), "data");
    EXPECT_TRUE(peer.app_eof());
    EXPECT_EQ(peer.app_close(), 0);
}

/* RFC 9293 3.10.4: unread data stays readable when TIME-WAIT is cut short by a RST (RFC 1337 describes how that
 * happens). */
TEST(TcpHalfClose, DataUnreadInTimeWaitSurvivesReset)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_shutdown(), 0);
    peer.expect(fin());
    peer.rcv += 1;
    peer.send(payload("data").fin());
    peer.nxt += 5;
    peer.expect(ack(peer.nxt));
    peer.send(rst().seq(peer.nxt));
    EXPECT_EQ(peer.app_read(), "data");
    EXPECT_TRUE(peer.app_eof());
    EXPECT_EQ(peer.app_close(), 0);
}

/* RFC 9293 3.10.7.4, eighth: the FIN that leads from FIN-WAIT-2 to TIME-WAIT wakes a sleeping reader. The C original
 * lets it sleep on. */
TEST(TcpHalfClose, SleepingReaderWakesWhenThePeerCloses)
{
    test_world world;
    tcp_peer peer(world, connected);
    half_close(peer);
    sleeping_reader reader(peer);
    peer.wait(1s);
    EXPECT_TRUE(reader.sleeps());
    send_fin(peer);
    EXPECT_EQ(reader.result(), 0);
}

/* POSIX send(): after shutdown(SHUT_WR) it fails with EPIPE, and the FIN is sent once. */
TEST(TcpHalfClose, NothingCanBeWrittenAfterShutdown)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    peer.expect(fin());
    EXPECT_EQ(peer.app_write("late"), -1);
    EXPECT_EQ(peer.app_errno(), EPIPE);
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    peer.expect_nothing();
}

/* shutdown(SHUT_RD) ends reading, and POSIX leaves open what becomes of later data. As on Linux it is acknowledged and
 * forgotten, so that the peer is not stopped by a window that nobody opens. */
TEST(TcpHalfClose, ShutdownOfReadingKeepsAcknowledging)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_shutdown(SHUT_RD), 0);
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_TRUE(peer.app_eof());
    for (int i = 0; i < 100; i++) {
        upload(peer, stream(2 * MSS));
        EXPECT_EQ(peer.una(), peer.nxt);
    }
    EXPECT_EQ(peer.host().count(counter::tcp_to_zero_window_adv), 0u);
    EXPECT_EQ(peer.app_read(), "");
    peer.skip();
    EXPECT_EQ(peer.app_write("still writing"), 13);
    peer.expect(payload("still writing"));
}

/* RFC 9293 3.10.4: shutdown(SHUT_RDWR) sends the FIN as close does, the socket stays. */
TEST(TcpHalfClose, ShutdownOfBothSendsFin)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_shutdown(SHUT_RDWR), 0);
    peer.expect(fin().seq(peer.rcv));
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_TRUE(peer.app_eof());
    EXPECT_EQ(peer.app_write("x"), -1);
    EXPECT_EQ(peer.app_errno(), EPIPE);
    EXPECT_EQ(peer.app_close(), 0);
}

/* RFC 9293 3.6.1, SHLD-3, RFC 1122 4.2.2.13: closing with unread data sends a RST, so that the peer learns that the
 * data was lost. The C original sends a FIN. */
TEST(TcpClose, UnreadDataIsAnsweredWithRst)
{
    test_world world;
    tcp_peer peer(world, connected);
    upload_acknowledged(peer, "never read");
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(rst().seq(peer.rcv));
    EXPECT_EQ(peer.host().count(counter::tcp_abort_on_close), 1u);
    EXPECT_EQ(peer.host().count(counter::tcp_abort_on_data), 0u);
    peer.expect_nothing(10s);
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 9293 3.6.1, SHLD-3: a peer that has closed already learns by a RST, too, that its data was not read. */
TEST(TcpClose, UnreadDataBeforeTheFinIsAnsweredWithRst)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("never read").fin());
    peer.nxt += 11;
    peer.expect(ack(peer.nxt));
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(rst().seq(peer.rcv));
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 1122 4.2.2.13: data that arrives after close() is answered with a RST, since nobody will read it. */
TEST(TcpClose, DataAfterCloseIsAnsweredWithRst)
{
    test_world world;
    tcp_peer peer(world, connected);
    reach_fin_wait2(peer);
    peer.send(payload("too late"));
    peer.expect(rst().seq(peer.rcv));
    peer.expect_nothing(10s);
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 9293 MUST-13: TIME-WAIT lasts 2 MSL, which are 60 s here as on Linux. */
TEST(TcpTimeWait, LastsTwoMsl)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    peer.wait(58s);
    EXPECT_TRUE(connection_is_known(peer));
    peer.wait(63s); /* the question may have restarted it */
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 9293 3.10.7.4, eighth: a retransmitted FIN is acknowledged and restarts the 2 MSL of TIME-WAIT. The C original
 * takes it for an unacceptable segment and does not restart the timer. */
TEST(TcpTimeWait, RetransmittedFinIsAcknowledgedAndRestartsTheTime)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    for (int i = 0; i < 5; i++) {
        peer.wait(50s);
        peer.send(fin().seq(peer.nxt - 1));
        peer.expect(ack(peer.nxt).seq(peer.rcv).within(0ms));
    }
    peer.wait(61s);
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 9293 3.10.7.4: an old duplicate in TIME-WAIT is answered by an ACK, never by data, FIN or RST. */
TEST(TcpTimeWait, OldDuplicatesAreAcknowledged)
{
    test_world world;
    tcp_peer peer(world, connected);
    upload_acknowledged(peer, "data");
    EXPECT_EQ(peer.app_read(), "data");
    close_actively(peer);
    peer.send(payload("data").seq(peer.nxt - 5));
    peer.expect(ack(peer.nxt).seq(peer.rcv).len(0));
}

/* RFC 9293 MAY-2, RFC 6191: the connection's own SYN, retransmitted, neither reopens it nor is it answered by a RST. */
TEST(TcpTimeWait, OldSynDoesNotReopen)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    peer.send(syn().mss(MSS)); /* a duplicate of the connection's own SYN */
    const auto answer = peer.receive(100ms);
    if (answer) {
        EXPECT_FALSE(answer->flags & (TCP_PEER_SYN | TCP_PEER_RST));
        EXPECT_EQ(answer->ack, peer.nxt);
    }
}

/* RFC 9293 MAY-2: a SYN beyond the old connection's numbers begins a new connection, and our numbers begin beyond the
 * old ones, too (RFC 1122 4.2.2.13). */
TEST(TcpTimeWait, NewSynReopens)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    const uint32_t ours = peer.rcv;
    EXPECT_TRUE(establish_anew(peer, peer.nxt + 1000));
    EXPECT_GT(static_cast<int32_t>(peer.irs - ours), 0);
    peer.send(payload("again"));
    EXPECT_EQ(peer.app_read(), "again");
}

/* RFC 9293 3.6: a connection in TIME-WAIT disturbs neither the listener nor other connections. */
TEST(TcpTimeWait, ListenerServesOthersMeanwhile)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_actively(peer);
    EXPECT_TRUE(establish_from(peer, static_cast<uint16_t>(peer.peer_port + 1)));
    peer.send(payload("hi"));
    EXPECT_EQ(peer.app_read(), "hi");
}

/* RFC 9293 3.10.7.4, fifth: LAST-ACK ends with the ACK of our FIN and with no other ACK. */
TEST(TcpClose, LastAckWaitsForTheRightAck)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_passively(peer);
    peer.send(ack(peer.rcv - 1)); /* not our FIN */
    peer.expect(fin().seq(peer.rcv - 1).within(3s));
    peer.send(ack());
    peer.expect_nothing(10s);
    EXPECT_FALSE(connection_is_known(peer));
}

/* tcp_config::orphan_retries bounds the retransmissions of a FIN that nobody acknowledges, and the connection is
 * released. The C original keeps its PCB for ever. */
TEST(TcpClose, LastAckIsGivenUp)
{
    test_world world;
    tcp_peer peer(world, connected);
    close_passively(peer);
    const uint64_t before = peer.host().count(counter::tcp_pcbs_released);
    peer.wait(30min);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), before + 1);
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 9293 MUST-20: connections whose FIN is never acknowledged do not disable the server. Fifteen of them disable the
 * C original for ever. */
TEST(TcpClose, ManyUnacknowledgedFinsDoNotDisableTheServer)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (uint16_t i = 0; i < 100; i++) {
        peer.peer_port = static_cast<uint16_t>(20000 + i);
        ASSERT_TRUE(peer.establish()) << i;
        peer.send(fin());
        peer.skip();
        EXPECT_EQ(peer.app_close(), 0);
        peer.skip();
    }
    peer.peer_port = 30000;
    EXPECT_TRUE(peer.establish());
}

/* RFC 9293 MUST-20: data that nobody acknowledges after close() is given up in the end, and the connection is released.
 * The C original keeps such a PCB for ever. */
TEST(TcpClose, OrphanWithUndeliveredDataIsGivenUp)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(5000)), 5000);
    EXPECT_EQ(peer.app_close(), 0);
    peer.wait(30min);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 1u);
    peer.skip();
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 9293 3.10.5: ABORT sends <SEQ=SND.NXT><CTL=RST>, whatever waits in the buffers. */
TEST(TcpAbort, SendsRst)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    const int id = tcp_open(net, SOCK_NONBLOCK);
    EXPECT_EQ(tcp_bind(net, id, peer.stack_endpoint()), 0);
    EXPECT_EQ(error_of(tcp_connect(net, id, peer.peer_endpoint())), EINPROGRESS);
    peer.expect(syn());
    peer.send(syn_ack().mss(MSS).win(0)); /* what is written cannot be sent */
    peer.expect(ack());
    const linger abort{.l_onoff = 1, .l_linger = 0};
    EXPECT_EQ(sock_setsockopt(net, id, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)), 0);
    EXPECT_EQ(sock_send(net, id, "undelivered", 11), 11);
    EXPECT_EQ(sock_close(net, id), 0);
    peer.wait(0ms);
    const auto segments = drain(peer);
    ASSERT_FALSE(segments.empty());
    EXPECT_TRUE(segments.back().flags & TCP_PEER_RST);
    peer.expect_nothing(10s);
    EXPECT_FALSE(connection_is_known(peer));
    EXPECT_EQ(error_of(tcp_state(net, id)), EBADF);
}

/* POSIX SO_LINGER with a time: close() waits for the peer's last ACK, but not longer. */
TEST(TcpClose, LingerWaits)
{
    for (const bool answered : {true, false}) {
        test_world world;
        tcp_peer peer(world, connected);
        net_stack &net = peer.stack();
        set_linger(net, peer.app(), 20);
        make_blocking(net, peer.app());
        bool closed = false;
        peer.host().spawn("closer", [&] {
            sock_close(net, peer.app());
            closed = true;
        });
        peer.expect(fin());
        peer.wait(1s);
        EXPECT_FALSE(closed);
        peer.rcv += 1;
        if (answered) peer.send(ack());
        peer.wait(answered ? 1s : 20s);
        EXPECT_TRUE(closed);
    }
}

/* RFC 9293 3.10.4: closing a listener sends nothing, and its port answers with a RST from then on. */
TEST(TcpClose, ClosedListenerRefuses)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_EQ(sock_close(peer.stack(), peer.listener()), 0);
    peer.expect_nothing();
    peer.send(syn());
    peer.expect(rst().seq(0).ack(peer.iss + 1));
}

/* RFC 9293 3.10.7.4, eighth: a retransmitted FIN in CLOSE-WAIT is acknowledged again and changes nothing. */
TEST(TcpClose, RetransmittedFinInCloseWait)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(fin());
    peer.expect(ack(peer.nxt + 1));
    peer.send(fin());
    peer.expect(ack(peer.nxt + 1).within(0ms));
    EXPECT_EQ(peer.app_write("fine"), 4);
    peer.expect(payload("fine"));
}

/* RFC 9293 3.10.7.4, fifth: an ACK of our FIN in FIN-WAIT-1 acknowledges the data in front of it, too. */
TEST(TcpClose, OneAckForDataAndFin)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(2000)), 2000);
    EXPECT_EQ(peer.app_close(), 0);
    drain(peer);
    while (peer.rcv != peer.rcv_max()) {
        acknowledge_everything(peer);
        drain(peer);
    }
    EXPECT_EQ(peer.rcv, peer.irs + 2002);
    peer.expect_nothing(5s);
    peer.send(fin());
    peer.expect(ack(peer.nxt + 1));
}

/* All memory comes back: connections opened, used and closed leave no packets and no PCBs. */
TEST(TcpClose, NothingIsLeftBehind)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (uint16_t i = 0; i < 30; i++) {
        ASSERT_TRUE(establish_from(peer, static_cast<uint16_t>(20000 + i)));
        peer.send(payload("x").seq(peer.nxt + 5)); /* leaves a hole */
        peer.app_write(stream(3000));
        peer.skip();
        if (i % 3 == 0) peer.send(rst());
        peer.app_close();
        peer.skip();
    }
    peer.wait(2h);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 30u);
    EXPECT_EQ(peer.host().packets_in_use(), 0u);
}

} // namespace
} // namespace microps
