/*
 * driver/raw_ip.hpp: a device of bare IP packets that a program or a test holds the other end of.
 */
#pragma once

#include "microps/net.hpp"

#include <functional>
#include <span>

namespace microps
{

/** Gets every packet the stack transmits (from the IP header on, up to 64 KiB). Runs under the stack's lock. */
using raw_ip_hook = std::function<void(std::span<const uint8_t> packet)>;

/** Makes a device without link layer. The caller registers it, or wraps it. */
net_device *raw_ip_alloc(net_stack &net, uint16_t mtu, raw_ip_hook transmit) MICROPS_REQUIRES(net_locked);
/** Makes and registers a device without link layer. Returns it, or null. */
net_device *raw_ip_init(net_stack &net, uint16_t mtu, raw_ip_hook transmit) MICROPS_REQUIRES(net_locked);
/** Puts an IP packet into the stack as if it had come through the device, which must be up. */
void raw_ip_input(net_device &dev, std::span<const uint8_t> packet) MICROPS_REQUIRES(net_locked);

} // namespace microps
