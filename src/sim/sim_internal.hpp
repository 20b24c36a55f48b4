/*
 * sim_internal.hpp: what the files of the simulation share: programs, their scheduler, the log, pcap.
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/net.hpp"
#include "microps/sched.hpp"
#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sim/world.hpp"

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace microps
{

class sim_program;

/** Reads "192.0.2.1/24". Returns false for anything else. */
bool sim_prefix_pton(const char *text, ip_addr_t &addr, ip_addr_t &netmask);

/** A call that waits: a program's, or a blocking call of the world's own thread. A local variable of that call. */
struct sim_sleeper {
    sim_program *program; /* null: the world's own thread */
    net_stack *net;       /* null: sim_world::sleep() */
    sched_waiter *waiter; /* null: sim_world::sleep() */
    net_time deadline;
    net_time since;
    bool woken = false;
};

/** A spawned function and its thread. */
class sim_program
{
public:
    sim_host *host = nullptr;
    std::string name{};
    std::function<void()> body{};
    bool daemon = false;
    bool done = false;
    std::thread thread{};
    std::condition_variable resumed{}; /* `running_` is this program */
};

/**
 * Who runs: programs in the order in which they became runnable, one at a time.
 *
 * Everything here is touched only by the thread that runs; the mutex serves the switch to another one.
 */
class sim_scheduler final : public net_scheduler
{
public:
    explicit sim_scheduler(sim_world &world) : world_(world) {}
    ~sim_scheduler() override;

    void wait(net_stack &net, sched_waiter &waiter, net_time deadline) override MICROPS_REQUIRES(net_locked);
    void wake(net_stack &net, sched_waiter &waiter) override MICROPS_REQUIRES(net_locked);
    int sleep(net_time deadline);

    void spawn(sim_host &host, std::string name, std::function<void()> body, bool daemon);
    /** Interrupts what runs on a host for good, and waits for its end. */
    void finish(sim_host &host);
    /** Ends sim_world::sleep() in all programs of a host. */
    void interrupt(sim_host &host);

    /** Resumes the first runnable program until it sleeps. Returns false if there is none. */
    bool run_one();
    [[nodiscard]] net_time next_deadline() const;
    /** Makes all sleepers runnable whose deadline is reached. */
    void wake_expired(net_time now);
    /** Ends the longest sleeping call with EDEADLK. Returns false if none sleeps. */
    bool break_deadlock();

    [[nodiscard]] bool busy(const sim_host &host) const;
    /** Whether all programs but daemons have ended. */
    [[nodiscard]] bool idle() const;
    [[nodiscard]] std::string sleepers() const;
    [[nodiscard]] bool in_program() const { return running_ != nullptr; }
    [[nodiscard]] const sim_host *current_host() const { return running_ ? running_->host : working_; }
    /** Whose stack the world's thread works for at the moment. */
    void set_working(const sim_host *host) { working_ = host; }

private:
    void make_runnable(sim_sleeper &sleeper);
    void suspend(sim_sleeper &self);
    void drive(sim_sleeper &self);
    void resume(sim_program &program);
    void program_main(sim_program &program);

    sim_world &world_;
    std::vector<std::unique_ptr<sim_program>> programs_;
    std::deque<sim_program *> runnable_;
    std::vector<sim_sleeper *> sleepers_; /* longest first */
    const sim_host *working_ = nullptr;

    std::mutex mutex_;
    std::condition_variable returned_; /* `running_` is null */
    sim_program *running_ = nullptr;   /* whose thread runs; null: the world's own */
};

/** Log lines with virtual time and the host's name. */
class sim_log final : public log_sink
{
public:
    sim_log(sim_world &world, sim_scheduler &scheduler, log_level level);
    ~sim_log() override;
    std::chrono::system_clock::time_point now() override;
    void write(std::string_view line) override;

private:
    sim_world &world_;
    sim_scheduler &scheduler_;
    log_level before_;
};

/** A capture file: pcap with nanoseconds. */
class sim_pcap
{
public:
    /** Throws nothing; is_open() tells. */
    sim_pcap(const std::string &path, sim_link_type link);
    [[nodiscard]] bool is_open() const { return file_ != nullptr; }
    void write(std::chrono::nanoseconds since_epoch, std::span<const uint8_t> frame);

private:
    struct closer {
        void operator()(std::FILE *file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, closer> file_;
};

} // namespace microps
