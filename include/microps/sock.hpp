/*
 * sock.hpp: the socket API: the original's calls with POSIX's addresses, flags and errno values.
 *
 * Every call takes the stack's lock itself, returns -1 and sets errno on failure, never raises a signal. Blocking
 * calls return EINTR after net_interrupt(). Levels, options and flags have Linux' numbers (<sys/socket.h>).
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/stack.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/types.h>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace microps
{

/* POSIX's types, visible here too. */
using ::msghdr;
using ::pollfd;
using ::sockaddr;
using ::sockaddr_in;
using ::socklen_t;

inline constexpr size_t SOCKADDR_STR_LEN = IP_ENDPOINT_STR_LEN;
/** Sockets of one stack, at most; beyond it EMFILE. */
inline constexpr size_t SOCK_MAX = 32768;

void sock_init(net_stack &net) MICROPS_REQUIRES(net_locked);

/** Reads "a.b.c.d:port" into a sockaddr_in of @p size bytes. Returns 0, or -1 for anything else. */
int sockaddr_pton(const char *text, sockaddr *addr, size_t size);
/** Writes "a.b.c.d:port" into @p text (SOCKADDR_STR_LEN bytes are enough); null if it is no AF_INET address. */
char *sockaddr_ntop(const sockaddr *addr, char *text, size_t size);

/** A sockaddr_in of an endpoint, and back. */
sockaddr_in sockaddr_from_endpoint(const ip_endpoint &endpoint);
ip_endpoint sockaddr_to_endpoint(const sockaddr_in &addr);
/** The same address as the calls take it: by a pointer to what all families have in common. */
inline sockaddr *sockaddr_of(sockaddr_in &addr) { return static_cast<sockaddr *>(static_cast<void *>(&addr)); }
inline const sockaddr *sockaddr_of(const sockaddr_in &addr)
{
    return static_cast<const sockaddr *>(static_cast<const void *>(&addr));
}

/**
 * AF_INET with SOCK_STREAM (protocol 0 or IPPROTO_TCP), SOCK_DGRAM (0 or IPPROTO_UDP), or SOCK_DGRAM with
 * IPPROTO_ICMP: a ping socket, which sends Echo messages (header first; the identifier, which is its local port, and
 * the checksum are filled in) and receives the replies to its own. SOCK_NONBLOCK may be or-ed to the type. Returns the
 * lowest free socket number, or -1: EAFNOSUPPORT EPROTONOSUPPORT ESOCKTNOSUPPORT EMFILE ENOBUFS.
 */
int sock_open(net_stack &net, int domain, int type, int protocol) MICROPS_EXCLUDES(net_locked);
/**
 * OPEN as RFC 793 3.8 describes it: one call that opens a stream, binds it, connects to @p foreign (@p active) or waits
 * for a connection, from @p foreign only unless that is null. Returns the connected socket's number, or -1: EINVAL (an
 * active open of no peer) EADDRNOTAVAIL EADDRINUSE EINTR, and what sock_open() and sock_connect() say.
 */
int sock_open_rfc793(net_stack &net, const ip_endpoint &local, const ip_endpoint *foreign, bool active)
    MICROPS_EXCLUDES(net_locked);
/**
 * Closes a socket; calls that sleep on it return EBADF. A stream still delivers the data written to it. With unread
 * data, or SO_LINGER with time 0, it is reset. With SO_LINGER and a time the call waits at most so long until the peer
 * has acknowledged all data; a non-blocking socket waits, too, which is what Linux does. Returns 0, or -1: EBADF.
 */
int sock_close(net_stack &net, int id) MICROPS_EXCLUDES(net_locked);
/**
 * Port 0 picks a free dynamic port (RFC 6056). -1: EBADF EINVAL (bound already) EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL.
 */
int sock_bind(net_stack &net, int id, const sockaddr *addr, socklen_t addrlen) MICROPS_EXCLUDES(net_locked);
/**
 * The accept queue holds @p backlog + 1 connections, Linux' rule, so that a backlog of zero is of use. -1: EBADF
 * EOPNOTSUPP EINVAL EADDRINUSE.
 */
int sock_listen(net_stack &net, int id, int backlog) MICROPS_EXCLUDES(net_locked);
/** Returns the new socket's number. -1: EBADF EOPNOTSUPP EINVAL EAGAIN EINTR EMFILE ECONNABORTED. */
int sock_accept(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen) MICROPS_EXCLUDES(net_locked);
/** With SOCK_NONBLOCK in @p flags the new socket does not block. */
int sock_accept4(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen, int flags) MICROPS_EXCLUDES(net_locked);
/**
 * A stream opens a connection. A datagram socket gets a peer, the only sender it receives from and the default
 * destination; AF_UNSPEC removes the peer.
 * -1: EBADF EAFNOSUPPORT EINVAL EISCONN EALREADY EINPROGRESS ECONNREFUSED ETIMEDOUT ENETUNREACH EHOSTUNREACH
 * EADDRNOTAVAIL EACCES (broadcast) EAGAIN (no port left) EINTR (the attempt goes on).
 */
int sock_connect(net_stack &net, int id, const sockaddr *addr, socklen_t addrlen) MICROPS_EXCLUDES(net_locked);
/** @p how: SHUT_RD, SHUT_WR, SHUT_RDWR. -1: EBADF EINVAL ENOTCONN. */
int sock_shutdown(net_stack &net, int id, int how) MICROPS_EXCLUDES(net_locked);

