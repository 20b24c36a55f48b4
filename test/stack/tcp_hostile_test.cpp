/*
 * Hostile segments: malformed, impossible, random and mutated ones, at a stack in every state.
 *
 * What must hold: no crash (sanitizers watch), no hang, bounded memory, no answer storm, and a connection's stream
 * never contains a byte that its peer did not send.
 */
#include "support/tcp_test.hpp"

#include <functional>

namespace microps
{
namespace
{

/* RFC 9293 3.1: a data offset below 5 words, or one that points beyond the segment, is malformed. The C original
 * subtracts it from the length unchecked and copies a negative number of bytes, which crashes it. */
TEST(TcpHostile, BadDataOffsetIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, connected);
    for (uint8_t words = 0; words < 16; words++) {
        if (words >= 5 && words <= 7) continue; /* these are inside: 8 bytes of payload would be options */
        peer.send(payload("12345678").off(words));
    }
    peer.expect_nothing(1s);
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_GT(peer.host().count(counter::tcp_in_errs), 0u);
    peer.send(payload("12345678"));
    EXPECT_EQ(peer.app_read(), "12345678");
}

/* RFC 9293 3.1: a malformed SYN opens no connection either. */
TEST(TcpHostile, BadDataOffsetOpensNothing)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (const uint8_t words : octets{0, 1, 4, 6, 15}) {
        peer.send(syn().off(words));
    }
    peer.expect_nothing(1s);
}

/* RFC 9293 MUST-3: a segment with a bad checksum is dropped silently, whatever it is. */
TEST(TcpHostile, BadChecksumIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("broken").bad_checksum());
    peer.send(rst().bad_checksum());
    peer.send(fin().bad_checksum());
    peer.send(syn().peer_port(1).bad_checksum());
    peer.send(payload("odd").bad_checksum());
    peer.expect_nothing(1s);
    EXPECT_EQ(peer.app_read(), "");
    EXPECT_EQ(peer.host().count(drop_reason::bad_checksum), 5u);
    expect_alive(peer);
}

/* RFC 9293 3.1: a segment that is shorter than a header is dropped. */
TEST(TcpHostile, ShortSegmentIsDroppedSilently)
{
    test_world world;
    tcp_peer peer(world, connected);
    const auto whole = peer.packet(payload("text"));
    for (size_t size = 0; size < 20; size++) {
        const std::span<const uint8_t> bytes = std::span(whole).subspan(20, size);
        peer.inject(peer.ip_packet(IP_PROTOCOL_TCP, bytes));
    }
    peer.expect_nothing(1s);
    EXPECT_EQ(peer.app_read(), "");
}

/* CVE-1999-0016: a SYN whose source is its destination (the "land" attack) does no harm. */
TEST(TcpHostile, LandAttackIsHarmless)
{
    test_world world;
    tcp_peer peer(world, listening);
    const auto packet = peer.packet(syn().mss(MSS).peer_port(7));
    for (int i = 0; i < 10; i++) {
        peer.inject(readdressed(packet, "192.0.2.2", "192.0.2.2"));
    }
    peer.wait(10s);
    EXPECT_LE(drain(peer).size(), 20u);
    EXPECT_TRUE(peer.establish());
}

/* RFC 9293 3.10.7.2: of all combinations of control bits only a SYN alone opens a connection. */
TEST(TcpHostile, AllFlagCombinationsAtAListener)
{
    for (unsigned flags = 0; flags < 256; flags++) {
        test_world world;
        tcp_peer peer(world, listening);
        peer.send(segment(static_cast<uint8_t>(flags)).seq(peer.iss).payload("x"));
        const auto answer = peer.receive(0ms);
        const unsigned control = flags & 0x3f;
        const bool opens = answer && (answer->flags & TCP_PEER_SYN);
        if (control & TCP_PEER_RST) {
            EXPECT_FALSE(answer) << flags;
        }
        if ((control & TCP_PEER_ACK) && !(control & TCP_PEER_RST)) {
            EXPECT_TRUE(answer && (answer->flags & TCP_PEER_RST)) << flags;
        }
        if (!(control & TCP_PEER_SYN)) {
            EXPECT_FALSE(opens) << flags;
        }
    }
}

/* RFC 9293 3.10.7.4: whatever the control bits are, nothing is delivered without ACK, and only a RST ends the
 * connection. */
