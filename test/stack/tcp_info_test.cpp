/*
 * TCP_INFO: Linux' struct tcp_info, member by member, and what it tells.
 */
#include "support/tcp_options.hpp"

#include <cstddef>

namespace microps
{
namespace
{

/* <netinet/tcp.h> has the members up to tcpi_total_retrans; what follows has Linux' documented places. */
static_assert(offsetof(tcp_info_data, tcpi_state) == offsetof(::tcp_info, tcpi_state));
static_assert(offsetof(tcp_info_data, tcpi_options) == offsetof(::tcp_info, tcpi_options));
static_assert(offsetof(tcp_info_data, tcpi_rto) == offsetof(::tcp_info, tcpi_rto));
static_assert(offsetof(tcp_info_data, tcpi_unacked) == offsetof(::tcp_info, tcpi_unacked));
static_assert(offsetof(tcp_info_data, tcpi_last_data_sent) == offsetof(::tcp_info, tcpi_last_data_sent));
static_assert(offsetof(tcp_info_data, tcpi_pmtu) == offsetof(::tcp_info, tcpi_pmtu));
static_assert(offsetof(tcp_info_data, tcpi_snd_cwnd) == offsetof(::tcp_info, tcpi_snd_cwnd));
static_assert(offsetof(tcp_info_data, tcpi_rcv_space) == offsetof(::tcp_info, tcpi_rcv_space));
static_assert(offsetof(tcp_info_data, tcpi_total_retrans) == offsetof(::tcp_info, tcpi_total_retrans));
static_assert(sizeof(::tcp_info) == 104);
static_assert(offsetof(tcp_info_data, tcpi_pacing_rate) == 104);
static_assert(offsetof(tcp_info_data, tcpi_bytes_acked) == 120);
static_assert(offsetof(tcp_info_data, tcpi_segs_out) == 136);
static_assert(offsetof(tcp_info_data, tcpi_min_rtt) == 148);
static_assert(offsetof(tcp_info_data, tcpi_delivery_rate) == 160);
static_assert(offsetof(tcp_info_data, tcpi_delivered) == 192);
static_assert(offsetof(tcp_info_data, tcpi_bytes_sent) == 200);
static_assert(offsetof(tcp_info_data, tcpi_rcv_ooopack) == 224);
static_assert(offsetof(tcp_info_data, tcpi_snd_wnd) == 228);

tcp_info_data info_of(net_stack &net, int id)
{
    tcp_info_data info;
    socklen_t size = sizeof(info);
    EXPECT_EQ(sock_getsockopt(net, id, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    EXPECT_EQ(size, sizeof(info));
    return info;
}

tcp_info_data info_of(tcp_peer &peer) { return info_of(peer.stack(), peer.app()); }

/* TCP_INFO: tcpi_state has Linux' numbers of the states, which are not those of the C original. */
TEST(TcpInfo, StatesHaveLinuxNumbers)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_EQ(info_of(peer.stack(), peer.listener()).tcpi_state, TCP_LISTEN);
    peer.establish();
    EXPECT_EQ(info_of(peer).tcpi_state, TCP_ESTABLISHED);
    peer.send(fin());
    peer.nxt += 1;
    EXPECT_EQ(info_of(peer).tcpi_state, TCP_CLOSE_WAIT);
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    peer.wait(0ms);
    EXPECT_EQ(info_of(peer).tcpi_state, TCP_LAST_ACK);
    peer.skip();
    peer.rcv += 1;
    peer.send(ack());
    EXPECT_EQ(info_of(peer).tcpi_state, TCP_CLOSE);
}

TEST(TcpInfo, StatesOfTheSideThatClosesFirst)
{
    test_world world;
    tcp_peer peer(world, connecting);
    peer.wait(0ms);
    EXPECT_EQ(info_of(peer).tcpi_state, TCP_SYN_SENT);
    peer.establish();
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    peer.wait(0ms);
    EXPECT_EQ(info_of(peer).tcpi_state, TCP_FIN_WAIT1);
    peer.rcv += 1;
    peer.send(ack());
    EXPECT_EQ(info_of(peer).tcpi_state, TCP_FIN_WAIT2);
    peer.send(fin());
    EXPECT_EQ(info_of(peer).tcpi_state, TCP_TIME_WAIT);
}

/* TCP_INFO: what the SYNs have agreed on. */
TEST(TcpInfo, OptionsAndSizes)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.establish(syn().mss(1400).wscale(5).sack_permitted().timestamps(1, 0));
    const tcp_info_data info = info_of(peer);
    EXPECT_EQ(info.tcpi_options, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
    EXPECT_EQ(info.tcpi_snd_wscale, 5);
    EXPECT_EQ(info.tcpi_rcv_wscale, 7);
    EXPECT_EQ(info.tcpi_snd_mss, 1388u) << "without the timestamps that every segment has";
    EXPECT_EQ(info.tcpi_advmss, 1460u);
    EXPECT_EQ(info.tcpi_rcv_mss, 536u) << "nothing has come yet";
    EXPECT_EQ(info.tcpi_pmtu, 1500u);
    EXPECT_EQ(info.tcpi_snd_wnd, uint32_t{peer.win} << 5);

    test_world other;
    tcp_peer plain(other, connected);
    const tcp_info_data none = info_of(plain);
    EXPECT_EQ(none.tcpi_options, 0);
    EXPECT_EQ(none.tcpi_snd_wscale, 0);
    EXPECT_EQ(none.tcpi_snd_mss, 1460u);
}

/* TCP_INFO: the sender's view of what is outstanding, in Linux' units. */
TEST(TcpInfo, WhatIsOutstanding)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.wait(100ms);
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    tcp_info_data info = info_of(peer);
    EXPECT_NEAR(info.tcpi_rtt, 100000, 1000);
    EXPECT_NEAR(info.tcpi_rttvar, 50000, 1000);
    EXPECT_NEAR(info.tcpi_rto, 300000, 2000);
    EXPECT_EQ(info.tcpi_snd_cwnd, 10u);
    EXPECT_EQ(info.tcpi_snd_ssthresh, 0x7fffffffu);
    EXPECT_EQ(info.tcpi_unacked, 0u);
    EXPECT_EQ(info.tcpi_ca_state, 0);
    EXPECT_EQ(info.tcpi_reordering, 3u);
    EXPECT_NEAR(info.tcpi_min_rtt, 100000, 1000);

    const std::string data = stream(20 * MSS);
    EXPECT_EQ(peer.app_write(data), static_cast<ssize_t>(data.size()));
    peer.wait(0ms);
    info = info_of(peer);
    EXPECT_EQ(info.tcpi_unacked, 10u);
    EXPECT_EQ(info.tcpi_notsent_bytes, 10 * MSS);

    peer.wait(4s); /* nobody answers: after 0.3, 0.9, 2.1 s the timer */
    info = info_of(peer);
    EXPECT_EQ(info.tcpi_ca_state, TCP_CA_Loss);
    EXPECT_EQ(info.tcpi_retransmits, 3);
    EXPECT_EQ(info.tcpi_backoff, info.tcpi_retransmits);
    EXPECT_EQ(info.tcpi_snd_cwnd, 1u);
    EXPECT_EQ(info.tcpi_snd_ssthresh, 7u) << "CUBIC: 0.7 of FlightSize";
    EXPECT_GE(info.tcpi_lost, 9u);
    EXPECT_EQ(info.tcpi_retrans, 1u);
    EXPECT_EQ(info.tcpi_total_retrans, 3u);
    EXPECT_EQ(info.tcpi_bytes_sent - info.tcpi_bytes_retrans, 10 * MSS);
}

/* TCP_INFO, RFC 2018: what the peer has SACKed, and what has come out of order. */
TEST(TcpInfo, HolesInBothDirections)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().mss(MSS).sack_permitted());
    peer.wait(100ms); /* without a round trip nothing could be on its way yet */
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_write(stream(5 * MSS)), 5 * 1460);
    peer.wait(100ms);
    peer.send(ack().sack({{peer.rcv + MSS, peer.rcv + 2 * MSS}}));
    peer.send(payload("late").seq(peer.nxt + 10));
    const tcp_info_data info = info_of(peer);
    EXPECT_EQ(info.tcpi_sacked, 1u);
    EXPECT_EQ(info.tcpi_ca_state, TCP_CA_Disorder);
    EXPECT_EQ(info.tcpi_delivered, 2u) << "as in Linux, our SYN counts";
    EXPECT_EQ(info.tcpi_rcv_ooopack, 1u);
    EXPECT_EQ(info.tcpi_bytes_received, 0u);
}

