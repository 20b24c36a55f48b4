/*
 * fuzz_tcp_options.cpp: option bytes; what was understood survives being written and read reparsed.
 */
#include "fuzz.hpp"
#include "tcp/parts/tcp_options.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

namespace microps
{
namespace
{

bool same(const std::optional<tcp_timestamps> &a, const std::optional<tcp_timestamps> &b)
{
    return a.has_value() == b.has_value() && (!a || (a->value == b->value && a->echo == b->echo));
}

/** Of SACK blocks as many come back as there was room for. */
bool begins_with(const tcp_sack_blocks &all, const tcp_sack_blocks &some)
{
    return some.count <= all.count && std::ranges::equal(some.all(), all.all().first(some.count),
                                                         [](const tcp_sack_block &a, const tcp_sack_block &b) {
                                                             return a.first == b.first && a.last == b.last;
                                                         });
}

void run(std::span<const uint8_t> input)
{
    const tcp_options options = tcp_options_parse(input);
    std::array<uint8_t, TCP_OPTIONS_MAX> bytes{};
    const size_t length = tcp_options_build(options, bytes);
    if (length % 4 != 0 || length > bytes.size()) std::abort();
    const tcp_options reparsed = tcp_options_parse(std::span<const uint8_t>(bytes).first(length));
    if (reparsed.mss != options.mss || reparsed.window_shift != options.window_shift) std::abort();
    if (reparsed.sack_permitted != options.sack_permitted) std::abort();
    if (!same(reparsed.timestamps, options.timestamps) || !begins_with(options.sack, reparsed.sack)) std::abort();
}

} // namespace
} // namespace microps

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    microps::run({data, std::min(size, microps::TCP_OPTIONS_MAX)});
    return 0;
}
