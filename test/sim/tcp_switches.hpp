/*
 * tcp_switches.hpp: a TCP with some of its mechanisms off and its sizes far from the usual, drawn at random: what works
 * together by default must work in all other combinations, too, and with a peer that has chosen otherwise.
 */
#pragma once

#include "microps/random.hpp"
#include "microps/stack.hpp"
#include "microps/tcp.hpp"

#include <string>

namespace microps
{

/** Switches and sizes of one host. */
void draw_tcp_switches(net_random &random, tcp_config &config);
/** What a program may set on its socket before it connects or listens. */
void draw_socket_options(net_random &random, net_stack &net, int sock);
/** What the socket's TCP_INFO says that cannot be: "" if all is well. */
std::string tcp_info_wrong(net_stack &net, int sock);

} // namespace microps
