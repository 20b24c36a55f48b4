/*
 * icmp.h: ICMP in the original's dialect. `values` is in network byte order: hton32(id << 16 | seq).
 */
#pragma once

#include "ip.h"
#include "microps/icmp.hpp"

namespace microps
{

inline int icmp_output(uint8_t type, uint8_t code, uint32_t values, const uint8_t *data, size_t len, ip_addr_t src,
                       ip_addr_t dst)
{
    const be32 in_order = be32::from_net(values);
    return static_cast<int>(icmp_output(type, code, in_order, std::span(data, len), src, dst));
}

/** net_init() has called it: as in the original, a second call fails. */
inline int icmp_init() { return net_error(EALREADY); }

} // namespace microps
