/*
 * byteorder.hpp: hton16 and its family, for programs that talk to POSIX's sockaddr_in.
 *
 * The library itself has be16 and be32. What hton16() returns becomes, by itself, the raw integer that POSIX wants or
 * the be16 of an ip_endpoint; so neither use can go wrong.
 */
#pragma once

#include "microps/wire.hpp"

#include <cstdint>

namespace microps
{

/** A 16-bit integer in network byte order, on its way into a structure. */
struct net16 {
    be16 value{};

    constexpr operator be16() const { return value; }
    constexpr operator uint16_t() const { return value.to_net(); } /* raw, as POSIX wants it */
    friend constexpr bool operator==(net16 a, be16 b) { return a.value.to_net() == b.to_net(); }
    friend constexpr bool operator==(net16 a, uint16_t raw) { return a.value.to_net() == raw; }
    friend constexpr bool operator==(net16 a, net16 b) { return a.value.to_net() == b.value.to_net(); }
};

/** A 32-bit integer in network byte order, on its way into a structure. */
struct net32 {
    be32 value{};

    constexpr operator be32() const { return value; }
    constexpr operator uint32_t() const { return value.to_net(); } /* raw, as POSIX wants it */
    friend constexpr bool operator==(net32 a, be32 b) { return a.value.to_net() == b.to_net(); }
    friend constexpr bool operator==(net32 a, uint32_t raw) { return a.value.to_net() == raw; }
    friend constexpr bool operator==(net32 a, net32 b) { return a.value.to_net() == b.value.to_net(); }
};

constexpr net16 hton16(uint16_t host) { return {host}; }
constexpr net32 hton32(uint32_t host) { return {host}; }

constexpr uint16_t ntoh16(uint16_t raw) { return be16::from_net(raw); }
constexpr uint16_t ntoh16(be16 value) { return value; }
constexpr uint16_t ntoh16(net16 net) { return net.value; }
constexpr uint32_t ntoh32(uint32_t raw) { return be32::from_net(raw); }
constexpr uint32_t ntoh32(be32 value) { return value; }
constexpr uint32_t ntoh32(net32 net) { return net.value; }

} // namespace microps
