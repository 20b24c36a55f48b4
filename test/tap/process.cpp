/*
 * process.cpp: posix_spawn with pipes and a process group of its own.
 */
#include "process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace microps
{

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
    reader_ = std::thread([this] { collect(); });
}

process::~process()
{
    close_input();
    if (!ended_) {
        kill(-pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (reader_.joinable()) reader_.join();
    close(out_);
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

void process::collect()
{
    std::array<char, 65536> block;
    for (;;) {
        const ssize_t n = read(out_, block.data(), block.size());
        if (n <= 0) return;
        const std::lock_guard<std::mutex> held(mutex_);
        output_.append(block.data(), static_cast<size_t>(n));
        more_.notify_all();
    }
}

std::string process::output() const
{
    const std::lock_guard<std::mutex> held(mutex_);
    return output_;
}

bool process::wait_for(std::string_view text, test_span limit)
{
    std::unique_lock<std::mutex> held(mutex_);
    return more_.wait_for(held, limit, [&] { return output_.find(text) != std::string::npos; });
}

int process::wait(test_span limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!ended_) {
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) == pid_) {
            ended_ = true;
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        } else if (std::chrono::steady_clock::now() >= deadline) {
            return -1;
        } else {
            usleep(1000);
        }
    }
    kill(-pid_, SIGKILL); /* children that it has left behind hold the pipe open */
    if (reader_.joinable()) reader_.join();
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
