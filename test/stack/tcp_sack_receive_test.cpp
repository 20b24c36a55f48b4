/*
 * What the receiver reports by SACK: RFC 2018 and its examples, RFC 2883 (D-SACK) and its examples.
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

using blocks = std::vector<tcp_peer_sack>;

/** A peer whose stream has the numbers of the RFC's example: RCV.NXT of the stack is @p next. */
struct sack_story {
    explicit sack_story(uint32_t next, std::function<void(tcp_config &)> configure = {}, bool timestamps = false)
        : peer(world, listening, {.iss = next - 1, .mtu = 9000, .configure = std::move(configure)}), stamped(timestamps)
    {
        tcp_pattern handshake = syn().mss(MSS).sack_permitted();
        if (timestamps) handshake.timestamps(1, 0);
        peer.establish(handshake);
    }

    /** The segment of the bytes first .. last comes, as the RFCs write it (last included). */
    void arrives(uint32_t first, uint32_t last)
    {
        tcp_pattern seg = payload(stream(last - first + 1, first)).seq(first);
        if (stamped) seg.timestamps(2, 0);
        peer.skip();
        peer.send(seg);
    }
    /** It is answered by an ACK of its own, at once, with exactly these blocks. */
    void arrives(uint32_t first, uint32_t last, uint32_t acked, const blocks &sack, sim_site site = sim_site::here())
    {
        arrives(first, last);
        peer.expect(ack(acked).len(0).within(0ms).sack(sack), site);
        peer.expect_nothing(0ms, site);
    }
    [[nodiscard]] uint64_t count(counter what) { return peer.host().count(what); }

    test_world world;
    tcp_peer peer;
    bool stamped;
};

/** Leaves D-SACK out of the way where RFC 2018 alone is told. */
void without_dsack(tcp_config &config) { config.dsack = false; }

/* RFC 2018 7, case 1: the first four segments arrive and the last four are lost, so there is nothing to report. */
TEST(TcpSackReceive, Case1OfRfc2018)
{
    sack_story story(5000);
    for (uint32_t seq = 5000; seq < 7000; seq += 500) {
        story.arrives(seq, seq + 499);
    }
    story.peer.wait(300ms);
    EXPECT_EQ(story.peer.una(), 7000u);
    while (story.peer.pending() > 0) {
        EXPECT_TRUE(story.peer.receive(0ms)->sack.empty());
    }
}

/* RFC 2018 7, case 2: the first segment is lost and the other seven arrive. */
TEST(TcpSackReceive, Case2OfRfc2018)
{
    sack_story story(5000);
    for (uint32_t seq = 5500; seq < 9000; seq += 500) {
        story.arrives(seq, seq + 499, 5000, {{5500, seq + 500}});
    }
    EXPECT_EQ(story.count(counter::tcp_ofo_queue), 7u);
}

/* RFC 2018 7, case 3: every second segment is lost, then the fourth arrives late, then the second. */
TEST(TcpSackReceive, Case3OfRfc2018)
{
    sack_story story(5000);
    story.arrives(5000, 5499);
    story.arrives(6000, 6499, 5500, {{6000, 6500}});
    story.arrives(7000, 7499, 5500, {{7000, 7500}, {6000, 6500}});
    story.arrives(8000, 8499, 5500, {{8000, 8500}, {7000, 7500}, {6000, 6500}});
    story.arrives(6500, 6999, 5500, {{6000, 7500}, {8000, 8500}});
    story.arrives(5500, 5999, 7500, {{8000, 8500}});
    EXPECT_EQ(story.peer.app_read(), stream(2500, 5000));
}

/* RFC 2018 3: the option stands behind two no-operations and has kind 5, length 10 and the block's edges, here around
 * 2^32. */
TEST(TcpSackReceive, OptionIsByteExact)
{
    sack_story story(0xffffff00);
    story.arrives(0xffffff80, 0x0000007f, 0xffffff00, {{0xffffff80, 0x00000080}});
    const std::vector<uint8_t> expected{1, 1, 5, 10, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0x80};
    EXPECT_EQ(story.peer.last().options, expected);
}

/* RFC 2018 4: the first block has the segment that came last, whether its range is old or new, and the other blocks
 * follow in the order in which they were first blocks last. */
TEST(TcpSackReceive, NewestBlockComesFirst)
{
    sack_story story(1000);
    story.arrives(2000, 2099, 1000, {{2000, 2100}});
    story.arrives(3000, 3099, 1000, {{3000, 3100}, {2000, 2100}});
    story.arrives(4000, 4099, 1000, {{4000, 4100}, {3000, 3100}, {2000, 2100}});
    story.arrives(2100, 2199, 1000, {{2000, 2200}, {4000, 4100}, {3000, 3100}});
    story.arrives(2900, 2999, 1000, {{2900, 3100}, {2000, 2200}, {4000, 4100}});
    story.arrives(2200, 2899, 1000, {{2000, 3100}, {4000, 4100}}); /* two ranges became one */
}

