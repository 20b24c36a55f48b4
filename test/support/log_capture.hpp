/*
 * log_capture.hpp: keeps the log's lines while it lives.
 */
#pragma once

#include "microps/log.hpp"

#include <mutex>
#include <string>

namespace microps
{

class log_capture final : public log_sink
{
public:
    explicit log_capture(log_level level = log_level::debug) : before_(log_get_level())
    {
        log_set_sink(this);
        log_set_level(level);
    }
    ~log_capture() override
    {
        log_set_level(before_);
        log_set_sink(nullptr);
    }

    std::chrono::system_clock::time_point now() override { return {}; }
    void write(std::string_view line) override
    {
        const std::lock_guard<std::mutex> held(mutex_);
        text_ += line;
    }

    [[nodiscard]] std::string text() const
    {
        const std::lock_guard<std::mutex> held(mutex_);
        return text_;
    }
    [[nodiscard]] bool contains(std::string_view part) const { return text().find(part) != std::string::npos; }
    /** How often @p part occurs. */
    [[nodiscard]] size_t count(std::string_view part) const
    {
        const std::string all = text();
        size_t n = 0;
        for (size_t at = all.find(part); at != all.npos; at = all.find(part, at + part.size())) {
            n++;
        }
        return n;
    }

private:
    log_level before_;
    /* Of all captures: at an address of its own, so that ThreadSanitizer does not take it for a stack's lock that was there
     * before. (It is not told of the end of a std::mutex.) */
    static inline std::mutex mutex_;
    std::string text_;
};

} // namespace microps
