/*
 * stack.cpp: construction and destruction of a net_stack.
 */
#include "microps/stack.hpp"

#include "base/os.hpp"
#include "microps/net.hpp"
#include "net_internal.hpp"

#include <cerrno>
#include <cstdlib>

namespace microps
{

net_stack::net_stack(const net_options &options)
    : clock(options.clock ? *options.clock : net_clock_system()),
      scheduler(options.scheduler ? *options.scheduler : net_scheduler_threads()),
      random(options.seed ? net_random(*options.seed) : net_random()), timers(clock), wakeup(os_pipe())
{
}

net_stack::~net_stack()
{
    net_shutdown(*this, net_duration::zero()); /* a program that wants to wait for deliveries calls it before */
    os_close(wakeup[0]);
    os_close(wakeup[1]);
}

int net_error(int error)
{
    errno = error;
    return -1;
}

void net_unreachable()
{
    errorf("a switch met a value that its type does not have");
    std::abort();
}

} // namespace microps
