/*
 * driver/pcap_writer.hpp: a device around another one that writes a capture of all its frames.
 */
#pragma once

#include "microps/net.hpp"

namespace microps
{

/**
 * Wraps @p inner, which must not be registered itself, and registers the pair as one device. Every frame in either
 * direction goes to the file @p path (pcap with nanoseconds, readable by tcpdump and Wireshark), stamped by
 * net.clock.wall(). Returns it, or null (logged: the file cannot be written).
 */
net_device *pcap_writer_init(net_stack &net, net_device &inner, const char *path) MICROPS_REQUIRES(net_locked);

} // namespace microps
