/*
 * icmp_internal.hpp: the ICMP layer, and how icmp.cpp (messages) reaches icmp_sock.cpp (ping sockets) above it: by
 * handlers that the sockets register.
 */
#pragma once

#include "microps/icmp.hpp"

#include <functional>

namespace microps
{

struct icmp_sock_layer;

/** The handlers of the module that sends Echos: the ping sockets. */
struct icmp_echo_user {
    /** An Echo Reply was received: rx.payload begins with the ICMP header @p hdr. */
    std::function<void(const ip_rx &rx, const icmp_hdr &hdr)> reply{};
    /** An ICMP error about an ICMP message of ours: error.quote begins with that message's ICMP header. */
    std::function<void(const ip_error &error)> error{};
};

struct icmp_layer {
    /* RFC 1812 4.3.2.8: a token bucket bounds the errors we send. */
    unsigned error_tokens = 0;
    net_time error_refilled{};

    icmp_echo_user echo_user{};

    /** The ping sockets; icmp_sock_init() makes it. */
    layer_ptr<icmp_sock_layer> sockets{nullptr, nullptr};
};

/** Registers the one user of Echos. */
void icmp_echo_register(net_stack &net, icmp_echo_user user) MICROPS_REQUIRES(net_locked);
/** Makes the table of ping sockets, empty, and registers them with icmp_echo_register(). */
void icmp_sock_init(net_stack &net) MICROPS_REQUIRES(net_locked);

} // namespace microps
