/*
 * SYN floods and SYN cookies (RFC 4987): memory stays bounded, real clients get in, forged ACKs do not.
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

tcp_peer_options with(std::function<void(tcp_config &)> configure, int backlog = 128)
{
    return {.backlog = backlog, .configure = std::move(configure)};
}

void always(tcp_config &config) { config.syncookies = 2; }

/* RFC 4987 3.6: after a hundred thousand SYNs that are never followed by an ACK only half_open_max half-open
 * connections exist, and a client that comes meanwhile gets a connection with all options. */
TEST(TcpSynCookies, FloodIsSurvived)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (uint32_t i = 0; i < 100000; i++) {
        peer.send(syn()
                      .mss(MSS)
                      .timestamps(i, 0)
                      .wscale(7)
                      .sack_permitted()
                      .peer_port(static_cast<uint16_t>(1000 + i % 30000))
                      .seq(i * 77777));
        if (i % 64 == 0) peer.skip();
    }
    peer.skip();
    EXPECT_EQ(peer.host().packets_in_use(), 0u);
    EXPECT_GT(peer.host().count(counter::tcp_syncookies_sent), 90000u);
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_sent), peer.host().count(counter::tcp_req_q_full_do_cookies));
    peer.send(syn().mss(MSS).timestamps(5000, 0).wscale(7).sack_permitted());
    peer.expect(syn_ack().ack(peer.iss + 1).sack_permitted());
    ASSERT_TRUE(peer.last().timestamps);
    peer.send(ack().timestamps(5001, peer.last().timestamps->first));
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_recv), 1u);
    ASSERT_TRUE(peer.app_accept());
    peer.send(payload("hello").timestamps(5002, peer.last().timestamps->first));
    EXPECT_EQ(peer.app_read(), "hello");
}

/* RFC 4987 3.6: window scale, timestamps and SACK work on the connection that a cookie has made. */
TEST(TcpSynCookies, OptionsSurvive)
{
    test_world world;
    tcp_peer peer(world, listening, with(always));
    peer.send(syn().mss(MSS).timestamps(5000, 0).wscale(9).sack_permitted());
    peer.expect(syn_ack().ack(peer.iss + 1).mss(1460).sack_permitted());
    ASSERT_TRUE(peer.last().timestamps && peer.last().wscale);
    const uint32_t ours = peer.last().timestamps->first;
    EXPECT_EQ(peer.last().timestamps->second, 5000u);
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_sent), 1u);
    peer.wait(30ms);
    peer.send(ack().timestamps(5030, ours).win(10));
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_recv), 1u);
    EXPECT_EQ(peer.host().count(counter::tcp_passive_opens), 1u);
    ASSERT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_write(stream(10000)), 10000); /* the window is 10 << 9 = 5120 bytes */
    const auto segments = drain(peer);
    EXPECT_EQ(payload_size(segments), 3u * 1448);
    EXPECT_EQ(segments[0].payload.size(), 1448u);
    ASSERT_TRUE(segments[0].timestamps);
    EXPECT_GE(static_cast<int32_t>(segments[0].timestamps->first - ours), 0) << "our clock must not go back";
    EXPECT_EQ(segments[0].timestamps->second, 5030u);
    peer.send(payload("gap").seq(peer.nxt + 10).timestamps(5040, ours));
    peer.expect(ack(peer.nxt).sack({{peer.nxt + 10, peer.nxt + 13}}));
}

/* RFC 4987 3.6: without timestamps a cookie has no place for window scale and SACK, so they are not offered. */
TEST(TcpSynCookies, WithoutTimestampsOnlyTheSizeSurvives)
{
    const std::map<uint16_t, size_t> sizes{{100, 48}, {536, 536}, {1300, 1220}, {1460, 1460}};
    for (const auto &[mss, expected] : sizes) {
        test_world world;
        tcp_peer peer(world, listening, with(always));
        peer.send(syn().mss(mss).wscale(9).sack_permitted());
        peer.expect(syn_ack().ack(peer.iss + 1));
        EXPECT_FALSE(peer.last().wscale || peer.last().sack_permitted || peer.last().timestamps);
        peer.send(ack().win(60000));
        ASSERT_TRUE(peer.app_accept()) << mss;
        EXPECT_EQ(peer.app_write(stream(10000)), 10000);
        const auto segments = drain(peer);
        ASSERT_FALSE(segments.empty());
        EXPECT_EQ(segments[0].payload.size(), expected);
    }
}

