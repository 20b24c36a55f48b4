/*
 * The Internet checksum (RFC 1071) against the definition, word by word.
 */
#include "microps/checksum.hpp"

#include "microps/random.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace microps
{
namespace
{

uint16_t naive(std::span<const uint8_t> data, uint32_t init)
{
    uint64_t sum = init;
    for (size_t i = 0; i < data.size(); i += 2) {
        sum += static_cast<uint64_t>(data[i]) << 8 | (i + 1 < data.size() ? data[i + 1] : 0);
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(~sum);
}

/* RFC 1071 3: the bytes of its example have the sum that it computes. */
TEST(Checksum, ExampleOfRfc1071)
{
    const std::vector<uint8_t> data = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    EXPECT_EQ(cksum16(data), static_cast<uint16_t>(~0xddf2));
}

/* RFC 1071 1: the fast sum equals a slow one that follows the definition. */
TEST(Checksum, EqualsTheDefinitionForRandomBytesOfAnyLengthAndAlignment)
{
    net_random random(1);
    for (int round = 0; round < 2000; round++) {
        std::vector<uint8_t> data(random.below(200) + 8);
        for (uint8_t &byte : data) {
            byte = static_cast<uint8_t>(random.chance(0.3) ? 0xff : random.u32());
        }
        const auto part = std::span<const uint8_t>(data).subspan(random.below(8));
        const auto init = static_cast<uint32_t>(random.below(0x1ffff));
        ASSERT_EQ(cksum16(part, init), naive(part, init)) << "length " << part.size() << ", init " << init;
    }
}

/* RFC 1071 1: the sum over the data and its checksum is zero, which is how a receiver verifies it. */
TEST(Checksum, DataWithItsOwnChecksumSumsToZero)
{
    std::vector<uint8_t> data(65535, 0xff);
    data[10] = data[11] = 0;
    const uint16_t sum = cksum16(data);
    data[10] = static_cast<uint8_t>(sum >> 8);
    data[11] = static_cast<uint8_t>(sum & 0xff);
    EXPECT_EQ(cksum16(data), 0);
}

} // namespace
} // namespace microps
