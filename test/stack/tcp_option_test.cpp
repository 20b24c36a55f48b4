/*
 * Options as a receiver who knows few of them must take them (RFC 9293 3.1, 3.2, 3.7.1). Bytes are literals.
 */
#include "support/log_capture.hpp"
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

constexpr uint8_t EOL = 0;
constexpr uint8_t NOP = 1;

/** Text flows in both directions; the stack sends segments of @p size. */
void expect_working(tcp_peer &peer, size_t size)
{
    peer.send(payload("in"));
    peer.nxt += 2;
    EXPECT_EQ(peer.app_read(), "in");
    drain(peer, 100ms);
    EXPECT_EQ(peer.app_write(stream(2000)), 2000);
    const auto segments = drain(peer);
    ASSERT_FALSE(segments.empty());
    EXPECT_EQ(segments[0].payload.size(), size);
}

/** Opens with these option bytes in the peer's SYN. */
void open_with(const std::vector<uint8_t> &options, size_t expected_size)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_TRUE(peer.establish(syn().raw_options(options)));
    expect_working(peer, expected_size);
}

/* RFC 9293 MUST-4, MUST-5: kind 2, length 4; 0x0218 = 536, 0x02bc = 700. */
TEST(TcpOption, MssIsRead)
{
    open_with({2, 4, 0x02, 0x18}, 536);
    open_with({2, 4, 0x02, 0xbc}, 700);
    open_with({NOP, NOP, 2, 4, 0x02, 0xbc, NOP, NOP}, 700);
}

/* RFC 9293 MUST-64: the MSS is read at any alignment. */
TEST(TcpOption, MssAtAnOddPlaceIsRead)
{
    open_with({NOP, 2, 4, 0x02, 0xbc, NOP, NOP, NOP}, 700);
    open_with({NOP, NOP, NOP, 2, 4, 0x02, 0xbc, EOL}, 700);
}

/* The SYN of a Linux client: MSS 1460, SACK permitted, timestamps, no-op, window scale 7. */
TEST(TcpOption, LinuxSynIsAccepted)
{
    open_with({2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, NOP, 3, 3, 7},
              1448); /* RFC 6691: less the timestamps */
}

/* RFC 9293 MUST-6: the SYNs of other clients are accepted, with options in other orders, Fast Open, MPTCP and
 * experiments. */
TEST(TcpOption, OtherSynsAreAccepted)
{
    open_with({2, 4, 0x05, 0xb4, NOP, 3, 3, 8, NOP, NOP, 4, 2}, 1460); /* Windows */
    open_with({2, 4, 0x05, 0xb4, NOP, 3, 3, 6, NOP, NOP, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 4, 2, EOL, EOL},
              1448);                                                             /* macOS */
    open_with({2, 4, 0x02, 0xbc, 34, 2, 254, 4, 0xf9, 0x89}, 700);               /* Fast Open, experiment */
    open_with({2, 4, 0x02, 0xbc, 30, 12, 0, 0x81, 1, 2, 3, 4, 5, 6, 7, 8}, 700); /* MPTCP */
}

/* RFC 9293 MUST-6: an unknown option is skipped by its length. */
TEST(TcpOption, UnknownOptionIsSkipped)
{
    open_with({77, 4, 9, 9, 2, 4, 0x02, 0xbc}, 700);
    open_with({77, 2, 2, 4, 0x02, 0xbc, NOP, NOP}, 700);
    open_with({253, 10, 2, 4, 0x01, 0x00, 2, 4, 0x01, 0x00, 2, 4, 0x02, 0xbc, NOP, NOP}, 700);
}

/* RFC 9293 3.2: nothing behind End of Option List counts. */
TEST(TcpOption, NothingBehindTheEndCounts)
{
    open_with({EOL, 2, 4, 0x02, 0xbc, 0, 0, 0}, 536);
    open_with({NOP, EOL, 0xff, 0xff}, 536);
}

/* RFC 9293 MUST-7: an illegal length ends parsing; the segment is good all the same, and nothing crashes. */
TEST(TcpOption, IllegalLengthEndsParsing)
{
    open_with({77, 0, 2, 4, 0x02, 0xbc, NOP, NOP}, 536);
    open_with({77, 1, 2, 4, 0x02, 0xbc, NOP, NOP}, 536);
    open_with({77, 40, 2, 4, 0x02, 0xbc, NOP, NOP}, 536);
    open_with({77, 255, 0, 0}, 536);
    open_with({NOP, NOP, NOP, 77}, 536); /* no room for a length */
    open_with({NOP, NOP, NOP, 2}, 536);
    open_with({NOP, NOP, 2, 4}, 536); /* no room for the value */
    open_with({NOP, 2, 4, 0x02}, 536);
}

