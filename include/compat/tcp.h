/*
 * tcp.h: TCP in the original's dialect.
 */
#pragma once

#include "ip.h"
#include "microps/tcp.hpp"

namespace microps
{

inline int tcp_open_rfc793(const ip_endpoint *local, const ip_endpoint *foreign, int active)
{
    return tcp_open_rfc793(local ? *local : ip_endpoint{}, foreign, active != 0);
}

inline int tcp_bind(int id, const ip_endpoint *local) { return tcp_bind(id, *local); }

/** Returns the id. */
inline int tcp_connect(int id, const ip_endpoint *foreign) { return tcp_connect(id, *foreign) == 0 ? id : -1; }

inline ssize_t tcp_send(int id, const uint8_t *data, size_t len) { return tcp_send(id, std::span(data, len)); }

inline ssize_t tcp_receive(int id, uint8_t *buf, size_t size) { return tcp_receive(id, std::span(buf, size)); }

/** net_init() has done it: as in the original, a second time fails. */
inline int tcp_init() { return net_error(EALREADY); }

} // namespace microps
