/*
 * tcp_segment.hpp: a segment: its header on the wire, and what is left of it after the parse (RFC 9293 3.1).
 */
#pragma once

#include "microps/ip_addr.hpp"
#include "microps/wire.hpp"
#include "parts/tcp_options.hpp"
#include "parts/tcp_seq.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace microps
{

struct tcp_hdr {
    be16 src{};
    be16 dst{};
    be32 seq{};
    be32 ack{};
    uint8_t off{}; /* header length in words, in the upper four bits */
    uint8_t flg{};
    be16 wnd{};
    be16 sum{};
    be16 up{};
};
static_assert(sizeof(tcp_hdr) == 20 && alignof(tcp_hdr) == 1);

inline constexpr uint8_t TCP_FLG_FIN = 0x01;
inline constexpr uint8_t TCP_FLG_SYN = 0x02;
inline constexpr uint8_t TCP_FLG_RST = 0x04;
inline constexpr uint8_t TCP_FLG_PSH = 0x08;
inline constexpr uint8_t TCP_FLG_ACK = 0x10;
inline constexpr uint8_t TCP_FLG_URG = 0x20;

inline constexpr uint32_t TCP_MSS_DEFAULT = 536;  /* RFC 9293 3.7.1: the peer's, if its SYN has no option */
inline constexpr uint32_t TCP_MSS_MIN = 48;       /* the least: it leaves room for data behind all options */
inline constexpr uint32_t TCP_WINDOW_MAX = 65535; /* of the header's field */

/** A segment after the parse: host order, lengths checked. Seen from us: `local` is where it was sent to. */
struct tcp_segment {
    ip_endpoint local{};
    ip_endpoint foreign{};
    tcp_seq seq{};
    tcp_seq ack{};
    uint32_t wnd = 0;
    uint8_t flags = 0;
    uint16_t gso_size = 0; /* not 0: the device has merged segments of this size */
    std::span<const uint8_t> data{};
    tcp_options options{};

    [[nodiscard]] bool has(uint8_t flag) const { return (flags & flag) != 0; }
    /** SEG.LEN: its length in sequence numbers. */
    [[nodiscard]] size_t len() const { return data.size() + (has(TCP_FLG_SYN) ? 1 : 0) + (has(TCP_FLG_FIN) ? 1 : 0); }
    [[nodiscard]] tcp_seq end() const { return seq + len(); }
};

/** What a step of SEGMENT ARRIVES says: go on with the next, or this segment is done with. */
enum class step { next, drop };

} // namespace microps
