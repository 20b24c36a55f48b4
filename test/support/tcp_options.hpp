/*
 * tcp_options.hpp: socket options in tests of TCP: a number set or read in one word.
 */
#pragma once

#include "support/tcp_test.hpp"

#include <array>
#include <netinet/tcp.h>
#include <string>
#include <string_view>

namespace microps
{

/** 0, or the errno of setsockopt(). */
inline int set_option(net_stack &net, int id, int level, int name, int value)
{
    return error_of(sock_setsockopt(net, id, level, name, &value, sizeof(value)));
}

/** The value, or -errno of getsockopt(). */
inline int option_of(net_stack &net, int id, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return sock_getsockopt(net, id, level, name, &value, &size) == -1 ? -errno : value;
}

/** The connection's option is set; a test's failure if it cannot be. */
inline void set_option(tcp_peer &peer, int level, int name, int value)
{
    EXPECT_EQ(set_option(peer.stack(), peer.app(), level, name, value), 0) << "option " << name << " = " << value;
}

inline int option_of(tcp_peer &peer, int level, int name) { return option_of(peer.stack(), peer.app(), level, name); }

inline void set_linger(net_stack &net, int id, int seconds)
{
    const linger value{.l_onoff = 1, .l_linger = seconds};
    EXPECT_EQ(sock_setsockopt(net, id, SOL_SOCKET, SO_LINGER, &value, sizeof(value)), 0);
}

/** The answer of TCP_CONGESTION. */
inline std::string congestion_of(net_stack &net, int id)
{
    std::array<char, 32> name{};
    socklen_t size = name.size();
    EXPECT_EQ(sock_getsockopt(net, id, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size), 0);
    EXPECT_EQ(size, 16u) << "TCP_CA_NAME_MAX";
    return name.data();
}

/** 0, or the errno of setsockopt(). */
inline int set_congestion(net_stack &net, int id, std::string_view name)
{
    return error_of(
        sock_setsockopt(net, id, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())));
}

} // namespace microps
