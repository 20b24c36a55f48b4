/*
 * tcp_sysctl.cpp: tcp_config by the names that Linux' sysctl has. One table: a name, how its value reads, how it is
 * written. What has no name here (bounds of tables, times that Linux has fixed) is set in tcp_config itself.
 *
 * Values mean what they mean on Linux, with one exception: tcp_rmem and tcp_wmem count bytes of data, while Linux
 * counts its own overhead too; their first number, the least buffer, is fixed.
 */
#include "microps/tcp.hpp"
#include "parts/tcp_congestion_builtin.hpp"
#include "tcp_congestion_list.hpp"
#include "tcp_layer.hpp"
#include "tcp_pcb.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace microps
{

/** The congestion controls that can be chosen: the stack's, or the built-in ones where there is no stack. */
using congestion_names = std::vector<std::string_view>;

namespace
{

struct tunable {
    const char *name;
    std::string (*read)(const tcp_config &config, const congestion_names &names);
    /** Returns 0 or an errno. */
    int (*write)(tcp_config &config, const congestion_names &names, std::string_view value);
};

} // namespace

static constexpr uint64_t SYSCTL_SECONDS_MAX = 32767; /* Linux' MAX_TCP_KEEPIDLE */
static constexpr uint64_t NUMBER_MAX = std::numeric_limits<int32_t>::max();

static std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blank = " \t\n";
    const size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) + 1 - first);
}

/** Takes one number off the front. */
static std::optional<uint64_t> number_take(std::string_view &text)
{
    text = trimmed(text);
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return number;
}

/** The whole text is one number, within bounds. */
static std::optional<uint64_t> number_of(std::string_view text, uint64_t min, uint64_t max)
{
    const std::optional<uint64_t> number = number_take(text);
    if (!number || !trimmed(text).empty() || *number < min || *number > max) return std::nullopt;
    return number;
}

/* Rows: a member of tcp_config that is a number or a flag ... */

template <auto member, uint64_t min, uint64_t max>
static constexpr tunable number(const char *name)
{
    return {name, [](const tcp_config &config, const congestion_names &) { return std::to_string(config.*member); },
            [](tcp_config &config, const congestion_names &, std::string_view value) {
                using type = std::remove_reference_t<decltype(config.*member)>;
                const std::optional<uint64_t> wanted = number_of(value, min, max);
                if (!wanted) return EINVAL;
                config.*member = static_cast<type>(*wanted);
                return 0;
            }};
}

/** ... a flag that Linux writes as a number: 0 is off, @p on is what "on" reads as, up to @p max is also on ... */
template <auto member, uint64_t on = 1, uint64_t max = on>
static constexpr tunable flag(const char *name)
{
    return {name,
            [](const tcp_config &config, const congestion_names &) { return std::to_string(config.*member ? on : 0); },
            [](tcp_config &config, const congestion_names &, std::string_view value) {
                const std::optional<uint64_t> wanted = number_of(value, 0, max);
                if (!wanted) return EINVAL;
                config.*member = *wanted != 0;
                return 0;
            }};
}

/** ... a time ... */
template <auto member, typename unit, uint64_t min, uint64_t max>
static constexpr tunable time(const char *name)
{
    return {name,
            [](const tcp_config &config, const congestion_names &) {
                return std::to_string(std::chrono::duration_cast<unit>(config.*member).count());
            },
            [](tcp_config &config, const congestion_names &, std::string_view value) {
                const std::optional<uint64_t> wanted = number_of(value, min, max);
                if (!wanted) return EINVAL;
                config.*member = unit(*wanted);
                return 0;
            }};
}

