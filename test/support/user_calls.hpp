/*
 * user_calls.hpp: the socket calls of one transport, with endpoints and spans instead of addresses and pointers. They
 * have the names of the original's calls.
 */
#pragma once

#include "microps/sock.hpp"
#include "microps/tcp.hpp"

#include <cstdint>
#include <span>

#include <netinet/tcp.h>

namespace microps
{
inline namespace user_calls /* so that they are not mistaken for the library's functions of these names */
{

inline int udp_open(net_stack &net) { return sock_open(net, AF_INET, SOCK_DGRAM, 0); }

inline int udp_bind(net_stack &net, int id, const ip_endpoint &local)
{
    const sockaddr_in addr = sockaddr_from_endpoint(local);
    return sock_bind(net, id, sockaddr_of(addr), sizeof(addr));
}

inline ssize_t udp_sendto(net_stack &net, int id, std::span<const uint8_t> data, const ip_endpoint &foreign)
{
    const sockaddr_in addr = sockaddr_from_endpoint(foreign);
    return sock_sendto(net, id, data.data(), data.size(), sockaddr_of(addr), sizeof(addr));
}

inline ssize_t udp_recvfrom(net_stack &net, int id, std::span<uint8_t> data, ip_endpoint *foreign)
{
    sockaddr_in addr{};
    socklen_t length = sizeof(addr);
    const ssize_t received = sock_recvfrom(net, id, data.data(), data.size(), sockaddr_of(addr), &length);
    if (received != -1 && foreign) *foreign = sockaddr_to_endpoint(addr);
    return received;
}

/** @p flags: SOCK_NONBLOCK or nothing. */
inline int tcp_open(net_stack &net, int flags = 0) { return sock_open(net, AF_INET, SOCK_STREAM | flags, 0); }

inline int tcp_bind(net_stack &net, int id, const ip_endpoint &local) { return udp_bind(net, id, local); }

inline int tcp_connect(net_stack &net, int id, const ip_endpoint &foreign)
{
    const sockaddr_in addr = sockaddr_from_endpoint(foreign);
    return sock_connect(net, id, sockaddr_of(addr), sizeof(addr));
}

inline ssize_t tcp_send(net_stack &net, int id, std::span<const uint8_t> data, int flags = 0)
{
    return sock_send(net, id, data.data(), data.size(), flags);
}

inline ssize_t tcp_receive(net_stack &net, int id, std::span<uint8_t> data, int flags = 0)
{
    return sock_recv(net, id, data.data(), data.size(), flags);
}

/** A TCP_STATE_* value, or -1. */
inline int tcp_state(net_stack &net, int id)
{
    tcp_info_data info;
    socklen_t size = sizeof(info);
    return sock_getsockopt(net, id, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? tcp_state_of(info) : -1;
}

} // namespace user_calls
} // namespace microps
