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
 * Answers a packet by an ICMP error that quotes it, unless RFC 1122 3.2.2 forbids that (errors about errors,
 * broadcasts, fragments but the first) or the rate limit does (RFC 1812 4.3.2.8).
 */
void icmp_error_output(const ip_rx &rx, uint8_t type, uint8_t code, be32 values = {}) MICROPS_REQUIRES(net_locked);

/** The errno that an ICMP error means to a user (RFC 1122 4.2.3.9, 4.1.3.3); 0 for one that says nothing. */
int icmp_error_to_errno(uint8_t type, uint8_t code);

/* Ping sockets, src/icmp_sock.cpp: like Linux' SOCK_DGRAM, IPPROTO_ICMP. The local port is the echo identifier. */

/** Opens a ping socket. Returns its id, or -1 with errno EMFILE. */
int icmp_open(net_guard &guard) MICROPS_REQUIRES(net_locked);
/** Binds to a local address and identifier (port 0: any free one). Returns 0, or -1 with errno. */
int icmp_bind(net_guard &guard, int id, const ip_endpoint &local) MICROPS_REQUIRES(net_locked);
/** Sets the peer: the only one to receive from, the default to send to; IP_ADDR_ANY dissolves. Its port is ignored. */
int icmp_connect(net_guard &guard, int id, const ip_endpoint &foreign) MICROPS_REQUIRES(net_locked);
/**
 * Sends an Echo: @p data begins with an ICMP header, whose type and code are checked, whose identifier and checksum
 * are filled in. Null @p foreign: to the connected peer. Returns the length, or -1 with errno.
 */
ssize_t icmp_sendto(net_guard &guard, int id, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags = 0)
    MICROPS_REQUIRES(net_locked);

using icmp_received = ip_received; /* foreign.port is 0 */
/** Receives an Echo Reply, ICMP header first. Returns the bytes copied, or -1 with errno. */
ssize_t icmp_recvfrom(net_guard &guard, int id, std::span<uint8_t> data, icmp_received *from, int flags = 0,
                      net_time deadline = NET_TIME_NEVER) MICROPS_REQUIRES(net_locked);
/** What poll(2) would answer: POLLIN, POLLOUT, POLLERR; POLLNVAL for an unknown id. */
short icmp_poll(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);
int icmp_getsockname(net_guard &guard, int id, ip_endpoint &local) MICROPS_REQUIRES(net_locked);
int icmp_getpeername(net_guard &guard, int id, ip_endpoint &foreign) MICROPS_REQUIRES(net_locked);
int icmp_shutdown(net_guard &guard, int id, int how) MICROPS_REQUIRES(net_locked);
/** The pending error (SO_ERROR), which it clears: an ICMP error about an Echo of this socket. EBADF: unknown id. */
int icmp_take_error(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);
/** How the socket sends, to be read and changed; null for an unknown id. */
ip_sockopts *icmp_sockopts(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);
/** The length of the first queued message, 0 if there is none (FIONREAD), or -1: EBADF. */
ssize_t icmp_pending(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);
int icmp_close(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);

} // namespace microps
