/*
 * tcp_congestion_builtin.hpp: the table of the congestion controls that each stack has from the start, the default
 * first. Names are Linux', for TCP_CONGESTION and the sysctl tcp_congestion_control. A program adds its own by
 * tcp_congestion_register(); the list of a stack is kept by tcp_congestion_list.cpp.
 */
#pragma once

#include "microps/tcp_congestion.hpp"
#include "tcp_cubic.hpp"
#include "tcp_newreno.hpp"

#include <array>
#include <memory>

namespace microps
{

struct tcp_congestion_builtin {
    const char *name;
    std::unique_ptr<tcp_congestion> (*make)(const tcp_congestion_options &);
};

inline constexpr std::array TCP_CONGESTION_BUILTINS = {
    tcp_congestion_builtin{"cubic", tcp_cubic_make},
    tcp_congestion_builtin{"reno", tcp_newreno_make},
};

} // namespace microps
