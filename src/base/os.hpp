/*
 * os.hpp: every call to the operating system goes through here, so that the core can be bound elsewhere.
 *
 * Drivers for one system (files named _linux) talk to their own device by themselves.
 */
#pragma once

#include "microps/time.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <thread>

#include <poll.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace microps
{

[[nodiscard]] net_time os_clock_now();
[[nodiscard]] std::chrono::system_clock::time_point os_clock_wall();
[[nodiscard]] uint64_t os_entropy();

/** A non-blocking, close-on-exec pipe, or {-1, -1}. */
[[nodiscard]] std::array<int, 2> os_pipe();
/** Makes the pipe's reading end readable. Async-signal-safe. */
void os_pipe_write(int fd);
/** Empties the pipe. */
void os_pipe_drain(int fd);
void os_close(int fd);
/** A new, or emptied, file to write to; -1 with errno. */
[[nodiscard]] int os_file_create(const char *path);

/** poll(2) with a timeout, which may be NET_TIME_NEVER minus now. Returns poll's result; EINTR counts as 0. */
int os_poll(std::span<pollfd> fds, net_duration timeout);
ssize_t os_readv(int fd, std::span<const iovec> buffers);
ssize_t os_writev(int fd, std::span<const iovec> buffers);
ssize_t os_write(int fd, std::span<const uint8_t> data);
void os_write_stderr(std::string_view text);

/** A thread in which all signals are blocked. */
[[nodiscard]] std::thread os_thread_start(std::function<void()> body);

} // namespace microps
