/*
 * log.cpp: writes log lines, each of them whole.
 *
 * A line is composed in a local buffer and handed to the sink under one mutex, so lines of different threads never
 * mix. The sink and the threshold are, with the default stack, the library's only mutable state outside a net_stack.
 */
#include "microps/log.hpp"

#include "os.hpp"

#include <array>
#include <cstdarg>
#include <ctime>
#include <mutex>
#include <string>

namespace microps
{

std::atomic<log_level> log_threshold{log_level::error};

static constexpr size_t LOG_LINE_MAX = 1024;

namespace
{

class stderr_sink final : public log_sink
{
public:
    std::chrono::system_clock::time_point now() override { return os_clock_wall(); }
    void write(std::string_view line) override { os_write_stderr(line); }
};

struct log_output {
    std::mutex mutex;
    stderr_sink standard;
    log_sink *sink = &standard;
};

} // namespace

/* Made on first use and never destroyed, because a line may be written while the process ends. */
static log_output &output()
{
    static log_output &out = *std::make_unique<log_output>().release();
    return out;
}

static void write_locked(std::string_view text)
{
    log_output &out = output();
    std::lock_guard<std::mutex> lock(out.mutex);
    out.sink->write(text);
}

static char level_letter(log_level level)
{
    switch (level) {
    case log_level::off:
        return '-';
    case log_level::error:
        return 'E';
    case log_level::warn:
        return 'W';
    case log_level::info:
        return 'I';
    case log_level::debug:
        return 'D';
    }
    return '?';
}

static std::chrono::system_clock::time_point now()
{
    log_output &out = output();
    std::lock_guard<std::mutex> lock(out.mutex);
    return out.sink->now();
}

static std::string hexdump_text(std::span<const uint8_t> data)
{
    constexpr const char *border = "+------+-------------------------------------------------+------------------+\n";
    constexpr size_t columns = 16;
    std::string text = border;
    for (size_t offset = 0; offset < data.size(); offset += columns) {
        std::array<char, 32> field;
        std::snprintf(field.data(), field.size(), "| %04zx | ", offset);
        text += field.data();
        std::string ascii;
        for (size_t i = offset; i < offset + columns; i++) {
            if (i >= data.size()) {
                text += "   ";
                ascii += ' ';
                continue;
            }
            std::snprintf(field.data(), field.size(), "%02x ", data[i]);
            text += field.data();
            ascii += data[i] >= 0x20 && data[i] < 0x7f ? static_cast<char>(data[i]) : '.';
        }
        text += "| " + ascii + " |\n";
    }
    return text + border;
}

void log_set_sink(log_sink *sink)
{
    log_output &out = output();
    std::lock_guard<std::mutex> lock(out.mutex);
    out.sink = sink ? sink : &out.standard;
}

void log_set_level(log_level level) { log_threshold.store(level, std::memory_order_relaxed); }

log_level log_get_level() { return log_threshold.load(std::memory_order_relaxed); }

bool log_level_parse(std::string_view text, log_level &level)
{
    struct name {
        std::string_view text;
        log_level level;
    };
    constexpr std::array<name, 5> names = {{{"off", log_level::off},
                                            {"error", log_level::error},
                                            {"warn", log_level::warn},
                                            {"info", log_level::info},
                                            {"debug", log_level::debug}}};
    for (const name &n : names) {
        if (n.text == text) {
            level = n.level;
            return true;
        }
    }
    return false;
}

void lprintf(log_level level, const char *file, int line, const char *func, const char *fmt, ...)
{
    const auto time = now();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    const auto since_epoch = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
    std::tm tm{};
    localtime_r(&seconds, &tm);

    std::array<char, LOG_LINE_MAX> text;
    const int head = std::snprintf(text.data(), text.size(), "%02d:%02d:%02d.%03d [%c] %s: ", tm.tm_hour, tm.tm_min,
                                   tm.tm_sec, static_cast<int>(since_epoch.count() % 1000), level_letter(level), func);
    std::string out(text.data(), static_cast<size_t>(head));

    va_list args;
    va_start(args, fmt);
    const int length = std::vsnprintf(text.data(), text.size(), fmt, args);
    va_end(args);
    if (length > 0) out.append(text.data(), std::min(static_cast<size_t>(length), text.size() - 1));

    std::snprintf(text.data(), text.size(), " (%s:%d)\n", file, line);
    out += text.data();
    write_locked(out);
}

void log_dump(std::string_view lines) { write_locked(lines); }

void hexdump(FILE *stream, std::span<const uint8_t> data)
{
    const std::string text = hexdump_text(data);
    std::fwrite(text.data(), 1, text.size(), stream);
}

void hexdump_log(std::span<const uint8_t> data) { write_locked(hexdump_text(data)); }

} // namespace microps
