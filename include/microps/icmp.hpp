/*
 * icmp.hpp: the Internet Control Message Protocol (RFC 792, RFC 1122 3.2.2), and datagram sockets for ping.
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/stack.hpp"

#include <cstdint>
#include <span>
#include <sys/types.h>

namespace microps
{

inline constexpr size_t ICMP_HDR_SIZE = 8;

inline constexpr uint8_t ICMP_TYPE_ECHOREPLY = 0;
inline constexpr uint8_t ICMP_TYPE_DEST_UNREACH = 3;
inline constexpr uint8_t ICMP_TYPE_SOURCE_QUENCH = 4;
inline constexpr uint8_t ICMP_TYPE_REDIRECT = 5;
inline constexpr uint8_t ICMP_TYPE_ECHO = 8;
inline constexpr uint8_t ICMP_TYPE_TIME_EXCEEDED = 11;
inline constexpr uint8_t ICMP_TYPE_PARAM_PROBLEM = 12;
inline constexpr uint8_t ICMP_TYPE_TIMESTAMP = 13;
inline constexpr uint8_t ICMP_TYPE_TIMESTAMPREPLY = 14;
inline constexpr uint8_t ICMP_TYPE_INFO_REQUEST = 15;
inline constexpr uint8_t ICMP_TYPE_INFO_REPLY = 16;

inline constexpr uint8_t ICMP_CODE_NET_UNREACH = 0;
inline constexpr uint8_t ICMP_CODE_HOST_UNREACH = 1;
inline constexpr uint8_t ICMP_CODE_PROTO_UNREACH = 2;
inline constexpr uint8_t ICMP_CODE_PORT_UNREACH = 3;
inline constexpr uint8_t ICMP_CODE_FRAGMENT_NEEDED = 4;
inline constexpr uint8_t ICMP_CODE_SOURCE_ROUTE_FAILED = 5;
inline constexpr uint8_t ICMP_CODE_REDIRECT_NET = 0;
inline constexpr uint8_t ICMP_CODE_REDIRECT_HOST = 1;
inline constexpr uint8_t ICMP_CODE_REDIRECT_TOS_NET = 2;
inline constexpr uint8_t ICMP_CODE_REDIRECT_TOS_HOST = 3;
inline constexpr uint8_t ICMP_CODE_EXCEEDED_TTL = 0;
inline constexpr uint8_t ICMP_CODE_EXCEEDED_FRAGMENT = 1;

/** A common ICMP header. `values` is the word that every type uses differently. */
struct icmp_hdr {
    uint8_t type{};
    uint8_t code{};
    be16 sum{};
    be32 values{};
};
static_assert(sizeof(icmp_hdr) == ICMP_HDR_SIZE && alignof(icmp_hdr) == 1);

void icmp_init(net_stack &net) MICROPS_REQUIRES(net_locked);

/**
 * Sends an ICMP message. @p values is the header's second word, in the order of the wire: `be32(id << 16 | seq)`.
 * Returns the length of header and data, or -1 with the errno of ip_output().
 */
ssize_t icmp_output(net_stack &net, uint8_t type, uint8_t code, be32 values, std::span<const uint8_t> data,
                    ip_addr_t src, ip_addr_t dst, const ip_tx &tx = {}) MICROPS_REQUIRES(net_locked);
/**
 * Sends an ICMP error that quotes the received packet @p rx, unless RFC 1122 3.2.2 forbids it (the packet is an ICMP
 * error, a broadcast, or a fragment other than the first) or the rate limit is exceeded (RFC 1812 4.3.2.8).
 */
void icmp_error_output(const ip_rx &rx, uint8_t type, uint8_t code, be32 values = {}) MICROPS_REQUIRES(net_locked);

/** The errno by which an ICMP error is reported to a user (RFC 1122 4.2.3.9, 4.1.3.3); 0 if it is not reported. */
int icmp_error_to_errno(uint8_t type, uint8_t code);

} // namespace microps