/**
 * @p flags: MSG_DONTWAIT, MSG_NOSIGNAL (always so), MSG_MORE. A stream blocks while its send buffer is full. Returns
 * the bytes taken, of a stream that may block all of them. -1: EBADF ENOTCONN EDESTADDRREQ EPIPE ECONNRESET
 * ECONNREFUSED ETIMEDOUT EAGAIN EINTR EMSGSIZE EACCES (broadcast) ENETUNREACH EOPNOTSUPP (MSG_OOB) ENOBUFS.
 */
ssize_t sock_send(net_stack &net, int id, const void *data, size_t size, int flags = 0) MICROPS_EXCLUDES(net_locked);
/**
 * @p flags: MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_TRUNC. Returns the bytes copied, 0 at the end of a stream. -1:
 * EBADF ENOTCONN ECONNRESET ECONNREFUSED ETIMEDOUT EAGAIN EINTR.
 */
ssize_t sock_recv(net_stack &net, int id, void *data, size_t size, int flags = 0) MICROPS_EXCLUDES(net_locked);
ssize_t sock_sendto(net_stack &net, int id, const void *data, size_t size, int flags, const sockaddr *addr,
                    socklen_t addrlen) MICROPS_EXCLUDES(net_locked);
ssize_t sock_recvfrom(net_stack &net, int id, void *data, size_t size, int flags, sockaddr *addr, socklen_t *addrlen)
    MICROPS_EXCLUDES(net_locked);

/** Sends the buffers of msg_iov, to msg_name unless null; ignores control data. -1: as sock_send(), EFAULT EINVAL. */
ssize_t sock_sendmsg(net_stack &net, int id, const msghdr *msg, int flags = 0) MICROPS_EXCLUDES(net_locked);
/**
 * Receives into the buffers of msg_iov; the sender into msg_name; control data IP_TTL (an int, with IP_RECVTTL) and
 * IP_TOS (a byte, with IP_RECVTOS); msg_flags MSG_TRUNC, MSG_CTRUNC.
 */
ssize_t sock_recvmsg(net_stack &net, int id, msghdr *msg, int flags = 0) MICROPS_EXCLUDES(net_locked);

int sock_getsockname(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen) MICROPS_EXCLUDES(net_locked);
int sock_getpeername(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen) MICROPS_EXCLUDES(net_locked);
/**
 * SOL_SOCKET: SO_ERROR SO_TYPE SO_DOMAIN SO_PROTOCOL SO_ACCEPTCONN SO_REUSEADDR SO_BROADCAST SO_RCVTIMEO SO_SNDTIMEO.
 * IPPROTO_IP: IP_TTL IP_TOS IP_MTU_DISCOVER IP_RECVTTL IP_RECVTOS, IP_MTU (get, connected).
 * TCP only, SOL_SOCKET: SO_KEEPALIVE SO_LINGER SO_SNDBUF SO_RCVBUF (reads back twice the value set, as programs expect
 * from Linux; a buffer whose size was set does not grow by itself) SO_RCVLOWAT; IPPROTO_TCP: TCP_NODELAY TCP_CORK
 * TCP_MAXSEG TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_SYNCNT TCP_LINGER2 TCP_WINDOW_CLAMP TCP_USER_TIMEOUT
 * TCP_NOTSENT_LOWAT TCP_CONGESTION, TCP_INFO (get, a tcp_info_data). Accepted connections inherit the listener's.
 * -1: EBADF ENOPROTOOPT EINVAL EFAULT EDOM, ENOENT (TCP_CONGESTION), ENOTCONN (IP_MTU).
 */
int sock_getsockopt(net_stack &net, int id, int level, int name, void *value, socklen_t *size)
    MICROPS_EXCLUDES(net_locked);
int sock_setsockopt(net_stack &net, int id, int level, int name, const void *value, socklen_t size)
    MICROPS_EXCLUDES(net_locked);
/** F_GETFL, F_SETFL (O_NONBLOCK). Returns the flags or 0; -1: EBADF EINVAL. */
int sock_fcntl(net_stack &net, int id, int command, int argument = 0) MICROPS_EXCLUDES(net_locked);
/**
 * FIONBIO; FIONREAD (SIOCINQ): bytes to be read; TIOCOUTQ (SIOCOUTQ): sent and not acknowledged, or not sent yet;
 * SIOCOUTQNSD: only these. Each with an int at @p argument. -1: EBADF ENOTTY EFAULT EINVAL (a listener) EOPNOTSUPP.
 */
int sock_ioctl(net_stack &net, int id, unsigned long request, void *argument) MICROPS_EXCLUDES(net_locked);
/**
 * Like poll(2), over this stack's sockets (pollfd::fd is a socket number; negative ones are skipped). @p timeout in
 * milliseconds, -1 for ever. Level-triggered. Returns the number of ready entries, 0 on timeout, -1: EINTR.
 */
int sock_poll(net_stack &net, pollfd *fds, nfds_t count, int timeout) MICROPS_EXCLUDES(net_locked);

/* The original's forms without flags. */

inline ssize_t sock_sendto(net_stack &net, int id, const void *data, size_t size, const sockaddr *addr,
                           socklen_t addrlen) MICROPS_EXCLUDES(net_locked)
{
    return sock_sendto(net, id, data, size, 0, addr, addrlen);
}

inline ssize_t sock_recvfrom(net_stack &net, int id, void *data, size_t size, sockaddr *addr, socklen_t *addrlen)
    MICROPS_EXCLUDES(net_locked)
{
    return sock_recvfrom(net, id, data, size, 0, addr, addrlen);
}

} // namespace microps
