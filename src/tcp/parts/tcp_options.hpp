/*
 * tcp_options.hpp: TCP options (RFC 9293 3.2, RFC 7323, RFC 2018), parsed into one value, tcp_options, and built from
 * it. A member has a value if the option was there. Unknown options are skipped by their length; a bad length ends the
 * parsing, and what was parsed before it counts. What the options mean for a connection is left to tcp_negotiate.cpp,
 * tcp_timestamps.cpp and tcp_loss.cpp.
 */
#pragma once

#include "tcp_seq.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace microps
{

/** The most that Data Offset, the header's length in four bits, leaves room for (RFC 9293 3.1). */
inline constexpr size_t TCP_OPTIONS_MAX = 40;
/** The bytes that timestamps take of every segment, with their padding. */
inline constexpr uint32_t TCP_OPTION_TIMESTAMPS_LEN = 12;
/** The largest window shift (RFC 7323 2.3). */
inline constexpr uint8_t TCP_WINDOW_SHIFT_MAX = 14;

/** A block of a SACK option: the bytes from `first` up to, but without, `last` (RFC 2018 3). */
struct tcp_sack_block {
    tcp_seq first;
    tcp_seq last;
};

/** The blocks of one SACK option, in their order. */
struct tcp_sack_blocks {
    static constexpr size_t MAX = 4;
    std::array<tcp_sack_block, MAX> blocks{};
    uint8_t count = 0;

    void add(tcp_seq first, tcp_seq last)
    {
        if (count < MAX) blocks[count++] = {first, last};
    }
    [[nodiscard]] std::span<const tcp_sack_block> all() const { return std::span(blocks).first(count); }
    [[nodiscard]] bool empty() const { return count == 0; }
    /** Returns how many bytes of the header @p n blocks take, with their padding. */
    [[nodiscard]] static constexpr size_t size(size_t n) { return n == 0 ? 0 : 4 + 8 * n; }
};

/** The timestamps option (RFC 7323 3.2). */
struct tcp_timestamps {
    uint32_t value = 0; /* TSval */
    uint32_t echo = 0;  /* TSecr */
};

/** RFC 7323 5.2: timestamps compare modulo 2^32, as sequence numbers do. */
[[nodiscard]] constexpr bool tcp_timestamp_before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

struct tcp_options {
    std::optional<uint16_t> mss{};              /* kind 2, in SYN segments (RFC 9293 3.7.1) */
    std::optional<uint8_t> window_shift{};      /* kind 3, in SYN segments (RFC 7323 2.2), at most 14 */
    bool sack_permitted = false;                /* kind 4, in SYN segments (RFC 2018 2) */
    tcp_sack_blocks sack{};                     /* kind 5 (RFC 2018 3, RFC 2883) */
    std::optional<tcp_timestamps> timestamps{}; /* kind 8 (RFC 7323 3.2) */
};

[[nodiscard]] tcp_options tcp_options_parse(std::span<const uint8_t> bytes);
/**
 * Writes options to the front of @p out, and as many of the SACK blocks as there is room for. Returns how many bytes it
 * has written, a multiple of four.
 */
[[nodiscard]] size_t tcp_options_build(const tcp_options &options, std::span<uint8_t, TCP_OPTIONS_MAX> out);

} // namespace microps
