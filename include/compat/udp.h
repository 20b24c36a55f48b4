/*
 * udp.h: UDP in the original's dialect.
 */
#pragma once

#include "ip.h"
#include "microps/udp.hpp"

namespace microps
{

inline ssize_t udp_output(const ip_endpoint *src, const ip_endpoint *dst, const uint8_t *data, size_t len)
{
    return udp_output(*src, *dst, std::span(data, len));
}

inline int udp_bind(int id, const ip_endpoint *local) { return udp_bind(id, *local); }

inline ssize_t udp_sendto(int id, const uint8_t *data, size_t len, const ip_endpoint *foreign)
{
    return udp_sendto(id, std::span(data, len), *foreign);
}

inline ssize_t udp_recvfrom(int id, uint8_t *buf, size_t size, ip_endpoint *foreign)
{
    return udp_recvfrom(id, std::span(buf, size), foreign);
}

/** net_init() has done it: as in the original, a second time fails. */
inline int udp_init() { return net_error(EALREADY); }

} // namespace microps
