/*
 * tcp_wire.cpp: TCP's header and options, straight from RFC 9293 3.1, RFC 7323 and RFC 2018.
 */
#include "tcp_wire.hpp"

#include <algorithm>

namespace microps
{

static constexpr size_t OPTIONS_SIZE_MAX = 40; /* the header has four bits for its length in words */
static constexpr uint8_t OPTION_END = 0;
static constexpr uint8_t OPTION_NOP = 1;
static constexpr uint8_t OPTION_MSS = 2;
static constexpr uint8_t OPTION_WSCALE = 3;
static constexpr uint8_t OPTION_SACK_PERMITTED = 4;
static constexpr uint8_t OPTION_SACK = 5;
static constexpr uint8_t OPTION_TIMESTAMPS = 8;

static void read_option(uint8_t kind, std::span<const uint8_t> value, tcp_wire_options &options)
{
    if (kind == OPTION_MSS && value.size() == 2) {
        options.mss = *wire_read<be16>(value);
    } else if (kind == OPTION_WSCALE && value.size() == 1) {
        options.wscale = value[0];
    } else if (kind == OPTION_SACK_PERMITTED && value.empty()) {
        options.sack_permitted = true;
    } else if (kind == OPTION_TIMESTAMPS && value.size() == 8) {
        const uint32_t first = *wire_read<be32>(value);
        options.timestamps = std::pair(first, wire_read<be32>(value)->value());
    } else if (kind == OPTION_SACK && value.size() % 8 == 0) {
        while (!value.empty()) {
            const uint32_t first = *wire_read<be32>(value);
            options.sack.emplace_back(first, wire_read<be32>(value)->value());
        }
    }
}

static tcp_wire_options read_options(std::span<const uint8_t> bytes)
{
    tcp_wire_options options;
    while (!bytes.empty() && bytes[0] != OPTION_END) {
        if (bytes[0] == OPTION_NOP) {
            bytes = bytes.subspan(1);
            continue;
        }
        if (bytes.size() < 2 || bytes[1] < 2 || bytes[1] > bytes.size()) break;
        read_option(bytes[0], bytes.subspan(2, bytes[1] - 2u), options);
        bytes = bytes.subspan(bytes[1]);
    }
    return options;
}

static void put32(std::vector<uint8_t> &bytes, uint32_t value)
{
    const be32 wire = value;
    const auto view = wire_bytes(wire);
    bytes.insert(bytes.end(), view.begin(), view.end());
}

std::optional<tcp_wire_segment> tcp_wire_parse(std::span<const uint8_t> segment)
{
    std::span<const uint8_t> rest = segment;
    const auto hdr = wire_read<tcp_wire_hdr>(rest);
    if (!hdr) return std::nullopt;
    tcp_wire_segment seg{.hdr = *hdr};
    const size_t header = static_cast<size_t>(hdr->off >> 4) * 4;
    const size_t options = header > sizeof(tcp_wire_hdr) ? header - sizeof(tcp_wire_hdr) : 0;
    seg.option_bytes = rest.first(std::min(options, rest.size()));
    seg.payload = rest.subspan(seg.option_bytes.size());
    seg.options = read_options(seg.option_bytes);
    return seg;
}

std::vector<uint8_t> tcp_wire_options_bytes(const tcp_wire_options &options)
{
    std::vector<uint8_t> bytes;
    bytes.reserve(OPTIONS_SIZE_MAX);
    if (options.mss) {
        const uint16_t mss = *options.mss;
        bytes.insert(bytes.end(), {OPTION_MSS, 4, static_cast<uint8_t>(mss >> 8), static_cast<uint8_t>(mss & 0xff)});
    }
    if (options.sack_permitted) bytes.insert(bytes.end(), {OPTION_SACK_PERMITTED, 2});
    if (options.timestamps) {
        while (bytes.size() % 4 != 2) {
            bytes.push_back(OPTION_NOP);
        }
        bytes.insert(bytes.end(), {OPTION_TIMESTAMPS, 10});
        put32(bytes, options.timestamps->first);
        put32(bytes, options.timestamps->second);
    }
    if (options.wscale) bytes.insert(bytes.end(), {OPTION_NOP, OPTION_WSCALE, 3, *options.wscale});
    if (!options.sack.empty()) {
        bytes.insert(bytes.end(),
                     {OPTION_NOP, OPTION_NOP, OPTION_SACK, static_cast<uint8_t>(2 + 8 * options.sack.size())});
        for (const auto &[first, last] : options.sack) {
            put32(bytes, first);
            put32(bytes, last);
        }
    }
    while (bytes.size() % 4 != 0) {
        bytes.push_back(OPTION_NOP);
    }
    return bytes;
}

std::string tcp_wire_flags_text(uint8_t flags)
{
    std::string text;
    if (flags & 0x02) text += 'S';
    if (flags & 0x01) text += 'F';
    if (flags & 0x04) text += 'R';
    if (flags & 0x08) text += 'P';
    if (flags & 0x20) text += 'U';
    if (flags & 0x40) text += 'E';
    if (flags & 0x80) text += 'W';
    if (flags & 0x10) text += '.';
    return text;
}

} // namespace microps
