/*
 * sim/host.hpp: one host of a simulated world: a net_stack under the world's clock, and the programs that run on it.
 */
#pragma once

#include "microps/net.hpp"
#include "microps/sim/world.hpp"
#include "microps/stack.hpp"

#include <functional>
#include <string>
#include <vector>

namespace microps
{

/**
 * A host with a loopback device, and one Ethernet device per wire plugged into it.
 *
 * It comes up (net_run) when it is first used: by net(), spawn(), or the world's first step. Plug the wires in first.
 */
class sim_host
{
public:
    sim_host(sim_world &world, std::string name);
    /** Interrupts the programs that still run here, waits for their end, and shuts the stack down. */
    ~sim_host();
    sim_host(const sim_host &) = delete;
    sim_host &operator=(const sim_host &) = delete;

    [[nodiscard]] sim_world &world() { return world_; }
    [[nodiscard]] const std::string &name() const { return name_; }
    /** The stack, up and running: `sock_open(host.net(), ...)`. Socket calls outside of programs may block too: then
     *  the world goes on until they return. */
    [[nodiscard]] net_stack &net();

    /** Sends what no other route matches to @p gateway, which is on the link of one of the wires plugged in already. */
    void set_gateway(const char *gateway);
    /** Adds a route, e.g. `add_route("198.51.100.0/24", "192.0.2.254")`; the gateway is on a link of this host. */
    void add_route(const char *prefix, const char *gateway);

    /**
     * Starts a program: a thread that runs when the world lets it, and sleeps in every blocking call (and in
     * sim_world::sleep()) until that returns. It begins at the world's next step. No exception may leave it.
     */
    void spawn(std::string program, std::function<void()> body);
    /** The same for a server that never ends: sim_world::run() does not wait for it. */
    void spawn_daemon(std::string program, std::function<void()> body);
    /** Whether programs run here (daemons included). */
    [[nodiscard]] bool busy() const;

    /** Calls that sleep or begin to sleep in this stack return EINTR, as after Ctrl-C, until uninterrupt(). */
    void interrupt();
    void uninterrupt();
    /** The stack's counters: `host.count(counter::tcp_retrans_segs)`, `host.count(drop_reason::bad_checksum)`. */
    template <typename Which>
    [[nodiscard]] uint64_t count(Which which)
    {
        return stack_.stats[which];
    }
    /** Bytes of packet blocks that are not back in the pool. */
    [[nodiscard]] size_t packets_in_use();

private:
    friend class sim_world;
    friend class sim_wire;
    friend class sim_scheduler;

    [[nodiscard]] net_time deadline();
    void poll();
    void start();

    sim_world &world_;
    std::string name_;
    unsigned index_;       /* in the order of construction; part of the hardware addresses */
    unsigned devices_ = 0; /* wires plugged in */
    net_stack stack_;
    bool started_ = false;
    bool deadline_known_ = false; /* until something touches the stack */
    net_time deadline_ = NET_TIME_NEVER;
};

} // namespace microps
