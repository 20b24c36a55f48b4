/*
 * tcp_peer_test.cpp: the scripted peer itself: what it sends, what it notices, how it complains.
 */
#include "microps/icmp.hpp"
#include "microps/sim/tcp_peer.hpp"
#include "support/test_world.hpp"

#include <cerrno>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace microps
{

namespace
{

/** A world that keeps what scripts complain about. */
struct complaints {
    explicit complaints(sim_world &world)
    {
        world.on_failure([this](const sim_site &site, const std::string &data) {
            line = site.line;
            last = data;
            count++;
        });
    }

    unsigned count = 0;
    int line = 0;
    std::string last;
};

} // namespace

TEST(TcpPeer, GapIsAnsweredAndFilled)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("bbbb").seq(peer.nxt + 4));
    peer.expect(ack(peer.nxt));
    peer.send(payload("aaaa").seq(peer.nxt));
    peer.expect(ack(peer.nxt + 8));
    EXPECT_EQ(peer.app_read(), "aaaabbbb");
    EXPECT_EQ(peer.una(), peer.nxt + 8);
}

TEST(TcpPeer, ListeningStackIsConnectedByHand)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().mss(536));
    peer.expect(syn_ack().ack(peer.iss + 1).mss(1460));
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.rcv, peer.irs + 1);
}

TEST(TcpPeer, ConnectingStackIsAccepted)
{
    test_world world;
    tcp_peer peer(world, connecting);
    EXPECT_EQ(peer.app_errno(), EINPROGRESS);
    EXPECT_TRUE(peer.establish());
    EXPECT_EQ(peer.app_write("hello"), 5);
    peer.expect(payload("hello").seq(peer.rcv).ack(peer.nxt));
    peer.rcv += 5;
    peer.send(ack());
    peer.expect_nothing(10s);
}

TEST(TcpPeer, PeerNeverAcknowledgesByItself)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.app_write("hello");
    peer.expect(payload("hello"));
    peer.expect(payload("hello").within(3s)); /* once more */
}

TEST(TcpPeer, NumbersWrapWithinAFewHundredBytes)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data(1000, 'w');
    peer.send(payload(data));
    peer.nxt += 1000;
    peer.send(payload(data));
    peer.nxt += 1000;
    EXPECT_LT(peer.nxt, peer.iss);
    EXPECT_EQ(peer.app_read().size(), 2000u);
}

TEST(TcpPeer, MismatchIsReportedWithExchangeAndSeed)
{
    sim_world world(77);
    complaints heard(world);
    tcp_peer peer(world, connected);
    peer.send(payload("abc"));
    const int line = __LINE__ + 1;
    EXPECT_FALSE(peer.expect(ack(peer.nxt + 4).win(7)));
    EXPECT_EQ(heard.count, 1u);
    EXPECT_EQ(heard.line, line);
    for (const char *part : {"ack is 4 instead of 5 (relative)", "win is ", "seed 77", "[P.] seq 1 ack 1", "[S.]"}) {
        EXPECT_NE(heard.last.find(part), std::string::npos) << part << "\nis not in\n" << heard.last;
    }
    EXPECT_EQ(world.failures(), 1u);
}

TEST(TcpPeer, SilenceIsReported)
{
    sim_world world;
    complaints heard(world);
    tcp_peer peer(world, connected);
    EXPECT_FALSE(peer.expect(ack()));
    EXPECT_NE(heard.last.find("nothing came within 0.5"), std::string::npos) << heard.last;
}

TEST(TcpPeer, UnexpectedSegmentIsReported)
{
    sim_world world;
    complaints heard(world);
    tcp_peer peer(world, connected);
    peer.app_write("x");
    EXPECT_FALSE(peer.expect_nothing(1s));
    EXPECT_EQ(heard.count, 1u);
}

TEST(TcpPeer, TimesAreComparedFromTheLastStep)
{
    sim_world world;
    complaints heard(world);
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.rto_min = 1s;
                  }});
    peer.app_write("x");
    EXPECT_TRUE(peer.expect(payload("x").within(0s)));
    EXPECT_FALSE(peer.expect(payload("x").within(2s).after(1500ms))) << "the retransmission comes after a second";
    EXPECT_TRUE(peer.expect(payload("x").within(3s).after(1500ms)));
    EXPECT_EQ(heard.count, 1u);
}

TEST(TcpPeer, BrokenSegmentsAreSentAsTheyAre)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("abc").bad_checksum());
    peer.send(payload("abc").off(4));
    peer.expect_nothing(1s);
    EXPECT_EQ(peer.host().count(drop_reason::bad_checksum), 1u);
    EXPECT_EQ(peer.app_read(), "");
}

TEST(TcpPeer, OtherProtocolsPassBeside)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::vector<uint8_t> udp = {0x9c, 0x40, 0x12, 0x34, 0, 8, 0, 0}; /* to a port that nobody has */
    peer.inject(peer.ip_packet(IP_PROTOCOL_UDP, udp));
    const auto answer = peer.receive_other(1s);
    ASSERT_TRUE(answer);
    ASSERT_GT(answer->size(), 28u);
    EXPECT_EQ((*answer)[9], IP_PROTOCOL_ICMP);
    EXPECT_EQ((*answer)[20], ICMP_TYPE_DEST_UNREACH);
    EXPECT_EQ(peer.pending(), 0u);
}

TEST(TcpPeer, IcmpErrorReachesTheConnection)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH, peer.last());
    EXPECT_EQ(peer.host().count(counter::icmp_in_dest_unreachs), 1u);
}

TEST(TcpPeer, EndOfDataIsSeenByTheApplication)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("bye").fin());
    EXPECT_EQ(peer.app_read(), "bye");
    EXPECT_TRUE(peer.app_eof());
    EXPECT_NE(peer.app_poll() & POLLIN, 0);
    peer.expect(ack(peer.nxt + 4));
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin());
}

} // namespace microps