/* TCP_INFO: the counts of an exchange without loss. */
TEST(TcpInfo, BytesAndSegments)
{
    test_world world;
    tcp_peer peer(world, connected);
    upload(peer, stream(2 * MSS));
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), 3 * 1460);
    peer.wait(0ms);
    peer.rcv += 3 * MSS;
    peer.send(ack());
    const tcp_info_data info = info_of(peer);
    EXPECT_EQ(info.tcpi_bytes_received, 2 * MSS);
    EXPECT_EQ(info.tcpi_data_segs_in, 2u);
    EXPECT_EQ(info.tcpi_bytes_acked, 3 * MSS);
    EXPECT_EQ(info.tcpi_bytes_sent, 3 * MSS);
    EXPECT_EQ(info.tcpi_data_segs_out, 3u);
    EXPECT_GE(info.tcpi_segs_in, 4u);
    EXPECT_GE(info.tcpi_segs_out, 4u);
    EXPECT_EQ(info.tcpi_total_retrans, 0u);
}

TEST(TcpInfo, ProbesOfAClosedWindow)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 0});
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.wait(2s);
    const tcp_info_data info = info_of(peer);
    EXPECT_GE(info.tcpi_probes, 2);
    EXPECT_EQ(info.tcpi_backoff, info.tcpi_probes);
    EXPECT_EQ(info.tcpi_retransmits, 0);
    EXPECT_EQ(info.tcpi_snd_wnd, 0u);
    EXPECT_EQ(info.tcpi_notsent_bytes, 1u);
}

