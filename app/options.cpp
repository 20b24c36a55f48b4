/*
 * options.cpp: one table for the options that all programs share, one line of text for everything that can be wrong.
 *
 * getopt_long(3) does the reading. Every message says what is wrong and what to type instead; wrong positional
 * arguments are reported in the original's words. The exit status is the original's 255.
 */
#include "options.hpp"

#include "microps/ether.hpp"
#include "microps/log.hpp"

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <getopt.h>

namespace app
{

using namespace std::string_literals;

static constexpr int EXIT_USAGE = 255;

namespace
{

/* For options_fail(): set once by options_parse(), before anything can fail. */
struct invocation {
    const char *name = "";
    const char *arguments = "";
};

} // namespace
static constinit invocation invoked;

static constexpr const char *COMMON_HELP =
    "Options of all sample programs:\n"
    "  --device DEV     tap:NAME, tun:NAME, pcap:INTERFACE or null     (default tap:tap0)\n"
    "  --addr A/LEN     our address and its prefix length              (default 192.0.2.2/24)\n"
    "  --gateway A      the default gateway; none for no such route    (default 192.0.2.1, or the first\n"
    "                   address of the network that --addr names)\n"
    "  --mac MAC        our hardware address                           (default 00:00:5e:00:53:01)\n"
    "  --mtu BYTES      the device's MTU                               (default: the device's own)\n"
    "  --log LEVEL      off, error, warn, info or debug                (default debug, or $MICROPS_LOG)\n"
    "  --pcap FILE      write a capture of all frames, for tcpdump -r FILE or Wireshark\n"
    "  --loss P  --dup P  --reorder P  --corrupt P\n"
    "                   lose, duplicate, reorder, damage P per cent of the frames, in each direction\n"
    "  --delay MS       hold every frame back for MS milliseconds, in each direction\n"
    "  --seed N         choose the same frames again with the same N   (default 1)\n"
    "  --sysctl NAME=VALUE\n"
    "                   set a tunable of TCP by Linux' name, such as tcp_sack=0; may be repeated; --sysctl help\n"
    "                   shows all, with their values\n"
    "  --help           this text\n"
    "Ctrl-C ends a program.\n";

namespace
{

/* Long options answer with a number beyond all characters. */
enum long_option : int {
    opt_device = 256,
    opt_addr,
    opt_gateway,
    opt_mac,
    opt_mtu,
    opt_log,
    opt_pcap,
    opt_loss,
    opt_dup,
    opt_reorder,
    opt_corrupt,
    opt_delay,
    opt_seed,
    opt_sysctl,
    opt_help,
};

} // namespace

static constexpr std::array<option, 16> LONG_OPTIONS = {{
    {"device", required_argument, nullptr, opt_device},
    {"addr", required_argument, nullptr, opt_addr},
    {"gateway", required_argument, nullptr, opt_gateway},
    {"mac", required_argument, nullptr, opt_mac},
    {"mtu", required_argument, nullptr, opt_mtu},
    {"log", required_argument, nullptr, opt_log},
    {"pcap", required_argument, nullptr, opt_pcap},
    {"loss", required_argument, nullptr, opt_loss},
    {"dup", required_argument, nullptr, opt_dup},
    {"reorder", required_argument, nullptr, opt_reorder},
    {"corrupt", required_argument, nullptr, opt_corrupt},
    {"delay", required_argument, nullptr, opt_delay},
    {"seed", required_argument, nullptr, opt_seed},
    {"sysctl", required_argument, nullptr, opt_sysctl},
    {"help", no_argument, nullptr, opt_help},
    {nullptr, 0, nullptr, 0},
}};

static void print_usage(FILE *stream) { std::fprintf(stream, "Usage: %s %s\n", invoked.name, invoked.arguments); }

[[noreturn]] static void print_help(const program &prog)
{
    print_usage(stdout);
    std::printf("%s\n", prog.purpose);
    if (*prog.short_help) std::printf("Options of this program:\n%s", prog.short_help);
    std::fputs(COMMON_HELP, stdout);
    std::exit(EXIT_SUCCESS);
}

static void parse_log_level(const char *origin, const char *value)
{
    microps::log_level level = microps::log_level::debug;
    if (!microps::log_level_parse(value, level))
        options_fail("%s=%s: type off, error, warn, info or debug", origin, value);
    microps::log_set_level(level);
}

static void parse_device(const char *value, common_options &options)
{
    const std::string_view text(value);
    const size_t colon = text.find(':');
    options.device_kind = text.substr(0, colon);
    options.device_name = colon == text.npos ? "" : text.substr(colon + 1);
    const std::string &kind = options.device_kind;
    if (kind == "null" && colon == text.npos) return;
    if ((kind == "tap" || kind == "tun" || kind == "pcap") && !options.device_name.empty()) return;
    options_fail("--device %s: type tap:NAME, tun:NAME, pcap:INTERFACE or null, such as --device tap:tap0", value);
}

[[noreturn]] static void print_sysctls(const microps::tcp_config &config)
{
    for (const char *name : microps::tcp_sysctl_names()) {
        std::printf("%s = %s\n", name, microps::tcp_sysctl_get(config, name).value_or("").c_str());
    }
    std::exit(EXIT_SUCCESS);
}

static void parse_sysctl(const char *value, common_options &options)
{
    const std::string_view text(value);
    if (text == "help") print_sysctls(options.tcp);
    const size_t equals = text.find('=');
    if (equals == text.npos) options_fail("--sysctl %s: type NAME=VALUE, such as --sysctl tcp_sack=0", value);
    const std::string_view name = text.substr(0, equals);
    if (microps::tcp_sysctl_set(options.tcp, name, text.substr(equals + 1)) == 0) return;
    if (errno == EACCES) options_fail("--sysctl %s: it can only be read", value);
    if (errno == EINVAL && name.substr(name.rfind('.') + 1) == "tcp_congestion_control") {
        /* A program's own congestion control is known when there is a stack: setup() looks for it there. */
        options.tcp.congestion_control = text.substr(equals + 1);
        return;
    }
    if (errno == EINVAL) options_fail("--sysctl %s: it has no such value; --sysctl help shows what it has now", value);
    options_fail("--sysctl %s: there is no such tunable; --sysctl help shows those there are", value);
}

/** The network that @p addr belongs to, as a number. */
static uint32_t network_of(microps::ip_addr_t addr, unsigned prefix)
{
    return prefix == 0 ? 0 : addr.value & ~uint32_t{0} << (32 - prefix);
}

/** Whether @p addr can be the address of a host in its network. */
static bool is_host(microps::ip_addr_t addr, unsigned prefix)
{
    if (addr == microps::IP_ADDR_ANY || addr.is_multicast() || addr.is_loopback()) return false;
    const uint32_t host = addr.value - network_of(addr, prefix);
    return prefix >= 31 || (host != 0 && host != ~uint32_t{0} >> prefix);
}

static void parse_addr(const char *value, common_options &options)
{
    const std::string_view text(value);
    const size_t slash = text.find('/');
    uint64_t prefix = 24;
    microps::ip_addr_t addr;
    options.addr = text.substr(0, slash);
    if (microps::ip_addr_pton(options.addr.c_str(), addr) == -1 ||
        (slash != text.npos && !number_parse(value + slash + 1, 1, 32, prefix)))
        options_fail("--addr %s: type an address and its prefix length, such as --addr 192.0.2.2/24", value);
    options.prefix = static_cast<unsigned>(prefix);
    if (!is_host(addr, options.prefix))
        options_fail("--addr %s: no host can have this address; type another, such as --addr 192.0.2.2/24", value);
}

static void parse_mac(const char *value, common_options &options)
{
    microps::mac_addr mac;
    if (microps::ether_addr_pton(value, mac) == -1 || mac.is_group() || mac == microps::ETHER_ADDR_ANY)
        options_fail("--mac %s: type the address of one station, such as --mac 00:00:5e:00:53:01", value);
    options.mac = value;
}

static double parse_percentage(const char *name, const char *value)
{
    double percentage = 0;
    if (!decimal_parse(value, 0, 100, percentage))
        options_fail("--%s %s: type a percentage, 0 to 100, such as --%s 5", name, value, name);
    return percentage / 100;
}

static void parse_mtu(const char *value, common_options &options)
{
    uint64_t mtu = 0;
    if (!number_parse(value, 68, 65535, mtu)) /* RFC 791: every module handles 68 bytes */
        options_fail("--mtu %s: type a number of bytes, 68 to 65535, such as --mtu 1500", value);
    options.mtu = static_cast<uint16_t>(mtu);
}

static void parse_delay(const char *value, common_options &options)
{
    double ms = 0;
    if (!decimal_parse(value, 0, 60000, ms))
        options_fail("--delay %s: type milliseconds, 0 to 60000, such as --delay 20", value);
    options.fault.delay =
        std::chrono::duration_cast<microps::net_duration>(std::chrono::duration<double, std::milli>(ms));
}

static void parse_seed(const char *value, common_options &options)
{
    if (!number_parse(value, 0, UINT64_MAX, options.fault.seed))
        options_fail("--seed %s: type a whole number, such as --seed 1", value);
}

/** Takes one of the options that all programs share. */
static void parse_common(int opt, const char *value, common_options &options)
{
    switch (opt) {
    case opt_device:
        return parse_device(value, options);
    case opt_addr:
        return parse_addr(value, options);
    case opt_mac:
        return parse_mac(value, options);
    case opt_mtu:
        return parse_mtu(value, options);
    case opt_log:
        return parse_log_level("--log", value);
    case opt_pcap:
        options.pcap = value;
        return;
    case opt_loss:
        options.fault.drop = parse_percentage("loss", value);
        return;
    case opt_dup:
        options.fault.duplicate = parse_percentage("dup", value);
        return;
    case opt_reorder:
        options.fault.reorder = parse_percentage("reorder", value);
        return;
    case opt_corrupt:
        options.fault.corrupt = parse_percentage("corrupt", value);
        return;
    case opt_delay:
        return parse_delay(value, options);
    case opt_seed:
        return parse_seed(value, options);
    case opt_sysctl:
        return parse_sysctl(value, options);
    default:
        return;
    }
}

/** The gateway needs the address, so it comes last. @p value is null without --gateway. */
static void parse_gateway(const char *value, bool addr_given, common_options &options)
{
    microps::ip_addr_t addr;
    microps::ip_addr_pton(options.addr.c_str(), addr);
    const uint32_t network = network_of(addr, options.prefix);
    if (!value) {
        if (!addr_given) return;
        const microps::ip_addr_t first{microps::be32(network + 1)};
        options.gateway = options.prefix >= 31 || first == addr ? "" : microps::ip_addr_str(first);
        return;
    }
    options.gateway = value == "none"s ? "" : value;
    if (options.gateway.empty()) return;
    microps::ip_addr_t gateway;
    if (microps::ip_addr_pton(value, gateway) == -1)
        options_fail("--gateway %s: type an address, such as --gateway 192.0.2.1, or --gateway none", value);
    if (network_of(gateway, options.prefix) != network || gateway == addr || !is_host(gateway, options.prefix))
        options_fail("--gateway %s: it has to be another host of %s/%u; type --gateway none for no default route",
                     value, options.addr.c_str(), options.prefix);
}

/** getopt_long() has answered '?' or ':'. It leaves a short option in optopt; a long one is the word it read last. */
[[noreturn]] static void fail_option(int answer, char *argv[])
{
    const std::string text = optopt > 0 && optopt < opt_device ? "-"s + static_cast<char>(optopt) : argv[optind - 1];
    if (answer == ':') options_fail("%s: its value is missing; --help shows the options", text.c_str());
    options_fail("%s: there is no such option; --help shows those there are", text.c_str());
}

std::string common_options::netmask() const
{
    return microps::ip_addr_str(microps::ip_addr_t{microps::be32(network_of(microps::IP_ADDR_BROADCAST, prefix))});
}

bool common_options::faulty() const
{
    return fault.drop > 0 || fault.duplicate > 0 || fault.reorder > 0 || fault.corrupt > 0 || fault.delay.count() > 0;
}

void options_fail(const char *fmt, ...)
{
    std::fprintf(stderr, "%s: ", invoked.name);
    va_list args;
    va_start(args, fmt);
    std::vfprintf(stderr, fmt, args);
    va_end(args);
    std::fputc('\n', stderr);
    print_usage(stderr);
    std::exit(EXIT_USAGE);
}

std::vector<const char *> options_parse(int argc, char *argv[], const program &prog, common_options &options)
{
    invoked = {.name = argc > 0 ? argv[0] : "microps", .arguments = prog.arguments};
    microps::log_set_level(microps::log_level::debug);
    if (const char *level = std::getenv("MICROPS_LOG")) parse_log_level("MICROPS_LOG", level);

    const std::string shorts = ":h"s + prog.short_options;
    const char *gateway = nullptr;
    bool addr_given = false;
    for (;;) {
        const int opt = getopt_long(argc, argv, shorts.c_str(), LONG_OPTIONS.data(), nullptr);
        if (opt == -1) break;
        if (opt == 'h' || opt == opt_help) print_help(prog);
        if (opt == '?' || opt == ':') fail_option(opt, argv);
        addr_given = addr_given || opt == opt_addr;
        if (opt == opt_gateway) {
            gateway = optarg;
        } else if (opt >= opt_device) {
            parse_common(opt, optarg, options);
        } else {
            prog.option(opt, optarg);
        }
    }
    parse_gateway(gateway, addr_given, options);
    std::vector<const char *> arguments(argv + optind, argv + argc);
    if (arguments.size() < prog.arguments_min || arguments.size() > prog.arguments_max) {
        print_usage(stderr);
        std::exit(EXIT_USAGE);
    }
    return arguments;
}

bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t &number)
{
    const char *end = text + std::strlen(text);
    uint64_t parsed = 0;
    const auto result = std::from_chars(text, end, parsed);
    if (result.ec != std::errc{} || result.ptr != end || parsed < min || parsed > max) return false;
    number = parsed;
    return true;
}

