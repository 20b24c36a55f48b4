/*
 * sock_calls.hpp: what tests need around the socket calls: addresses, errno values, a server that reads one stream; and
 * the original's names of the calls of one transport, with endpoints and spans instead of addresses and pointers.
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <netinet/tcp.h>

namespace microps
{

/** A sockaddr_in for the socket calls, which sockaddr_of() shows to them. */
inline sockaddr_in sock_address(const char *addr, unsigned port)
{
    ip_addr_t parsed{};
    ip_addr_pton(addr, parsed);
    return sockaddr_from_endpoint({parsed, static_cast<uint16_t>(port)});
}

/** The same from "192.0.2.1:7". */
inline sockaddr_in sock_address(const char *endpoint)
{
    ip_endpoint parsed{};
    ip_endpoint_pton(endpoint, parsed);
    return sockaddr_from_endpoint(parsed);
}

/** The errno of a call that must fail; 0 if it did not. */
template <typename Result>
int error_of(Result result)
{
    return result == -1 ? errno : 0;
}

/** Accepts one connection at @p endpoint and reads it to its end. Returns 0, or the errno that ended it. */
inline int receive_stream(net_stack &net, const char *endpoint, std::string &received)
{
    const int listener = sock_open(net, AF_INET, SOCK_STREAM, 0);
    const sockaddr_in local = sock_address(endpoint);
    if (sock_bind(net, listener, sockaddr_of(local), sizeof(local)) == -1) return errno;
    if (sock_listen(net, listener, 1) == -1) return errno;
    const int connection = sock_accept(net, listener, nullptr, nullptr);
    sock_close(net, listener);
    std::vector<char> part(10000);
    ssize_t n = 0;
    while ((n = sock_recv(net, connection, part.data(), part.size())) > 0) {
        received.append(part.data(), static_cast<size_t>(n));
    }
    const int error = error_of(n);
    sock_close(net, connection);
    return error;
}

inline namespace user_calls /* so that they are not mistaken for the library's functions of these names */
{

inline int udp_socket_open(net_stack &net) { return sock_open(net, AF_INET, SOCK_DGRAM, 0); }

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
