/*
 * client.hpp: what tcpc and udpc have in common: the options -s and -p, and a socket bound as they say.
 */
#pragma once

#include "options.hpp"

namespace app
{

inline constexpr const char *CLIENT_ARGUMENTS = "[-s local_addr] [-p local_port] foreign_addr:port";
inline constexpr const char *CLIENT_OPTIONS = "s:p:";
inline constexpr const char *CLIENT_HELP = "  -s local_addr    send from this address\n"
                                           "  -p local_port    send from this port\n";

struct client_options {
    const char *local_addr = nullptr;
    const char *local_port = nullptr;

    /** Takes -s or -p. Exits through options_fail() when the value is wrong. */
    void take(int option, const char *value);
};

/** A socket of @p type, bound if the options say so. Returns its number, or -1 (logged). */
int client_socket(int type, const client_options &options);

} // namespace app
