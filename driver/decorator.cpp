/*
 * decorator.cpp: what all devices that wrap another device do.
 */
#include "microps/driver/decorator.hpp"

#include "microps/driver/link.hpp"
#include "microps/ether.hpp"

#include <algorithm>
#include <thread>

namespace microps
{

static void copy_address(net_device &to, const net_device &from)
{
    std::copy(std::begin(from.addr), std::end(from.addr), std::begin(to.addr));
    std::copy(std::begin(from.broadcast), std::end(from.broadcast), std::begin(to.broadcast));
}

void decorator_wrap(net_device &dev, net_device &inner)
{
    dev.type = inner.type;
    dev.mtu = inner.mtu;
    dev.flags = inner.flags;
    dev.hlen = inner.hlen;
    dev.alen = inner.alen;
    copy_address(dev, inner);
    inner.state.outer = &dev;
}

int decorator_open(net_device &dev, net_device &inner)
{
    std::copy(std::begin(dev.name), std::end(dev.name), std::begin(inner.name)); /* for its log lines */
    inner.mtu = dev.mtu;
    copy_address(inner, dev);
    if (inner.open() == -1) return -1;
    dev.mtu = inner.mtu;
    copy_address(dev, inner);
    return 0;
}

int decorator_close(net_device &inner)
{
    /* The stack waits for a write() of the registered device only. A write() does not block, so this wait is short. */
    while (inner.state.writing) {
        net_unguard unlocked(inner.net);
        std::this_thread::yield();
    }
    inner.state.queue.clear();
    return inner.close();
}

int decorator_transmit(net_device &dev, uint16_t type, packet_ptr pkt, const void *dst)
{
    if (dev.type == NET_DEVICE_TYPE_ETHERNET) return ether_transmit_helper(dev, type, std::move(pkt), dst);
    dev.output(std::move(pkt));
    return 0;
}

void decorator_pass_up(net_device &dev, packet_ptr frame)
{
    if (dev.state.outer) return dev.state.outer->input(std::move(frame));
    if (dev.type == NET_DEVICE_TYPE_ETHERNET) return ether_input_helper(dev, std::move(frame));
    link_ip_input(dev, std::move(frame));
}

net_device &decorator_outermost(net_device &dev)
{
    net_device *outermost = &dev;
    while (outermost->state.outer) {
        outermost = outermost->state.outer;
    }
    return *outermost;
}

} // namespace microps
