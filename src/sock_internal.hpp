/*
 * sock_internal.hpp: what the files of the socket layer share: the table of sockets.
 *
 * A socket is a number for users and, behind it, the endpoint object of a transport (sock_endpoint.hpp).
 */
#pragma once

#include "base/id_table.hpp"
#include "microps/sock.hpp"
#include "sock_endpoint.hpp"

#include <cerrno>
#include <memory>
#include <span>

namespace microps
{

struct sock {
    int id = -1;
    int type = 0; /* SOCK_STREAM, SOCK_DGRAM */
    int protocol = 0;
    sock_endpoint *endpoint = nullptr; /* owned by its transport, which keeps it until release() */
    bool open = false;                 /* neither still being accepted nor closed already */
    unsigned users = 0;                /* calls in progress; the last one frees a closed socket's number */

    bool nonblock = false;
    bool receive_ttl = false;
    bool receive_tos = false;
    net_duration receive_timeout{}; /* zero: none */
    net_duration send_timeout{};

    [[nodiscard]] bool is_stream() const { return type == SOCK_STREAM; }
};

struct sock_layer {
    id_table<sock> socks{};
};

/** The open socket with this number, or null. */
sock *sock_get(const net_stack &net, int id) MICROPS_REQUIRES(net_locked);
/** Ends a call: releases a closed socket and its number if no other call uses it. */
void sock_leave(net_stack &net, sock &s) MICROPS_REQUIRES(net_locked);

/** Holds a socket during a call, so that its number is not reused while the call sleeps. */
class sock_hold
{
public:
    sock_hold(net_stack &net, int id) MICROPS_REQUIRES(net_locked) : net_(net), sock_(sock_get(net, id))
    {
        if (sock_) sock_->users++;
    }
    ~sock_hold() MICROPS_REQUIRES(net_locked)
    {
        if (sock_) sock_leave(net_, *sock_);
    }
    sock_hold(const sock_hold &) = delete;
    sock_hold &operator=(const sock_hold &) = delete;

    explicit operator bool() const { return sock_ != nullptr; }
    sock *operator->() const { return sock_; }
    sock &operator*() const { return *sock_; }

private:
    net_stack &net_;
    sock *sock_;
};

/** When a blocking call gives up: SO_RCVTIMEO, SO_SNDTIMEO. */
inline net_time sock_deadline(net_stack &net, net_duration timeout)
{
    return timeout == net_duration::zero() ? NET_TIME_NEVER : net.clock.now() + timeout;
}

/** The flags of one call: a non-blocking socket's calls do not wait. */
inline int sock_flags(const sock &s, int flags) { return s.nonblock ? flags | MSG_DONTWAIT : flags; }

/** Sends; a null @p addr means the connected peer. Returns what sock_sendto() does. */
ssize_t sock_send_bytes(net_guard &guard, sock &s, std::span<const uint8_t> data, int flags, const void *addr,
                        socklen_t addrlen) MICROPS_REQUIRES(net_locked);

/** Whether a receive call has a sender to tell: a datagram came (and not the end of input after SHUT_RD). */
inline bool sock_received_named(const sock &s, const ip_received &from)
{
    return !s.is_stream() && from.foreign.addr != IP_ADDR_ANY;
}

/* POSIX's addresses. */

/** Reads an AF_INET address (with @p unspec also AF_UNSPEC). Returns 0, or -1: EFAULT EINVAL EAFNOSUPPORT. */
int sockaddr_read(const void *addr, socklen_t addrlen, bool unspec, ip_endpoint &endpoint);
/** Whether an address can be written there, before anything is done. Returns 0, or -1: EFAULT EINVAL. */
int sockaddr_check(const void *addr, const socklen_t *addrlen);
/** Writes as much of an address as there is room for, and its full length. A null @p addr wants none. */
void sockaddr_write(const ip_endpoint &endpoint, void *addr, socklen_t *addrlen);

} // namespace microps
