/*
 * Path MTU discovery of TCP (RFC 1191, RFC 5927 7, RFC 4821's black holes): the peer plays both the other end and the
 * router whose next link is too narrow.
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

constexpr uint16_t IP_HEADERS = 40; /* IP's and TCP's */

tcp_peer_options quiet()
{
    return {.configure = [](tcp_config &config) {
        config.timestamps = false;
        config.sack = false;
        config.tail_loss_probe = false;
    }};
}

void fragmentation_needed(tcp_peer &peer, const tcp_peer_segment &about, uint16_t mtu)
{
    peer.icmp_error(ICMP_TYPE_DEST_UNREACH, ICMP_CODE_FRAGMENT_NEEDED, about, mtu);
}

size_t largest(const std::vector<tcp_peer_segment> &segments)
{
    size_t size = 0;
    for (const tcp_peer_segment &seg : segments) {
        size = std::max(size, seg.payload.size());
    }
    return size;
}

int ip_option(tcp_peer &peer, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(sock_getsockopt(peer.stack(), peer.app(), IPPROTO_IP, name, &value, &size), 0);
    return value;
}

/* RFC 1191 3: all packets have DF, as on Linux those of SYN, ACK, FIN and RST, too. */
TEST(TcpPmtu, EverySegmentHasDontFragment)
{
    test_world world;
    tcp_peer peer(world, connecting, quiet());
    peer.expect(syn());
    EXPECT_TRUE(peer.last().dont_fragment);
    peer.send(syn_ack().mss(MSS));
    EXPECT_EQ(peer.app_write(stream(3000)), 3000);
    peer.send(payload("x"));
    peer.nxt += 1;
    EXPECT_EQ(peer.app_close(), 0);
    const auto segments = drain(peer, 1s);
    EXPECT_GE(segments.size(), 2u);
    for (const tcp_peer_segment &seg : segments) {
        EXPECT_TRUE(seg.dont_fragment) << "flags " << int{seg.flags};
    }
    peer.send(segment().stack_port(9)); /* nobody is there */
    peer.expect_rst();
    EXPECT_TRUE(peer.last().dont_fragment);
}

/* tcp_config::path_mtu_discovery: without it no packet has DF, and routers fragment. */
TEST(TcpPmtu, NoSegmentHasDontFragmentIfSwitchedOff)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.path_mtu_discovery = false;
                  }});
    EXPECT_EQ(peer.app_write(stream(3000)), 3000);
    const auto segments = drain(peer);
    ASSERT_FALSE(segments.empty());
    for (const tcp_peer_segment &seg : segments) {
        EXPECT_FALSE(seg.dont_fragment);
    }
    fragmentation_needed(peer, segments[0], 1000);
    EXPECT_EQ(peer.host().count(counter::tcp_pmtu_updates), 0u);
    acknowledge_everything(peer);
    EXPECT_EQ(peer.app_write(stream(3000)), 3000);
    EXPECT_EQ(largest(drain(peer)), segments[0].payload.size());
}

/* RFC 1191 3, 6.4: what was too large is retransmitted at once, in packets of the size that the router has told. */
TEST(TcpPmtu, TooLargeSegmentsAreRetransmittedAtOnceInTheSizeOfThePath)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(5 * MSS)), ssize_t{5 * MSS});
    const auto first = drain(peer);
    ASSERT_EQ(largest(first), MSS);
    fragmentation_needed(peer, first[0], 1000);
    const auto retransmitted = drain(peer);
    EXPECT_EQ(largest(retransmitted), 1000u - IP_HEADERS);
    EXPECT_EQ(data_of(retransmitted, peer.rcv), stream(5 * MSS));
    EXPECT_EQ(peer.host().count(counter::tcp_pmtu_updates), 1u);
    EXPECT_EQ(ip_option(peer, IP_MTU), 1000);
    acknowledge_everything(peer);
    EXPECT_EQ(peer.app_write(stream(5000)), 5000);
    EXPECT_EQ(largest(drain(peer)), 1000u - IP_HEADERS);
}

