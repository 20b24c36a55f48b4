/*
 * null.cpp: the smallest driver. It discards every packet that is sent, and never receives one.
 */
#include "microps/driver/null.hpp"

#include "microps/log.hpp"
#include "register.hpp"

namespace microps
{

static constexpr uint16_t NULL_MTU = UINT16_MAX; /* the largest IP packet */

static int null_transmit(net_device &dev, uint16_t type, packet_ptr pkt) MICROPS_REQUIRES(net_locked)
{
    debugf("dev=%s, type=%s(0x%04x), len=%zu", dev.name, net_protocol_name(dev.net, type), type, pkt->size());
    debugdump(pkt->bytes());
    net_count(dev.net, counter::dev_tx_frames);
    net_count(dev.net, counter::dev_tx_bytes, pkt->size());
    return 0; /* pkt is freed here */
}

namespace
{

struct null_device final : net_device {
    explicit null_device(net_stack &stack) : net_device(stack)
    {
        type = NET_DEVICE_TYPE_NULL;
        mtu = NULL_MTU;
    }

    int transmit(uint16_t protocol, packet_ptr pkt, const void *) override MICROPS_REQUIRES(net_locked)
    {
        return null_transmit(*this, protocol, std::move(pkt));
    }
};

} // namespace

net_device *null_alloc(net_stack &net) { return net_device_alloc<null_device>(net); }

net_device *null_init(net_stack &net)
{
    net_device *dev = driver_register(null_alloc(net));
    if (dev) debugf("initialized, dev=%s", dev->name);
    return dev;
}

} // namespace microps
