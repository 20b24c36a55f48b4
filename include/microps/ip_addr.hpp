/*
 * ip_addr.hpp: IPv4 addresses and endpoints as values: they know nothing of a stack.
 */
#pragma once

#include "microps/random.hpp"
#include "microps/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include <netinet/in.h>

namespace microps
{

inline constexpr size_t IP_ADDR_LEN = 4;
inline constexpr size_t IP_ADDR_STR_LEN = 16;     /* "ddd.ddd.ddd.ddd" and its NUL */
inline constexpr size_t IP_ENDPOINT_STR_LEN = 22; /* "ddd.ddd.ddd.ddd:ddddd" and its NUL */

/** An IPv4 address; stands on the wire as it is. Converts from and to POSIX's in_addr. */
struct ip_addr_t {
    constexpr ip_addr_t() = default;
    constexpr explicit ip_addr_t(be32 value_) : value(value_) {}
    constexpr ip_addr_t(const in_addr &addr) : value(be32::from_net(addr.s_addr)) {}
    constexpr operator in_addr() const { return {.s_addr = value.to_net()}; }

    friend constexpr bool operator==(const ip_addr_t &a, const ip_addr_t &b) { return a.value == b.value; }
    /** 224.0.0.0/4 (RFC 1112). */
    [[nodiscard]] constexpr bool is_multicast() const { return (value & 0xf0000000) == 0xe0000000; }
    /** 127.0.0.0/8 (RFC 1122 3.2.1.3 (g)). */
    [[nodiscard]] constexpr bool is_loopback() const { return (value & 0xff000000) == 0x7f000000; }

    be32 value{};
};
static_assert(sizeof(ip_addr_t) == IP_ADDR_LEN && alignof(ip_addr_t) == 1);

inline constexpr ip_addr_t IP_ADDR_ANY{};
inline constexpr ip_addr_t IP_ADDR_BROADCAST{be32(0xffffffff)};

/** An address and a port. */
struct ip_endpoint {
    ip_addr_t addr{};
    be16 port{};

    friend constexpr bool operator==(const ip_endpoint &a, const ip_endpoint &b)
    {
        return a.addr == b.addr && a.port == b.port;
    }
};

/** Reads a dotted quad. Returns 0, or -1 for anything else. */
int ip_addr_pton(const char *text, ip_addr_t &addr);
/** Writes into @p text (IP_ADDR_STR_LEN bytes are enough) and returns @p text. */
char *ip_addr_ntop(ip_addr_t addr, char *text, size_t size);
std::string ip_addr_str(ip_addr_t addr);
/** Reads "a.b.c.d:port", port 1..65535, nothing behind it. Returns 0, or -1 for anything else. */
int ip_endpoint_pton(const char *text, ip_endpoint &endpoint);
/** Writes into @p text (IP_ENDPOINT_STR_LEN bytes are enough) and returns @p text. */
char *ip_endpoint_ntop(const ip_endpoint &endpoint, char *text, size_t size);
std::string ip_endpoint_str(const ip_endpoint &endpoint);
/** A hash under a secret key, so that an off-path attacker cannot choose keys that collide in a table. */
[[nodiscard]] uint64_t ip_endpoint_hash(const siphash_key &key, const ip_endpoint &local, const ip_endpoint &foreign);
/** The partial checksum of the pseudo-header (RFC 9293 3.1, RFC 768), to be the `init` of cksum16(). */
uint32_t ip_pseudo_sum(ip_addr_t src, ip_addr_t dst, uint8_t protocol, size_t length);

} // namespace microps