TEST(TcpHostile, AllFlagCombinationsAtAConnection)
{
    for (unsigned flags = 0; flags < 256; flags++) {
        test_world world;
        tcp_peer peer(world, connected);
        peer.send(segment(static_cast<uint8_t>(flags)).seq(peer.nxt).payload("x"));
        const bool has_ack = (flags & TCP_PEER_ACK) != 0;
        const bool plain = has_ack && !(flags & (TCP_PEER_SYN | TCP_PEER_RST));
        EXPECT_EQ(peer.app_read(), plain ? "x" : "") << flags;
        if (flags & TCP_PEER_RST) {
            EXPECT_EQ(peer.app_errno(), ECONNRESET) << flags;
        } else if (!plain) {
            EXPECT_EQ(peer.app_errno(), EAGAIN) << flags;
        }
    }
}

/** A stack in one of TCP's states, with a peer that knows its numbers. */
struct situation {
    const char *name;
    tcp_peer_start start;
    std::function<void(tcp_peer &)> prepare;
};

std::vector<situation> situations()
{
    const auto nothing = [](tcp_peer &) {
    };
    return {
        {"closed", tcp_peer_start::idle, nothing},
        {"listen", listening, nothing},
        {"syn_sent", connecting,
         [](tcp_peer &peer) {
             peer.expect(syn());
         }},
        {"syn_received", listening,
         [](tcp_peer &peer) {
             half_open(peer);
         }},
        {"established", connected, nothing},
        {"sending", connected,
         [](tcp_peer &peer) {
             peer.app_write(stream(100000));
         }},
        {"window shut", connected,
         [](tcp_peer &peer) {
             peer.send(ack().win(0));
             peer.app_write(stream(1000));
         }},
        {"hole", connected,
         [](tcp_peer &peer) {
             peer.send(payload("zzz").seq(peer.nxt + 100));
         }},
        {"close_wait", connected,
         [](tcp_peer &peer) {
             peer.send(fin());
             peer.nxt += 1;
         }},
        {"last_ack", connected,
         [](tcp_peer &peer) {
             close_passively(peer);
         }},
        {"fin_wait1", connected,
         [](tcp_peer &peer) {
             peer.app_shutdown(SHUT_WR);
         }},
        {"fin_wait2", connected,
         [](tcp_peer &peer) {
             peer.app_shutdown(SHUT_WR);
             peer.expect(fin());
             peer.rcv += 1;
             peer.send(ack());
         }},
        {"closing", connected,
         [](tcp_peer &peer) {
             peer.app_shutdown(SHUT_WR);
             peer.expect(fin());
             peer.send(fin());
             peer.nxt += 1;
         }},
        {"time_wait", connected,
         [](tcp_peer &peer) {
             close_actively(peer);
         }},
    };
}

/** A number near one that matters, or any. */
uint32_t interesting(net_random &random, uint32_t around)
{
    switch (random.below(6)) {
    case 0:
        return around;
    case 1:
        return around + static_cast<uint32_t>(random.below(20)) - 10;
    case 2:
        return around + static_cast<uint32_t>(random.below(140000)) - 70000;
    case 3:
        return around + 0x80000000 + static_cast<uint32_t>(random.below(4)) - 2;
    case 4:
        return 0u - static_cast<uint32_t>(random.below(3));
    default:
        return random.u32();
    }
}

/** A TCP segment by somebody who knows TCP and means no good. */
std::vector<uint8_t> hostile_segment(tcp_peer &peer, net_random &random)
{
    tcp_pattern what =
        segment(static_cast<uint8_t>(random.chance(0.7) ? TCP_PEER_ACK | random.below(64) : random.u16()));
    what.seq(interesting(random, peer.nxt));
    if (random.chance(0.8)) what.ack(interesting(random, random.chance(0.5) ? peer.rcv : peer.rcv_max()));
    what.win(static_cast<uint16_t>(random.chance(0.3) ? random.below(3) : random.u16()));
    if (random.chance(0.5)) what.payload(std::string(random.below(random.chance(0.2) ? 1460 : 8), '!'));
    if (random.chance(0.1)) what.urg(random.u16());
    if (random.chance(0.2)) {
        std::vector<uint8_t> options(4 * random.below(11));
        for (uint8_t &byte : options) {
            byte = static_cast<uint8_t>(random.below(random.chance(0.7) ? 12 : 256));
        }
        what.raw_options(options);
    }
    if (random.chance(0.05)) what.off(static_cast<uint8_t>(random.below(16)));
    if (random.chance(0.02)) what.bad_checksum();
    if (random.chance(0.05)) what.peer_port(random.u16());
    if (random.chance(0.05)) what.stack_port(random.u16());
    std::vector<uint8_t> packet = peer.packet(what);
    if (random.chance(0.05)) packet.resize(random.below(packet.size() + 1));
    if (random.chance(0.05) && !packet.empty())
        packet[random.below(packet.size())] = static_cast<uint8_t>(random.u16());
    return packet;
}