/* RFC 1191 6.4: several errors about the same data cause one retransmission. */
TEST(TcpPmtu, FurtherErrorsAboutTheSameDataChangeNothing)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(5 * MSS)), ssize_t{5 * MSS});
    const auto first = drain(peer);
    fragmentation_needed(peer, first[0], 1400);
    EXPECT_FALSE(drain(peer).empty());
    for (const tcp_peer_segment &seg : first) {
        fragmentation_needed(peer, seg, 1400);
    }
    EXPECT_TRUE(drain(peer).empty());
    EXPECT_EQ(peer.host().count(counter::tcp_pmtu_updates), 1u);
}

/* RFC 1191 6.4: the congestion window is not reduced, since a packet that is too large is no sign of congestion. */
TEST(TcpPmtu, CongestionWindowStays)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(100000)), 100000);
    const auto first = drain(peer);
    const size_t window = payload_size(first);
    fragmentation_needed(peer, first[0], 1200);
    const auto retransmitted = drain(peer);
    EXPECT_GT(payload_size(retransmitted) + 1200, window);
    /* Duplicate ACKs of what was small enough are no sign of congestion either. */
    for (int i = 0; i < 5; i++) {
        peer.send(ack());
    }
    EXPECT_EQ(peer.host().count(counter::tcp_fast_retrans), 0u);
}

/* RFC 1191 5, 7.1: when a router does not tell the size, the next plateau below the quoted packet's length is used. */
TEST(TcpPmtu, OldRoutersAreAnsweredByPlateaus)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), ssize_t{3 * MSS});
    auto segments = drain(peer);
    fragmentation_needed(peer, segments[0], 0);
    for (const tcp_peer_segment &late : std::vector(segments)) {
        fragmentation_needed(peer, late, 0); /* one error for each segment that was outstanding: one step */
    }
    segments = drain(peer);
    EXPECT_EQ(largest(segments), 1492u - IP_HEADERS);
    fragmentation_needed(peer, segments[0], 0);
    auto small = drain(peer);
    EXPECT_EQ(largest(small), 1006u - IP_HEADERS);
    for (const tcp_peer_segment &seg : segments) {
        if (seg.packet.size() <= 1006) small.push_back(seg);
    }
    EXPECT_EQ(data_of(small, peer.rcv), stream(3 * MSS));
}

/* RFC 1191 3: a message MUST NOT raise the estimate. */
TEST(TcpPmtu, NoErrorRaisesTheSize)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), ssize_t{3 * MSS});
    const auto first = drain(peer);
    fragmentation_needed(peer, first[0], 1000);
    drain(peer);
    fragmentation_needed(peer, first[0], 1300);
    acknowledge_everything(peer);
    EXPECT_EQ(peer.app_write(stream(5000)), 5000);
    EXPECT_EQ(largest(drain(peer)), 1000u - IP_HEADERS);
}

/* RFC 1191 6.3: after ten minutes larger packets are tried again, up to what the link takes. */
TEST(TcpPmtu, SizeIsForgottenAfterTenMinutes)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), ssize_t{3 * MSS});
    const auto first = drain(peer);
    fragmentation_needed(peer, first[0], 1000);
    drain(peer);
    acknowledge_everything(peer);
    peer.wait(9min + 50s);
    EXPECT_EQ(peer.app_write(stream(2000)), 2000);
    EXPECT_EQ(largest(drain(peer)), 1000u - IP_HEADERS);
    acknowledge_everything(peer);
    peer.wait(20s);
    EXPECT_EQ(peer.app_write(stream(2000)), 2000);
    EXPECT_EQ(largest(drain(peer)), MSS);
}

/* RFC 1191 6.4: all connections to the destination learn from one error. A new one still announces the link's MSS,
 * since what we can receive has not changed (RFC 1191 3.1, RFC 6691). */
TEST(TcpPmtu, OtherConnectionsFollowAndTheAdvertisedSizeStays)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), ssize_t{3 * MSS});
    const auto first = drain(peer);
    fragmentation_needed(peer, first[0], 900);
    drain(peer);
    acknowledge_everything(peer);

    peer.peer_port++;
    peer.iss = 5000;
    peer.nxt = 5001;
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().mss(MSS).within(0ms));
    peer.rcv = peer.last().seq + 1;
    const uint32_t begin = peer.rcv;
    peer.send(ack());
    ASSERT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_write(stream(5000)), 5000);
    const auto segments = drain(peer);
    EXPECT_EQ(largest(segments), 900u - IP_HEADERS);
    EXPECT_EQ(data_of(segments, begin), stream(5000));
}

