/*
 * checksum.hpp: the Internet checksum (RFC 1071).
 *
 * Sums are host integers made of big-endian words, so that `hdr.sum = cksum16(bytes)` is right on every machine.
 * A partial sum (of a pseudo-header, say) is passed on as the next sum's `init`.
 */
#pragma once

#include <cstdint>
#include <span>

namespace microps
{

/** The one's-complement sum of big-endian 16-bit words, folded to 16 bits; an odd last byte is padded with zero. */
[[nodiscard]] uint16_t cksum_partial(std::span<const uint8_t> data, uint32_t init = 0);

/** The checksum to store: the complement of the sum. Over data that contains its own checksum it is 0 if intact. */
[[nodiscard]] inline uint16_t cksum16(std::span<const uint8_t> data, uint32_t init = 0)
{
    return static_cast<uint16_t>(~cksum_partial(data, init));
}

} // namespace microps
