/*
 * tcp_close_test.cpp: what the simulation found about the end of connections.
 */
#include "microps/sim/tcp_peer.hpp"
#include "support/test_world.hpp"

using namespace std::chrono_literals;

namespace microps
{

/* RFC 9293 3.10.4: data that was acknowledged is the user's, also after the last FIN is acknowledged (LAST_ACK). */
TEST(TcpClose, DataUnreadInLastAckIsKeptForTheUser)
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

/* The same for the end that closed first, and whose TIME_WAIT is cut short by a RST (RFC 1337 describes how). */
TEST(TcpClose, DataUnreadInTimeWaitSurvivesReset)
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

/* Nothing is left once TIME_WAIT is over. */
TEST(TcpClose, ClosedConnectionLeavesNothingBehind)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin());
    peer.rcv += 1;
    peer.send(fin());
    peer.nxt += 1;
    peer.expect(ack(peer.nxt));
    peer.expect_nothing(5min);
    EXPECT_EQ(peer.host().packets_in_use(), 0u);
    EXPECT_GE(peer.host().count(counter::tcp_pcbs_released), 1u);
}

} // namespace microps
