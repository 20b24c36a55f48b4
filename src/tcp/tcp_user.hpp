/*
 * tcp_user.hpp: how a user's connection begins.
 */
#pragma once

#include "tcp_pcb.hpp"

namespace microps
{

/** A socket's endpoint, CLOSED and not bound yet. Returns null with errno ENETDOWN, ENOBUFS. */
tcp_pcb *tcp_open(net_stack &net) MICROPS_REQUIRES(net_locked);

} // namespace microps
