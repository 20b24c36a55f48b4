/*
 * icmp_sock.cpp: ping sockets.
 */
#include "icmp_internal.hpp"

namespace microps
{

void icmp_sock_init(net_stack &) {}

void icmp_sock_input(const ip_rx &rx, const icmp_hdr &hdr)
{
    net_stack &net = rx.iface.dev->net;
    net_drop(net, drop_reason::ping_no_socket, "no socket, id=%u", static_cast<unsigned>(hdr.values >> 16));
}

void icmp_sock_error(net_stack &, const ip_error &) {}

} // namespace microps
