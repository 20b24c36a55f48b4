/*
 * ether.h: Ethernet in the original's dialect: addresses are six bytes.
 */
#pragma once

#include "microps/ether.hpp"
#include "net.h"

#include <algorithm>
#include <vector>

#include <sys/types.h>

namespace microps
{

inline constexpr uint8_t compat_ether_addr_any[MAC_ADDR_LEN] = {};
inline constexpr uint8_t compat_ether_addr_broadcast[MAC_ADDR_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

inline int ether_addr_pton(const char *text, uint8_t *addr)
{
    mac_addr parsed;
    if (ether_addr_pton(text, parsed) == -1) return -1;
    std::copy(parsed.bytes.begin(), parsed.bytes.end(), addr);
    return 0;
}

inline char *ether_addr_ntop(const uint8_t *addr, char *text, size_t size)
{
    mac_addr mac;
    std::copy_n(addr, MAC_ADDR_LEN, mac.bytes.begin());
    return ether_addr_ntop(mac, text, size);
}

inline void ether_setup_helper(net_device *dev) { ether_setup_helper(*dev); }

/** Builds the frame, padded, and has @p callback write it. */
inline int ether_transmit_helper(net_device *dev, uint16_t type, const uint8_t *data, size_t len, const void *dst,
                                 ssize_t (*callback)(net_device *dev, const uint8_t *data, size_t len))
{
    ether_hdr hdr{.dst = ETHER_ADDR_BROADCAST, .src = ether_device_addr(*dev), .type = type};
    if (dst) std::copy_n(static_cast<const uint8_t *>(dst), MAC_ADDR_LEN, hdr.dst.bytes.begin());
    std::vector<uint8_t> frame(ETHER_HDR_SIZE + std::max(len, ETHER_PAYLOAD_SIZE_MIN));
    wire_write(frame, hdr);
    std::copy_n(data, len, frame.begin() + ETHER_HDR_SIZE);
    return callback(dev, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size()) ? 0 : -1;
}

/** Has @p callback read one frame and takes it in. Returns 0, or -1 when there was none. */
inline int ether_poll_helper(net_device *dev, ssize_t (*callback)(net_device *dev, uint8_t *buf, size_t size))
{
    std::vector<uint8_t> frame(ETHER_FRAME_SIZE_MAX);
    const ssize_t length = callback(dev, frame.data(), frame.size());
    if (length < static_cast<ssize_t>(ETHER_HDR_SIZE)) return -1;
    net_guard guard(dev->net);
    packet_ptr pkt = packet_alloc(dev->net, LINK_HEADROOM, std::span(frame).first(static_cast<size_t>(length)));
    if (!pkt) return -1;
    ether_input_helper(*dev, std::move(pkt));
    return 0;
}

} // namespace microps

/* A macro, because <net/ethernet.h> has one of that name, too. */
#ifndef ETHER_ADDR_LEN
#define ETHER_ADDR_LEN 6
#endif

/* In this dialect these are arrays of bytes; in the library they are of type mac_addr. */
#define ETHER_ADDR_ANY ::microps::compat_ether_addr_any
#define ETHER_ADDR_BROADCAST ::microps::compat_ether_addr_broadcast
