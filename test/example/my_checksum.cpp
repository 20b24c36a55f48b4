/* An exercise: the Internet checksum as RFC 1071 explains it, one 16-bit word after the other. */
#include <microps/checksum.hpp>

namespace microps
{

uint16_t cksum_partial(std::span<const uint8_t> data, uint32_t init)
{
    uint64_t sum = init;
    for (size_t i = 0; i < data.size(); i++) {
        const uint64_t byte = data[i];
        sum += i % 2 == 0 ? byte << 8 : byte; /* the first byte of a word is the higher one */
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16); /* end-around carry */
    }
    return static_cast<uint16_t>(sum);
}

} // namespace microps
