/*
 * options.hpp: the command line of the sample programs: what they have in common, and a place for what they do not.
 */
#pragma once

#include "microps/driver/fault.hpp"
#include "microps/ip.hpp"

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
    /** Takes one of short_options; false when its value is wrong. */
    std::function<bool(int option, const char *value)> option = [](int, const char *) {
        return false;
    };
};

/**
 * Reads the command line and MICROPS_LOG, and sets the log's level. Options may stand before or behind the positional
 * arguments, which are returned. Ends the process for --help, and with a message when something is wrong.
 */
std::vector<const char *> options_parse(int argc, char *argv[], const program &prog, common_options &options);

/** Reports what is wrong with the command line, in one line (printf's format), then the usage line; exits with 255. */
[[noreturn]] void options_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** A whole number between @p min and @p max, and nothing behind it. */
bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t &number);
/** A number, whole or with a fraction, between @p min and @p max, and nothing behind it. */
bool decimal_parse(const char *text, double min, double max, double &number);

/** `[addr] port`, as tcps and udps take it. Exits through options_fail() when it is wrong. */
microps::ip_endpoint endpoint_argument(const std::vector<const char *> &arguments);
/** `addr:port`, as tcpc and udpc take it. Exits through options_fail() when it is wrong. */
microps::ip_endpoint endpoint_argument(const char *argument);
/** A dotted quad. Exits through options_fail() when it is wrong. */
microps::ip_addr_t addr_argument(const char *argument);
/** A port, 0 to 65535. Exits through options_fail() when it is wrong. */
microps::be16 port_argument(const char *argument);

} // namespace app