/** ... the sizes of a buffer: least, at first, most. */
template <auto first, auto most>
static constexpr tunable sizes(const char *name)
{
    return {name,
            [](const tcp_config &config, const congestion_names &) {
                return std::to_string(TCP_BUFFER_MIN) + " " + std::to_string(config.*first) + " " +
                       std::to_string(config.*most);
            },
            [](tcp_config &config, const congestion_names &, std::string_view value) {
                const std::optional<uint64_t> least = number_take(value);
                const std::optional<uint64_t> begin = number_take(value);
                const std::optional<uint64_t> end = number_take(value);
                if (!least || !begin || !end || !trimmed(value).empty()) return EINVAL;
                if (*least == 0 || *begin < std::max<uint64_t>(*least, TCP_BUFFER_MIN)) return EINVAL;
                if (*end < *begin || *end > TCP_BUFFER_MAX) return EINVAL;
                config.*first = static_cast<size_t>(*begin);
                config.*most = static_cast<size_t>(*end);
                return 0;
            }};
}

/* Rows of their own. */

static std::string congestion_read(const tcp_config &config, const congestion_names &)
{
    return config.congestion_control;
}

static int congestion_write(tcp_config &config, const congestion_names &names, std::string_view value)
{
    if (std::find(names.begin(), names.end(), trimmed(value)) == names.end()) return EINVAL;
    config.congestion_control = trimmed(value);
    return 0;
}

static std::string congestions_read(const tcp_config &, const congestion_names &names)
{
    std::string text;
    for (const std::string_view name : names) {
        if (!text.empty()) text += ' ';
        text += name;
    }
    return text;
}

static int read_only(tcp_config &, const congestion_names &, std::string_view) { return EACCES; }

/** Linux' flag is the opposite of ours; its values 2 and 3 are not implemented. */
static std::string no_pmtu_read(const tcp_config &config, const congestion_names &)
{
    return config.path_mtu_discovery ? "0" : "1";
}

static int no_pmtu_write(tcp_config &config, const congestion_names &, std::string_view value)
{
    const std::optional<uint64_t> wanted = number_of(value, 0, 1);
    if (!wanted) return EINVAL;
    config.path_mtu_discovery = *wanted == 0;
    return 0;
}

using c = tcp_config;
using us = std::chrono::microseconds;
using ms = std::chrono::milliseconds;
using s = std::chrono::seconds;

static constexpr std::array TUNABLES = {
    number<&c::backlog_max, 1, 65535>("net.core.somaxconn"),
    tunable{"net.ipv4.ip_no_pmtu_disc", no_pmtu_read, no_pmtu_write},
    flag<&c::abort_on_overflow>("net.ipv4.tcp_abort_on_overflow"),
    tunable{"net.ipv4.tcp_allowed_congestion_control", congestions_read, read_only},
    tunable{"net.ipv4.tcp_available_congestion_control", congestions_read, read_only},
    number<&c::base_mss, 48, 65535>("net.ipv4.tcp_base_mss"),
    number<&c::challenge_acks, 1, NUMBER_MAX>("net.ipv4.tcp_challenge_ack_limit"),
    tunable{"net.ipv4.tcp_congestion_control", congestion_read, congestion_write},
    flag<&c::dsack>("net.ipv4.tcp_dsack"),
    flag<&c::tail_loss_probe, 3, 4>("net.ipv4.tcp_early_retrans"),
    time<&c::fin_wait2, s, 0, SYSCTL_SECONDS_MAX>("net.ipv4.tcp_fin_timeout"),
    flag<&c::frto, 2>("net.ipv4.tcp_frto"),
    time<&c::invalid_ratelimit, ms, 0, 3600000>("net.ipv4.tcp_invalid_ratelimit"),
    time<&c::keepalive_interval, s, 1, SYSCTL_SECONDS_MAX>("net.ipv4.tcp_keepalive_intvl"),
    number<&c::keepalive_probes, 1, 127>("net.ipv4.tcp_keepalive_probes"),
    time<&c::keepalive_time, s, 1, SYSCTL_SECONDS_MAX>("net.ipv4.tcp_keepalive_time"),
    number<&c::dup_thresh_max, 3, 300>("net.ipv4.tcp_max_reordering"),
    number<&c::half_open_max, 1, NUMBER_MAX>("net.ipv4.tcp_max_syn_backlog"),
    number<&c::min_mss, 48, 65535>("net.ipv4.tcp_min_snd_mss"),
    flag<&c::moderate_receive_buffer>("net.ipv4.tcp_moderate_rcvbuf"),
    number<&c::min_mss, 48, 65535>("net.ipv4.tcp_mtu_probe_floor"),
    number<&c::mtu_probing, 0, 1>("net.ipv4.tcp_mtu_probing"),
    number<&c::orphan_retries, 1, 255>("net.ipv4.tcp_orphan_retries"),
    flag<&c::rack>("net.ipv4.tcp_recovery"),
    number<&c::dup_thresh, 1, 300>("net.ipv4.tcp_reordering"),
    number<&c::retries1, 0, 255>("net.ipv4.tcp_retries1"),
    number<&c::data_retries, 0, 255>("net.ipv4.tcp_retries2"),
    flag<&c::rfc1337>("net.ipv4.tcp_rfc1337"),
    sizes<&c::receive_buffer, &c::receive_buffer_max>("net.ipv4.tcp_rmem"),
    time<&c::rto_max, ms, 1000, 120000>("net.ipv4.tcp_rto_max_ms"),
    time<&c::rto_min, us, 1, 120000000>("net.ipv4.tcp_rto_min_us"),
    flag<&c::sack>("net.ipv4.tcp_sack"),
    flag<&c::slow_start_after_idle>("net.ipv4.tcp_slow_start_after_idle"),
    number<&c::syn_retries, 1, 127>("net.ipv4.tcp_syn_retries"),
    number<&c::synack_retries, 0, 255>("net.ipv4.tcp_synack_retries"),
    number<&c::syncookies, 0, 2>("net.ipv4.tcp_syncookies"),
    flag<&c::timestamps>("net.ipv4.tcp_timestamps"),
    flag<&c::window_scaling>("net.ipv4.tcp_window_scaling"),
    sizes<&c::send_buffer, &c::send_buffer_max>("net.ipv4.tcp_wmem"),
};