/* RFC 4987 3.6: nothing is kept of a SYN that is answered by a cookie, so the SYN-ACK is not retransmitted, and a
 * retransmitted SYN is answered by the same cookie. */
TEST(TcpSynCookies, NothingIsRemembered)
{
    test_world world;
    tcp_peer peer(world, listening, with(always));
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack());
    const uint32_t cookie = peer.last().seq;
    peer.expect_nothing(20s);
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().seq(cookie));
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
}

/* RFC 4987 3.6: when the handshake's ACK was lost, the data that follows brings the cookie, which is in every segment.
 */
TEST(TcpSynCookies, DataBringsTheCookieToo)
{
    test_world world;
    tcp_peer peer(world, listening, with(always));
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack());
    upload_acknowledged(peer, "GET /");
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_read(), "GET /");
}

/* RFC 4987 3.6: a SYN arrives twice, first when there was no room, so that it got a cookie, and then when there was, so
 * that it got a half-open connection. The peer accepts the first answer, so the cookie is what counts: a RST for its
 * ACK would end a connection that the peer takes for established. */
TEST(TcpSynCookies, CookieCountsWhenTheSynIsRetransmitted)
{
    test_world world;
    tcp_peer peer(world, listening, with([](tcp_config &config) { config.half_open_max = 1; }));
    peer.send(syn().mss(MSS).peer_port(100));
    peer.expect(syn_ack().peer_port(100));
    peer.send(syn().mss(MSS).timestamps(5000, 0).wscale(9));
    peer.expect(syn_ack());
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_sent), 1u);
    const uint32_t cookie = peer.last().seq;
    ASSERT_TRUE(peer.last().timestamps);
    const uint32_t ours = peer.last().timestamps->first;
    peer.send(rst().peer_port(100));
    peer.send(syn().mss(MSS).timestamps(5000, 0).wscale(9));
    peer.expect(syn_ack());
    ASSERT_NE(peer.last().seq, cookie);
    peer.send(ack(cookie + 1).timestamps(5001, ours).win(10));
    peer.expect_nothing(0ms);
    ASSERT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_recv), 1u);
    peer.rcv = cookie + 1;
    peer.send(payload("hello").timestamps(5002, ours).win(10));
    EXPECT_EQ(peer.app_read(), "hello");
    EXPECT_EQ(peer.app_write(stream(10000)), 10000);
    EXPECT_EQ(payload_size(drain(peer)), 3u * 1448) << "the window is 10 << 9 = 5120 bytes";
}

/* RFC 4987 3.6: a cookie that is two minutes old is answered by a RST, as a segment for a port on which nobody listens
 * is. */
TEST(TcpSynCookies, OldCookieIsRefused)
{
    test_world world;
    tcp_peer peer(world, listening, with(always));
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack());
    const uint32_t cookie = peer.rcv;
    peer.wait(120s);
    peer.send(syn().mss(MSS).peer_port(1)); /* cookies are still being sent */
    peer.skip();
    peer.wait(10s);
    peer.send(ack(cookie));
    peer.expect(rst().seq(cookie));
    EXPECT_FALSE(peer.app_accept());
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_failed), 1u);
}

