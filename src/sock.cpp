/*
 * sock.cpp: the socket API: socket numbers, POSIX's addresses and errno values. The transports do the work.
 *
 * Each call finds its socket, holds it, and calls the endpoint behind it (sock_endpoint.hpp). Arguments are checked in
 * Linux' order, so that a call with several mistakes fails with the errno that programs know. Options are in
 * sock_opt.cpp, sendmsg and recvmsg in sock_msg.cpp, poll in sock_poll.cpp.
 */
#include "microps/sock.hpp"

#include "datagram.hpp"
#include "microps/udp.hpp"
#include "sock_internal.hpp"
#include "tcp/tcp_user.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace microps
{

/* Linux keeps flags in the upper bits of a socket's type. */
static constexpr int SOCK_TYPE_MASK = 0xf;
static constexpr int SOCK_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;

/* Addresses */

int sockaddr_pton(const char *text, sockaddr *addr, size_t size)
{
    ip_endpoint endpoint;
    if (size < sizeof(sockaddr_in) || ip_endpoint_pton(text, endpoint) == -1) return -1;
    const sockaddr_in in = sockaddr_from_endpoint(endpoint);
    std::memcpy(addr, &in, sizeof(in));
    return 0;
}

char *sockaddr_ntop(const sockaddr *addr, char *text, size_t size)
{
    if (addr->sa_family != AF_INET) return nullptr;
    sockaddr_in in;
    std::memcpy(&in, addr, sizeof(in));
    return ip_endpoint_ntop(sockaddr_to_endpoint(in), text, size);
}

sockaddr_in sockaddr_from_endpoint(const ip_endpoint &endpoint)
{
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = endpoint.port.to_net();
    in.sin_addr = endpoint.addr;
    return in;
}

ip_endpoint sockaddr_to_endpoint(const sockaddr_in &addr)
{
    return {.addr = addr.sin_addr, .port = be16::from_net(addr.sin_port)};
}

int sockaddr_read(const void *addr, socklen_t addrlen, bool unspec, ip_endpoint &endpoint)
{
    if (addrlen > sizeof(sockaddr_storage)) return net_error(EINVAL);
    if (!addr) return net_error(EFAULT);
    if (addrlen < sizeof(sockaddr_in)) return net_error(EINVAL);
    sockaddr_in in;
    std::memcpy(&in, addr, sizeof(in));
    if (in.sin_family != AF_INET && !(unspec && in.sin_family == AF_UNSPEC)) return net_error(EAFNOSUPPORT);
    endpoint = sockaddr_to_endpoint(in);
    return 0;
}

int sockaddr_check(const void *addr, const socklen_t *addrlen)
{
    if (!addr) return 0;
    if (!addrlen) return net_error(EFAULT);
    return std::in_range<int>(*addrlen) ? 0 : net_error(EINVAL);
}

void sockaddr_write(const ip_endpoint &endpoint, void *addr, socklen_t *addrlen)
{
    if (!addr) return;
    const sockaddr_in in = sockaddr_from_endpoint(endpoint);
    std::memcpy(addr, &in, std::min<size_t>(*addrlen, sizeof(in)));
    *addrlen = sizeof(in);
}

/* The kinds of sockets */

/** Type and protocol of a socket, and the function that creates its endpoint (or returns null with errno). */
struct sock_kind {
    int type;
    int protocol;
    sock_endpoint *(*open)(net_stack &net);
};

/* Protocol 0 means the first kind of a type. */
static constexpr std::array<sock_kind, 3> SOCK_KINDS{
    {{SOCK_STREAM, IPPROTO_TCP, tcp_open}, {SOCK_DGRAM, IPPROTO_UDP, udp_open}, {SOCK_DGRAM, IPPROTO_ICMP, icmp_open}}};

/** Returns null with errno ESOCKTNOSUPPORT, EPROTONOSUPPORT. */
static const sock_kind *sock_kind_select(int type, int protocol)
{
    int error = ESOCKTNOSUPPORT;
    for (const sock_kind &kind : SOCK_KINDS) {
        if (kind.type != type) continue;
        if (protocol == 0 || protocol == kind.protocol) return &kind;
        error = EPROTONOSUPPORT;
    }
    net_error(error);
    return nullptr;
}

/* The table */

/** A new socket, not open yet, with one user. Returns null with errno EMFILE when there are too many. */
static sock *sock_alloc(net_stack &net, int type, int protocol) MICROPS_REQUIRES(net_locked)
{
    auto owned = std::make_unique<sock>(sock{.type = type, .protocol = protocol, .users = 1});
    sock *s = owned.get();
    const int id = net.sock->socks.insert(std::move(owned), SOCK_MAX);
    if (id == -1) {
        net_error(EMFILE);
        return nullptr;
    }
    s->id = id;
    return s;
}

sock *sock_get(const net_stack &net, int id)
{
    sock *s = net.sock ? net.sock->socks.find(id) : nullptr;
    return s && s->open ? s : nullptr;
}

void sock_leave(net_stack &net, sock &s)
{
    s.users--;
    if (s.users > 0 || s.open) return;
    if (s.endpoint) s.endpoint->release();
    net.sock->socks.erase(s.id);
}

/** Opens a new socket with its endpoint, or frees it if @p endpoint is null. Returns its number or -1. */
static int sock_publish(net_stack &net, sock &s, sock_endpoint *endpoint) MICROPS_REQUIRES(net_locked)
{
    const int id = s.id;
    s.endpoint = endpoint;
    s.open = endpoint != nullptr;
    if (endpoint) endpoint->id = id;
    sock_leave(net, s);
    return endpoint ? id : -1;
}

void sock_init(net_stack &net) { net.sock = layer_make<sock_layer>(); }

/* Life */

int sock_open(net_stack &net, int domain, int type, int protocol)
{
    net_guard guard(net);
    if (!net.sock) return net_error(ENETDOWN);
    const int flags = type & ~SOCK_TYPE_MASK;
    if (flags & ~SOCK_FLAGS) return net_error(EINVAL);
    if (domain != AF_INET) return net_error(EAFNOSUPPORT);
    const sock_kind *kind = sock_kind_select(type & SOCK_TYPE_MASK, protocol);
    if (!kind) return -1;
    sock *s = sock_alloc(net, kind->type, kind->protocol);
    if (!s) return -1;
    s->nonblock = flags & SOCK_NONBLOCK;
    return sock_publish(net, *s, kind->open(net));
}

/** Closes a socket: its number is invalid from now on, and calls that sleep on it return EBADF. */
static int sock_shut(net_guard &guard, sock &s) MICROPS_REQUIRES(net_locked)
{
    s.open = false;
    const int result = s.endpoint->close(guard);
    sched_wakeup(guard.net(), guard.net().activity); /* another thread's sock_poll() may wait for it */
    return result;
}

int sock_open_rfc793(net_stack &net, const ip_endpoint &local, const ip_endpoint *foreign, bool active)
{
    const int id = sock_open(net, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (id == -1) return -1;
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF); /* another thread has closed it meanwhile */
    if (s->endpoint->open(guard, local, foreign, active) == 0) return id;
    const int reason = errno;
    if (s->open) sock_shut(guard, *s); /* the caller does not get the number */
    return net_error(reason);
}

int sock_close(net_stack &net, int id)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    return sock_shut(guard, *s);
}

