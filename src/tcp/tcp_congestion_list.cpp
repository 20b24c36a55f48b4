/*
 * tcp_congestion_list.cpp: the congestion controls of a stack, by name: CUBIC and NewReno from the start, a program's
 * own when it registers them. The list only grows, because a connection remembers its user's choice as a place in it.
 */
#include "tcp_congestion_list.hpp"

#include "parts/tcp_cubic.hpp"
#include "tcp_layer.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace microps
{

int tcp_congestion_register(net_stack &net, const char *name, tcp_congestion_factory factory)
{
    std::vector<tcp_congestion_entry> &list = net.tcp->congestions;
    const std::string_view text = name;
    /* Names stand in a sysctl with blanks between them. */
    if (text.empty() || text.size() > TCP_CONGESTION_NAME_MAX || text.find_first_of(" \t\n") != text.npos || !factory) {
        return net_error(EINVAL);
    }
    if (tcp_congestion_find(*net.tcp, text)) return net_error(EEXIST);
    if (list.size() > UINT8_MAX) return net_error(ENOBUFS);
    list.push_back({.name = std::string(text), .make = std::move(factory)});
    return 0;
}

std::optional<uint8_t> tcp_congestion_find(const tcp_layer &tcp, std::string_view name)
{
    const std::vector<tcp_congestion_entry> &list = tcp.congestions;
    const auto found = std::find_if(list.begin(), list.end(), [&](const auto &entry) { return entry.name == name; });
    if (found == list.end()) return std::nullopt;
    return static_cast<uint8_t>(found - list.begin());
}

std::vector<std::string_view> tcp_congestion_names(const tcp_layer &tcp)
{
    std::vector<std::string_view> names;
    for (const tcp_congestion_entry &entry : tcp.congestions) {
        names.push_back(entry.name);
    }
    return names;
}

static const tcp_congestion_entry &tcp_congestion_entry_select(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const uint8_t configured = tcp_congestion_find(pcb.tcp, pcb.tcp.config.congestion_control).value_or(0);
    return pcb.tcp.congestions[pcb.set.congestion.value_or(configured)];
}

std::string_view tcp_congestion_choice(const tcp_pcb &pcb) { return tcp_congestion_entry_select(pcb).name; }

std::unique_ptr<tcp_congestion> tcp_congestion_open(const tcp_pcb &pcb)
{
    const tcp_config &config = pcb.tcp.config;
    const tcp_congestion_options options{
        .mss = pcb.mss.snd,
        .initial_window = tcp_initial_window(pcb.mss.snd, pcb.handshake.syn_lost, config.initial_window),
        .hystart = config.hystart,
        .rest = config.slow_start_after_idle,
        .ack_limit = static_cast<uint16_t>(std::min(config.appropriate_byte_counting, unsigned{UINT16_MAX}))};
    const tcp_congestion_entry &entry = tcp_congestion_entry_select(pcb);
    std::unique_ptr<tcp_congestion> congestion = entry.make(options);
    if (congestion) return congestion;
    errorf("the factory of congestion control %s returned null", entry.name.c_str());
    return tcp_cubic_make(options);
}

} // namespace microps
