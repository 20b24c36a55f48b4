/*
 * driver/decorator.hpp: what devices that wrap another device have in common.
 *
 *      stack:  net_device_output        net_input_handler
 *                     v                        ^
 *      outer:  transmit > output         input > decorator_pass_up      (registered, has the name and the interfaces)
 *                           v              ^
 *      inner:              output        net_device_input               (reads, queues and writes; never registered)
 *
 * Frames pass with their link header on. Decorators stack: an inner device may itself be one.
 */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/** Makes @p dev look like @p inner and receive its frames. */
void decorator_wrap(net_device &dev, net_device &inner) MICROPS_REQUIRES(net_locked);
/** What open() does: opens the inner device under this one's name, with the address and MTU the program chose. */
int decorator_open(net_device &dev, net_device &inner) MICROPS_REQUIRES(net_locked);
/** What close() does: waits for a thread that is in the inner device's write(), then closes it. */
int decorator_close(net_device &inner) MICROPS_REQUIRES(net_locked);
/** What transmit() does: puts the link header in front and calls this device's own output(). */
int decorator_transmit(net_device &dev, uint16_t type, packet_ptr pkt, const void *dst) MICROPS_REQUIRES(net_locked);
/** What input() does in the end: hands the frame to the decorator around this one, or strips its link header. */
void decorator_pass_up(net_device &dev, packet_ptr frame) MICROPS_REQUIRES(net_locked);

/** The device that is registered: the one around all others. */
net_device &decorator_outermost(net_device &dev);

} // namespace microps