/* RFC 4987 3.6: a hundred thousand guesses while cookies are valid make no connection and get a RST each. */
TEST(TcpSynCookies, ForgedAcksAreRefused)
{
    test_world world;
    tcp_peer peer(world, listening, with(always));
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack());
    net_random random(11);
    for (int i = 0; i < 100000; i++) {
        peer.send(ack(random.u32()).seq(random.u32()).peer_port(random.u16()));
        peer.skip();
    }
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_recv), 0u);
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_failed), 100000u);
    EXPECT_FALSE(peer.app_accept());
}

/* RFC 4987 3.6: where no cookie was sent of late, none is accepted. */
TEST(TcpSynCookies, NoneIsAcceptedInPeace)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(ack(4711));
    peer.expect(rst().seq(4711));
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_failed), 0u);
    EXPECT_TRUE(peer.establish());
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_sent), 0u);
}

/* POSIX listen(): the backlog bounds connections made by cookies, too. The peer's data brings the cookie again and gets
 * in when there is room. */
TEST(TcpSynCookies, AcceptQueueIsBounded)
{
    test_world world;
    tcp_peer peer(world, listening, with(always, 1));
    std::map<uint16_t, uint32_t> cookies;
    for (uint16_t port = 100; port < 110; port++) { /* all ask before the first is accepted */
        peer.send(syn().mss(MSS).peer_port(port));
        peer.expect(syn_ack());
        cookies[port] = peer.last().seq + 1;
    }
    for (const auto &[port, cookie] : cookies) {
        peer.send(ack(cookie).peer_port(port));
    }
    peer.expect_nothing(1s);
    EXPECT_EQ(peer.host().count(counter::tcp_passive_opens), 2u);
    EXPECT_EQ(peer.host().count(counter::tcp_listen_drops), 8u);
    EXPECT_TRUE(peer.app_accept());
    peer.send(payload("in?").peer_port(109).ack(cookies[109]));
    EXPECT_EQ(peer.host().count(counter::tcp_passive_opens), 3u);
}

/* tcp_config::syncookies: with 0 the oldest half-open connection makes room. */
TEST(TcpSynCookies, SwitchedOffTheOldestMakesRoom)
{
    test_world world;
    tcp_peer peer(world, listening, with([](tcp_config &config) {
                      config.syncookies = 0;
                      config.half_open_max = 10;
                  }));
    for (uint16_t port = 100; port < 200; port++) {
        peer.send(syn().mss(MSS).peer_port(port));
    }
    EXPECT_EQ(peer.host().count(counter::tcp_syncookies_sent), 0u);
    EXPECT_EQ(peer.host().count(counter::tcp_req_q_full_drop), 90u);
    peer.skip();
    EXPECT_TRUE(peer.establish());
}

/* RFC 4987 3.6: data in a SYN that gets a cookie is not acknowledged, and the peer retransmits it. */
TEST(TcpSynCookies, DataOfTheSynIsIgnored)
{
    test_world world;
    tcp_peer peer(world, listening, with(always));
    peer.send(syn().mss(MSS).payload("early"));
    peer.expect(syn_ack().ack(peer.iss + 1));
    peer.send(payload("early"));
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_read(), "early");
}

/* tcp_config::abort_on_overflow: a client that finds the accept queue full gets a RST instead of silence. */
TEST(TcpListen, OverflowMayAbort)
{
    for (const unsigned cookies : {0u, 2u}) {
        test_world world;
        tcp_peer peer(world, listening,
                      with(
                          [cookies](tcp_config &config) {
                              config.abort_on_overflow = true;
                              config.syncookies = cookies;
                          },
                          0));
        uint32_t first = 0;
        for (const uint16_t port : words{100, 101}) {
            peer.send(syn().mss(MSS).peer_port(port));
            peer.expect(syn_ack());
            if (port == 100) first = peer.last().seq + 1;
        }
        const uint32_t second = peer.last().seq + 1;
        peer.send(ack(first).peer_port(100));
        peer.expect_nothing();
        peer.send(ack(second).peer_port(101));
        peer.expect(rst().seq(second));
        EXPECT_EQ(peer.host().count(counter::tcp_listen_overflows), 1u);
    }
}

} // namespace
} // namespace microps
