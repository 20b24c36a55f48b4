/*
 * setup.hpp: the set-up that all sample programs share: three devices, the addresses, and what Ctrl-C does.
 */
#pragma once

#include "options.hpp"

namespace app
{

/**
 * Brings the process-wide stack up: null (net0), loopback (net1, 127.0.0.1) and the device of the options (net2).
 * From now on SIGINT and SIGTERM interrupt the stack's calls and those of stdio.hpp. Returns 0, or -1 (logged).
 */
int setup(const common_options &options);
/** Called by setup() when the stack has its layers, before it has devices. See own.cpp. */
void own_register(microps::net_stack &net) MICROPS_REQUIRES(microps::net_locked);
/** Whether SIGINT or SIGTERM came. */
bool terminated();
/** Delivers what is still under way and shuts the stack down. Returns the program's exit status. */
int shut_down(int status);

} // namespace app
