/*
 * tcp_wire.hpp: TCP segments read and written by hand, for the trace and for tcp_peer.
 *
 * On purpose independent of the stack's own parser in src/tcp: one checks the other.
 */
#pragma once

#include "microps/wire.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace microps
{

inline constexpr uint8_t TCP_WIRE_SYN = 0x02;
inline constexpr uint8_t TCP_WIRE_ACK = 0x10;

struct tcp_wire_hdr {
    be16 src{};
    be16 dst{};
    be32 seq{};
    be32 ack{};
    uint8_t off{}; /* data offset in the upper four bits */
    uint8_t flags{};
    be16 wnd{};
    be16 sum{};
    be16 up{};
};
static_assert(sizeof(tcp_wire_hdr) == 20 && alignof(tcp_wire_hdr) == 1);

struct tcp_wire_options {
    std::optional<uint16_t> mss{};
    std::optional<uint8_t> wscale{};
    bool sack_permitted = false;
    std::optional<std::pair<uint32_t, uint32_t>> timestamps{};
    std::vector<std::pair<uint32_t, uint32_t>> sack{};
};

struct tcp_wire_segment {
    tcp_wire_hdr hdr{};
    tcp_wire_options options{};
    std::span<const uint8_t> option_bytes{};
    std::span<const uint8_t> payload{};
};

/** Parses a segment; what is cut off is missing in option_bytes and payload. Nothing if the header is incomplete. */
std::optional<tcp_wire_segment> tcp_wire_parse(std::span<const uint8_t> segment);
/** Options in the order of the struct, padded with NOPs. */
std::vector<uint8_t> tcp_wire_options_bytes(const tcp_wire_options &options);
/** "S.", "FP." as tcpdump does: a dot is ACK. */
std::string tcp_wire_flags_text(uint8_t flags);

} // namespace microps
