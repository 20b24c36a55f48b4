/*
 * tcp_options.hpp: TCP options (RFC 9293 3.2), parsed into one value and built from it. Whether an option was there is
 * whether its member has a value. Unknown options are skipped by their length; a bad length ends the parsing.
 *
 * A further option (window scale, timestamps, SACK) is a member here, a case in the parser and one in the builder.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace microps
{

/** The header's length field leaves room for no more. */
inline constexpr size_t TCP_OPTIONS_MAX = 40;

struct tcp_options {
    std::optional<uint16_t> mss{}; /* kind 2, in SYN segments (RFC 9293 3.7.1) */
};

[[nodiscard]] tcp_options tcp_options_parse(std::span<const uint8_t> bytes);
/** Writes options to the front of @p out, padded to a multiple of four. Returns how many bytes. */
[[nodiscard]] size_t tcp_options_build(const tcp_options &options, std::span<uint8_t, TCP_OPTIONS_MAX> out);

} // namespace microps