/* RFC 1191 6.4: the second of two busy connections retransmits by the error about its own packet, although the size is
 * known already. */
TEST(TcpPmtu, SecondConnectionRetransmitsByItsOwnError)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    const int first_app = peer.app();
    const uint32_t nxt = peer.nxt;
    const uint32_t rcv = peer.rcv;
    peer.peer_port++;
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack());
    peer.rcv = peer.last().seq + 1;
    const uint32_t begin = peer.rcv;
    peer.send(ack());
    ASSERT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_write(stream(4000)), 4000);
    const auto second = drain(peer);
    const int second_app = peer.app();
    peer.set_app(first_app);
    peer.peer_port--;
    peer.nxt = nxt;
    peer.rcv = rcv;
    EXPECT_EQ(peer.app_write(stream(4000)), 4000);
    const auto first = drain(peer);
    fragmentation_needed(peer, first[0], 1100);
    EXPECT_EQ(data_of(drain(peer), rcv), stream(4000));
    fragmentation_needed(peer, second[0], 1100);
    const auto retransmitted = drain(peer);
    EXPECT_EQ(largest(retransmitted), 1100u - IP_HEADERS);
    EXPECT_EQ(data_of(retransmitted, begin), stream(4000));
    peer.set_app(second_app);
}

/* RFC 1191 3: as on Linux, a size below 552 is not accepted. Packets then have 552 bytes and may be fragmented. */
TEST(TcpPmtu, TinySizesAreRaisedToTheFloor)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), ssize_t{3 * MSS});
    const auto first = drain(peer);
    fragmentation_needed(peer, first[0], 68);
    const auto retransmitted = drain(peer);
    EXPECT_EQ(largest(retransmitted), 552u - IP_HEADERS);
    EXPECT_FALSE(retransmitted[0].dont_fragment);
    EXPECT_EQ(data_of(retransmitted, peer.rcv), stream(3 * MSS));
}

/* RFC 5927 7: an error that quotes nothing that is outstanding, or a packet that would have fitted, is forged. A flood
 * of such errors changes nothing and uses no memory. */
TEST(TcpPmtu, ForgedErrorsChangeNothing)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), ssize_t{3 * MSS});
    tcp_peer_segment forged = drain(peer)[0];
    const size_t memory = peer.host().packets_in_use();
    for (uint32_t i = 0; i < 100000; i++) {
        const uint32_t seq = peer.rcv + 3 * MSS + i * 42000;
        if (seq - peer.rcv < 3 * MSS) continue;
        wire_write(std::span<uint8_t>(forged.packet).subspan(24), be32(seq));
        fragmentation_needed(peer, forged, 600);
    }
    wire_write(std::span<uint8_t>(forged.packet).subspan(24), be32(peer.rcv));
    fragmentation_needed(peer, forged, 1500); /* it has 1500 bytes */
    fragmentation_needed(peer, forged, 65535);
    wire_write(std::span<uint8_t>(forged.packet).subspan(2), be16(60)); /* as small as an ACK */
    fragmentation_needed(peer, forged, 600);
    EXPECT_GE(peer.host().count(drop_reason::icmp_bad_quote), 100000u);
    EXPECT_EQ(peer.host().count(counter::tcp_pmtu_updates), 0u);
    EXPECT_EQ(peer.host().packets_in_use(), memory);
    EXPECT_EQ(ip_option(peer, IP_MTU), 1500);
    acknowledge_everything(peer);
    EXPECT_EQ(peer.app_write(stream(5000)), 5000);
    EXPECT_EQ(largest(drain(peer)), MSS);
}

/* IP_MTU_DISCOVER: a connection that lets routers fragment ignores an error that says they could not. */
TEST(TcpPmtu, IpMtuDiscoverDontSendsWithoutDontFragment)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(ip_option(peer, IP_MTU_DISCOVER), IP_PMTUDISC_WANT);
    const int dont = IP_PMTUDISC_DONT;
    EXPECT_EQ(sock_setsockopt(peer.stack(), peer.app(), IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont)), 0);
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), ssize_t{3 * MSS});
    const auto segments = drain(peer);
    EXPECT_FALSE(segments[0].dont_fragment);
    fragmentation_needed(peer, segments[0], 1000);
    EXPECT_TRUE(drain(peer).empty());
    EXPECT_EQ(ip_option(peer, IP_MTU), 1500);
    const int nonsense = 77;
    EXPECT_EQ(sock_setsockopt(peer.stack(), peer.app(), IPPROTO_IP, IP_MTU_DISCOVER, &nonsense, sizeof(nonsense)), -1);
    EXPECT_EQ(errno, EINVAL);
}

