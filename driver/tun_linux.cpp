/*
 * tun_linux.cpp: IP packets over a Linux TUN device: a point-to-point link to the kernel without Ethernet and ARP.
 */
#include "microps/driver/tun.hpp"

#include "interface_linux.hpp"
#include "microps/driver/link.hpp"
#include "microps/log.hpp"
#include "register.hpp"

#include <linux/if_tun.h>

namespace microps
{

static int tun_transmit(net_device &dev, uint16_t type, packet_ptr pkt) MICROPS_REQUIRES(net_locked)
{
    debugf("dev=%s, type=%s(0x%04x), len=%zu", dev.name, net_protocol_name(dev.net, type), type, pkt->size());
    debugdump(pkt->bytes());
    dev.output(std::move(pkt)); /* the kernel sees the protocol by the IP version */
    return 0;
}

namespace
{

struct tun_device final : net_device {
    tun_device(net_stack &stack, const char *interface_name) : net_device(stack), tun(interface_name, false)
    {
        type = NET_DEVICE_TYPE_IP;
        flags = NET_DEVICE_FLAG_P2P;
        mtu = LINUX_INTERFACE_MTU;
    }

    int open() override MICROPS_REQUIRES(net_locked) { return linux_tun_open(*this, tun, IFF_TUN); }
    int close() override MICROPS_REQUIRES(net_locked)
    {
        linux_interface_close(tun);
        return 0;
    }
    int transmit(uint16_t protocol, packet_ptr pkt, const void *) override MICROPS_REQUIRES(net_locked)
    {
        return tun_transmit(*this, protocol, std::move(pkt));
    }
    int poll() override MICROPS_REQUIRES(net_locked) { return linux_tun_poll(*this, tun); }
    int fd() const override { return tun.fd.get(); }
    size_t write(std::span<const packet_ptr> frames) override { return linux_interface_write(tun, frames); }
    void input(packet_ptr pkt) override MICROPS_REQUIRES(net_locked) { link_ip_input(*this, std::move(pkt)); }

    linux_interface tun;
};

} // namespace

net_device *tun_alloc(net_stack &net, const char *name)
{
    if (!linux_interface_name_valid(name, "tun_init")) return nullptr;
    return net_device_alloc<tun_device>(net, name);
}

net_device *tun_init(net_stack &net, const char *name)
{
    net_device *dev = driver_register(tun_alloc(net, name));
    if (dev) debugf("initialized, dev=%s", dev->name);
    return dev;
}

} // namespace microps
