/*
 * sock_kind.cpp: the kinds of sockets there are: TCP, UDP, ping. What a transport does not have, or has in another
 * form, is adapted here.
 */
#include "microps/icmp.hpp"
#include "microps/tcp.hpp"
#include "microps/udp.hpp"
#include "sock_internal.hpp"

#include <array>

namespace microps
{

namespace
{

/* What a transport does not have. */

int no_listen(net_guard &, int, int) { return net_error(EOPNOTSUPP); }
int no_accept(net_guard &, int, ip_endpoint *, int, net_time) { return net_error(EOPNOTSUPP); }
int no_disconnect(net_guard &, int) { return net_error(EAFNOSUPPORT); }
int no_setopt(net_guard &, int, int, int, const void *, socklen_t) { return net_error(ENOPROTOOPT); }
ssize_t no_queued(net_guard &, int, bool unsent) { return unsent ? net_error(ENOTTY) : 0; } /* what is sent has gone */
int no_getopt(net_guard &, int, int, int, void *, socklen_t &) { return net_error(ENOPROTOOPT); }

/* TCP */

/** As on Linux, a destination is of no interest to a connection. */
ssize_t tcp_kind_send(net_guard &guard, int desc, std::span<const uint8_t> data, const ip_endpoint *, int flags,
                      net_time deadline) MICROPS_REQUIRES(net_locked)
{
    return tcp_send(guard, desc, data, flags, deadline);
}

ssize_t tcp_kind_receive(net_guard &guard, int desc, std::span<uint8_t> data, ip_received *from, int flags,
                         net_time deadline) MICROPS_REQUIRES(net_locked)
{
    const ssize_t received = tcp_receive(guard, desc, data, flags, deadline);
    if (received != -1 && from) from->length = static_cast<size_t>(received);
    return received;
}

/* UDP: nothing waits but the receiver */

int udp_kind_connect(net_guard &guard, int desc, const ip_endpoint &foreign, int, net_time) MICROPS_REQUIRES(net_locked)
{
    return udp_connect(guard, desc, foreign);
}

int udp_kind_disconnect(net_guard &guard, int desc) MICROPS_REQUIRES(net_locked)
{
    return udp_connect(guard, desc, {});
}

ssize_t udp_kind_send(net_guard &guard, int desc, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags,
                      net_time) MICROPS_REQUIRES(net_locked)
{
    return udp_sendto(guard, desc, data, foreign, flags);
}

/* Ping */

int ping_kind_bind(net_guard &guard, int desc, const ip_endpoint &local, bool) MICROPS_REQUIRES(net_locked)
{
    return icmp_bind(guard, desc, local);
}

int ping_kind_connect(net_guard &guard, int desc, const ip_endpoint &foreign, int, net_time)
    MICROPS_REQUIRES(net_locked)
{
    return icmp_connect(guard, desc, foreign);
}

int ping_kind_disconnect(net_guard &guard, int desc) MICROPS_REQUIRES(net_locked)
{
    return icmp_connect(guard, desc, {});
}

ssize_t ping_kind_send(net_guard &guard, int desc, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags,
                       net_time) MICROPS_REQUIRES(net_locked)
{
    return icmp_sendto(guard, desc, data, foreign, flags);
}

constexpr sock_kind kind_tcp{.type = SOCK_STREAM,
                             .protocol = IPPROTO_TCP,
                             .open = tcp_open,
                             .close = tcp_close,
                             .bind = tcp_bind,
                             .listen = tcp_listen,
                             .accept = tcp_accept,
                             .connect = tcp_connect,
                             .disconnect = no_disconnect,
                             .send = tcp_kind_send,
                             .receive = tcp_kind_receive,
                             .shutdown = tcp_shutdown,
                             .poll = tcp_poll,
                             .getsockname = tcp_getsockname,
                             .getpeername = tcp_getpeername,
                             .take_error = tcp_take_error,
                             .pending = tcp_pending,
                             .queued = tcp_queued,
                             .options = tcp_sockopts,
                             .setopt = tcp_setopt,
                             .getopt = tcp_getopt};

constexpr sock_kind kind_udp{.type = SOCK_DGRAM,
                             .protocol = IPPROTO_UDP,
                             .open = udp_open,
                             .close = udp_close,
                             .bind = udp_bind,
                             .listen = no_listen,
                             .accept = no_accept,
                             .connect = udp_kind_connect,
                             .disconnect = udp_kind_disconnect,
                             .send = udp_kind_send,
                             .receive = udp_recvfrom,
                             .shutdown = udp_shutdown,
                             .poll = udp_poll,
                             .getsockname = udp_getsockname,
                             .getpeername = udp_getpeername,
                             .take_error = udp_take_error,
                             .pending = udp_pending,
                             .queued = no_queued,
                             .options = udp_sockopts,
                             .setopt = no_setopt,
                             .getopt = no_getopt};

constexpr sock_kind kind_ping{.type = SOCK_DGRAM,
                              .protocol = IPPROTO_ICMP,
                              .open = icmp_open,
                              .close = icmp_close,
                              .bind = ping_kind_bind,
                              .listen = no_listen,
                              .accept = no_accept,
                              .connect = ping_kind_connect,
                              .disconnect = ping_kind_disconnect,
                              .send = ping_kind_send,
                              .receive = icmp_recvfrom,
                              .shutdown = icmp_shutdown,
                              .poll = icmp_poll,
                              .getsockname = icmp_getsockname,
                              .getpeername = icmp_getpeername,
                              .take_error = icmp_take_error,
                              .pending = icmp_pending,
                              .queued = no_queued,
                              .options = icmp_sockopts,
                              .setopt = no_setopt,
                              .getopt = no_getopt};

/* The first kind of a type is the one that protocol 0 means. */
constexpr std::array<const sock_kind *, 3> kinds{&kind_tcp, &kind_udp, &kind_ping};

} // namespace

const sock_kind *sock_kind_select(int type, int protocol)
{
    int error = ESOCKTNOSUPPORT;
    for (const sock_kind *kind : kinds) {
        if (kind->type != type) continue;
        if (protocol == 0 || protocol == kind->protocol) return kind;
        error = EPROTONOSUPPORT;
    }
    errno = error;
    return nullptr;
}

} // namespace microps
