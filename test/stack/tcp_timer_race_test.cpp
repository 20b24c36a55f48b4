/*
 * An ACK and a timer in one turn of the engine: what has come is read first, so the timer must find out that it is
 * needless (RFC 6298 5.2, 5.3), although output, which arms it anew, comes after it.
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/** Writes to a silent peer and returns when a retransmission comes; with @p answer, an ACK arrives at that moment. */
net_time second_transmission(bool sack, std::optional<net_time> answer, uint64_t &timer_runs)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_TRUE(peer.establish(syn().mss(MSS).sack_permitted(sack)));
    EXPECT_EQ(peer.app_write("text"), 4);
    peer.expect(payload("text"));
    peer.rcv += 4;
    const std::vector<uint8_t> acknowledgment = peer.packet(ack());
    if (answer) world.after(*answer - world.now(), [&] { peer.inject(acknowledgment); });
    const auto seg = peer.receive(2s);
    timer_runs = peer.host().count(counter::tcp_loss_probes) + peer.host().count(counter::tcp_timeouts);
    return seg ? seg->at : net_time{};
}

void expect_quiet(bool sack)
{
    uint64_t timer_runs = 0;
    const net_time expiry = second_transmission(sack, std::nullopt, timer_runs);
    ASSERT_NE(expiry, net_time{});
    EXPECT_EQ(timer_runs, 1U);
    EXPECT_EQ(second_transmission(sack, expiry, timer_runs), net_time{});
    EXPECT_EQ(timer_runs, 0U);
}

/* RFC 8985 7.3: when the ACK arrives in the same turn of the engine, nothing is outstanding any more, and no probe is
 * sent. */
TEST(TcpTimerRace, AckInTheTurnOfTheLossProbe) { expect_quiet(true); }

/* RFC 6298 5.2: when the ACK arrives in the same turn of the engine, the timer is off, and nothing is retransmitted. */
TEST(TcpTimerRace, AckInTheTurnOfTheTimeout) { expect_quiet(false); }

} // namespace
} // namespace microps
