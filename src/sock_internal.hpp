/*
 * sock_internal.hpp: what the files of the socket layer share: the table of sockets, and what the layer asks of a
 * transport.
 *
 * A socket is a number, a kind, and the number of the transport's PCB. Each kind of socket is one sock_kind: that
 * interface is all the layer knows of TCP, UDP and ping.
 */
#pragma once

#include "id_table.hpp"
#include "microps/sock.hpp"

#include <cerrno>
#include <memory>
#include <span>

namespace microps
{

/** One kind of socket: the transport's functions, on the number of a PCB. Called under the stack's lock. */
struct sock_kind {
    int type;
    int protocol;
    int (*open)(net_guard &guard);
    int (*close)(net_guard &guard, int desc);
    int (*bind)(net_guard &guard, int desc, const ip_endpoint &local, bool reuse);
    int (*listen)(net_guard &guard, int desc, int backlog);
    int (*accept)(net_guard &guard, int desc, ip_endpoint *foreign, int flags, net_time deadline);
    int (*connect)(net_guard &guard, int desc, const ip_endpoint &foreign, int flags, net_time deadline);
    int (*disconnect)(net_guard &guard, int desc); /* connect() with AF_UNSPEC */
    ssize_t (*send)(net_guard &guard, int desc, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags,
                    net_time deadline);
    ssize_t (*receive)(net_guard &guard, int desc, std::span<uint8_t> data, ip_received *from, int flags,
                       net_time deadline);
    int (*shutdown)(net_guard &guard, int desc, int how);
    short (*poll)(net_guard &guard, int desc);
    int (*getsockname)(net_guard &guard, int desc, ip_endpoint &local);
    int (*getpeername)(net_guard &guard, int desc, ip_endpoint &foreign);
    int (*take_error)(net_guard &guard, int desc);
    ssize_t (*pending)(net_guard &guard, int desc);             /* FIONREAD */
    ssize_t (*queued)(net_guard &guard, int desc, bool unsent); /* SIOCOUTQ, SIOCOUTQNSD */
    ip_sockopts *(*options)(net_guard &guard, int desc);        /* null if there is nothing to set */
    /* Options that only the transport knows. */
    int (*setopt)(net_guard &guard, int desc, int level, int name, const void *value, socklen_t size);
    int (*getopt)(net_guard &guard, int desc, int level, int name, void *value, socklen_t &size);

    [[nodiscard]] bool is_stream() const { return type == SOCK_STREAM; }
};

/** The kind for the arguments of sock_open(), or null with errno ESOCKTNOSUPPORT, EPROTONOSUPPORT. */
const sock_kind *sock_kind_select(int type, int protocol);

struct sock {
    const sock_kind *kind = nullptr;
    int id = -1;
    int desc = -1;      /* the transport's number */
    bool open = false;  /* neither still being accepted nor closed already */
    unsigned users = 0; /* calls that are under way; the last one out frees a closed socket's number */

    bool nonblock = false;
    bool reuse = false; /* SO_REUSEADDR */
    bool receive_ttl = false;
    bool receive_tos = false;
    net_duration receive_timeout{}; /* zero: none */
    net_duration send_timeout{};
};

struct sock_layer {
    id_table<sock> socks{};
};

/** A new socket, not open yet and with one user; null when there are too many. */
sock *sock_alloc(net_stack &net, const sock_kind &kind) MICROPS_REQUIRES(net_locked);
/** The open socket with this number, or null. */
sock *sock_get(const net_stack &net, int id) MICROPS_REQUIRES(net_locked);
/** A user leaves. */
void sock_leave(net_stack &net, sock &s) MICROPS_REQUIRES(net_locked);

/** A call at work on a socket: keeps its number from being used again while the call sleeps. */
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
    return !s.kind->is_stream() && from.foreign.addr != IP_ADDR_ANY;
}

/* POSIX's addresses. */

/** Reads an AF_INET address (with @p unspec also AF_UNSPEC). Returns 0, or -1: EFAULT EINVAL EAFNOSUPPORT. */
int sockaddr_read(const void *addr, socklen_t addrlen, bool unspec, ip_endpoint &endpoint);
/** Whether an address can be written there, before anything is done. Returns 0, or -1: EFAULT EINVAL. */
int sockaddr_check(const void *addr, const socklen_t *addrlen);
/** Writes as much of an address as there is room for, and its full length. A null @p addr wants none. */
void sockaddr_write(const ip_endpoint &endpoint, void *addr, socklen_t *addrlen);

} // namespace microps