/* RFC 9293 MUST-7: a known option with a wrong length is ignored. */
TEST(TcpOption, MssOfWrongLengthIsIgnored)
{
    open_with({2, 3, 0x02, NOP}, 536);
    open_with({2, 2, NOP, NOP}, 536);
    open_with({2, 6, 0x02, 0xbc, 0x02, 0xbc, NOP, NOP}, 536);
}

/* RFC 9293 MUST-5: options are accepted in any segment, up to the 40 bytes that fit. */
TEST(TcpOption, OptionsInDataSegmentsAreSkipped)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(payload("a").timestamps(1, 2));
    peer.nxt += 1;
    peer.send(payload("b").raw_options(std::vector<uint8_t>(40, NOP)));
    peer.nxt += 1;
    peer.send(payload("c").raw_options({77, 38, 1, 2, 3}));
    peer.nxt += 1;
    peer.send(payload("d").raw_options({77, 0}));
    peer.nxt += 1;
    peer.send(payload("e").sack({{peer.rcv, peer.rcv + 10}}));
    peer.nxt += 1;
    EXPECT_EQ(peer.app_read(), "abcde");
    peer.wait(100ms);
    EXPECT_EQ(peer.una(), peer.nxt);
}

/* RFC 9293 MUST-65: an MSS outside of a SYN means nothing. */
TEST(TcpOption, MssOutsideOfASynIsIgnored)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(ack().mss(100));
    peer.send(payload("x").mss(100));
    peer.nxt += 1;
    drain(peer, 100ms);
    EXPECT_EQ(peer.app_write(stream(2000)), 2000);
    peer.expect(payload(stream(MSS)));
}

/* RFC 9293 MUST-65, MUST-69: the stack sends an MSS option in SYNs only, and pads its options with zero. */
TEST(TcpOption, StackSendsMssInSynsOnly)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().mss(1460));
    const std::vector<uint8_t> expected{2, 4, 0x05, 0xb4};
    EXPECT_EQ(peer.last().options, expected) << "nothing that the peer did not offer";
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_write(stream(2000)), 2000);
    peer.send(payload("x"));
    EXPECT_EQ(peer.app_read(), "x");
    EXPECT_EQ(peer.app_close(), 0);
    for (const tcp_peer_segment &seg : drain(peer, 1s)) {
        EXPECT_FALSE(seg.mss);
        EXPECT_TRUE(seg.options.empty());
    }
}

/* RFC 9293 MUST-67: the MSS offered is what the link carries less 40 bytes of headers. */
TEST(TcpOption, OfferedMssFollowsTheLink)
{
    for (const uint16_t mtu : words{576, 1280, 1500, 9000}) {
        test_world world;
        tcp_peer peer(world, listening, {.mtu = mtu});
        peer.send(syn().mss(8960));
        peer.expect(syn_ack().mss(static_cast<uint16_t>(mtu - 40)));
    }
}

/* RFC 9293 3.7.1: a tiny MSS or one of zero makes the stack neither send headers without end, nor divide by zero, nor
 * stop. Linux' floor is 48 bytes with all options. */
TEST(TcpOption, TinyMssIsSurvived)
{
    for (const uint16_t mss : words{0, 1, 8, 40, 47, 48}) {
        test_world world;
        tcp_peer peer(world, connected, {.mss = mss});
        const std::string data = stream(3000);
        EXPECT_EQ(peer.app_write(data), 3000);
        EXPECT_EQ(download(peer, 3000), data) << mss;
        EXPECT_LE(peer.host().count(counter::tcp_out_segs), 200u) << mss;
    }
}

/* RFC 9293 3.1: option bytes are not part of the data. */
TEST(TcpOption, OptionsAreNotData)
{
    test_world world;
    tcp_peer peer(world, connected);
    peer.send(ack().timestamps(1, 2));
    peer.send(ack().raw_options({'e', 'v', 'i', 'l'}));
    peer.expect_nothing(500ms);
    EXPECT_EQ(peer.app_read(), "");
}

/* RFC 9293 3.1: the log's line and dump of a SYN with 20 bytes of options say that it has no payload. The C original
 * counts the options as payload. */
TEST(TcpOption, LogDoesNotCountOptionsAsPayload)
{
    const log_capture log;
    test_world world;
    tcp_peer peer(world, listening);
    peer.send(syn().raw_options({2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, NOP, 3, 3, 7}));
    EXPECT_TRUE(log.contains("tcp_input: 192.0.2.1:40000 => 192.0.2.2:7, len=40 (payload=0)"));
    EXPECT_TRUE(log.contains("        off: 0xa0 (40)\n"));
    EXPECT_TRUE(log.contains("        flg: 0x02 (------S-)\n"));
    EXPECT_TRUE(log.contains("tcp_output_segment: 192.0.2.2:7 => 192.0.2.1:40000, len=40 (payload=0)"));
    EXPECT_TRUE(log.contains("        flg: 0x12 (---A--S-)\n"));
}

} // namespace
} // namespace microps