int sock_bind(net_stack &net, int id, const sockaddr *addr, socklen_t addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    ip_endpoint local;
    if (sockaddr_read(addr, addrlen, true, local) == -1) return -1;
    /* Linux takes AF_UNSPEC with the address "any" as AF_INET, because old programs leave the family unset. */
    if (addr->sa_family == AF_UNSPEC && local.addr != IP_ADDR_ANY) return net_error(EAFNOSUPPORT);
    return s->endpoint->bind(local);
}

int sock_listen(net_stack &net, int id, int backlog)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    return s->endpoint->listen(backlog);
}

int sock_accept(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen)
{
    return sock_accept4(net, id, addr, addrlen, 0);
}

int sock_accept4(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen, int flags)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (flags & ~SOCK_FLAGS) return net_error(EINVAL);
    if (sockaddr_check(addr, addrlen) == -1) return -1;
    /* Before the connection leaves the accept queue, so that it is not lost when no number is free. */
    sock *child = sock_alloc(net, s->type, s->protocol);
    if (!child) return -1;
    child->nonblock = flags & SOCK_NONBLOCK;
    child->receive_timeout = s->receive_timeout; /* Linux does so, and servers set them once, on the listener */
    child->send_timeout = s->send_timeout;
    const net_time deadline = sock_deadline(net, s->receive_timeout);
    sock_endpoint *endpoint = s->endpoint->accept(guard, sock_flags(*s, 0), deadline);
    if (endpoint) sockaddr_write(endpoint->foreign, addr, addrlen);
    return sock_publish(net, *child, endpoint);
}

