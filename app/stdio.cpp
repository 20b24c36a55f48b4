/*
 * stdio.cpp: reads and writes that a signal handler can end.
 *
 * Every wait is a poll(2) on the descriptor and on a pipe that stdio_cancel() writes to. Checking a flag around a
 * blocking read() would leave a gap in which the signal comes too early to interrupt it and too late to be seen.
 */
#include "stdio.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace app
{

static std::array<int, 2> cancel_pipe{-1, -1};

/** Waits until @p fd is ready for @p events. Returns 0, or -1 with errno. */
static int wait_ready(int fd, short events)
{
    for (;;) {
        std::array<pollfd, 2> fds = {
            {{.fd = fd, .events = events, .revents = 0}, {.fd = cancel_pipe[0], .events = POLLIN, .revents = 0}}};
        const int ready = poll(fds.data(), fds.size(), -1);
        if (ready == -1 && errno != EINTR) return -1;
        if (ready == -1) continue;
        if (fds[1].revents) {
            errno = ECANCELED;
            return -1;
        }
        if (fds[0].revents) return 0; /* an error too: read() or write() will say which */
    }
}

int stdio_init() { return pipe2(cancel_pipe.data(), O_CLOEXEC | O_NONBLOCK); }

void stdio_cancel()
{
    const char byte = 0;
    [[maybe_unused]] const ssize_t written = write(cancel_pipe[1], &byte, 1); /* full: it is cancelled already */
}

ssize_t stdin_read(std::span<uint8_t> data)
{
    for (;;) {
        if (wait_ready(STDIN_FILENO, POLLIN) == -1) return -1;
        const ssize_t length = read(STDIN_FILENO, data.data(), data.size());
        if (length >= 0) return length;
        if (errno == EBADF) return 0; /* started with standard input closed */
        if (errno != EINTR && errno != EAGAIN) return -1;
    }
}

int stdout_write(std::span<const uint8_t> data)
{
    while (!data.empty()) {
        if (wait_ready(STDOUT_FILENO, POLLOUT) == -1) return -1;
        /* A pipe that is ready takes this much without blocking. */
        const auto part = data.first(std::min<size_t>(data.size(), PIPE_BUF));
        const ssize_t length = write(STDOUT_FILENO, part.data(), part.size());
        if (length > 0) {
            data = data.subspan(static_cast<size_t>(length));
        } else if (length == -1 && errno != EINTR && errno != EAGAIN) {
            return -1;
        }
    }
    return 0;
}

int stdio_wait(std::chrono::nanoseconds time)
{
    pollfd cancelled{.fd = cancel_pipe[0], .events = POLLIN, .revents = 0};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
    if (poll(&cancelled, 1, static_cast<int>(ms)) == 0) return 0;
    errno = ECANCELED; /* or EINTR, by the signal that has just cancelled it */
    return -1;
}

bool stdin_is_terminal() { return isatty(STDIN_FILENO) == 1; }

} // namespace app