/* RFC 2018 3: four blocks fill the header, and three do beside timestamps. */
TEST(TcpSackReceive, AtMostFourBlocks)
{
    sack_story story(1000);
    for (uint32_t i = 1; i <= 5; i++) {
        story.arrives(1000 + i * 100, 1000 + i * 100 + 49);
    }
    story.arrives(1600, 1649, 1000, {{1600, 1650}, {1500, 1550}, {1400, 1450}, {1300, 1350}});
}

TEST(TcpSackReceive, AtMostThreeBlocksBesideTimestamps)
{
    sack_story story(1000, {}, true);
    for (uint32_t i = 1; i <= 5; i++) {
        story.arrives(1000 + i * 100, 1000 + i * 100 + 49);
    }
    story.arrives(1600, 1649, 1000, {{1600, 1650}, {1500, 1550}, {1400, 1450}});
    EXPECT_EQ(story.peer.last().options.size(), 40u);
}

/* RFC 2018 4: "as many distinct SACK blocks as possible" are sent, so a range that had no room is reported again when
 * others have merged. */
TEST(TcpSackReceive, ForgottenRangesComeBackWhenThereIsRoom)
{
    sack_story story(1000, without_dsack);
    for (uint32_t i = 1; i <= 6; i++) {
        story.arrives(1000 + i * 100, 1000 + i * 100 + 49);
    }
    story.arrives(1450, 1599, 1000, {{1400, 1650}, {1300, 1350}, {1100, 1150}, {1200, 1250}});
}

/* RFC 2018 4: segments with data carry SACK blocks, too, as long as there is something to report. */
TEST(TcpSackReceive, AnswerCarriesBlocks)
{
    sack_story story(1000);
    story.arrives(2000, 2099, 1000, {{2000, 2100}});
    story.peer.app_write("answer");
    story.peer.expect(payload("answer").sack({{2000, 2100}}));
}

/* RFC 9293 3.7.1 MUST-16: options count against the segment size, so data leaves room for fewer blocks or for none. */
TEST(TcpSackReceive, BlocksMakeNoSegmentTooLarge)
{
    for (const bool timestamps : {false, true}) {
        for (size_t size = 1400; size <= 1448; size++) {
            sack_story story(1000, without_dsack, timestamps);
            for (uint32_t first = 2000; first < 6000; first += 1000) {
                story.arrives(first, first + 99);
            }
            story.peer.skip();
            story.peer.app_write(stream(size));
            story.peer.expect(payload(stream(size)));
            const size_t options = story.peer.last().options.size();
            EXPECT_LE(size + options, MSS) << "size " << size << ", timestamps " << timestamps;
            if (!timestamps && size + 12 <= MSS) {
                EXPECT_FALSE(story.peer.last().sack.empty()) << size;
            }
        }
    }
}

/* RFC 2018 2: no SACK option is sent without SACK-permitted in the peer's SYN, or if it is switched off here. */
TEST(TcpSackReceive, NothingIsReportedThatWasNotAgreed)
{
    test_world world;
    tcp_peer peer(world, listening);
    peer.establish(syn().mss(MSS));
    peer.send(payload("early").seq(peer.nxt + 100));
    peer.expect(ack(peer.nxt));
    EXPECT_TRUE(peer.last().options.empty());
    peer.send(payload("early").seq(peer.nxt + 100));
    peer.expect(ack(peer.nxt));
    EXPECT_TRUE(peer.last().options.empty());
    EXPECT_EQ(peer.host().count(counter::tcp_dsack_ofo_sent), 0u);

    sack_story off(1000, [](tcp_config &config) { config.sack = false; });
    off.arrives(2000, 2099);
    off.peer.expect(ack(1000));
    EXPECT_TRUE(off.peer.last().options.empty());
}

/* RFC 2018 8: the receiver never reneges: data that was reported is kept, even when the buffer is full of out-of-order
 * data. */
TEST(TcpSackReceive, ReportedDataIsKept)
{
    sack_story story(1000);
    for (uint32_t at = 60000; at > 1000; at -= 500) {
        story.arrives(at, at + 499);
    }
    story.arrives(1000, 1499);
    EXPECT_EQ(story.peer.una(), 60500u);
    EXPECT_EQ(story.peer.app_read(), stream(59500, 1000));
}

