/*
 * log.hpp: the log, in the original's format: `HH:MM:SS.mmm [L] function: message (file:line)`.
 *
 * The macros keep the original's names. A line above the level MICROPS_LOG_MAX is not compiled in; any other line that
 * is disabled costs one predictable branch and evaluates nothing. So arguments must not have side effects.
 */
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>

#ifndef MICROPS_LOG_MAX
#define MICROPS_LOG_MAX 4 /* everything; 0 compiles all lines out, 1 keeps errors, ... (a log_level) */
#endif

namespace microps
{

enum class log_level : int { off = 0, error = 1, warn = 2, info = 3, debug = 4 };

/** Where log lines go. One object per process; the default writes to stderr and reads the machine's clock. */
class log_sink
{
public:
    virtual ~log_sink() = default;
    /** The time in front of a line. A simulation answers with its virtual time. */
    virtual std::chrono::system_clock::time_point now() = 0;
    /** Writes one whole line (or dump block), newline included. Called by any thread, one at a time. */
    virtual void write(std::string_view line) = 0;
};

/** Replaces the sink; null restores the default. @p sink must outlive its use. */
void log_set_sink(log_sink *sink);

/** Lines above this level are not written. The library starts at log_level::error, the sample programs at debug. */
void log_set_level(log_level level);
log_level log_get_level();

/** Reads "error", "warn", "info", "debug" or "off". Returns false, and leaves @p level alone, for anything else. */
[[nodiscard]] bool log_level_parse(std::string_view text, log_level &level);

/** The log's threshold; use log_set_level(). */
extern std::atomic<log_level> log_threshold;

[[nodiscard]] inline bool log_enabled(log_level level)
{
    return level <= log_level{MICROPS_LOG_MAX} && level <= log_threshold.load(std::memory_order_relaxed);
}

/** Writes one line. Called by the macros below. */
void lprintf(log_level level, const char *file, int line, const char *func, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/** Writes lines without the prefix, whole and unmixed: header dumps, which follow the line they belong to. */
void log_dump(std::string_view lines);

/** Writes the original's hex dump of @p data: to a stream, or (debugdump) to the log at debug level. */
void hexdump(FILE *stream, std::span<const uint8_t> data);
void hexdump_log(std::span<const uint8_t> data);

} // namespace microps

#define MICROPS_LOG_AS(func, level, ...)                                                                               \
    (::microps::log_enabled(level) ? ::microps::lprintf(level, __FILE__, __LINE__, func, __VA_ARGS__)                  \
                                   : static_cast<void>(0))
#define MICROPS_LOG(level, ...) MICROPS_LOG_AS(__func__, level, __VA_ARGS__)

#define errorf(...) MICROPS_LOG(::microps::log_level::error, __VA_ARGS__)
#define warnf(...) MICROPS_LOG(::microps::log_level::warn, __VA_ARGS__)
#define infof(...) MICROPS_LOG(::microps::log_level::info, __VA_ARGS__)
#define debugf(...) MICROPS_LOG(::microps::log_level::debug, __VA_ARGS__)

/*
 * These log under another function's name: what several functions share, or what the original called differently.
 */
#define errorf_as(func, ...) MICROPS_LOG_AS(func, ::microps::log_level::error, __VA_ARGS__)
#define debugf_as(func, ...) MICROPS_LOG_AS(func, ::microps::log_level::debug, __VA_ARGS__)

/* Dumps of whole packets: as in the original only when built with -DHEXDUMP. */
#ifdef HEXDUMP
#define debugdump(bytes)                                                                                               \
    (::microps::log_enabled(::microps::log_level::debug) ? ::microps::hexdump_log(bytes) : static_cast<void>(0))
#else
#define debugdump(bytes) static_cast<void>(0)
#endif
