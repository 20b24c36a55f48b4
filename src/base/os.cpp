/*
 * os.cpp: clocks, entropy, descriptors, threads.
 */
#include "os.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <random>

#include <fcntl.h>
#include <unistd.h>

namespace microps
{

namespace
{

class system_clock final : public net_clock
{
public:
    net_time now() override { return os_clock_now(); }
    std::chrono::system_clock::time_point wall() override { return os_clock_wall(); }
};

} // namespace

static bool make_nonblocking(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

net_clock &net_clock_system()
{
    static system_clock clock;
    return clock;
}

net_time os_clock_now()
{
    return net_time(std::chrono::duration_cast<net_duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

std::chrono::system_clock::time_point os_clock_wall() { return std::chrono::system_clock::now(); }

uint64_t os_entropy()
{
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
}

std::array<int, 2> os_pipe()
{
    std::array<int, 2> fds{-1, -1};
    if (pipe(fds.data()) == -1) return {-1, -1};
    if (make_nonblocking(fds[0]) && make_nonblocking(fds[1])) return fds;
    os_close(fds[0]);
    os_close(fds[1]);
    return {-1, -1};
}

void os_pipe_write(int fd)
{
    const int saved = errno;
    const char byte = 0;
    /* If the pipe is full, the write fails, and the pipe is readable already. */
    [[maybe_unused]] const ssize_t n = ::write(fd, &byte, 1);
    errno = saved;
}

void os_pipe_drain(int fd)
{
    std::array<char, 64> bytes;
    while (::read(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) {
    }
}

void os_close(int fd)
{
    if (fd != -1) ::close(fd);
}

int os_file_create(const char *path) { return ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644); }

int os_poll(std::span<pollfd> fds, net_duration timeout)
{
    /* Rounded up: a wake-up before the deadline would make the caller wait again at once. */
    const auto ms =
        std::chrono::ceil<std::chrono::milliseconds>(std::min<net_duration>(timeout, std::chrono::hours(1)));
    const int n = ::poll(fds.data(), fds.size(), static_cast<int>(std::max<int64_t>(ms.count(), 0)));
    if (n == -1 && errno == EINTR) {
        std::for_each(fds.begin(), fds.end(), [](pollfd &p) { p.revents = 0; });
        return 0;
    }
    return n;
}

ssize_t os_readv(int fd, std::span<const iovec> buffers)
{
    return ::readv(fd, buffers.data(), static_cast<int>(buffers.size()));
}

ssize_t os_writev(int fd, std::span<const iovec> buffers)
{
    return ::writev(fd, buffers.data(), static_cast<int>(buffers.size()));
}

ssize_t os_write(int fd, std::span<const uint8_t> data) { return ::write(fd, data.data(), data.size()); }

void os_write_stderr(std::string_view text)
{
    while (!text.empty()) {
        const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
        if (n > 0) {
            text.remove_prefix(static_cast<size_t>(n));
        } else if (errno != EINTR) {
            return; /* a log that cannot be written must not stop the stack */
        }
    }
}

std::thread os_thread_start(std::function<void()> body)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

} // namespace microps
