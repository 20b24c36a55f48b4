/*
 * tcp.h: TCP in the original's dialect. The number of a PCB is that of a socket, so either's calls take it.
 */
#pragma once

#include "microps/tcp.hpp"
#include "sock.h"

namespace microps
{

inline int tcp_open_rfc793(const ip_endpoint *local, const ip_endpoint *foreign, int active)
{
    return sock_open_rfc793(local ? *local : ip_endpoint{}, foreign, active != 0);
}

/** A TCP_STATE_* value, or -1. */
inline int tcp_state(int id)
{
    constexpr int option = 11; /* TCP_INFO, but <netinet/tcp.h> brings more names than a program may want */
    tcp_info_data info;
    socklen_t size = sizeof(info);
    return sock_getsockopt(id, IPPROTO_TCP, option, &info, &size) == 0 ? tcp_state_of(info) : -1;
}

/** The original binds to a port while its old connections end. */
inline int tcp_open() { return compat_switch_on(sock_open(AF_INET, SOCK_STREAM, IPPROTO_TCP), SO_REUSEADDR); }

inline int tcp_bind(int id, const ip_endpoint *local) { return compat_bind(id, local); }

inline int tcp_listen(int id, int backlog) { return sock_listen(id, backlog); }

inline int tcp_accept(int id, ip_endpoint *foreign)
{
    sockaddr_in addr{};
    socklen_t length = sizeof(addr);
    const int accepted = sock_accept(id, sockaddr_of(addr), &length);
    compat_endpoint(accepted != -1, addr, foreign);
    return accepted;
}

/** Returns the id. */
inline int tcp_connect(int id, const ip_endpoint *foreign)
{
    const sockaddr_in addr = sockaddr_from_endpoint(*foreign);
    return sock_connect(id, sockaddr_of(addr), sizeof(addr)) == 0 ? id : -1;
}

inline ssize_t tcp_send(int id, const uint8_t *data, size_t len) { return sock_send(id, data, len); }

inline ssize_t tcp_receive(int id, uint8_t *buf, size_t size) { return sock_recv(id, buf, size); }

inline int tcp_close(int id) { return sock_close(id); }

/** net_init() has called it: as in the original, a second call fails. */
inline int tcp_init() { return net_error(EALREADY); }

} // namespace microps
