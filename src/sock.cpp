/*
 * sock.cpp: the socket API: numbers for users, POSIX's addresses and errno values; the work is the transports'.
 *
 * A call looks its socket up, holds it while it works, and passes on to the kind's function (sock_kind.cpp). Checks
 * come in Linux' order. Options are in sock_opt.cpp, messages with control data in sock_msg.cpp, poll in sock_poll.cpp.
 */
#include "microps/sock.hpp"

#include "sock_internal.hpp"

#include <algorithm>
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

/* The table */

sock *sock_alloc(net_stack &net, const sock_kind &kind)
{
    auto owned = std::make_unique<sock>(sock{.kind = &kind, .users = 1});
    sock *s = owned.get();
    const int id = net.sock->socks.insert(std::move(owned), SOCK_MAX);
    if (id == -1) return nullptr;
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
    if (s.users == 0 && !s.open) net.sock->socks.erase(s.id);
}

/** A new socket takes its PCB, or, without one (-1), goes again. Returns its number or -1. */
static int sock_publish(net_stack &net, sock &s, int desc) MICROPS_REQUIRES(net_locked)
{
    const int id = s.id;
    s.desc = desc;
    s.open = desc != -1;
    sock_leave(net, s);
    return desc == -1 ? -1 : id;
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
    sock *s = sock_alloc(net, *kind);
    if (!s) return net_error(EMFILE);
    s->nonblock = flags & SOCK_NONBLOCK;
    const int id = sock_publish(net, *s, kind->open(guard));
    /* POSIX wants to be asked for broadcast. */
    ip_sockopts *options = id != -1 ? kind->options(guard, s->desc) : nullptr;
    if (options) options->broadcast = false;
    return id;
}

int sock_close(net_stack &net, int id)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    s->open = false;
    const int result = s->kind->close(guard, s->desc);
    sched_wakeup(net, net.activity); /* sock_poll() of another thread may wait for this socket */
    return result;
}

int sock_bind(net_stack &net, int id, const sockaddr *addr, socklen_t addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    ip_endpoint local;
    if (sockaddr_read(addr, addrlen, true, local) == -1) return -1;
    /* Linux, for old programs: "unspecified" is good enough for "any". */
    if (addr->sa_family == AF_UNSPEC && local.addr != IP_ADDR_ANY) return net_error(EAFNOSUPPORT);
    return s->kind->bind(guard, s->desc, local, s->reuse);
}

int sock_listen(net_stack &net, int id, int backlog)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    return s->kind->listen(guard, s->desc, backlog);
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
    /* The number is taken before a connection is: so none is lost for want of one. */
    sock *child = sock_alloc(net, *s->kind);
    if (!child) return net_error(EMFILE);
    child->nonblock = flags & SOCK_NONBLOCK;
    child->reuse = s->reuse;
    child->receive_timeout = s->receive_timeout; /* as Linux */
    child->send_timeout = s->send_timeout;
    ip_endpoint foreign;
    const net_time deadline = sock_deadline(net, s->receive_timeout);
    const int desc = s->kind->accept(guard, s->desc, &foreign, sock_flags(*s, 0), deadline);
    if (desc != -1) sockaddr_write(foreign, addr, addrlen);
    return sock_publish(net, *child, desc);
}

int sock_connect(net_stack &net, int id, const sockaddr *addr, socklen_t addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    const bool unspec = addr && addrlen >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC;
    if (unspec) return s->kind->disconnect(guard, s->desc);
    ip_endpoint foreign;
    if (sockaddr_read(addr, addrlen, false, foreign) == -1) return -1;
    const net_time deadline = sock_deadline(net, s->send_timeout);
    return s->kind->connect(guard, s->desc, foreign, sock_flags(*s, 0), deadline);
}

int sock_shutdown(net_stack &net, int id, int how)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return net_error(EINVAL);
    return s->kind->shutdown(guard, s->desc, how);
}

int sock_getsockname(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (!addr) return net_error(EFAULT);
    ip_endpoint local;
    if (sockaddr_check(addr, addrlen) == -1 || s->kind->getsockname(guard, s->desc, local) == -1) return -1;
    sockaddr_write(local, addr, addrlen);
    return 0;
}

int sock_getpeername(net_stack &net, int id, sockaddr *addr, socklen_t *addrlen)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (!addr) return net_error(EFAULT);
    ip_endpoint foreign;
    if (sockaddr_check(addr, addrlen) == -1 || s->kind->getpeername(guard, s->desc, foreign) == -1) return -1;
    sockaddr_write(foreign, addr, addrlen);
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
    if (!addr || s.kind->is_stream()) return s.kind->send(guard, s.desc, data, nullptr, all_flags, deadline);
    ip_endpoint foreign;
    if (sockaddr_read(addr, addrlen, true, foreign) == -1) return -1;
    return s.kind->send(guard, s.desc, data, &foreign, all_flags, deadline);
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
    const ssize_t received = s->kind->receive(guard, s->desc, bytes, &from, sock_flags(*s, flags), deadline);
    if (received == -1) return -1;
    if (sock_received_named(*s, from)) {
        sockaddr_write(from.foreign, addr, addrlen);
    } else if (addr) {
        *addrlen = 0; /* a stream has no senders */
    }
    return flags & MSG_TRUNC && !s->kind->is_stream() ? static_cast<ssize_t>(from.length) : received;
}

ssize_t sock_recv(net_stack &net, int id, void *data, size_t size, int flags)
{
    return sock_recvfrom(net, id, data, size, flags, nullptr, nullptr);
}

} // namespace microps
