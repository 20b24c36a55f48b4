/*
 * udp.h: UDP in the original's dialect. The number of a PCB is that of a socket, so either's calls take it.
 */
#pragma once

#include "microps/udp.hpp"
#include "sock.h"

namespace microps
{

inline ssize_t udp_output(const ip_endpoint *src, const ip_endpoint *dst, const uint8_t *data, size_t len)
{
    return udp_output(*src, *dst, std::span(data, len));
}

/** The original broadcasts without an option. */
inline int udp_open() { return compat_switch_on(sock_open(AF_INET, SOCK_DGRAM, IPPROTO_UDP), SO_BROADCAST); }

inline int udp_bind(int id, const ip_endpoint *local) { return compat_bind(id, local); }

inline ssize_t udp_sendto(int id, const uint8_t *data, size_t len, const ip_endpoint *foreign)
{
    const sockaddr_in addr = sockaddr_from_endpoint(*foreign);
    return sock_sendto(id, data, len, sockaddr_of(addr), sizeof(addr));
}

inline ssize_t udp_recvfrom(int id, uint8_t *buf, size_t size, ip_endpoint *foreign)
{
    sockaddr_in addr{};
    socklen_t length = sizeof(addr);
    const ssize_t received = sock_recvfrom(id, buf, size, sockaddr_of(addr), &length);
    compat_endpoint(received != -1, addr, foreign);
    return received;
}

inline int udp_close(int id) { return sock_close(id); }

/** net_init() has called it: as in the original, a second call fails. */
inline int udp_init() { return net_error(EALREADY); }

} // namespace microps