/** Everything that fits into @p mtu bytes gets through to the peer, the rest vanishes; until @p size bytes came. */
std::string through_black_hole(tcp_peer &peer, size_t size, size_t mtu)
{
    std::string data;
    while (data.size() < size) {
        const auto seg = peer.receive(120s);
        if (!seg) break;
        if (seg->packet.size() > mtu || seg->seq != peer.rcv || seg->payload.empty()) continue;
        data += seg->payload;
        peer.rcv += static_cast<uint32_t>(seg->payload.size());
        peer.send(ack());
    }
    return data;
}

/* RFC 4821 7.7: when large segments vanish without an error, repeated timeouts make the segments smaller. */
TEST(TcpPmtu, BlackHoleIsLeftBySmallerSegments)
{
    for (const size_t mtu : {size_t{1400}, size_t{1100}, size_t{600}}) {
        test_world world;
        tcp_peer peer(world, connected, quiet());
        EXPECT_EQ(peer.app_write(stream(50000)), 50000);
        EXPECT_EQ(through_black_hole(peer, 50000, mtu), stream(50000)) << mtu;
        EXPECT_EQ(peer.host().count(counter::tcp_mtup_fail), mtu >= 1064 ? 1u : 2u) << mtu;
        EXPECT_EQ(peer.app_error(), 0);
    }
}

/* Linux' tcp_mtu_probing: with 0 timeouts make no segment smaller. */
TEST(TcpPmtu, BlackHoleIsNotLookedForIfSwitchedOff)
{
    test_world world;
    tcp_peer peer(world, connected, {.configure = [](tcp_config &config) {
                      config.mtu_probing = 0;
                  }});
    EXPECT_EQ(peer.app_write(stream(5000)), 5000);
    const auto segments = drain(peer, 100s);
    ASSERT_GE(segments.size(), 6u);
    EXPECT_EQ(segments.back().payload.size(), segments.front().payload.size());
    EXPECT_EQ(peer.host().count(counter::tcp_mtup_fail), 0u);
}

/* RFC 4821 7.7: small segments that are lost do not vanish because of their size. */
TEST(TcpPmtu, SilenceAboutSmallSegmentsIsNoBlackHole)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(400)), 400);
    EXPECT_GE(drain(peer, 100s).size(), 6u);
    EXPECT_EQ(peer.host().count(counter::tcp_mtup_fail), 0u);
    acknowledge_everything(peer);
    EXPECT_EQ(peer.app_write(stream(3000)), 3000);
    EXPECT_EQ(largest(drain(peer)), MSS);
}

/* RFC 4821 7.7: an outage looks like a black hole. It makes segments smaller, but never below 512 bytes. */
TEST(TcpPmtu, OutageLeavesSegmentsOf512Bytes)
{
    test_world world;
    tcp_peer peer(world, connected, quiet());
    EXPECT_EQ(peer.app_write(stream(20000)), 20000);
    drain(peer, 5min);
    EXPECT_EQ(peer.host().count(counter::tcp_mtup_fail), 2u);
    EXPECT_EQ(through_black_hole(peer, 20000, 1500), stream(20000));
    EXPECT_EQ(peer.app_write(stream(3000)), 3000);
    EXPECT_EQ(largest(drain(peer)), 512u);
}

/* RFC 6691 2: with timestamps in each segment it is the packet, not the data, that has the size of the path. */
TEST(TcpPmtu, OptionsCountAgainstTheSize)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.establish(syn().mss(MSS).timestamps(1, 0));
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), ssize_t{3 * MSS});
    const auto first = drain(peer);
    ASSERT_EQ(first[0].packet.size(), 1500u);
    fragmentation_needed(peer, first[0], 1000);
    const auto retransmitted = drain(peer);
    ASSERT_FALSE(retransmitted.empty());
    EXPECT_EQ(retransmitted[0].packet.size(), 1000u);
}

} // namespace
} // namespace microps
