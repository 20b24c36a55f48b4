/*
 * ICMP errors about our segments (RFC 9293 3.9.2.2, RFC 1122 4.2.3.9, RFC 5927). Path MTU discovery is not here.
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/* RFC 9293 SHLD-26: protocol and port unreachable refuse a connection that is not established. */
TEST(TcpIcmp, PortUnreachableRefusesTheConnection)
{
    for (const uint8_t code : {ICMP_CODE_PORT_UNREACH, ICMP_CODE_PROTO_UNREACH}) {
        test_world world;
        tcp_peer peer(world, connecting);
        peer.expect(syn());
        peer.icmp_error(ICMP_TYPE_DEST_UNREACH, code, peer.last());
        peer.expect_nothing(10s);
        const int error = peer.app_error();
        EXPECT_TRUE(error == ECONNREFUSED || (code == ICMP_CODE_PROTO_UNREACH && error == ENOPROTOOPT)) << error;
    }
}

/* RFC 9293 SHLD-25: "net unreachable", "host unreachable" and "source route failed" are reported to the user, at the
 * latest with the timeout. */
TEST(TcpIcmp, HostUnreachableIsReportedToTheConnectingUser)
{
    for (const uint8_t code : {ICMP_CODE_NET_UNREACH, ICMP_CODE_HOST_UNREACH}) {
        test_world world;
        tcp_peer peer(world, connecting);
        peer.expect(syn());
        peer.icmp_error(ICMP_TYPE_DEST_UNREACH, code, peer.last());
        peer.wait(130s);
        const int error = peer.app_error();
        EXPECT_TRUE(error == EHOSTUNREACH || error == ENETUNREACH) << error;
    }
}

/* RFC 9293 MUST-56: "net unreachable", "host unreachable" and "source route failed" do not abort a connection. */
TEST(TcpIcmp, SoftErrorsDoNotAbort)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x"));
    const tcp_peer_segment about = peer.last();
    for (const uint8_t code : {ICMP_CODE_NET_UNREACH, ICMP_CODE_HOST_UNREACH, ICMP_CODE_SOURCE_ROUTE_FAILED}) {
        peer.icmp_error(ICMP_TYPE_DEST_UNREACH, code, about);
    }
    peer.icmp_error(ICMP_TYPE_TIME_EXCEEDED, ICMP_CODE_EXCEEDED_TTL, about);
    peer.icmp_error(ICMP_TYPE_PARAM_PROBLEM, 0, about);
    peer.expect(payload("x").within(3s));
    peer.rcv += 1;
    peer.send(ack());
    expect_alive(peer);
    EXPECT_EQ(peer.app_write("alive too"), 9);
}

/* RFC 5927 4.1: no ICMP error aborts an established connection, as on Linux, since a RST says the same and is harder to
 * forge. */
TEST(TcpIcmp, HardErrorsDoNotAbortAnEstablishedConnection)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x"));
    const tcp_peer_segment about = peer.last();
    peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PROTO_UNREACH, about);
    peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH, about);
    peer.expect(payload("x").within(3s));
    peer.rcv += 1;
    peer.send(ack());
    expect_alive(peer);
}

/* RFC 9293 SHLD-25: when retransmission gives up, the user learns the reason that an ICMP error has told, as on Linux.
 */
TEST(TcpIcmp, ReasonIsReportedWhenTheConnectionIsGivenUp)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.data_retries = 4;
                  }});
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x"));
    while (peer.app_error() == 0 && world.elapsed() < 1h) {
        const auto seg = peer.receive(60s);
        if (!seg) break;
        peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_HOST_UNREACH, *seg);
    }
    peer.wait(100s);
    EXPECT_EQ(peer.app_write("y"), -1);
}

/* RFC 9293 MUST-55: source quench is discarded silently. */
TEST(TcpIcmp, SourceQuenchIsDiscarded)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(20000)), 20000);
    const auto segments = drain(peer);
    ASSERT_FALSE(segments.empty());
    peer.icmp_error(ICMP_TYPE_SOURCE_QUENCH, 0, segments[0]);
    EXPECT_TRUE(drain(peer).empty());
    peer.rcv += MSS;
    peer.send(ack());
    EXPECT_EQ(drain(peer).size(), 2u) << "slow start goes on";
}

/* RFC 5927 4.1: an error that quotes a sequence number which is not outstanding is a forgery and ignored. */
TEST(TcpIcmp, QuoteOutsideOfWhatIsOutstandingIsIgnored)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    tcp_peer_segment forged = peer.last();
    for (const uint32_t seq : {forged.seq + 1000, forged.seq - 1, forged.seq + 0x80000000}) {
        wire_write(std::span<uint8_t>(forged.packet).subspan(24), be32(seq));
        peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH, forged);
    }
    EXPECT_EQ(peer.app_error(), 0);
    peer.send(syn_ack());
    peer.expect(ack(peer.iss + 1));
}

/* RFC 1122 4.2.3.9: an error about a connection that does not exist, or about nothing at all, is dropped. */
TEST(TcpIcmp, QuoteOfAnUnknownConnectionIsIgnored)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.expect(syn());
    tcp_peer_segment forged = peer.last();
    wire_write(std::span<uint8_t>(forged.packet).subspan(20), be16(1)); /* another source port */
    peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH, forged);
    forged.packet.resize(22); /* less than the ports */
    peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH, forged);
    forged.packet.resize(3);
    peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH, forged);
    EXPECT_EQ(peer.app_error(), 0);
    peer.send(syn_ack());
    peer.expect(ack(peer.iss + 1));
}

/* RFC 9293 SHLD-26: as on Linux, a hard error ends a half-open connection, and the listener goes on. */
TEST(TcpIcmp, HardErrorEndsAHalfOpenConnection)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH, peer.last());
    peer.expect_nothing(20s);
    EXPECT_TRUE(peer.establish());
}

/* RFC 9293 MUST-56: an error never touches a listener. */
TEST(TcpIcmp, ListenerIsNotTouched)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    tcp_peer_segment forged = peer.last();
    wire_write(std::span<uint8_t>(forged.packet).subspan(22), be16(9999)); /* to another peer's port */
    peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_PORT_UNREACH, forged);
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
}

} // namespace
} // namespace microps
