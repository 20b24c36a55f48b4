/*
 * tcp_options_test.cpp: option bytes in both directions (RFC 9293 3.2).
 */
#include "tcp/tcp_options.hpp"

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

TEST(TcpOptions, MssIsFourBytes)
{
    EXPECT_EQ(built({.mss = 1460}), (std::vector<uint8_t>{2, 4, 0x05, 0xb4}));
    EXPECT_EQ(mss_of({2, 4, 0x05, 0xb4}), 1460);
}

TEST(TcpOptions, NothingIsNothing)
{
    EXPECT_TRUE(built({}).empty());
    EXPECT_EQ(mss_of({}), std::nullopt);
}

TEST(TcpOptions, UnknownOptionsAreSkippedByTheirLength)
{
    /* SACK permitted, timestamps, no-operation, a kind nobody knows, then MSS. */
    EXPECT_EQ(mss_of({4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 250, 3, 9, 2, 4, 0x02, 0x18}), 536);
}

TEST(TcpOptions, EndOfListEndsParsing) { EXPECT_EQ(mss_of({0, 2, 4, 0x05, 0xb4}), std::nullopt); }

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
