/*
 * sock_endpoint.hpp: the interface between sockets and transport protocols: one end of a communication.
 *
 * The socket layer knows a transport only through this class, and a PCB of a transport is one: tcp_pcb, udp_pcb,
 * icmp_pcb. The defaults are the refusals of a transport that does not have the call. Everything is called under the
 * stack's lock; a call that takes the guard may sleep, and then the lock is dropped.
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/sched.hpp"
#include "microps/stack.hpp"

#include <cerrno>
#include <span>
#include <sys/types.h>
#include <utility>

#include <sys/socket.h>

namespace microps
{

struct sock_endpoint {
    explicit sock_endpoint(net_stack &net_) : net(net_) {}
    virtual ~sock_endpoint() = default;
    sock_endpoint(const sock_endpoint &) = delete;
    sock_endpoint &operator=(const sock_endpoint &) = delete;

    /* Each returns 0 (or what is said), or -1 with errno, as the sock_* call of the same name does. */

    /** RFC 9293 3.10.1 OPEN: binds, connects or listens, and waits for the connection, in one call. */
    virtual int open(net_guard &, const ip_endpoint & /* local */, const ip_endpoint * /* foreign */, bool /* active */)
        MICROPS_REQUIRES(net_locked)
    {
        return net_error(EOPNOTSUPP);
    }
    virtual int bind(const ip_endpoint &wanted) MICROPS_REQUIRES(net_locked) = 0;
    virtual int listen(int /* backlog */) MICROPS_REQUIRES(net_locked) { return net_error(EOPNOTSUPP); }
    /** Returns the new connection, which belongs to the caller until sock_endpoint::release(), or null with errno. */
    virtual sock_endpoint *accept(net_guard &, int /* flags */, net_time /* deadline */) MICROPS_REQUIRES(net_locked)
    {
        net_error(EOPNOTSUPP);
        return nullptr;
    }
    virtual int connect(net_guard &guard, const ip_endpoint &peer, int flags, net_time deadline)
        MICROPS_REQUIRES(net_locked) = 0;
    /** connect() with AF_UNSPEC. */
    virtual int disconnect() MICROPS_REQUIRES(net_locked) { return net_error(EAFNOSUPPORT); }
    /** Returns the bytes taken. A null @p peer means the connected one; a stream ignores it. */
    virtual ssize_t send(net_guard &guard, std::span<const uint8_t> data, const ip_endpoint *peer, int flags,
                         net_time deadline) MICROPS_REQUIRES(net_locked) = 0;
    /** Returns the bytes copied. @p from, which may be null, tells what is known of a datagram. */
    virtual ssize_t receive(net_guard &guard, std::span<uint8_t> data, ip_received *from, int flags, net_time deadline)
        MICROPS_REQUIRES(net_locked) = 0;
    /** @p how is one of SHUT_RD, SHUT_WR, SHUT_RDWR. */
    virtual int shutdown(int how) MICROPS_REQUIRES(net_locked) = 0;
    /** Closes: calls that sleep return EBADF. May wait (SO_LINGER). release() follows. */
    virtual int close(net_guard &guard) MICROPS_REQUIRES(net_locked) = 0;
    /** No call refers to the endpoint any more: its transport frees it, now or when the protocol is done. */
    virtual void release() MICROPS_REQUIRES(net_locked) = 0;

    /** What poll(2) answers, wanted or not. */
    [[nodiscard]] virtual short poll() const MICROPS_REQUIRES(net_locked) = 0;
    /** Whether `foreign` is the peer that getpeername() names. */
    [[nodiscard]] virtual bool has_peer() const MICROPS_REQUIRES(net_locked) = 0;
    /** FIONREAD: the bytes that can be received. */
    [[nodiscard]] virtual ssize_t pending() const MICROPS_REQUIRES(net_locked) = 0;
    /** SIOCOUTQ: bytes not acknowledged; with @p unsent SIOCOUTQNSD: of them those never sent. */
    [[nodiscard]] virtual ssize_t queued(bool unsent) const MICROPS_REQUIRES(net_locked)
    {
        return unsent ? net_error(ENOTTY) : 0; /* datagrams are not queued for output */
    }
    /* Options that only the transport knows. */
    virtual int setopt(int /* level */, int /* name */, const void * /* value */, socklen_t)
        MICROPS_REQUIRES(net_locked)
    {
        return net_error(ENOPROTOOPT);
    }
    virtual int getopt(int /* level */, int /* name */, void * /* value */, socklen_t & /* size */) const
        MICROPS_REQUIRES(net_locked)
    {
        return net_error(ENOPROTOOPT);
    }

    /** The pending error (SO_ERROR), which is reported once. */
    int take_error() { return std::exchange(error, 0); }

    net_stack &net;
    int id = -1; /* the socket's number, for log lines; -1: no socket has it */
    ip_endpoint local{};
    ip_endpoint foreign{};
    ip_sockopts options{}; /* IP_TTL, IP_TOS, IP_MTU_DISCOVER, SO_BROADCAST */
    bool reuse = false;    /* SO_REUSEADDR */
    int error = 0;         /* pending, for the next call */
    sched_ctx ctx{};       /* the calls that sleep on it */
};

} // namespace microps