/* TCP_INFO: how long ago segments were sent and received, in milliseconds. */
TEST(TcpInfo, Ages)
{
    test_world world;
    tcp_peer peer(world, connected);
    upload(peer, "data");
    peer.wait(100ms);
    peer.skip(); /* its ACK */
    EXPECT_EQ(peer.app_write("answer"), 6);
    peer.expect(payload("answer"));
    peer.wait(200ms - 1ms);
    peer.rcv += 6;
    peer.send(ack());
    peer.wait(400ms);
    const tcp_info_data info = info_of(peer);
    EXPECT_NEAR(info.tcpi_last_ack_recv, 400, 5);
    EXPECT_NEAR(info.tcpi_last_data_sent, 600, 5);
    EXPECT_NEAR(info.tcpi_last_data_recv, 700, 5);
}

/* TCP_INFO of a listener: how many connections wait in the accept queue, and how many may. */
TEST(TcpInfo, Listener)
{
    test_world world;
    tcp_peer peer(world, listening, {.backlog = 5});
    for (uint16_t i = 0; i < 2; i++) {
        peer.peer_port = static_cast<uint16_t>(41000 + i);
        peer.send(syn());
        peer.expect(syn_ack());
        peer.rcv = peer.last().seq + 1;
        peer.send(ack());
    }
    const tcp_info_data info = info_of(peer.stack(), peer.listener());
    EXPECT_EQ(info.tcpi_unacked, 2u);
    EXPECT_EQ(info.tcpi_sacked, 5u);
}

/* TCP_INFO: as on Linux, a program made for an older, shorter structure gets that much of it. */
TEST(TcpInfo, ShorterStructuresAreFilled)
{
    test_world world;
    tcp_peer peer(world, connected);
    ::tcp_info old{};
    socklen_t size = sizeof(old);
    EXPECT_EQ(sock_getsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_INFO, &old, &size), 0);
    EXPECT_EQ(size, sizeof(old));
    EXPECT_EQ(old.tcpi_state, TCP_ESTABLISHED);
    EXPECT_EQ(old.tcpi_snd_cwnd, 10u);

    std::array<uint8_t, 512> large{};
    size = large.size();
    EXPECT_EQ(sock_getsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_INFO, large.data(), &size), 0);
    EXPECT_EQ(size, sizeof(tcp_info_data));
    size = 1;
    EXPECT_EQ(sock_getsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_INFO, large.data(), &size), 0);
    EXPECT_EQ(size, 1u);
}

/* Linux' CurrEstab: the number of connections that are in ESTABLISHED or CLOSE-WAIT now. */
TEST(TcpInfo, CurrEstabIsALevel)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.host().count(counter::tcp_curr_estab), 1u);
    peer.send(fin());
    EXPECT_EQ(peer.host().count(counter::tcp_curr_estab), 1u);
    EXPECT_EQ(peer.app_close(), 0);
    EXPECT_EQ(peer.host().count(counter::tcp_curr_estab), 0u);
}

/* Linux' counters of ACKs without data, at which docs/debugging.md tells to look. */
TEST(TcpInfo, PureAcksAreCounted)
{
    test_world world;
    tcp_peer peer(world, connected);
    const uint64_t before = peer.host().count(counter::tcp_pure_acks);
    peer.send(payload("text"));
    peer.nxt += 4;
    EXPECT_EQ(peer.host().count(counter::tcp_pure_acks), before);
    peer.send(ack());
    EXPECT_EQ(peer.host().count(counter::tcp_pure_acks), before + 1);
}

} // namespace
} // namespace microps
