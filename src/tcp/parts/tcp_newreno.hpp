/*
 * tcp_newreno.hpp: NewReno (RFC 5681, RFC 6582): slow start and congestion avoidance, counting bytes (RFC 3465).
 */
#pragma once

#include "microps/tcp_congestion.hpp"

#include <memory>

namespace microps
{

[[nodiscard]] std::unique_ptr<tcp_congestion> tcp_newreno_make(const tcp_congestion_options &options);

} // namespace microps
