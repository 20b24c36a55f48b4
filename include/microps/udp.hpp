/*
 * udp.hpp: the User Datagram Protocol (RFC 768, RFC 1122 4.1): header, limits, output.
 *
 * The user calls are those of sockets (sock.hpp).
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/stack.hpp"

#include <cstdint>
#include <span>
#include <sys/types.h>

namespace microps
{

struct udp_hdr {
    be16 src{};
    be16 dst{};
    be16 len{};
    be16 sum{};
};
static_assert(sizeof(udp_hdr) == 8 && alignof(udp_hdr) == 1);

/** RFC 6335: the dynamic ports. */
inline constexpr uint16_t UDP_SOURCE_PORT_MIN = 49152;
inline constexpr uint16_t UDP_SOURCE_PORT_MAX = 65535;
inline constexpr size_t UDP_PAYLOAD_SIZE_MAX = IP_PAYLOAD_SIZE_MAX - sizeof(udp_hdr);

/** Bounds of the module, per stack. */
struct udp_config {
    size_t pcb_max = 10000;
    size_t receive_bytes_max = 212992; /* queued per PCB (Linux' rmem_default); the newest datagram is dropped */
};
udp_config &udp_configure(net_stack &net) MICROPS_REQUIRES(net_locked);

void udp_init(net_stack &net) MICROPS_REQUIRES(net_locked);

struct sock_endpoint;
/** For sock_open(): a socket's endpoint that is not bound yet. Returns null with errno ENETDOWN, EMFILE. */
sock_endpoint *udp_open(net_stack &net) MICROPS_REQUIRES(net_locked);

/** Sends one datagram. Returns the payload's length, or -1 with the errno of ip_output(). */
ssize_t udp_output(net_stack &net, const ip_endpoint &src, const ip_endpoint &dst, std::span<const uint8_t> data,
                   const ip_tx &tx = {}) MICROPS_REQUIRES(net_locked);

} // namespace microps
