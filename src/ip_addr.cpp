/*
 * ip_addr.cpp: IPv4 addresses and endpoints as text, and as hash keys.
 *
 * Reading is strict: four decimal numbers of 0..255 with dots between them and nothing else. inet_aton()'s octal form
 * (010.0.0.1 is 8.0.0.1 there) and short forms are not accepted.
 */
#include "microps/ip_addr.hpp"

#include "microps/checksum.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

namespace microps
{

/** Takes a decimal number of at most @p digits digits and @p max off the front, if there is one. */
static std::optional<uint32_t> decimal_read(std::string_view &text, size_t digits, uint32_t max)
{
    uint32_t value = 0;
    const char *begin = text.data();
    const auto [end, error] = std::from_chars(begin, begin + std::min(digits, text.size()), value);
    if (error != std::errc() || value > max) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - begin));
    return value;
}

static bool character_read(std::string_view &text, char wanted)
{
    if (text.empty() || text.front() != wanted) return false;
    text.remove_prefix(1);
    return true;
}

static std::optional<ip_addr_t> addr_read(std::string_view &text)
{
    uint32_t value = 0;
    for (size_t i = 0; i < IP_ADDR_LEN; i++) {
        if (i > 0 && !character_read(text, '.')) return std::nullopt;
        const auto byte = decimal_read(text, 3, 255);
        if (!byte) return std::nullopt;
        value = value << 8 | *byte;
    }
    return ip_addr_t(be32(value));
}

int ip_addr_pton(const char *text, ip_addr_t &addr)
{
    std::string_view rest = text;
    const auto parsed = addr_read(rest);
    if (!parsed || !rest.empty()) return -1;
    addr = *parsed;
    return 0;
}

char *ip_addr_ntop(ip_addr_t addr, char *text, size_t size)
{
    const uint32_t a = addr.value;
    std::snprintf(text, size, "%u.%u.%u.%u", a >> 24, a >> 16 & 0xff, a >> 8 & 0xff, a & 0xff);
    return text;
}

std::string ip_addr_str(ip_addr_t addr)
{
    char text[IP_ADDR_STR_LEN];
    return ip_addr_ntop(addr, text, sizeof(text));
}

int ip_endpoint_pton(const char *text, ip_endpoint &endpoint)
{
    std::string_view rest = text;
    const auto addr = addr_read(rest);
    if (!addr || !character_read(rest, ':')) return -1;
    const auto port = decimal_read(rest, 5, 65535);
    if (!port || *port == 0 || !rest.empty()) return -1;
    endpoint = {.addr = *addr, .port = static_cast<uint16_t>(*port)};
    return 0;
}

char *ip_endpoint_ntop(const ip_endpoint &endpoint, char *text, size_t size)
{
    char addr[IP_ADDR_STR_LEN];
    std::snprintf(text, size, "%s:%u", ip_addr_ntop(endpoint.addr, addr, sizeof(addr)), endpoint.port.value());
    return text;
}

std::string ip_endpoint_str(const ip_endpoint &endpoint)
{
    char text[IP_ENDPOINT_STR_LEN];
    return ip_endpoint_ntop(endpoint, text, sizeof(text));
}

uint64_t ip_endpoint_hash(const siphash_key &key, const ip_endpoint &local, const ip_endpoint &foreign)
{
    struct both {
        ip_endpoint local;
        ip_endpoint foreign;
    };
    static_assert(sizeof(both) == 12);
    return siphash(key, wire_bytes(both{local, foreign}));
}

uint32_t ip_pseudo_sum(ip_addr_t src, ip_addr_t dst, uint8_t protocol, size_t length)
{
    struct pseudo_hdr {
        ip_addr_t src{};
        ip_addr_t dst{};
        uint8_t zero{};
        uint8_t protocol{};
        be16 len{};
    };
    static_assert(sizeof(pseudo_hdr) == 12);
    const pseudo_hdr pseudo{
        .src = src, .dst = dst, .zero = 0, .protocol = protocol, .len = static_cast<uint16_t>(length)};
    return cksum_partial(wire_bytes(pseudo));
}

} // namespace microps
