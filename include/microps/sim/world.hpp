/*
 * sim/world.hpp: a world of hosts and wires under one virtual clock.
 *
 * Nothing here takes real time. The world keeps what will happen (frames on their way, the hosts' timers, sleepers'
 * deadlines), always takes the earliest, sets its clock to that moment and lets it happen: a simulated hour takes
 * milliseconds. Programs that block run too, each on a thread of its own, but the world lets exactly one thread run at
 * any time. Therefore the same seed gives the same bytes, and no test needs a lock.
 *
 *     sim_world world(42);
 *     sim_host client(world, "client"), server(world, "server");
 *     sim_wire wire(world, {client, "192.0.2.1/24"}, {server, "192.0.2.2/24"}, {.drop = 0.05, .delay = 10ms});
 *     server.spawn("echo", [&] { ... sock_accept(server.net(), ...) ... });
 *     client.spawn("user", [&] { ... sock_connect(client.net(), ...) ... });
 *     world.run();
 *
 * Declare what programs refer to before the hosts: a program that still sleeps when its host goes is interrupted
 * (EINTR) and runs to its end first.
 */
#pragma once

#include "microps/log.hpp"
#include "microps/random.hpp"
#include "microps/sim/trace.hpp"
#include "microps/time.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace microps
{

class net_scheduler;
class sim_host;
class sim_scheduler;
class sim_log;

/** A place in a test program, for messages about it. */
struct sim_site {
    const char *file = "";
    int line = 0;

    static constexpr sim_site here(const char *file = __builtin_FILE(), int line = __builtin_LINE())
    {
        return {file, line};
    }
};

/** The clock of a world: stands still until the world sets it. */
class sim_clock final : public net_clock
{
public:
    /** Where every world begins: a monotonic time, and the calendar's 2022-02-07 00:00:00 UTC. */
    static constexpr net_time START = net_time(std::chrono::seconds(1000));
    static constexpr std::chrono::seconds WALL_START{1644192000};

    net_time now() override { return now_; }
    std::chrono::system_clock::time_point wall() override
    {
        return std::chrono::system_clock::time_point(
            std::chrono::duration_cast<std::chrono::system_clock::duration>(WALL_START + (now_ - START)));
    }
    /** Time since the world began. */
    [[nodiscard]] net_duration elapsed() const { return now_ - START; }

private:
    friend class sim_world;
    net_time now_ = START;
};

/** What a script or an invariant has found wrong, and where the test said so. */
using sim_failure_handler = std::function<void(const sim_site &site, const std::string &text)>;

class sim_world
{
public:
    explicit sim_world(uint64_t seed = 1);
    /** Hosts and wires must be gone before. */
    ~sim_world();
    sim_world(const sim_world &) = delete;
    sim_world &operator=(const sim_world &) = delete;

    [[nodiscard]] uint64_t seed() const { return seed_; }
    [[nodiscard]] sim_clock &clock() { return clock_; }
    [[nodiscard]] net_time now() { return clock_.now(); }
    /** Time since the world began. */
    [[nodiscard]] net_duration elapsed() const { return clock_.elapsed(); }

    /* These step the world. They are for the thread that made it; programs sleep instead. */

    /**
     * Lets the next thing happen: a runnable program runs until it sleeps, or the earliest event takes place.
     * Returns false, and does nothing, when nothing can happen any more, or nothing until @p limit.
     */
    bool step(net_time limit = NET_TIME_NEVER);
    /** Lets everything happen that happens within @p span, and sets the clock to its end. */
    void run_for(net_duration span);
    /** Lets everything happen that is due, without letting time pass. */
    void settle() { run_for(net_duration::zero()); }
    /**
     * Steps until @p done() holds, which is asked between any two events. Returns false when @p limit has passed or
     * nothing can happen any more, and then says on stderr who sleeps on what.
     */
    bool run_until(const std::function<bool()> &done, net_duration limit = std::chrono::hours(24));
    /**
     * Steps until all programs (but daemons, sim_host::spawn_daemon) have ended, and then until nothing can happen
     * any more: connections have run out of TIME_WAIT, caches are empty. When programs sleep that nothing will ever
     * wake, the world says on stderr who sleeps on what, and the one that has slept longest gets EDEADLK.
     * Returns whether it came to that end within @p limit, without EDEADLK.
     */
    bool run(net_duration limit = std::chrono::hours(24));

    /** In a program: sleeps in virtual time. Outside: run_for(). Returns 0, or -1 with EINTR: the host's interrupt. */
    int sleep(net_duration span);
    /** Calls @p action after @p span, between two other events. It must not block. */
    void after(net_duration span, std::function<void()> action);

    /* Reports. */

    /** Every frame on every wire, with what became of it. */
    [[nodiscard]] sim_trace &trace() { return trace_; }
    /** Seed, time, sleepers, and the last frames of all wires: what a failing test prints. */
    [[nodiscard]] std::string report() const;
    /** Who sleeps on what, a line each. */
    [[nodiscard]] std::string sleepers() const;
    /** While this world lives: the log of all its stacks, on stderr, with virtual time and the host's name in front. */
    void log(log_level level = log_level::debug);

    /** Called when a script (tcp_peer) fails; the default prints to stderr. */
    void on_failure(sim_failure_handler handler);
    void fail(const sim_site &site, const std::string &text);
    /** Failures so far. */
    [[nodiscard]] unsigned failures() const { return failures_; }

private:
    friend class sim_host;
    friend class sim_wire;
    friend class sim_scheduler;

    struct event {
        std::function<void()> action;
        const void *owner;
    };

    void schedule(net_time at, const void *owner, std::function<void()> action);
    void forget(const void *owner);
    bool take_event();
    bool advance(net_time limit);
    void set_clock(net_time at);
    void hosts_touched();
    [[nodiscard]] sim_host *earliest_host();
    [[nodiscard]] net_time next_at();
    [[nodiscard]] uint64_t derive_seed();
    [[nodiscard]] net_scheduler &scheduler();
    void assert_outside() const;

    uint64_t seed_;
    net_random random_; /* makes the seeds of hosts and wires */
    sim_clock clock_;
    sim_trace trace_;
    std::vector<sim_host *> hosts_; /* in the order of construction */
    unsigned hosts_made_ = 0;
    std::map<std::pair<net_time, uint64_t>, event> events_; /* ties in the order in which they were scheduled */
    uint64_t event_order_ = 0;
    unsigned turns_ = 0; /* since the clock moved */
    std::unique_ptr<sim_scheduler> scheduler_;
    std::unique_ptr<sim_log> log_;
    sim_failure_handler failure_handler_;
    unsigned failures_ = 0;
};

} // namespace microps
