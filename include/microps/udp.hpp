/*
 * udp.hpp: the User Datagram Protocol (RFC 768, RFC 1122 4.1), and its user calls.
 *
 * Each user call exists twice: for programs, with the stack, and for code that holds the lock, with its guard.
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/stack.hpp"

#include <cstdint>
#include <span>
#include <sys/types.h>

namespace microps
{

struct udp_hdr {
    be16 src{};
    be16 dst{};
    be16 len{};
    be16 sum{};
};
static_assert(sizeof(udp_hdr) == 8 && alignof(udp_hdr) == 1);

/** RFC 6335: the dynamic ports. */
inline constexpr uint16_t UDP_SOURCE_PORT_MIN = 49152;
inline constexpr uint16_t UDP_SOURCE_PORT_MAX = 65535;
inline constexpr size_t UDP_PAYLOAD_SIZE_MAX = IP_PAYLOAD_SIZE_MAX - sizeof(udp_hdr);

/** Bounds of the module, per stack. */
struct udp_config {
    size_t pcb_max = 10000;
    size_t receive_bytes_max = 212992; /* queued per PCB (Linux' rmem_default); the newest datagram is dropped */
};
udp_config &udp_configure(net_stack &net) MICROPS_REQUIRES(net_locked);

void udp_init(net_stack &net) MICROPS_REQUIRES(net_locked);

/** Sends one datagram. Returns the payload's length, or -1 with the errno of ip_output(). */
ssize_t udp_output(net_stack &net, const ip_endpoint &src, const ip_endpoint &dst, std::span<const uint8_t> data,
                   const ip_tx &tx = {}) MICROPS_REQUIRES(net_locked);

/** Opens a PCB. Returns its id, or -1 with errno EMFILE. */
int udp_open(net_guard &guard) MICROPS_REQUIRES(net_locked);
/**
 * Binds; port 0 picks a free dynamic port (RFC 6056). @p reuse: SO_REUSEADDR, which both sides of a conflict must have.
 * Returns 0, or -1: EBADF EINVAL (bound already) EADDRINUSE EADDRNOTAVAIL.
 */
int udp_bind(net_guard &guard, int id, const ip_endpoint &local, bool reuse = false) MICROPS_REQUIRES(net_locked);
/**
 * Sets the peer: the only one to receive from, the default to send to; port 0 dissolves.
 * Returns 0, or -1: EBADF EACCES (broadcast) ENETUNREACH EAGAIN (no port left).
 */
int udp_connect(net_guard &guard, int id, const ip_endpoint &foreign) MICROPS_REQUIRES(net_locked);
/**
 * Sends a datagram; null @p foreign: to the connected peer. An unbound PCB gets a dynamic port first.
 * Returns the length, or -1: EBADF EDESTADDRREQ EINVAL (port 0) EMSGSIZE EOPNOTSUPP (MSG_OOB) EACCES (broadcast) EPIPE
 * EAGAIN (no port left) ECONNREFUSED and others (an ICMP error about an earlier datagram, connected PCBs only), or what
 * ip_output() says.
 */
ssize_t udp_sendto(net_guard &guard, int id, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags = 0)
    MICROPS_REQUIRES(net_locked);

using udp_received = ip_received;
/**
 * Receives a datagram; blocks without MSG_DONTWAIT. MSG_PEEK leaves it in the queue.
 * Returns the bytes copied, or -1: EBADF EAGAIN (nothing there, or @p deadline reached) EINTR ECONNREFUSED.
 */
ssize_t udp_recvfrom(net_guard &guard, int id, std::span<uint8_t> data, udp_received *from, int flags = 0,
                     net_time deadline = NET_TIME_NEVER) MICROPS_REQUIRES(net_locked);
/** What poll(2) would answer: POLLIN, POLLOUT, POLLERR; POLLNVAL for an unknown id. */
short udp_poll(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);
int udp_getsockname(net_guard &guard, int id, ip_endpoint &local) MICROPS_REQUIRES(net_locked);
/** Returns 0, or -1: EBADF ENOTCONN. */
int udp_getpeername(net_guard &guard, int id, ip_endpoint &foreign) MICROPS_REQUIRES(net_locked);
/** @p how is POSIX's SHUT_RD, SHUT_WR, SHUT_RDWR. */
int udp_shutdown(net_guard &guard, int id, int how) MICROPS_REQUIRES(net_locked);
/** The pending asynchronous error (SO_ERROR), which it clears; EBADF for an unknown id. */
int udp_take_error(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);
/** How the PCB sends, to be read and changed; null for an unknown id. */
ip_sockopts *udp_sockopts(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);
/** The length of the first queued datagram, 0 if there is none (FIONREAD), or -1: EBADF. */
ssize_t udp_pending(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);
/** Closes; whoever sleeps on it wakes with EBADF. Returns 0, or -1: EBADF. */
int udp_close(net_guard &guard, int id) MICROPS_REQUIRES(net_locked);

/* The original's calls, for programs: they take the lock themselves. */
int udp_open(net_stack &net) MICROPS_EXCLUDES(net_locked);
int udp_bind(net_stack &net, int id, const ip_endpoint &local) MICROPS_EXCLUDES(net_locked);
ssize_t udp_sendto(net_stack &net, int id, std::span<const uint8_t> data, const ip_endpoint &foreign)
    MICROPS_EXCLUDES(net_locked);
ssize_t udp_recvfrom(net_stack &net, int id, std::span<uint8_t> data, ip_endpoint *foreign)
    MICROPS_EXCLUDES(net_locked);
int udp_close(net_stack &net, int id) MICROPS_EXCLUDES(net_locked);

} // namespace microps
