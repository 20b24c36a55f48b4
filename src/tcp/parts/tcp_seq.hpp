/*
 * tcp_seq.hpp: sequence numbers (RFC 9293 3.4). Their arithmetic is modulo 2^32: `a < b` means that b is less than 2^31
 * ahead of a. The class converts to no integer, so that sequence numbers are never compared as integers by accident.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace microps
{

class tcp_seq
{
public:
    constexpr tcp_seq() = default;
    constexpr explicit tcp_seq(uint32_t value) : value_(value) {}

    /** The number itself, for headers, logs and hashes. */
    [[nodiscard]] constexpr uint32_t value() const { return value_; }
    /** Returns the distance from @p earlier, which must not be later than this, modulo 2^32. */
    [[nodiscard]] constexpr uint32_t since(tcp_seq earlier) const { return value_ - earlier.value_; }

    constexpr tcp_seq &operator+=(size_t n) { return *this = *this + n; }

    friend constexpr tcp_seq operator+(tcp_seq a, size_t n) { return tcp_seq(a.value_ + static_cast<uint32_t>(n)); }
    friend constexpr tcp_seq operator-(tcp_seq a, size_t n) { return tcp_seq(a.value_ - static_cast<uint32_t>(n)); }
    /** The signed distance, negative if @p a is before @p b. */
    friend constexpr int32_t operator-(tcp_seq a, tcp_seq b) { return static_cast<int32_t>(a.value_ - b.value_); }

    friend constexpr bool operator==(tcp_seq a, tcp_seq b) { return a.value_ == b.value_; }
    friend constexpr bool operator<(tcp_seq a, tcp_seq b) { return a - b < 0; }
    friend constexpr bool operator>(tcp_seq a, tcp_seq b) { return a - b > 0; }
    friend constexpr bool operator<=(tcp_seq a, tcp_seq b) { return a - b <= 0; }
    friend constexpr bool operator>=(tcp_seq a, tcp_seq b) { return a - b >= 0; }

private:
    uint32_t value_ = 0;
};

[[nodiscard]] constexpr tcp_seq tcp_seq_min(tcp_seq a, tcp_seq b) { return a < b ? a : b; }
[[nodiscard]] constexpr tcp_seq tcp_seq_max(tcp_seq a, tcp_seq b) { return a < b ? b : a; }

} // namespace microps