static constexpr std::array SYSCTL_NAMES = [] {
    std::array<const char *, TUNABLES.size()> names{};
    for (size_t i = 0; i < names.size(); i++) {
        names[i] = TUNABLES[i].name;
    }
    return names;
}();

static const tunable *tunable_find(std::string_view name)
{
    for (const tunable &row : TUNABLES) {
        const std::string_view full = row.name;
        if (name == full || name == full.substr(full.rfind('.') + 1)) return &row;
    }
    return nullptr;
}

static congestion_names builtin_names()
{
    congestion_names names;
    for (const tcp_congestion_builtin &builtin : TCP_CONGESTION_BUILTINS) {
        names.emplace_back(builtin.name);
    }
    return names;
}

static int sysctl_set(tcp_config &config, const congestion_names &names, std::string_view name, std::string_view value)
{
    const tunable *row = tunable_find(name);
    if (!row) return net_error(ENOENT);
    const int error = row->write(config, names, value);
    return error ? net_error(error) : 0;
}

static std::optional<std::string> sysctl_get(const tcp_config &config, const congestion_names &names,
                                             std::string_view name)
{
    const tunable *row = tunable_find(name);
    if (!row) return std::nullopt;
    return row->read(config, names);
}

int tcp_sysctl_set(tcp_config &config, std::string_view name, std::string_view value)
{
    return sysctl_set(config, builtin_names(), name, value);
}

int tcp_sysctl_set(net_stack &net, std::string_view name, std::string_view value)
{
    return sysctl_set(tcp_configure(net), tcp_congestion_names(*net.tcp), name, value);
}

std::optional<std::string> tcp_sysctl_get(const tcp_config &config, std::string_view name)
{
    return sysctl_get(config, builtin_names(), name);
}

std::optional<std::string> tcp_sysctl_get(const net_stack &net, std::string_view name)
{
    return sysctl_get(net.tcp->config, tcp_congestion_names(*net.tcp), name);
}

std::span<const char *const> tcp_sysctl_names() { return SYSCTL_NAMES; }

} // namespace microps
