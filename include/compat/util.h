/*
 * util.h: the original's helpers, for programs written in its dialect.
 *
 * The original logs everything; so the log's level is debug here from the start, unless MICROPS_LOG says otherwise.
 */
#pragma once

#include "microps/byteorder.hpp"
#include "microps/log.hpp"

#include <bit>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>

#include <sys/time.h>

#ifndef MAX
#define MAX(x, y) ((x) > (y) ? (x) : (y))
#endif
#ifndef MIN
#define MIN(x, y) ((x) < (y) ? (x) : (y))
#endif
#ifndef countof
#define countof(array) (sizeof(array) / sizeof(*(array)))
#endif
#ifndef tailof
#define tailof(array) ((array) + countof(array))
#endif
#ifndef indexof
#define indexof(array, element) (static_cast<std::uintptr_t>((element) - (array)))
#endif

namespace microps
{

/** Runs before main(), in programs of this dialect only. */
inline const bool compat_log_ready = [] {
    log_level level = log_level::debug;
    const char *text = std::getenv("MICROPS_LOG");
    if (!text || !log_level_parse(text, level)) level = log_level::debug;
    log_set_level(level);
    return true;
}();

/* Time */

inline void timeval_add_usec(timeval *time, long usec)
{
    const long sum = time->tv_usec + usec;
    const long carry = sum >= 0 ? sum / 1000000 : -((999999 - sum) / 1000000);
    time->tv_sec += carry;
    time->tv_usec = sum - carry * 1000000;
}

inline void timespec_add_nsec(timespec *time, long nsec)
{
    const long sum = time->tv_nsec + nsec;
    const long carry = sum >= 0 ? sum / 1000000000 : -((999999999 - sum) / 1000000000);
    time->tv_sec += carry;
    time->tv_nsec = sum - carry * 1000000000;
}

/* Log */

/** Writes one line to a stream, in the log's format; @p level is its letter. Returns the number of bytes. */
__attribute__((format(printf, 6, 7))) inline int lprintf(FILE *stream, int level, const char *file, int line,
                                                         const char *func, const char *fmt, ...)
{
    timeval now{};
    gettimeofday(&now, nullptr);
    tm local{};
    localtime_r(&now.tv_sec, &local);
    flockfile(stream);
    int length = std::fprintf(stream, "%02d:%02d:%02d.%03d [%c] %s: ", local.tm_hour, local.tm_min, local.tm_sec,
                              static_cast<int>(now.tv_usec / 1000), level, func);
    va_list args;
    va_start(args, fmt);
    length += std::vfprintf(stream, fmt, args);
    va_end(args);
    length += std::fprintf(stream, " (%s:%d)\n", file, line);
    funlockfile(stream);
    return length;
}

inline void hexdump(FILE *stream, const void *data, size_t size)
{
    hexdump(stream, std::span<const uint8_t>(static_cast<const uint8_t *>(data), size));
}

inline void compat_debugdump([[maybe_unused]] const void *data, [[maybe_unused]] size_t size)
{
#ifdef HEXDUMP
    if (log_enabled(log_level::debug)) hexdump_log({static_cast<const uint8_t *>(data), size});
#endif
}

/* Queue. It is not bounded, has no lock of its own, and does not own its pointers. */

struct queue_entry {
    queue_entry *next;
    void *data;
};

struct queue_head {
    queue_entry *head;
    queue_entry *tail;
    unsigned int num;
};

inline void queue_init(queue_head *queue) { *queue = {}; }

inline void *queue_push(queue_head *queue, void *data)
{
    queue_entry *entry = std::make_unique<queue_entry>(queue_entry{nullptr, data}).release();
    (queue->tail ? queue->tail->next : queue->head) = entry;
    queue->tail = entry;
    queue->num++;
    return data;
}

inline void *queue_pop(queue_head *queue)
{
    const std::unique_ptr<queue_entry> entry(queue->head);
    if (!entry) return nullptr;
    queue->head = entry->next;
    if (!queue->head) queue->tail = nullptr;
    queue->num--;
    return entry->data;
}

inline void *queue_peek(const queue_head *queue) { return queue->head ? queue->head->data : nullptr; }

inline void queue_foreach(queue_head *queue, void (*function)(void *arg, void *data), void *arg)
{
    for (const queue_entry *entry = queue->head; entry; entry = entry->next) {
        function(arg, entry->data);
    }
}

/* Checksum */

/** The checksum of words as they lie in memory, to be stored as it is; @p init is added first. */
inline uint16_t cksum16(const uint16_t *addr, uint16_t count, uint32_t init)
{
    const unsigned char *bytes = static_cast<const unsigned char *>(static_cast<const void *>(addr));
    uint32_t sum = init; /* wraps: an init of "minus a word" takes that word out again */
    for (size_t i = 0; i < count; i += 2) {
        uint16_t word = 0; /* an odd last byte is followed by zero */
        std::memcpy(&word, bytes + i, i + 1 < count ? 2 : 1);
        sum += word;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(~sum);
}

} // namespace microps

#undef debugdump
#define debugdump(data, size) ::microps::compat_debugdump(data, size)

using namespace microps;
