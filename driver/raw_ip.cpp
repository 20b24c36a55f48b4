/*
 * raw_ip.cpp: a device without medium: a hook gets each packet that the stack sends, and raw_ip_input() makes the stack
 * receive one. It has no link header, no descriptor and no thread.
 */
#include "microps/driver/raw_ip.hpp"

#include "microps/driver/decorator.hpp"
#include "microps/driver/link.hpp"
#include "microps/log.hpp"
#include "register.hpp"

namespace microps
{

static int raw_ip_transmit(net_device &dev, uint16_t type, packet_ptr pkt) MICROPS_REQUIRES(net_locked)
{
    debugf("dev=%s, type=%s(0x%04x), len=%zu", dev.name, net_protocol_name(dev.net, type), type, pkt->size());
    debugdump(pkt->bytes());
    dev.output(std::move(pkt));
    return 0;
}

static void raw_ip_output(net_device &dev, const raw_ip_hook &hook, const packet &pkt) MICROPS_REQUIRES(net_locked)
{
    net_count(dev.net, counter::dev_tx_frames);
    net_count(dev.net, counter::dev_tx_bytes, pkt.size());
    if (hook) hook(pkt.bytes());
}

namespace
{

struct raw_ip_device final : net_device {
    raw_ip_device(net_stack &stack, uint16_t mtu_, raw_ip_hook hook_) : net_device(stack), hook(std::move(hook_))
    {
        type = NET_DEVICE_TYPE_IP;
        flags = NET_DEVICE_FLAG_P2P;
        mtu = mtu_;
    }

    int transmit(uint16_t protocol, packet_ptr pkt, const void *) override MICROPS_REQUIRES(net_locked)
    {
        return raw_ip_transmit(*this, protocol, std::move(pkt));
    }
    void output(packet_ptr pkt) override MICROPS_REQUIRES(net_locked) { raw_ip_output(*this, hook, *pkt); }
    void input(packet_ptr pkt) override MICROPS_REQUIRES(net_locked) { link_ip_input(*this, std::move(pkt)); }

    raw_ip_hook hook;
};

} // namespace

net_device *raw_ip_alloc(net_stack &net, uint16_t mtu, raw_ip_hook transmit)
{
    return net_device_alloc<raw_ip_device>(net, mtu, std::move(transmit));
}

net_device *raw_ip_init(net_stack &net, uint16_t mtu, raw_ip_hook transmit)
{
    net_device *dev = driver_register(raw_ip_alloc(net, mtu, std::move(transmit)));
    if (dev) debugf("initialized, dev=%s", dev->name);
    return dev;
}

void raw_ip_input(net_device &dev, std::span<const uint8_t> packet)
{
    if (!NET_DEVICE_IS_UP(&decorator_outermost(dev))) {
        return net_drop(dev.net, drop_reason::device_down, "not opened, dev=%s", dev.name);
    }
    packet_ptr pkt = packet_alloc(dev.net, 0, packet);
    if (pkt) net_device_input(dev, std::move(pkt));
}

} // namespace microps
