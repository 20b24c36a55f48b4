/*
 * The zero window seen from the sender: probes, back-off, patience (RFC 9293 3.8.6.1).
 *
 * A probe is one new byte (RFC 9293), or no byte at SND.UNA - 1 (Linux): both make the peer tell its window.
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

bool is_probe(const tcp_peer &peer, const tcp_peer_segment &seg)
{
    const bool new_byte = seg.seq == peer.rcv && seg.payload.size() == 1;
    const bool old_number = seg.seq == peer.rcv - 1 && seg.payload.size() <= 1;
    return (new_byte || old_number) && (seg.flags & TCP_PEER_ACK);
}

/** The peer has acknowledged all data and shut its window, and more data waits. */
void shut_window(tcp_peer &peer)
{
    EXPECT_EQ(peer.app_write("first"), 5);
    peer.expect(payload("first"));
    peer.rcv += 5;
    peer.send(ack().win(0));
    peer.win = 0;
    EXPECT_EQ(peer.app_write("second"), 6);
    peer.expect_nothing();
}

/* RFC 9293 MUST-36, SHLD-29: the first probe comes after about one RTO. */
TEST(TcpPersist, ShutWindowIsProbed)
{
    test_world world;
    tcp_peer peer(world, connected);
    shut_window(peer);
    const net_time begin = world.now();
    const auto probe = peer.receive(4s);
    ASSERT_TRUE(probe);
    EXPECT_TRUE(is_probe(peer, *probe));
    EXPECT_GE(probe->at - begin, 150ms);
    EXPECT_GE(peer.host().count(counter::tcp_zero_window_probes), 1u);
}

/* RFC 9293 SHLD-30: the interval grows exponentially, to 60 s at most here. */
TEST(TcpPersist, ProbesBackOff)
{
    test_world world;
    tcp_peer peer(world, connected);
    shut_window(peer);
    std::vector<net_duration> intervals;
    net_time before = world.now();
    for (int i = 0; i < 14; i++) {
        const auto probe = peer.receive(121s);
        ASSERT_TRUE(probe);
        EXPECT_TRUE(is_probe(peer, *probe));
        intervals.push_back(probe->at - before);
        before = probe->at;
        peer.send(ack());
    }
    for (size_t i = 2; i < intervals.size(); i++) {
        const double ratio =
            std::chrono::duration<double>(intervals[i]) / std::chrono::duration<double>(intervals[i - 1]);
        const bool at_maximum = intervals[i] >= 59s;
        EXPECT_TRUE(at_maximum || (ratio > 1.9 && ratio < 2.1)) << "interval " << i << ", ratio " << ratio;
        EXPECT_LE(intervals[i], 121s);
    }
}

/* RFC 9293 MUST-37: as long as probes are answered the connection stays open, here for a day, and then the transfer
 * goes on. */
TEST(TcpPersist, ConnectionStaysOpenWhileProbesAreAnswered)
{
    test_world world;
    tcp_peer peer(world, connected);
    shut_window(peer);
    const net_time begin = world.now();
    while (world.now() - begin < 24h) {
        const auto probe = peer.receive(130s);
        ASSERT_TRUE(probe);
        peer.send(ack());
    }
    EXPECT_EQ(peer.app_error(), 0);
    peer.send(ack().win(1000));
    peer.wait(0ms);
    EXPECT_EQ(data_of(drain(peer), peer.rcv), "second");
}

/* RFC 9293 3.8.6.1: after an hour behind a closed window all of a longer transfer arrives, although some answers to
 * probes are lost. */
TEST(TcpPersist, TransferCompletesAfterAnHourOfClosedWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(50 * MSS);
    EXPECT_EQ(peer.app_write(data), static_cast<ssize_t>(data.size()));
    std::string got = download(peer, 5 * MSS);
    peer.wait(0ms);
    const std::vector<tcp_peer_segment> rest = drain(peer);
    got += data_of(rest, peer.rcv);
    peer.rcv = peer.rcv_max();
    peer.win = 0;
    peer.send(ack());
    const net_time begin = world.now();
    for (int i = 0; world.now() - begin < 1h; i++) {
        const auto probe = peer.receive(130s);
        ASSERT_TRUE(probe);
        EXPECT_TRUE(is_probe(peer, *probe));
        if (i % 3 != 2) peer.send(ack()); /* some answers are lost */
    }
    peer.win = 65535;
    peer.send(ack());
    got += download(peer, data.size() - got.size());
    EXPECT_EQ(got, data);
    EXPECT_EQ(peer.app_error(), 0);
}

/* RFC 9293 3.8.6.1: a window update that was lost is learned from the answer to a zero-window probe. The C original
 * never probes and waits for ever. */
TEST(TcpPersist, AnswerToAProbeOpensTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    shut_window(peer);
    const auto probe = peer.receive(4s);
    ASSERT_TRUE(probe);
    const bool took_byte = probe->seq == peer.rcv && probe->payload == "s";
    if (took_byte) peer.rcv += 1;
    peer.send(ack().win(65535));
    peer.expect(payload(took_byte ? "econd" : "second").seq(peer.rcv).within(0ms));
    acknowledge_everything(peer);
    peer.expect_nothing(10s);
}

/* RFC 9293 3.8.6.2.1: silly window avoidance holds data back for a second at most, however rare the probes have become.
 */
TEST(TcpPersist, SmallWindowAfterALongShutOneIsUsedSoon)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("first"), 5);
    peer.expect(payload("first"));
    peer.rcv += 5;
    peer.send(ack().win(0));
    EXPECT_EQ(peer.app_write(stream(3000)), 3000);
    peer.wait(200s); /* the next probe is far */
    peer.skip();
    peer.send(ack().win(100));
    peer.expect(payload(stream(100)).within(1s));
}

