/*
 * tcp_options.cpp: kind, length, value; except for "end" and "no operation", which are a kind alone.
 */
#include "tcp_options.hpp"

#include "microps/wire.hpp"

#include <algorithm>

namespace microps
{

namespace
{

constexpr uint8_t TCP_OPTION_END = 0;
constexpr uint8_t TCP_OPTION_NOP = 1;
constexpr uint8_t TCP_OPTION_MSS = 2;

void parse_one(tcp_options &options, uint8_t kind, std::span<const uint8_t> value)
{
    if (kind == TCP_OPTION_MSS && value.size() == sizeof(be16)) options.mss = wire_read<be16>(value)->value();
}

/** Fills @p out from the front. */
struct option_writer {
    std::span<uint8_t> out;
    size_t size = 0;

    void put(uint8_t byte) { out[size++] = byte; }
    void put(be16 value)
    {
        wire_write(out.subspan(size), value);
        size += sizeof(value);
    }
};

} // namespace

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
        writer.put(TCP_OPTION_MSS);
        writer.put(uint8_t{4});
        writer.put(be16(*options.mss));
    }
    while (writer.size % 4 != 0) {
        writer.put(TCP_OPTION_NOP);
    }
    return writer.size;
}

} // namespace microps
