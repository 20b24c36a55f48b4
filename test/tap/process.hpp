/*
 * process.hpp: other programs that a test runs, each with an upper bound of time.
 */
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <sys/types.h>

namespace microps
{

using test_span = std::chrono::milliseconds;

/**
 * A command line that a shell runs; standard output and error come together. Killed with all its children at the end.
 */
class process
{
public:
    explicit process(const std::string &command);
    ~process();
    process(const process &) = delete;
    process &operator=(const process &) = delete;

    /** Writes to its standard input; waits until it has taken all of it. */
    void write(std::string_view text) const;
    void close_input();
    void signal(int number) const;
    /** Waits until @p text stands in its output. */
    bool wait_for(std::string_view text, test_span limit = std::chrono::seconds(10));
    /** Waits for its end. Returns the exit status, 128 + signal, or -1 after @p limit. */
    int wait(test_span limit = std::chrono::seconds(10));

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] std::string output() const;

private:
    /** A thread takes the output from it all the time: a program must not block on its own log. */
    void collect();

    pid_t pid_ = -1;
    int in_ = -1;
    int out_ = -1;
    bool ended_ = false;
    int status_ = -1;
    std::thread reader_;
    mutable std::mutex mutex_;
    std::condition_variable more_;
    std::string output_;
};

struct command_result {
    int status; /* as process::wait() */
    std::string output;
};

/** Runs a command to its end. */
command_result run_command(const std::string &command, test_span limit = std::chrono::seconds(10));
/** Whether the program can be found in PATH. */
bool have_program(const std::string &name);

} // namespace microps
