/*
 * icmp_internal.hpp: the ICMP layer, and the hooks between icmp.cpp (messages) and icmp_sock.cpp (ping sockets).
 */
#pragma once

#include "microps/icmp.hpp"

namespace microps
{

struct icmp_sock_layer;

struct icmp_layer {
    /* RFC 1812 4.3.2.8: a token bucket bounds the errors we send. */
    unsigned error_tokens = 0;
    net_time error_refilled{};

    /** The ping sockets; icmp_sock_init() makes it. */
    layer_ptr<icmp_sock_layer> sockets{nullptr, nullptr};
};

/** Makes the table of ping sockets, empty. */
void icmp_sock_init(net_stack &net) MICROPS_REQUIRES(net_locked);
/** An Echo Reply has come: rx.payload begins with the ICMP header @p hdr. Hands it to the socket that asked. */
void icmp_sock_input(const ip_rx &rx, const icmp_hdr &hdr) MICROPS_REQUIRES(net_locked);
/** An ICMP error about an ICMP message of ours: error.quote begins with that message's ICMP header. */
void icmp_sock_error(net_stack &net, const ip_error &error) MICROPS_REQUIRES(net_locked);

} // namespace microps
