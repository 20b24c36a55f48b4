/*
 * ether_tap_linux.cpp: Ethernet over a Linux TAP device: a wire with the kernel at its other end.
 *
 * Each read from the descriptor gives one frame that the kernel sent out of its interface (tap0), each write is one
 * frame that comes in there.
 */
#include "microps/driver/ether_tap.hpp"

#include "interface_linux.hpp"
#include "microps/ether.hpp"
#include "microps/log.hpp"
#include "register.hpp"

#include <linux/if_tun.h>

namespace microps
{

namespace
{

struct ether_tap_device final : net_device {
    ether_tap_device(net_stack &stack, const char *interface_name) : net_device(stack), tap(interface_name, false)
    {
        ether_setup_helper(*this);
    }

    int open() override MICROPS_REQUIRES(net_locked) { return linux_tun_open(*this, tap, IFF_TAP); }
    int close() override MICROPS_REQUIRES(net_locked)
    {
        linux_interface_close(tap);
        return 0;
    }
    int transmit(uint16_t protocol, packet_ptr pkt, const void *dst) override MICROPS_REQUIRES(net_locked)
    {
        return ether_transmit_helper(*this, protocol, std::move(pkt), dst);
    }
    int poll() override MICROPS_REQUIRES(net_locked) { return linux_tun_poll(*this, tap); }
    int fd() const override { return tap.fd.get(); }
    size_t write(std::span<const packet_ptr> frames) override { return linux_interface_write(tap, frames); }
    void input(packet_ptr frame) override MICROPS_REQUIRES(net_locked) { ether_input_helper(*this, std::move(frame)); }

    linux_interface tap;
};

} // namespace

net_device *ether_tap_alloc(net_stack &net, const char *name, const char *addr)
{
    return linux_ether_alloc<ether_tap_device>(net, name, addr, "ether_tap_init");
}

net_device *ether_tap_init(net_stack &net, const char *name, const char *addr)
{
    net_device *dev = driver_register(ether_tap_alloc(net, name, addr));
    if (dev) debugf("ethernet device initialized, dev=%s", dev->name);
    return dev;
}

} // namespace microps