/* RFC 9293 3.10.7: thousands of segments by an on-path attacker, who sees the numbers, do not bring the stack down in
 * any state, and it serves the next client. */
TEST(TcpHostile, RandomSegmentsInEveryState)
{
    for (const situation &state : situations()) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            SCOPED_TRACE(std::string(state.name) + ", seed " + std::to_string(seed));
            test_world world(seed);
            tcp_peer peer(world, state.start);
            state.prepare(peer);
            peer.skip();
            net_random random(seed * 1000);
            size_t answers = 0;
            for (int i = 0; i < 1000; i++) {
                peer.inject(hostile_segment(peer, random));
                if (random.chance(0.02)) peer.wait(net_duration(random.below(3'000'000'000)));
                if (random.chance(0.05) && peer.app() >= 0) peer.app_read(100);
                answers += drain(peer).size();
            }
            EXPECT_LE(answers, 6000u) << "an answer storm";
            EXPECT_LT(peer.host().packets_in_use(), 4u << 20);
            world.run_for(1h);
            peer.skip();
            if (peer.listener() >= 0) {
                peer.peer_port = 1;
                peer.iss = 5;
                peer.nxt = 6;
                while (peer.app_accept()) {
                }
                EXPECT_TRUE(peer.establish());
            }
        }
    }
}

/* RFC 5961: an off-path attacker who knows addresses and ports but no sequence numbers does not change the stream, and
 * it arrives. */
TEST(TcpHostile, BlindSegmentsDoNotTouchTheStream)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        test_world world(seed);
        tcp_peer peer(world, connected);
        net_random random(seed);
        const std::string data = stream(20000);
        std::string got;
        const uint32_t begin = peer.nxt;
        while (got.size() < data.size()) {
            for (int i = 0; i < 100; i++) {
                uint32_t seq = random.u32();
                if (seq - (peer.nxt - 70000) < 140000) seq += 0x20000000; /* a lucky hit is not what this is about */
                const auto flags = static_cast<uint8_t>(random.below(64));
                peer.send(segment(flags).seq(seq).ack(random.u32()).payload("evil"));
            }
            const std::string part = data.substr(peer.nxt - begin, 200);
            peer.send(payload(part));
            peer.nxt += static_cast<uint32_t>(part.size());
            got += peer.app_read();
        }
        EXPECT_EQ(got, data) << "seed " << seed;
        EXPECT_EQ(peer.app_write("alive"), 5);
    }
}

/* RFC 5961 5.2: data of an attacker who guesses a sequence number in the window, but no acceptable ACK, is not
 * delivered. */
TEST(TcpHostile, InjectionIntoTheWindowIsKeptOut)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_random random(9);
    const std::string data = stream(4000);
    for (uint32_t at = 0; at < data.size(); at += 40) {
        for (int i = 0; i < 30; i++) {
            const uint32_t distance = 0x10000000 + random.u32() % 0xe0000000; /* neither recent nor near */
            peer.send(
                payload("evil").seq(peer.nxt + static_cast<uint32_t>(random.below(100))).ack(peer.rcv - distance));
        }
        peer.send(payload(data.substr(at, 40)));
        peer.nxt += 40;
    }
    EXPECT_EQ(peer.app_read(), data);
}

/* RFC 9293 3.10.7: each byte of a handshake's segments is changed once, with the checksum kept right, and the stack
 * survives. */
TEST(TcpHostile, MutatedHandshakes)
{
    for (size_t offset = 20; offset < 44; offset++) {
        for (const uint8_t mask : octets{0x01, 0x80, 0xff}) {
            test_world world;
            tcp_peer peer(world, listening);
            auto packet = peer.packet(syn().mss(MSS));
            packet[offset] = static_cast<uint8_t>(packet[offset] ^ mask);
            peer.inject(readdressed(packet, "192.0.2.1", "192.0.2.2"));
            peer.wait(1s);
            peer.skip();
            peer.peer_port = 2222;
            EXPECT_TRUE(peer.establish()) << offset;
        }
    }
}

/* RFC 9293 3.10.7.4: when each segment comes back with its numbers swapped, the exchange ends after a bounded number of
 * segments. */
TEST(TcpHostile, ConnectionToItselfThroughTheWireEnds)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("x").ack(peer.rcv + 5));
    for (int i = 0; i < 50; i++) { /* every answer is reflected with its numbers swapped */
        const auto answer = peer.receive(0ms);
        if (!answer) return;
        peer.send(segment(answer->flags).seq(answer->ack).ack(answer->seq));
    }
    EXPECT_LE(peer.pending(), 1u);
}

} // namespace
} // namespace microps
