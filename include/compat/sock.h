/*
 * sock.h: sockets in the original's dialect. Types and numbers are POSIX'; address lengths may be int or socklen_t.
 */
#pragma once

#include "ip.h"
#include "microps/sock.hpp"

#include <concepts>

namespace microps
{

/*
 * Address lengths are int, as in the original: exactly int, so that a null pointer is unambiguous. The original never
 * reads the length, and its programs rely on that: the address is taken to have room for a sockaddr_in.
 */

template <std::same_as<int> Int>
int sock_accept(int id, sockaddr *addr, Int *addrlen)
{
    socklen_t length = sizeof(sockaddr_in);
    const int accepted = sock_accept(id, addr, &length);
    if (addrlen) *addrlen = static_cast<int>(length);
    return accepted;
}

template <std::same_as<int> Int>
ssize_t sock_recvfrom(int id, void *data, size_t size, sockaddr *addr, Int *addrlen)
{
    socklen_t length = sizeof(sockaddr_in);
    const ssize_t received = sock_recvfrom(id, data, size, addr, &length);
    if (addrlen) *addrlen = static_cast<int>(length);
    return received;
}

/*
 * What the transports' own calls (tcp.h, udp.h) share: they take an endpoint, and the socket's number.
 */

inline int compat_bind(int id, const ip_endpoint *local)
{
    const sockaddr_in addr = sockaddr_from_endpoint(*local);
    return sock_bind(id, sockaddr_of(addr), sizeof(addr));
}

/** Copies an address out if the caller wants it and the call has filled it in. */
inline void compat_endpoint(bool known, const sockaddr_in &addr, ip_endpoint *endpoint)
{
    if (known && endpoint) *endpoint = sockaddr_to_endpoint(addr);
}

/** Switches on an option that is on in the original. Returns the same number. */
inline int compat_switch_on(int id, int name)
{
    const int on = 1;
    if (id != -1) sock_setsockopt(id, SOL_SOCKET, name, &on, sizeof(on));
    return id;
}

} // namespace microps

/* POSIX' INADDR_ANY is a plain number, with which `addr.sin_addr = INADDR_ANY` would not compile. */
#undef INADDR_ANY
#define INADDR_ANY ::microps::IP_ADDR_ANY