/* RFC 9293 3.8.6.1: a peer that accepts the probe's byte but keeps its window shut gets the rest later and nothing
 * twice. */
TEST(TcpPersist, WindowThatOpensByAByteIsNoEndlessLoop)
{
    test_world world;
    tcp_peer peer(world, connected);
    shut_window(peer);
    std::vector<tcp_peer_segment> all;
    for (int i = 0; i < 40; i++) {
        auto seg = peer.receive(130s);
        ASSERT_TRUE(seg);
        all.push_back(*seg);
        if (seg->seq == peer.rcv) peer.rcv += static_cast<uint32_t>(seg->payload.size());
        if (peer.rcv == peer.irs + 12) break;
        peer.send(ack().win(peer.rcv - peer.irs < 9 ? 1 : 0));
    }
    EXPECT_EQ(data_of(all, peer.irs + 6).substr(0, 3), "sec");
}

/* RFC 9293 MUST-20: a peer that answers no probe is given up after R2, as one that acknowledges no data. */
TEST(TcpPersist, UnansweredProbesEndTheConnection)
{
    test_world world;
    tcp_peer peer(world, connected);
    shut_window(peer);
    peer.wait(100s);
    EXPECT_EQ(peer.app_error(), 0) << "SHLD-11: not before 100 s";
    peer.wait(1h);
    EXPECT_EQ(peer.app_error(), ETIMEDOUT);
}

/* RFC 9293 3.8.6.1: without data to send a shut window is not probed. */
TEST(TcpPersist, NothingToSendNothingToProbe)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 0});
    peer.expect_nothing(1h);
}

/* RFC 9293 3.8.6.1: a window that is shut from the SYN on is probed, too. */
TEST(TcpPersist, WindowShutFromTheBeginningIsProbed)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 0});
    EXPECT_EQ(peer.app_write("hello"), 5);
    const auto probe = peer.receive(4s);
    ASSERT_TRUE(probe);
    EXPECT_TRUE(is_probe(peer, *probe));
    peer.send(ack().win(100));
    EXPECT_EQ(data_of(drain(peer), peer.rcv).substr(0, 5), "hello");
}

/* RFC 9293 3.8.6, SHLD-16: data that is outstanding when the window shuts is retransmitted or probed for, and is
 * delivered in the end. */
TEST(TcpPersist, WindowThatShutsOverUnacknowledgedData)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), 3 * 1460);
    drain(peer);
    peer.send(ack().win(0)); /* nothing was taken */
    peer.skip();
    const auto again = peer.receive(10s);
    ASSERT_TRUE(again) << "the sender must go on asking";
    peer.win = 65535;
    peer.send(ack());
    EXPECT_EQ(download(peer, 3 * MSS, 30s), stream(3 * MSS));
}

/* RFC 9293 3.8.6.1: when a window opens after the timer has backed off far, the data that it had refused is sent at
 * once. */
TEST(TcpPersist, OpenedWindowGetsWhatItHasRefused)
{
    for (const bool data : {true, false}) {
        test_world world;
        tcp_peer peer(world, connected);
        if (data) {
            EXPECT_EQ(peer.app_write(stream(3 * MSS)), 3 * 1460);
            drain(peer);
        }
        peer.send(ack().win(0));
        if (!data) {
            EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
        }
        const net_time begin = world.now();
        while (world.now() - begin < 1min) {
            ASSERT_TRUE(peer.receive(130s));
            peer.send(ack().win(0));
        }
        peer.skip();
        peer.send(ack());
        peer.expect(segment().seq(peer.rcv).len(data ? MSS : 0).within(0ms));
        EXPECT_EQ((peer.last().flags & TCP_PEER_FIN) != 0, !data);
        if (data) {
            peer.rcv += MSS;
            peer.send(ack());
            EXPECT_EQ(download(peer, 2 * MSS, 1s), stream(2 * MSS, MSS));
        }
    }
}

/* RFC 9293 3.10.4: with a shut window data and FIN wait, and leave in order when it opens. */
TEST(TcpPersist, CloseWaitsForTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    shut_window(peer);
    EXPECT_EQ(peer.app_close(), 0);
    for (int i = 0; i < 5; i++) {
        const auto probe = peer.receive(30s);
        ASSERT_TRUE(probe);
        EXPECT_FALSE(probe->flags & TCP_PEER_FIN);
        peer.send(ack());
    }
    peer.win = 1000;
    peer.send(ack());
    const auto segments = drain(peer, 100ms);
    EXPECT_EQ(data_of(segments, peer.rcv), "second");
    ASSERT_FALSE(segments.empty());
    EXPECT_TRUE(segments.back().flags & TCP_PEER_FIN);
}

/* RFC 9293 3.8.6.1: a window that shuts again while it is probed begins its back-off anew. */
TEST(TcpPersist, BackOffBeginsAnewAfterProgress)
{
    test_world world;
    tcp_peer peer(world, connected);
    shut_window(peer);
    for (int i = 0; i < 6; i++) {
        ASSERT_TRUE(peer.receive(130s));
        peer.send(ack());
    }
    peer.send(ack().win(1000));
    drain(peer);
    peer.rcv = peer.rcv_max();
    peer.send(ack().win(0));
    EXPECT_EQ(peer.app_write("third"), 5);
    const net_time begin = world.now();
    const auto probe = peer.receive(130s);
    ASSERT_TRUE(probe);
    EXPECT_LE(probe->at - begin, 2s);
}

} // namespace
} // namespace microps
