/*
 * random.hpp: the stack's one source of randomness: SipHash-2-4 (Aumasson, Bernstein 2012) of a counter.
 *
 * What goes out on the wire (ports, IP identifiers, initial sequence numbers) must not let an off-path attacker
 * predict the next values, so a keyed hash is used instead of a fast generator. A seed makes it repeatable.
 */
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace microps
{

using siphash_key = std::array<uint64_t, 2>;

/** SipHash-2-4 of @p data under @p key: a keyed 64-bit hash that cannot be predicted without the key. */
[[nodiscard]] uint64_t siphash(const siphash_key &key, std::span<const uint8_t> data);

/** Random numbers. Not thread-safe: use under the lock of the stack that owns it. */
class net_random
{
public:
    /** Keyed by the operating system's entropy. */
    net_random();
    /** Repeatable. */
    explicit net_random(uint64_t seed) : key_{seed, 0x6d6963726f707321} {}

    [[nodiscard]] uint64_t u64();
    [[nodiscard]] uint32_t u32() { return static_cast<uint32_t>(u64()); }
    [[nodiscard]] uint16_t u16() { return static_cast<uint16_t>(u64()); }
    /** Evenly distributed over 0 .. @p bound - 1; 0 if @p bound is 0. */
    [[nodiscard]] uint64_t below(uint64_t bound);
    /** True with the given probability (0 .. 1). */
    [[nodiscard]] bool chance(double probability);
    /** A new secret, for hashes that an off-path attacker must not predict. */
    [[nodiscard]] siphash_key key() { return {u64(), u64()}; }

private:
    siphash_key key_;
    uint64_t counter_ = 0;
};

} // namespace microps
