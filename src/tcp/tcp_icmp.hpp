/*
 * tcp_icmp.hpp: what ICMP says about our segments.
 */
#pragma once

#include "microps/ip.hpp"

namespace microps
{

void tcp_error(tcp_layer &tcp, const ip_error &error) MICROPS_REQUIRES(net_locked);

} // namespace microps
