/*
 * driver/pcap_writer.hpp: a device around another one that writes a capture of all its frames.
 */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/**
 * Wraps @p inner (made by its driver's `*_alloc`, not registered). Every frame in either direction goes to the file
 * @p path (pcap with nanoseconds, readable by tcpdump and Wireshark), stamped by net.clock.wall(). The file is
 * complete at the end of each batch of work. The caller registers the device, or wraps it once more.
 * Returns it, or null (logged: the file cannot be written).
 */
net_device *pcap_writer_alloc(net_stack &net, net_device &inner, const char *path) MICROPS_REQUIRES(net_locked);
/** Wraps @p inner and registers the pair as one device. Returns it, or null (logged). */
net_device *pcap_writer_init(net_stack &net, net_device &inner, const char *path) MICROPS_REQUIRES(net_locked);

} // namespace microps
