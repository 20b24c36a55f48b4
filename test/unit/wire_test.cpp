/*
 * wire_test.cpp: integers on the wire, and reading and writing headers.
 */
#include "microps/wire.hpp"

#include <array>
#include <gtest/gtest.h>
#include <vector>

namespace microps
{

namespace
{

struct sample_hdr {
    uint8_t first{};
    be16 second{};
    be32 third{};
};
static_assert(sizeof(sample_hdr) == 7);

} // namespace

/* RFC 791, appendix B: the most significant byte stands first. */
TEST(Wire, IntegersStandInNetworkOrder)
{
    const be16 a = 0x1234;
    const be32 b = 0x12345678;
    EXPECT_EQ((std::vector<uint8_t>{0x12, 0x34}), std::vector<uint8_t>(wire_bytes(a).begin(), wire_bytes(a).end()));
    EXPECT_EQ((std::vector<uint8_t>{0x12, 0x34, 0x56, 0x78}),
              std::vector<uint8_t>(wire_bytes(b).begin(), wire_bytes(b).end()));
}

/* A be16 or be32 gives back the number that it was made of. */
TEST(Wire, IntegersConvertToWhatTheyWereMadeOf)
{
    for (unsigned v = 0; v <= 0xffff; v++) {
        const be16 wire = static_cast<uint16_t>(v);
        ASSERT_EQ(wire, v);
        ASSERT_EQ(be16::from_net(wire.to_net()), v);
    }
    for (const uint32_t v : {0u, 1u, 0x80000000u, 0xffffffffu, 0x01020304u}) {
        const be32 wire = v;
        EXPECT_EQ(wire, v);
        EXPECT_EQ(be32::from_net(wire.to_net()), v);
    }
}

/* wire_read() returns the header and shortens the bytes by it. */
TEST(Wire, ReadTakesTheHeaderOffTheFront)
{
    const std::array<uint8_t, 9> bytes{1, 2, 3, 4, 5, 6, 7, 8, 9};
    std::span<const uint8_t> data = bytes;
    const auto hdr = wire_read<sample_hdr>(data);
    ASSERT_TRUE(hdr);
    EXPECT_EQ(hdr->first, 1);
    EXPECT_EQ(hdr->second, 0x0203);
    EXPECT_EQ(hdr->third, 0x04050607u);
    ASSERT_EQ(data.size(), 2u);
    EXPECT_EQ(data[0], 8);
}

/* Too few bytes are no header, and they stay as they are. */
TEST(Wire, ReadOfTooFewBytesReturnsNothingAndTakesNothing)
{
    const std::array<uint8_t, 6> bytes{};
    for (size_t size = 0; size <= bytes.size(); size++) {
        std::span<const uint8_t> data = std::span(bytes).first(size);
        EXPECT_FALSE(wire_read<sample_hdr>(data));
        EXPECT_EQ(data.size(), size);
    }
}

/* What wire_write() has written, wire_read() reads. */
TEST(Wire, WriteAndReadAreInverse)
{
    std::array<uint8_t, 7> bytes{};
    wire_write(std::span<uint8_t>(bytes), sample_hdr{.first = 9, .second = 0xabcd, .third = 0xdeadbeef});
    EXPECT_EQ(bytes, (std::array<uint8_t, 7>{9, 0xab, 0xcd, 0xde, 0xad, 0xbe, 0xef}));
    std::span<const uint8_t> data = bytes;
    EXPECT_EQ(wire_read<sample_hdr>(data)->third, 0xdeadbeefu);
}

} // namespace microps
