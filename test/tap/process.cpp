/*
 * process.cpp: posix_spawn with pipes and a process group of its own.
 */
#include "process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace microps
{

namespace
{

using steady = std::chrono::steady_clock;

test_span left(steady::time_point deadline)
{
    return std::max(test_span(0), std::chrono::duration_cast<test_span>(deadline - steady::now()));
}

} // namespace

process::process(const std::string &command)
{
    std::signal(SIGPIPE, SIG_IGN); /* writing to a program that has ended must not end the test */
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (pipe2(in.data(), O_CLOEXEC) == -1 || pipe2(out.data(), O_CLOEXEC) == -1) throw std::runtime_error("pipe2");

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    std::string shell = "sh";
    std::string option = "-c";
    std::string line = command;
    const std::array<char *, 4> argv{shell.data(), option.data(), line.data(), nullptr};
    const int error = posix_spawn(&pid_, "/bin/sh", &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(in[0]);
    close(out[1]);
    in_ = in[1];
    out_ = out[0];
    if (error) throw std::runtime_error("posix_spawn");
}

process::~process()
{
    close_input();
    close(out_);
    kill(-pid_, SIGKILL);
    if (!ended_) waitpid(pid_, nullptr, 0);
}

void process::write(std::string_view text) const
{
    while (!text.empty()) {
        const ssize_t n = ::write(in_, text.data(), text.size());
        if (n == -1 && errno == EINTR) continue;
        if (n == -1) return;
        text.remove_prefix(static_cast<size_t>(n));
    }
}

void process::close_input()
{
    if (in_ != -1) close(in_);
    in_ = -1;
}

void process::signal(int number) const { kill(pid_, number); }

bool process::read_some(test_span limit)
{
    pollfd ready{.fd = out_, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, static_cast<int>(limit.count())) <= 0) return true;
    std::array<char, 65536> block;
    const ssize_t n = read(out_, block.data(), block.size());
    if (n > 0) output_.append(block.data(), static_cast<size_t>(n));
    return n > 0;
}

bool process::wait_for(std::string_view text, test_span limit)
{
    const steady::time_point deadline = steady::now() + limit;
    while (output_.find(text) == output_.npos) {
        if (left(deadline) == test_span(0) || !read_some(left(deadline))) return output_.find(text) != output_.npos;
    }
    return true;
}

int process::wait(test_span limit)
{
    const steady::time_point deadline = steady::now() + limit;
    while (!ended_) {
        /* A grandchild may hold the pipe open: the end of the output is no sign of the end, nor the other way round. */
        const bool open = read_some(std::min(left(deadline), test_span(20)));
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) == pid_) {
            ended_ = true;
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            break;
        }
        if (left(deadline) == test_span(0)) return -1;
        if (!open) usleep(1000);
    }
    for (size_t before = output_.size() + 1; output_.size() != before;) {
        before = output_.size();
        read_some(test_span(0));
    }
    return status_;
}

command_result run_command(const std::string &command, test_span limit)
{
    process one(command);
    one.close_input();
    const int status = one.wait(limit);
    return {status, one.output()};
}

bool have_program(const std::string &name) { return run_command("command -v " + name).status == 0; }

} // namespace microps