/* RFC 2883 4.1.1: a duplicate segment below the cumulative ACK is reported. */
TEST(TcpDsack, Example1ReportsADuplicateSegment)
{
    sack_story story(3000);
    story.arrives(3000, 3499);
    story.arrives(3500, 3999);
    story.arrives(3000, 3499, 4000, {{3000, 3500}});
    EXPECT_EQ(story.count(counter::tcp_dsack_old_sent), 1u);
    EXPECT_EQ(story.count(counter::tcp_delayed_ack_lost), 1u);
}

/* RFC 2883 4.1.2: an out-of-order segment and a duplicate segment are reported. */
TEST(TcpDsack, Example2ReportsAnOutOfOrderSegmentAndADuplicate)
{
    sack_story story(3000);
    story.arrives(3000, 3499);
    story.arrives(3500, 3999);
    story.arrives(4500, 4999, 4000, {{4500, 5000}});
    story.arrives(3000, 3499, 4000, {{3000, 3500}, {4500, 5000}});
}

/* RFC 2883 4.1.3: a duplicate of an out-of-order segment is reported. */
TEST(TcpDsack, Example3ReportsADuplicateOfAnOutOfOrderSegment)
{
    sack_story story(3500);
    story.arrives(3500, 3999);
    story.arrives(4500, 4999, 4000, {{4500, 5000}});
    story.arrives(5000, 5499, 4000, {{4500, 5500}});
    story.arrives(5000, 5499, 4000, {{5000, 5500}, {4500, 5500}});
    EXPECT_EQ(story.count(counter::tcp_dsack_ofo_sent), 1u);
    EXPECT_EQ(story.count(counter::tcp_ofo_merge), 1u);
}

/* RFC 2883 4.2.1: a single duplicate subsegment is reported. */
TEST(TcpDsack, Example4ReportsADuplicateSubsegment)
{
    sack_story story(500);
    story.arrives(500, 999);
    story.arrives(2000, 2499, 1000, {{2000, 2500}});
    story.arrives(1000, 1499, 1500, {{2000, 2500}});
    story.arrives(1000, 1999, 2500, {{1000, 1500}});
    EXPECT_EQ(story.peer.app_read(), stream(2000, 500));
}

/* RFC 2883 4.2.2: of two duplicate subsegments below the cumulative ACK the first is reported. */
TEST(TcpDsack, Example5ReportsTheFirstOfTwoOldSubsegments)
{
    sack_story story(500);
    story.arrives(500, 999);
    story.arrives(3000, 3499, 1000, {{3000, 3500}});
    story.arrives(1000, 1499, 1500, {{3000, 3500}});
    story.arrives(2000, 2499, 1500, {{2000, 2500}, {3000, 3500}});
    story.arrives(1000, 2499, 2500, {{1000, 1500}, {3000, 3500}});
    EXPECT_EQ(story.peer.app_read(), stream(2000, 500));
}

/* RFC 2883 4.2.3: of two duplicate subsegments above the cumulative ACK the first is reported, and behind it the block
 * that contains it. */
TEST(TcpDsack, Example6ReportsTheFirstOfTwoOutOfOrderSubsegments)
{
    sack_story story(500);
    story.arrives(500, 999);
    story.arrives(3500, 3999, 1000, {{3500, 4000}});
    story.arrives(1500, 1999, 1000, {{1500, 2000}, {3500, 4000}});
    story.arrives(2500, 2999, 1000, {{2500, 3000}, {1500, 2000}, {3500, 4000}});
    story.arrives(1500, 2999, 1000, {{1500, 2000}, {1500, 3000}, {3500, 4000}});
    EXPECT_EQ(story.count(counter::tcp_dsack_ofo_sent), 1u);
}

/* RFC 2883 4: a segment that fills a hole may bring bytes that have arrived out of order before. */
TEST(TcpDsack, SegmentThatFillsAHoleReportsWhatItBringsTwice)
{
    sack_story story(1000);
    story.arrives(1500, 1999, 1000, {{1500, 2000}});
    story.arrives(1000, 1999, 2000, {{1500, 2000}});
    EXPECT_EQ(story.peer.app_read(), stream(1000, 1000));
}

/* RFC 2883 4: a D-SACK is reported once. */
TEST(TcpDsack, DuplicateIsReportedOnce)
{
    sack_story story(1000);
    story.arrives(1000, 1099);
    story.arrives(1000, 1099, 1100, {{1000, 1100}});
    story.arrives(1200, 1299, 1100, {{1200, 1300}});
    story.peer.app_write("x");
    story.peer.expect(payload("x").sack({{1200, 1300}}));
}

