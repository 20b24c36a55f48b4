/*
 * fuzz_tcp_options.cpp: option bytes; what was understood survives being written and read again.
 */
#include "fuzz.hpp"
#include "tcp/tcp_options.hpp"

#include <array>
#include <cstdlib>

using namespace microps;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const tcp_options options = tcp_options_parse({data, std::min(size, TCP_OPTIONS_MAX)});
    std::array<uint8_t, TCP_OPTIONS_MAX> bytes{};
    const size_t length = tcp_options_build(options, bytes);
    if (length % 4 != 0 || length > bytes.size()) std::abort();
    if (tcp_options_parse(std::span<const uint8_t>(bytes).first(length)).mss != options.mss) std::abort();
    return 0;
}
