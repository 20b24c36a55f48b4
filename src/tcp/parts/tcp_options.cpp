/*
 * tcp_options.cpp: parsing and building TCP options. An option is kind, length, value, except for "end of option list"
 * and "no-operation", which consist of a kind alone.
 *
 * They are written in the order and with the padding that Linux uses, because middleboxes and fast paths of other
 * stacks are made for it: in a SYN MSS, SACK permitted, timestamps, no-operation, window scale; in other segments two
 * no-operations before timestamps and two before SACK.
 */
#include "tcp_options.hpp"

#include "microps/log.hpp"
#include "microps/wire.hpp"

#include <algorithm>

namespace microps
{

static constexpr uint8_t TCP_OPTION_END = 0;
static constexpr uint8_t TCP_OPTION_NOP = 1;
static constexpr uint8_t TCP_OPTION_MSS = 2;
static constexpr uint8_t TCP_OPTION_WINDOW_SCALE = 3;
static constexpr uint8_t TCP_OPTION_SACK_PERMITTED = 4;
static constexpr uint8_t TCP_OPTION_SACK = 5;
static constexpr uint8_t TCP_OPTION_TIMESTAMPS = 8;

namespace
{

struct sack_block_wire {
    be32 first{};
    be32 last{};
};
struct timestamps_wire {
    be32 value{};
    be32 echo{};
};
static_assert(sizeof(sack_block_wire) == 8 && sizeof(timestamps_wire) == 8);

/** Fills @p out from the front; @p size is how much of it is written. */
struct option_writer {
    std::span<uint8_t> out;
    size_t size = 0;

    void begin(size_t nops, uint8_t kind, size_t length)
    {
        for (; nops > 0; nops--) {
            out[size++] = TCP_OPTION_NOP;
        }
        out[size++] = kind;
        out[size++] = static_cast<uint8_t>(length);
    }
    template <typename T>
    void put(const T &value)
    {
        wire_write(out.subspan(size), value);
        size += sizeof(value);
    }
};

} // namespace

static void parse_sack(tcp_options &options, std::span<const uint8_t> value)
{
    if (value.size() % sizeof(sack_block_wire) != 0) return;
    options.sack = {};
    while (const auto block = wire_read<sack_block_wire>(value)) {
        options.sack.add(tcp_seq(block->first), tcp_seq(block->last));
    }
}

/** Parses one option; one whose length is not that of its kind is ignored. */
static void parse_one(tcp_options &options, uint8_t kind, std::span<const uint8_t> value)
{
    switch (kind) {
    case TCP_OPTION_MSS:
        if (value.size() == sizeof(be16)) options.mss = wire_read<be16>(value)->value();
        return;
    case TCP_OPTION_WINDOW_SCALE: /* RFC 7323 2.3: log it, and use 14 instead of more */
        if (value.size() != 1) return;
        if (value[0] > TCP_WINDOW_SHIFT_MAX) warnf("window shift %u is taken as %u", value[0], TCP_WINDOW_SHIFT_MAX);
        options.window_shift = std::min(value[0], TCP_WINDOW_SHIFT_MAX);
        return;
    case TCP_OPTION_SACK_PERMITTED:
        if (value.empty()) options.sack_permitted = true;
        return;
    case TCP_OPTION_SACK:
        return parse_sack(options, value);
    case TCP_OPTION_TIMESTAMPS:
        if (value.size() != sizeof(timestamps_wire)) return;
        if (const auto wire = wire_read<timestamps_wire>(value)) options.timestamps = {wire->value, wire->echo};
        return;
    default: /* RFC 9293 3.2: an unknown option is skipped by its length */
        return;
    }
}

static void build_sack(option_writer &writer, const tcp_sack_blocks &sack)
{
    const size_t room = writer.out.size() - writer.size;
    size_t n = sack.count;
    while (tcp_sack_blocks::size(n) > room) {
        n--;
    }
    if (n == 0) return;
    writer.begin(2, TCP_OPTION_SACK, 2 + n * sizeof(sack_block_wire));
    for (const tcp_sack_block &block : sack.all().first(n)) {
        writer.put(sack_block_wire{block.first.value(), block.last.value()});
    }
}

tcp_options tcp_options_parse(std::span<const uint8_t> bytes)
{
    tcp_options options;
    while (!bytes.empty() && bytes[0] != TCP_OPTION_END) {
        if (bytes[0] == TCP_OPTION_NOP) {
            bytes = bytes.subspan(1);
            continue;
        }
        if (bytes.size() < 2 || bytes[1] < 2 || bytes[1] > bytes.size()) return options;
        parse_one(options, bytes[0], bytes.subspan(2, bytes[1] - size_t{2}));
        bytes = bytes.subspan(bytes[1]);
    }
    return options;
}

size_t tcp_options_build(const tcp_options &options, std::span<uint8_t, TCP_OPTIONS_MAX> out)
{
    option_writer writer{out};
    if (options.mss) {
        writer.begin(0, TCP_OPTION_MSS, 4);
        writer.put(be16(*options.mss));
    }
    /* In a SYN, SACK permitted takes the place of the two no-operations before the timestamps. */
    const bool pair = options.sack_permitted && options.timestamps;
    if (options.sack_permitted) writer.begin(pair ? 0 : 2, TCP_OPTION_SACK_PERMITTED, 2);
    if (options.timestamps) {
        writer.begin(pair ? 0 : 2, TCP_OPTION_TIMESTAMPS, 2 + sizeof(timestamps_wire));
        writer.put(timestamps_wire{options.timestamps->value, options.timestamps->echo});
    }
    if (options.window_shift) {
        writer.begin(1, TCP_OPTION_WINDOW_SCALE, 3);
        writer.out[writer.size++] = *options.window_shift;
    }
    build_sack(writer, options.sack);
    return writer.size;
}

} // namespace microps
