/*
 * What the SYNs agree on: window scale, timestamps, SACK; each offered or not by the peer, wanted or not by the stack's
 * configuration, in an active, a passive and a simultaneous open. RFC 7323 2.2, 3.2; RFC 2018 2; RFC 9293 3.5.
 */
#include "support/log_capture.hpp"
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/** Which of the three. */
struct options {
    bool scale;
    bool timestamps;
    bool sack;

    explicit options(unsigned bits) : scale(bits & 1), timestamps(bits & 2), sack(bits & 4) {}
    [[nodiscard]] options both(const options &other) const
    {
        return options((scale && other.scale ? 1u : 0) | (timestamps && other.timestamps ? 2u : 0) |
                       (sack && other.sack ? 4u : 0));
    }
};

enum class open_mode { active, passive, simultaneous };

tcp_pattern offering(tcp_pattern what, const options &offered, uint32_t echo)
{
    what.mss(MSS);
    if (offered.scale) what.wscale(3);
    if (offered.timestamps) what.timestamps(1000, echo);
    if (offered.sack) what.sack_permitted();
    return what;
}

void expect_options(const tcp_peer_segment &syn, const options &expected)
{
    EXPECT_EQ(syn.wscale.has_value(), expected.scale);
    EXPECT_EQ(syn.timestamps.has_value(), expected.timestamps);
    EXPECT_EQ(syn.sack_permitted, expected.sack);
}

uint32_t tsval(const tcp_peer_segment &seg) { return seg.timestamps ? seg.timestamps->first : 0; }

void open_passively(tcp_peer &peer, const options &wanted, const options &offered)
{
    peer.send(offering(syn(), offered, 0));
    peer.expect(syn_ack());
    expect_options(peer.last(), wanted.both(offered));
}

void open_actively(tcp_peer &peer, const options &wanted, const options &offered)
{
    peer.expect(syn());
    expect_options(peer.last(), wanted);
    peer.send(offering(syn_ack(), offered, tsval(peer.last())));
    peer.expect(ack(peer.iss + 1));
}

void open_simultaneously(tcp_peer &peer, const options &wanted, const options &offered)
{
    peer.expect(syn());
    expect_options(peer.last(), wanted);
    peer.send(offering(syn(), offered, 0));
    peer.expect(syn_ack());
    expect_options(peer.last(), wanted.both(offered));
}

/** Whether the connection uses exactly these. */
void expect_used(tcp_peer &peer, const options &used)
{
    const auto with_time = [&](tcp_pattern what) {
        if (used.timestamps) what.timestamps(1001, tsval(peer.last()));
        return what;
    };
    peer.send(with_time(ack()));
    if (peer.listener() >= 0) {
        ASSERT_TRUE(peer.app_accept());
    }
    peer.skip();
    EXPECT_EQ(peer.app_write(stream(2000)), 2000);
    const auto data = drain(peer);
    ASSERT_FALSE(data.empty());
    EXPECT_EQ(payload_size(data), used.scale ? 800u : 100u) << "of a window of 100";
    EXPECT_EQ(data[0].timestamps.has_value(), used.timestamps);
    peer.send(with_time(payload("early").seq(peer.nxt + 10)));
    peer.expect(ack(peer.nxt));
    EXPECT_EQ(peer.last().timestamps.has_value(), used.timestamps);
    EXPECT_EQ(peer.last().sack.size(), used.sack ? 1u : 0u);
}

TEST(TcpNegotiation, Matrix)
{
    for (const open_mode mode : {open_mode::active, open_mode::passive, open_mode::simultaneous}) {
        for (unsigned bits = 0; bits < 64; bits++) {
            const options wanted(bits & 7);
            const options offered(bits >> 3);
            SCOPED_TRACE("mode " + std::to_string(static_cast<int>(mode)) + ", wanted " + std::to_string(bits & 7) +
                         ", offered " + std::to_string(bits >> 3));
            test_world world;
            tcp_peer peer(world, mode == open_mode::passive ? listening : connecting,
                          {.win = 100, .configure = [wanted](tcp_config &config) {
                               config.window_scaling = wanted.scale;
                               config.timestamps = wanted.timestamps;
                               config.sack = wanted.sack;
                           }});
            if (mode == open_mode::passive) open_passively(peer, wanted, offered);
            if (mode == open_mode::active) open_actively(peer, wanted, offered);
            if (mode == open_mode::simultaneous) open_simultaneously(peer, wanted, offered);
            expect_used(peer, wanted.both(offered));
        }
    }
}

/* RFC 7323 2.3: a shift above 14 is taken as 14, and said in the log. */
TEST(TcpNegotiation, LargeShiftIsTakenAs14)
{
    const log_capture log;
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_TRUE(peer.establish(syn().mss(MSS).wscale(15)));
    peer.send(ack().win(1)); /* 16384 */
    EXPECT_EQ(peer.app_write(stream(60000)), 60000);
    EXPECT_EQ(payload_size(drain(peer)), 14600u) << "the initial window";
    EXPECT_TRUE(log.contains("window shift 15 is taken as 14"));
}

/* RFC 7323 2.2: the window of a SYN and a SYN-ACK is never scaled. */
TEST(TcpNegotiation, WindowOfASynIsNotScaled)
{
    test_world world;
    tcp_peer peer(world, listening, {.win = 500});
    peer.send(syn().mss(MSS).wscale(10));
    peer.expect(syn_ack());
    EXPECT_EQ(peer.last().win, 65535) << "nor is ours";
    peer.send(payload("x").win(3));
    peer.nxt += 1;
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_write(stream(60000)), 60000);
    EXPECT_EQ(payload_size(drain(peer)), 2920u) << "of 3072";
}

/* RFC 7323 2.2, 3.2, RFC 2018 2: options that only SYNs may carry mean nothing elsewhere, and neither do options that
 * were not agreed on. */
TEST(TcpNegotiation, LateOptionsAreIgnored)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 1000});
    peer.send(ack().wscale(7).sack_permitted().timestamps(5, 6).mss(100));
    peer.send(payload("early").seq(peer.nxt + 5).wscale(7).sack_permitted().timestamps(5, 6));
    peer.expect(ack(peer.nxt));
    EXPECT_TRUE(peer.last().options.empty());
    EXPECT_EQ(peer.app_write(stream(5000)), 5000);
    EXPECT_EQ(payload_size(drain(peer)), 1000u);
    peer.send(ack().timestamps(1, 0)); /* older than 5: no PAWS here */
    peer.send(payload("12345").timestamps(1, 0));
    EXPECT_EQ(peer.app_read(), "12345early");
}

/* RFC 9293 3.7.1: as on Linux, an MSS of 0 counts as none (536), and one below 48 as 48, less the timestamps. */
TEST(TcpNegotiation, TinyMssHasAFloor)
{
    struct row {
        uint16_t mss;
        size_t expected;
    };
    for (const row &each : {row{0, 524}, row{1, 36}, row{47, 36}, row{48, 36}, row{49, 37}}) {
        for (const uint32_t configured : {48u, 0u}) {
            test_world world;
            tcp_peer peer(world, listening, {.configure = [configured](tcp_config &config) {
                              config.min_mss = configured;
                          }});
            EXPECT_TRUE(peer.establish(syn().mss(each.mss).timestamps(1, 0)));
            EXPECT_EQ(peer.app_write(stream(1000)), 1000);
            const auto data = drain(peer);
            ASSERT_FALSE(data.empty());
            EXPECT_EQ(data[0].payload.size(), each.expected) << each.mss;
        }
    }
}

} // namespace
} // namespace microps