bool decimal_parse(const char *text, double min, double max, double &number)
{
    char *end = nullptr;
    const double parsed = std::strtod(text, &end);
    if (end == text || *end != '\0' || !std::isfinite(parsed) || parsed < min || parsed > max) return false;
    number = parsed;
    return true;
}

sockaddr addr_port_argument(const char *addr, const char *port)
{
    microps::ip_endpoint endpoint{};
    uint64_t number = 0;
    if (addr && microps::ip_addr_pton(addr, endpoint.addr) == -1)
        options_fail("ip_addr_pton() failure, addr=%s (an address looks like 192.0.2.1)", addr);
    if (port && !number_parse(port, 0, 65535, number))
        options_fail("invalid port, port=%s (0 to 65535 is right)", port);
    endpoint.port = static_cast<uint16_t>(number);
    return std::bit_cast<sockaddr>(microps::sockaddr_from_endpoint(endpoint));
}

sockaddr local_argument(const std::vector<const char *> &arguments)
{
    return addr_port_argument(arguments.size() > 1 ? arguments.front() : nullptr, arguments.back());
}

sockaddr foreign_argument(const char *argument)
{
    sockaddr addr{};
    if (microps::sockaddr_pton(argument, &addr, sizeof(addr)) == -1)
        options_fail("sockaddr_pton() failure, %s (an address and a port look like 192.0.2.1:10007)", argument);
    return addr;
}

std::string sockaddr_str(const sockaddr &addr)
{
    std::array<char, microps::SOCKADDR_STR_LEN> text{};
    return microps::sockaddr_ntop(&addr, text.data(), text.size()) ? text.data() : "?";
}

} // namespace app
