/*
 * random.cpp: SipHash-2-4, and a generator made of it by hashing a counter.
 */
#include "microps/random.hpp"

#include "os.hpp"

#include <bit>
#include <cstddef>

namespace microps
{

namespace
{

struct sip_state {
    uint64_t v0, v1, v2, v3;

    void round()
    {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }

    void compress(uint64_t word)
    {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    }
};

} // namespace

static uint64_t load_le(std::span<const uint8_t> bytes)
{
    uint64_t word = 0;
    for (size_t i = 0; i < bytes.size(); i++) {
        word |= static_cast<uint64_t>(bytes[i]) << (8 * i);
    }
    return word;
}

static std::array<uint8_t, 8> store_le(uint64_t word)
{
    std::array<uint8_t, 8> bytes;
    for (size_t i = 0; i < bytes.size(); i++) {
        bytes[i] = static_cast<uint8_t>(word >> (8 * i));
    }
    return bytes;
}

uint64_t siphash(const siphash_key &key, std::span<const uint8_t> data)
{
    sip_state s{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
                key[1] ^ 0x7465646279746573};
    const uint64_t length = data.size();
    for (; data.size() >= 8; data = data.subspan(8)) {
        s.compress(load_le(data.first(8)));
    }
    s.compress(load_le(data) | length << 56);
    s.v2 ^= 0xff;
    for (int i = 0; i < 4; i++) {
        s.round();
    }
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

net_random::net_random() : key_{os_entropy(), os_entropy()} {}

uint64_t net_random::u64() { return siphash(key_, store_le(counter_++)); }

uint64_t net_random::below(uint64_t bound)
{
    if (bound == 0) return 0;
    /* Values in the incomplete last interval are rejected, because they would make low results more likely. */
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t value = u64();
    while (value >= limit) {
        value = u64();
    }
    return value % bound;
}

bool net_random::chance(double probability) { return static_cast<double>(u64() >> 11) * 0x1p-53 < probability; }

} // namespace microps
