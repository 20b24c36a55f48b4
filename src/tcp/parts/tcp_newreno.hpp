/*
 * tcp_newreno.hpp: the congestion control of RFC 5681 3.1, which Linux calls "reno": it decides how cwnd grows and by
 * how much a loss reduces it, counting bytes (RFC 3465). What is lost is decided by tcp_recovery, with or without SACK.
 */
#pragma once

#include "microps/tcp_congestion.hpp"

#include <memory>

namespace microps
{

[[nodiscard]] std::unique_ptr<tcp_congestion> tcp_newreno_make(const tcp_congestion_options &options);

} // namespace microps
