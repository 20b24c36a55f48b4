/*
 * What close() leaves behind: SO_LINGER, unread data, FIN_WAIT_2 without a user, orphans (RFC 9293 3.6, 3.10.4; what it
 * leaves open as Linux does).
 */
#include "support/tcp_options.hpp"

namespace microps
{
namespace
{

/* POSIX SO_LINGER: a time of zero makes close() an ABORT, whether data is outstanding or not. Linux counts it as
 * TCPAbortOnData. */
TEST(TcpLinger, NoTimeIsAReset)
{
    for (const std::string data : {"", "lost"}) {
        test_world world;
        tcp_peer peer(world, connected);
        set_linger(peer.stack(), peer.app(), 0);
        EXPECT_EQ(peer.app_write(data), static_cast<ssize_t>(data.size()));
        if (!data.empty()) peer.expect(payload(data));
        EXPECT_EQ(peer.app_close(), 0);
        peer.expect(rst().seq(peer.rcv + static_cast<uint32_t>(data.size())));
        peer.expect_nothing(1h);
        EXPECT_EQ(peer.host().count(counter::tcp_abort_on_data), 1u);
        EXPECT_EQ(peer.host().count(counter::tcp_abort_on_close), 0u);
        EXPECT_FALSE(connection_is_known(peer));
    }
}

/* POSIX SO_LINGER: as on Linux, close() waits for the linger time although the socket is non-blocking. */
TEST(TcpLinger, WaitsWithNonBlockingSocketsToo)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_linger(peer.stack(), peer.app(), 20);
    bool closed = false;
    peer.host().spawn("closer", [&] {
        EXPECT_EQ(sock_close(peer.stack(), peer.app()), 0);
        closed = true;
    });
    peer.expect(fin());
    peer.wait(19s);
    EXPECT_FALSE(closed);
    peer.wait(2s);
    EXPECT_TRUE(closed);
    peer.skip();
    peer.rcv += 1;
    peer.send(ack());
    send_fin(peer); /* the connection has gone on without its user */
}

/* RFC 9293 3.6 sets no limit to FIN-WAIT-2. As on Linux, tcp_config::fin_wait2 ends it after 60 s when the user has
 * closed the connection, and the peer's data finds nobody. The C original waits for ever. */
TEST(TcpLinger, FinWait2OfAnOrphanEnds)
{
    test_world world;
    tcp_peer peer(world, connected);
    reach_fin_wait2(peer);
    peer.wait(59s);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 0u);
    peer.wait(2s);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 1u);
    peer.send(fin());
    peer.expect(rst().seq(peer.rcv));
    EXPECT_FALSE(connection_is_known(peer));
}

/* Linux' TCP_LINGER2 says how long FIN-WAIT-2 lasts without a user. */
TEST(TcpLinger, Linger2SaysHowLong)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, IPPROTO_TCP, TCP_LINGER2, 5);
    EXPECT_EQ(option_of(peer, IPPROTO_TCP, TCP_LINGER2), 5);
    reach_fin_wait2(peer);
    peer.wait(4900ms);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 0u);
    peer.wait(200ms);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), 1u);
}

/* Linux' TCP_LINGER2: a negative value means no time at all, and the peer is told by a RST, which Linux counts as
 * TCPAbortOnLinger. */
TEST(TcpLinger, NegativeLinger2IsAReset)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, IPPROTO_TCP, TCP_LINGER2, -1);
    reach_fin_wait2(peer);
    peer.expect(rst().seq(peer.rcv));
    EXPECT_EQ(peer.host().count(counter::tcp_abort_on_linger), 1u);
    EXPECT_FALSE(connection_is_known(peer));
}

/* RFC 9293 3.6: FIN-WAIT-2 waits for ever while the socket is open, since the peer may have much to send. */
TEST(TcpLinger, FinWait2WithAUserHasNoLimit)
{
    test_world world;
    tcp_peer peer(world, connected);
    half_close(peer);
    peer.expect_nothing(24h);
    upload(peer, "at last");
    EXPECT_EQ(peer.app_read(), "at last");
}

/** For an hour the peer answers whatever comes, with its window closed; the connection lives. */
void hold_for_an_hour(test_world &world, tcp_peer &peer)
{
    const net_time begin = world.now();
    while (world.now() - begin < 1h) {
        const auto seg = peer.receive(130s);
        ASSERT_TRUE(seg);
        EXPECT_FALSE(seg->flags & TCP_PEER_RST);
        peer.send(ack());
    }
    EXPECT_EQ(peer.app_error(), 0) << "its user waits";
}

/** The user closes, the peer answers on: how long until it is reset. It is a failure if that takes an hour. */
net_duration close_until_reset(test_world &world, tcp_peer &peer)
{
    const net_time closed = world.now();
    EXPECT_EQ(peer.app_close(), 0);
    while (world.now() - closed < 1h) {
        const auto seg = peer.receive(130s);
        EXPECT_TRUE(seg);
        if (!seg || seg->flags & TCP_PEER_RST) return world.now() - closed;
        peer.send(ack());
    }
    ADD_FAILURE() << "it was not reset";
    return world.now() - closed;
}

/* RFC 9293 3.8.6.1 keeps probing a peer that answers. As on Linux, a connection whose user has closed it is given up
 * all the same. */
TEST(TcpLinger, OrphanBehindAClosedWindowEnds)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 0});
    EXPECT_EQ(peer.app_write("never taken"), 11);
    hold_for_an_hour(world, peer);
    const net_duration orphaned = close_until_reset(world, peer);
    EXPECT_GE(orphaned, 100s);
    EXPECT_LE(orphaned, 20min);
}

/* RFC 9293 3.8.6.1: the same holds for a FIN. A peer that keeps to 3.10.7.4 does not accept it into a closed window,
 * but answers. */
TEST(TcpLinger, OrphanedFinBehindAClosedWindowEnds)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 0});
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    hold_for_an_hour(world, peer);
    EXPECT_LE(close_until_reset(world, peer), 30min);
}

/* tcp_config::pcb_max: connections without a user must not crowd out others, so beyond half of all PCBs close() sends a
 * RST, which Linux counts as TCPAbortOnMemory. */
TEST(TcpLinger, OrphansAreBounded)
{
    test_world world;
    tcp_peer peer(world, listening, {.configure = [](tcp_config &config) {
                      config.pcb_max = 8;
                  }});
    std::vector<int> ids;
    for (uint16_t i = 0; i < 6; i++) {
        ASSERT_TRUE(establish_from(peer, static_cast<uint16_t>(41000 + i)));
        ids.push_back(peer.app());
    }
    for (const int id : ids) {
        EXPECT_EQ(sock_close(peer.stack(), id), 0);
    }
    size_t fins = 0;
    size_t resets = 0;
    for (const tcp_peer_segment &seg : drain(peer)) {
        fins += (seg.flags & TCP_PEER_FIN) != 0;
        resets += (seg.flags & TCP_PEER_RST) != 0;
    }
    EXPECT_EQ(fins, 4u);
    EXPECT_EQ(resets, 2u);
    EXPECT_EQ(peer.host().count(counter::tcp_abort_on_memory), 2u);
}

} // namespace
} // namespace microps