int sock_connect(net_stack &net, int id, const sockaddr *addr, socklen_t addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    const bool unspec = addr && addrlen >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC;
    if (unspec) return s->endpoint->disconnect();
    ip_endpoint foreign;
    if (sockaddr_read(addr, addrlen, false, foreign) == -1) return -1;
    const net_time deadline = sock_deadline(net, s->send_timeout);
    return s->endpoint->connect(guard, foreign, sock_flags(*s, 0), deadline);
}

int sock_shutdown(net_stack &net, int id, int how)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return net_error(EINVAL);
    return s->endpoint->shutdown(how);
}

int sock_getsockname(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (!addr) return net_error(EFAULT);
    if (sockaddr_check(addr, addrlen) == -1) return -1;
    sockaddr_write(s->endpoint->local, addr, addrlen);
    return 0;
}

int sock_getpeername(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (!addr) return net_error(EFAULT);
    if (sockaddr_check(addr, addrlen) == -1) return -1;
    if (!s->endpoint->has_peer()) return net_error(ENOTCONN);
    sockaddr_write(s->endpoint->foreign, addr, addrlen);
    return 0;
}

/* Data */

ssize_t sock_sendto(net_stack &net, int id, const void *data, size_t size, int flags, const sockaddr *addr,
                    socklen_t addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (!data && size > 0) return net_error(EFAULT);
    const std::span<const uint8_t> bytes(static_cast<const uint8_t *>(data), size);
    return sock_send_bytes(guard, *s, bytes, flags, addr, addrlen);
}

ssize_t sock_send_bytes(net_guard &guard, sock &s, std::span<const uint8_t> data, int flags, const void *addr,
                        socklen_t addrlen)
{
    const net_time deadline = sock_deadline(guard.net(), s.send_timeout);
    const int all_flags = sock_flags(s, flags);
    if (!addr || s.is_stream()) return s.endpoint->send(guard, data, nullptr, all_flags, deadline);
    ip_endpoint foreign;
    if (sockaddr_read(addr, addrlen, true, foreign) == -1) return -1;
    return s.endpoint->send(guard, data, &foreign, all_flags, deadline);
}

ssize_t sock_send(net_stack &net, int id, const void *data, size_t size, int flags)
{
    return sock_sendto(net, id, data, size, flags, nullptr, 0);
}

ssize_t sock_recvfrom(net_stack &net, int id, void *data, size_t size, int flags, sockaddr *addr, socklen_t *addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (!data && size > 0) return net_error(EFAULT);
    if (sockaddr_check(addr, addrlen) == -1) return -1;
    const std::span<uint8_t> bytes(static_cast<uint8_t *>(data), size);
    ip_received from;
    const net_time deadline = sock_deadline(net, s->receive_timeout);
    const ssize_t received = s->endpoint->receive(guard, bytes, &from, sock_flags(*s, flags), deadline);
    if (received == -1) return -1;
    if (sock_received_named(*s, from)) {
        sockaddr_write(from.foreign, addr, addrlen);
    } else if (addr) {
        *addrlen = 0; /* a stream does not report the sender */
    }
    return flags & MSG_TRUNC && !s->is_stream() ? static_cast<ssize_t>(from.length) : received;
}

ssize_t sock_recv(net_stack &net, int id, void *data, size_t size, int flags)
{
    return sock_recvfrom(net, id, data, size, flags, nullptr, nullptr);
}

} // namespace microps
