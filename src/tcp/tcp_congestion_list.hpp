/*
 * tcp_congestion_list.hpp: the congestion controls of a stack, by name, and which of them a connection takes.
 */
#pragma once

#include "microps/tcp_congestion.hpp"
#include "tcp_pcb.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace microps
{

/** A congestion control: see tcp_congestion_register(). */
struct tcp_congestion_entry {
    std::string name{};
    tcp_congestion_factory make{};
};

/** The place of a congestion control in the stack's list. */
std::optional<uint8_t> tcp_congestion_find(const tcp_layer &tcp, std::string_view name) MICROPS_REQUIRES(net_locked);
/** The names in the list, in its order. */
std::vector<std::string_view> tcp_congestion_names(const tcp_layer &tcp) MICROPS_REQUIRES(net_locked);
/** The name of the congestion control that a connection begins with: the user's choice, or tcp_config's. */
std::string_view tcp_congestion_choice(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Makes that congestion control, with what the configuration says. */
std::unique_ptr<tcp_congestion> tcp_congestion_open(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
