/*
 * loopback.cpp: the driver of the loopback device: every packet that is sent is received by the same stack.
 *
 * transmit() puts the packet into the input queue of its protocol, from which the engine takes it. So a protocol's
 * input is never called from inside its own output.
 */
#include "microps/driver/loopback.hpp"

#include "microps/driver/link.hpp"
#include "microps/log.hpp"
#include "register.hpp"

namespace microps
{

static constexpr uint16_t LOOPBACK_MTU = UINT16_MAX; /* the largest IP packet */

static void loopback_count(net_device &dev, const packet &pkt) MICROPS_REQUIRES(net_locked)
{
    net_count(dev.net, counter::dev_tx_frames);
    net_count(dev.net, counter::dev_tx_bytes, pkt.size());
    net_count(dev.net, counter::dev_rx_frames);
    net_count(dev.net, counter::dev_rx_bytes, pkt.size());
}

static int loopback_transmit(net_device &dev, uint16_t type, packet_ptr pkt) MICROPS_REQUIRES(net_locked)
{
    debugf("dev=%s, type=%s(0x%04x), len=%zu", dev.name, net_protocol_name(dev.net, type), type, pkt->size());
    debugdump(pkt->bytes());
    loopback_count(dev, *pkt);
    return net_input_handler(type, std::move(pkt), dev);
}

/** Output of a decorated loopback: the frame has lost its protocol type, and returns through the decorator. */
static void loopback_return(net_device &dev, packet_ptr frame) MICROPS_REQUIRES(net_locked)
{
    net_count(dev.net, counter::dev_tx_frames);
    net_count(dev.net, counter::dev_tx_bytes, frame->size());
    net_device_input(dev, std::move(frame));
}

namespace
{

struct loopback_device final : net_device {
    explicit loopback_device(net_stack &stack) : net_device(stack)
    {
        type = NET_DEVICE_TYPE_LOOPBACK;
        mtu = LOOPBACK_MTU;
        flags = NET_DEVICE_FLAG_LOOPBACK;
    }

    int transmit(uint16_t protocol, packet_ptr pkt, const void *) override MICROPS_REQUIRES(net_locked)
    {
        return loopback_transmit(*this, protocol, std::move(pkt));
    }
    void output(packet_ptr frame) override MICROPS_REQUIRES(net_locked) { loopback_return(*this, std::move(frame)); }
    void input(packet_ptr frame) override MICROPS_REQUIRES(net_locked) { link_ip_input(*this, std::move(frame)); }
};

} // namespace

net_device *loopback_alloc(net_stack &net) { return net_device_alloc<loopback_device>(net); }

net_device *loopback_init(net_stack &net)
{
    net_device *dev = driver_register(loopback_alloc(net));
    if (dev) debugf("initialized, dev=%s", dev->name);
    return dev;
}

} // namespace microps
