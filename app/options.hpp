/*
 * options.hpp: the command line of the sample programs: what they have in common, and a place for what they do not.
 */
#pragma once

#include "microps/driver/fault.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace app
{

/** The options of all programs. The defaults are the original's fixed set-up. */
struct common_options {
    std::string device_kind = "tap"; /* tap, tun, pcap, null */
    std::string device_name = "tap0";
    std::string mac = "00:00:5e:00:53:01";
    std::string addr = "192.0.2.2";
    unsigned prefix = 24;
    std::string gateway = "192.0.2.1"; /* empty: none */
    uint16_t mtu = 0;                  /* 0: the device's own */
    std::string pcap{};                /* the file to capture to; empty: none */
    microps::fault_config fault{};
    microps::tcp_config tcp{}; /* --sysctl; whether the stack has the congestion control is for setup() to see */

    /** The prefix length as a dotted quad. */
    [[nodiscard]] std::string netmask() const;
    /** Whether any of the fault injector's options was given. */
    [[nodiscard]] bool faulty() const;
};

/** What is particular to one program. */
struct program {
    const char *arguments; /* for the usage line: "[addr] port" */
    const char *purpose;   /* for --help, lines of text */
    size_t arguments_min;  /* how many positional arguments there may be */
    size_t arguments_max;
    const char *short_options = ""; /* as for getopt(3): "s:p:" */
    const char *short_help = "";    /* for --help, lines of text */
    /** Takes one of short_options; calls options_fail() when its value is wrong. */
    std::function<void(int option, const char *value)> option{};
};

/**
 * Reads the command line and MICROPS_LOG, and sets the log's level. Options may stand before or behind the positional
 * arguments, which are returned. Ends the process for --help, and with a message when something is wrong.
 */
std::vector<const char *> options_parse(int argc, char *argv[], const program &prog, common_options &options);

/** Reports what is wrong with the command line (printf's format, one line) and the usage; exits with 255. */
[[noreturn]] void options_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** A whole number between @p min and @p max, and nothing behind it. */
bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t &number);
/** A number, whole or with a fraction, between @p min and @p max, and nothing behind it. */
bool decimal_parse(const char *text, double min, double max, double &number);

/** `[addr] port`, as tcps and udps take it. Exits through options_fail() when it is wrong. */
sockaddr local_argument(const std::vector<const char *> &arguments);
/** `addr:port`, as tcpc and udpc take it. Exits through options_fail() when it is wrong. */
sockaddr foreign_argument(const char *argument);
/** The socket address of a dotted quad and a port; null: any. Exits through options_fail() when one is wrong. */
sockaddr addr_port_argument(const char *addr, const char *port);

/** "addr:port". */
std::string sockaddr_str(const sockaddr &addr);

} // namespace app