/* RFC 2883 4.3: a duplicate that PAWS refuses is answered and reported, too. */
TEST(TcpDsack, OutdatedDuplicateIsReported)
{
    sack_story story(1000, {}, true);
    story.arrives(1000, 1099);
    story.peer.skip();
    story.peer.send(payload(stream(100, 1000)).seq(1000).timestamps(0xfffffff0, 0));
    story.peer.expect(ack(1100).within(0ms).sack({{1000, 1100}}));
    EXPECT_EQ(story.count(counter::tcp_paws_estab), 1u);
}

/* RFC 2883 4: each of many duplicates in one batch has an ACK of its own, since the sender counts them. */
TEST(TcpDsack, EachDuplicateIsReported)
{
    sack_story story(1000);
    story.arrives(1000, 1999);
    for (uint32_t at = 1000; at < 2000; at += 100) {
        story.arrives(at, at + 99, 2000, {{at, at + 100}});
    }
    EXPECT_EQ(story.count(counter::tcp_dsack_old_sent), 10u);
}

/* RFC 2883 4: an old SYN or an empty segment is no duplicate of data. */
TEST(TcpDsack, OnlyDataIsReported)
{
    sack_story story(1000);
    story.peer.send(ack().seq(999));
    story.peer.expect(ack(1000));
    EXPECT_TRUE(story.peer.last().sack.empty());
    story.peer.wait(1s); /* answers to empty segments are rationed */
    story.peer.send(syn().seq(999));
    story.peer.expect(ack(1000));
    EXPECT_TRUE(story.peer.last().sack.empty());
    EXPECT_EQ(story.count(counter::tcp_dsack_old_sent), 0u);
}

TEST(TcpDsack, CanBeSwitchedOff)
{
    sack_story story(1000, without_dsack);
    story.arrives(1000, 1099);
    story.peer.skip();
    story.peer.send(payload(stream(100, 1000)).seq(1000));
    story.peer.expect(ack(1100).within(0ms));
    EXPECT_TRUE(story.peer.last().sack.empty());
    story.arrives(1200, 1299, 1100, {{1200, 1300}});
    story.arrives(1200, 1299, 1100, {{1200, 1300}});
    EXPECT_EQ(story.count(counter::tcp_dsack_old_sent) + story.count(counter::tcp_dsack_ofo_sent), 0u);
}

/* RFC 9293 3.10.7.4, seventh: the ranges that are held are bounded, and thousands of one-byte ranges are refused,
 * answered, and do no harm. */
TEST(TcpReassemblyLimit, ThousandsOfHolesAreBounded)
{
    sack_story story(1000);
    for (uint32_t i = 0; i < 5000; i++) {
        story.peer.send(payload("x").seq(1002 + 2 * i));
    }
    EXPECT_EQ(story.count(counter::tcp_ofo_queue), 512u);
    EXPECT_EQ(story.count(counter::tcp_ofo_drop), 5000u - 512u);
    EXPECT_EQ(story.peer.host().count(drop_reason::tcp_reassembly_limit), 5000u - 512u);
    EXPECT_EQ(story.peer.pending(), 5000u); /* each is answered: the peer counts duplicate ACKs */
    story.peer.skip();
    const std::string data(2000, 'x');
    upload(story.peer, data, 500);
    story.peer.wait(300ms);
    EXPECT_EQ(story.peer.una(), 3000u);
    EXPECT_EQ(story.peer.app_read(), data);
}

/* RFC 9293 3.10.7.4, seventh: a full list still accepts what touches one of its ranges, and in any order the stream is
 * complete in the end. */
TEST(TcpReassemblyLimit, FullListStillGrowsItsRanges)
{
    sack_story story(1000, [](tcp_config &config) { config.reassembly_ranges = 2; });
    story.arrives(1100, 1109);
    story.arrives(1300, 1309);
    story.arrives(1200, 1209, 1000, {{1300, 1310}, {1100, 1110}}); /* refused, and not reported */
    EXPECT_EQ(story.count(counter::tcp_ofo_drop), 1u);
    story.arrives(1110, 1299, 1000, {{1100, 1310}});
    story.arrives(1000, 1099);
    EXPECT_EQ(story.peer.app_read(), stream(310, 1000));
}

/* RFC 9293 3.10.7.4, seventh: with a bound of zero the receiver keeps no out-of-order data, and the sender goes back to
 * the gap. */
TEST(TcpReassemblyLimit, NoRangesAtAll)
{
    sack_story story(1000, [](tcp_config &config) { config.reassembly_ranges = 0; });
    story.arrives(1100, 1199, 1000, {});
    story.arrives(1000, 1099);
    EXPECT_EQ(story.peer.app_read(), stream(100, 1000));
}

} // namespace
} // namespace microps
