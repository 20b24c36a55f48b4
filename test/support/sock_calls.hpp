/*
 * sock_calls.hpp: what tests need around the socket calls: addresses, errno values, a server that reads one stream.
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/sock.hpp"

#include <cerrno>
#include <string>
#include <vector>

namespace microps
{

/** A sockaddr_in for the socket calls, which as_sockaddr() shows to them. */
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

inline const sockaddr *as_sockaddr(const sockaddr_in &addr)
{
    return static_cast<const sockaddr *>(static_cast<const void *>(&addr));
}

inline sockaddr *as_sockaddr(sockaddr_in &addr) { return static_cast<sockaddr *>(static_cast<void *>(&addr)); }

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
    if (sock_bind(net, listener, as_sockaddr(local), sizeof(local)) == -1) return errno;
    if (sock_listen(net, listener, 1) == -1) return errno;
    const int connection = sock_accept(net, listener, nullptr, static_cast<socklen_t *>(nullptr));
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

} // namespace microps
