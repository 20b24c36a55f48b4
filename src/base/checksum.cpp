/*
 * checksum.cpp: RFC 1071, sixteen bytes at a time.
 *
 * One's-complement addition does not depend on byte order (RFC 1071 section 2B): we add native 32-bit words, fold the
 * carries in, and swap the 16-bit result once. Nor does it depend on word size, as 2^16 = 1 modulo 0xffff.
 */
#include "microps/checksum.hpp"

#include <bit>
#include <cstring>

namespace microps
{

static constexpr uint16_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(sum);
}

template <typename Word>
static Word load(std::span<const uint8_t> data)
{
    Word word;
    std::memcpy(&word, data.data(), sizeof(word));
    return word;
}

static constexpr uint16_t to_host(uint16_t native)
{
    if constexpr (std::endian::native == std::endian::little) {
        return static_cast<uint16_t>(native << 8 | native >> 8);
    }
    return native;
}

uint16_t cksum_partial(std::span<const uint8_t> data, uint32_t init)
{
    uint64_t sum = 0;
    /* 32-bit words into a 64-bit accumulator: no carry can be lost within 2^32 words. */
    while (data.size() >= 16) {
        sum += load<uint32_t>(data);
        sum += load<uint32_t>(data.subspan(4));
        sum += load<uint32_t>(data.subspan(8));
        sum += load<uint32_t>(data.subspan(12));
        data = data.subspan(16);
    }
    while (data.size() >= 2) {
        sum += load<uint16_t>(data);
        data = data.subspan(2);
    }
    if (!data.empty()) {
        const uint8_t padded[2] = {data[0], 0};
        sum += load<uint16_t>(padded);
    }
    return fold(static_cast<uint64_t>(to_host(fold(sum))) + init);
}

} // namespace microps
