/*
 * ip.h: the Internet Protocol in the original's dialect: pointers where the library has references.
 */
#pragma once

#include "microps/ip.hpp"
#include "net.h"

namespace microps
{

inline int ip_addr_pton(const char *text, ip_addr_t *addr) { return ip_addr_pton(text, *addr); }

/** For the address in a sockaddr_in. */
inline int ip_addr_pton(const char *text, in_addr *addr)
{
    ip_addr_t parsed;
    if (ip_addr_pton(text, parsed) == -1) return -1;
    *addr = parsed;
    return 0;
}

inline int ip_endpoint_pton(const char *text, ip_endpoint *endpoint) { return ip_endpoint_pton(text, *endpoint); }

inline char *ip_endpoint_ntop(const ip_endpoint *endpoint, char *text, size_t size)
{
    return ip_endpoint_ntop(*endpoint, text, size);
}

inline ssize_t ip_output(uint8_t protocol, const uint8_t *data, size_t len, ip_addr_t src, ip_addr_t dst)
{
    return ip_output(protocol, std::span(data, len), src, dst);
}

inline int ip_protocol_register(const char *name, uint8_t type,
                                void (*handler)(const uint8_t *data, size_t len, ip_addr_t src, ip_addr_t dst,
                                                ip_iface *iface))
{
    return ip_protocol_register(name, type, ip_protocol_input([handler](const ip_rx &rx) {
                                    handler(rx.payload.data(), rx.payload.size(), rx.src, rx.dst, &rx.iface);
                                }));
}

/** Not const, as in the original; it must not be written to. */
inline char *ip_protocol_name(uint8_t type)
{
    net_guard guard(net_default());
    return const_cast<char *>(ip_protocol_name(guard.net(), type));
}

/** net_init() has called it: as in the original, a second call fails. */
inline int ip_init() { return net_error(EALREADY); }

} // namespace microps
