/*
 * host.cpp: a simulated host: a stack without a background thread, whose engine the world runs.
 */
#include "microps/sim/host.hpp"

#include "microps/driver/loopback.hpp"
#include "microps/ip.hpp"
#include "sim_internal.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace microps
{

sim_host::sim_host(sim_world &world, std::string name)
    : world_(world), name_(std::move(name)), index_(world.hosts_made_++),
      stack_({.clock = &world.clock(), .scheduler = &world.scheduler(), .seed = world.derive_seed()})
{
    world_.scheduler_->set_working(this);
    net_init(stack_);
    {
        net_guard guard(stack_);
        net_device *loopback = loopback_init(stack_);
        ip_iface *iface = ip_iface_alloc(stack_, "127.0.0.1", "255.0.0.0");
        if (!loopback || !iface || ip_iface_register(*loopback, *iface) == -1) {
            world_.fail({}, name_ + ": no loopback");
        }
    }
    world_.scheduler_->set_working(nullptr);
    world_.hosts_.push_back(this);
}

sim_host::~sim_host()
{
    interrupt();
    world_.scheduler_->finish(*this);
    std::erase(world_.hosts_, this);
    world_.scheduler_->set_working(this);
    net_shutdown(stack_);
    world_.scheduler_->set_working(nullptr);
}

void sim_host::start()
{
    if (started_) return;
    started_ = true;
    deadline_known_ = false;
    world_.scheduler_->set_working(this);
    if (net_run(stack_, net_engine::caller) == -1) world_.fail({}, name_ + ": net_run() fails");
    world_.scheduler_->set_working(nullptr);
}

net_stack &sim_host::net()
{
    start();
    deadline_known_ = false;
    return stack_;
}

net_time sim_host::deadline()
{
    if (deadline_known_) return deadline_;
    net_guard guard(stack_);
    deadline_ = net_next_deadline(stack_);
    deadline_known_ = true;
    return deadline_;
}

void sim_host::poll()
{
    world_.scheduler_->set_working(this);
    deadline_ = net_poll(stack_);
    deadline_known_ = true;
    world_.scheduler_->set_working(nullptr);
}

void sim_host::spawn(std::string program, std::function<void()> body)
{
    world_.scheduler_->spawn(*this, std::move(program), std::move(body), false);
}

void sim_host::spawn_daemon(std::string program, std::function<void()> body)
{
    world_.scheduler_->spawn(*this, std::move(program), std::move(body), true);
}

bool sim_host::busy() const { return world_.scheduler_->busy(*this); }

void sim_host::interrupt()
{
    net_interrupt(stack_);
    deadline_known_ = false;
    world_.scheduler_->interrupt(*this);
}

void sim_host::uninterrupt() { net_interrupt_clear(stack_); }

size_t sim_host::packets_in_use()
{
    net_guard guard(stack_);
    return stack_.packets.in_use();
}

/* Routes */

bool sim_prefix_pton(const char *text, ip_addr_t &addr, ip_addr_t &netmask)
{
    const std::string_view all = text;
    const size_t slash = all.find('/');
    if (slash == std::string_view::npos) return false;
    unsigned bits = 0;
    const char *end = all.data() + all.size();
    const auto number = std::from_chars(all.data() + slash + 1, end, bits);
    if (number.ptr != end || number.ec != std::errc() || bits > 32) return false;
    netmask = ip_addr_t(be32(bits == 0 ? 0 : 0xffffffff << (32 - bits)));
    return ip_addr_pton(std::string(all.substr(0, slash)).c_str(), addr) == 0;
}

/** The interface on whose link a gateway is. */
static ip_iface *link_of(net_stack &net, ip_addr_t gateway) MICROPS_REQUIRES(net_locked)
{
    const ip_route *route = ip_route_lookup(net, gateway);
    return route && route->nexthop == IP_ADDR_ANY ? route->iface : nullptr;
}

void sim_host::set_gateway(const char *gateway) { add_route("0.0.0.0/0", gateway); }

void sim_host::add_route(const char *prefix, const char *gateway)
{
    net_guard guard(stack_);
    deadline_known_ = false;
    ip_addr_t network;
    ip_addr_t netmask;
    ip_addr_t nexthop;
    ip_iface *iface = ip_addr_pton(gateway, nexthop) == 0 ? link_of(stack_, nexthop) : nullptr;
    if (!iface || !sim_prefix_pton(prefix, network, netmask) ||
        ip_route_add(ip_addr_t(be32(network.value & netmask.value)), netmask, nexthop, *iface) == -1) {
        world_.fail({}, name_ + ": cannot route " + prefix + " by " + gateway);
    }
}

} // namespace microps
