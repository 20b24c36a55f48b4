/*
 * tcp_options_test.cpp: option bytes in both directions (RFC 9293 3.2).
 */
#include "tcp/parts/tcp_options.hpp"

#include "microps/random.hpp"

#include <gtest/gtest.h>
#include <vector>

using namespace microps;

namespace
{

std::vector<uint8_t> built(const tcp_options &options)
{
    std::array<uint8_t, TCP_OPTIONS_MAX> out{};
    const size_t size = tcp_options_build(options, out);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::optional<uint16_t> mss_of(const std::vector<uint8_t> &bytes) { return tcp_options_parse(bytes).mss; }

} // namespace

/* RFC 9293 3.2: the MSS option has kind 2, length 4, and a value of two bytes. */
TEST(TcpOptions, MssIsFourBytes)
{
    EXPECT_EQ(built({.mss = 1460}), (std::vector<uint8_t>{2, 4, 0x05, 0xb4}));
    EXPECT_EQ(mss_of({2, 4, 0x05, 0xb4}), 1460);
}

/* Without options none is found. */
TEST(TcpOptions, NothingIsNothing)
{
    EXPECT_TRUE(built({}).empty());
    EXPECT_EQ(mss_of({}), std::nullopt);
}

/* RFC 9293 3.1: an option that is not known is skipped by its length. */
TEST(TcpOptions, UnknownOptionsAreSkippedByTheirLength)
{
    /* SACK permitted, timestamps, no-operation, a kind nobody knows, then MSS. */
    EXPECT_EQ(mss_of({4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 250, 3, 9, 2, 4, 0x02, 0x18}), 536);
}

/* RFC 9293 3.1: behind End of Option List only padding stands. */
TEST(TcpOptions, EndOfListEndsParsing) { EXPECT_EQ(mss_of({0, 2, 4, 0x05, 0xb4}), std::nullopt); }

/* RFC 9293 MUST-7: lengths that are impossible do no harm; what stands behind them is not read. */
TEST(TcpOptions, BadLengthsEndParsing)
{
    EXPECT_EQ(mss_of({3, 0, 2, 4, 0x05, 0xb4}), std::nullopt);
    EXPECT_EQ(mss_of({3, 1, 2, 4, 0x05, 0xb4}), std::nullopt);
    EXPECT_EQ(mss_of({3, 200, 2, 4, 0x05, 0xb4}), std::nullopt);
    EXPECT_EQ(mss_of({2}), std::nullopt);
    EXPECT_EQ(mss_of({2, 4, 0x05}), std::nullopt);
    EXPECT_EQ(mss_of({2, 3, 0x05}), std::nullopt);
    EXPECT_EQ(mss_of({2, 4, 0x05, 0xb4, 3, 0}), 1460); /* what came before counts */
}

/* RFC 9293 MUST-7: random bytes neither crash the parser nor lead it beyond the header. */
TEST(TcpOptions, AnyBytesCanBeParsed)
{
    net_random random(5);
    for (int i = 0; i < 20000; i++) {
        std::vector<uint8_t> bytes(static_cast<size_t>(random.below(41)));
        for (uint8_t &byte : bytes) {
            byte = static_cast<uint8_t>(random.below(12));
        }
        (void)tcp_options_parse(bytes);
    }
}

/* As Linux writes them: MSS, SACK permitted, timestamps, no operation, window scale (RFC 7323, RFC 2018 2). */
TEST(TcpOptions, OptionsOfASynStandInLinuxOrder)
{
    const tcp_options syn{.mss = 1460,
                          .window_shift = uint8_t{7},
                          .sack_permitted = true,
                          .timestamps = tcp_timestamps{0x01020304, 0x05060708}};
    EXPECT_EQ(built(syn), (std::vector<uint8_t>{2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7}));
}

/* RFC 7323 appendix A: padded to words, so that the values are aligned. */
TEST(TcpOptions, EachOptionAloneIsPaddedInFront)
{
    EXPECT_EQ(built({.window_shift = uint8_t{2}}), (std::vector<uint8_t>{1, 3, 3, 2}));
    EXPECT_EQ(built({.sack_permitted = true}), (std::vector<uint8_t>{1, 1, 4, 2}));
    EXPECT_EQ(built({.timestamps = tcp_timestamps{1, 2}}), (std::vector<uint8_t>{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}));
}

/* RFC 2018 3: at most four blocks, three beside timestamps. */
TEST(TcpOptions, AsManySackBlocksAsThereIsRoomFor)
{
    tcp_options options;
    for (uint32_t i = 0; i < 6; i++) {
        options.sack.add(tcp_seq(i * 10), tcp_seq(i * 10 + 5));
    }
    EXPECT_EQ(built(options).size(), 4U + 4 * 8);
    EXPECT_EQ(built(options)[3], 2 + 4 * 8);
    options.timestamps = tcp_timestamps{};
    EXPECT_EQ(built(options).size(), 12U + 4 + 3 * 8);
    const tcp_options parsed = tcp_options_parse(built(options));
    ASSERT_EQ(parsed.sack.count, 3);
    EXPECT_EQ(parsed.sack.blocks[2].first.value(), 20U);
    EXPECT_EQ(parsed.sack.blocks[2].last.value(), 25U);
}

/* RFC 7323 2.3: a shift above 14 is taken as 14. */
TEST(TcpOptions, WindowShiftIsAtMostFourteen)
{
    EXPECT_EQ(tcp_options_parse(std::vector<uint8_t>{3, 3, 14, 0}).window_shift, uint8_t{14});
    EXPECT_EQ(tcp_options_parse(std::vector<uint8_t>{3, 3, 200, 0}).window_shift, uint8_t{14});
}

/* An option that is known but has another length than its own is skipped. */
TEST(TcpOptions, OptionsOfTheWrongLengthSayNothing)
{
    const tcp_options parsed = tcp_options_parse(
        std::vector<uint8_t>{3, 4, 1, 1, 4, 3, 0, 8, 9, 1, 2, 3, 4, 5, 6, 7, 5, 9, 1, 2, 3, 4, 5, 6, 7, 2, 4, 1, 2});
    EXPECT_FALSE(parsed.window_shift);
    EXPECT_FALSE(parsed.sack_permitted);
    EXPECT_FALSE(parsed.timestamps);
    EXPECT_TRUE(parsed.sack.empty());
    EXPECT_EQ(parsed.mss, 0x0102);
}
