/*
 * ether.hpp: Ethernet II frames (RFC 894): addresses, and the helpers that drivers of Ethernet devices use.
 */
#pragma once

#include "microps/net.hpp"
#include "microps/wire.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace microps
{

inline constexpr size_t MAC_ADDR_LEN = 6; /* the original's ETHER_ADDR_LEN, which is a macro of <net/ethernet.h> */
inline constexpr size_t ETHER_ADDR_STR_LEN = 18; /* "xx:xx:xx:xx:xx:xx" and its NUL */
inline constexpr size_t ETHER_HDR_SIZE = 14;
inline constexpr size_t ETHER_FRAME_SIZE_MIN = 60;   /* without FCS */
inline constexpr size_t ETHER_FRAME_SIZE_MAX = 1514; /* without FCS */
inline constexpr size_t ETHER_PAYLOAD_SIZE_MIN = ETHER_FRAME_SIZE_MIN - ETHER_HDR_SIZE;
inline constexpr size_t ETHER_PAYLOAD_SIZE_MAX = ETHER_FRAME_SIZE_MAX - ETHER_HDR_SIZE;

inline constexpr uint16_t ETHER_TYPE_IP = 0x0800;
inline constexpr uint16_t ETHER_TYPE_ARP = 0x0806;
inline constexpr uint16_t ETHER_TYPE_IPV6 = 0x86dd;

/** An Ethernet hardware address. */
struct mac_addr {
    std::array<uint8_t, MAC_ADDR_LEN> bytes{};

    friend bool operator==(const mac_addr &, const mac_addr &) = default;
    /** Whether it is a broadcast or multicast address, which no interface has as its own. */
    [[nodiscard]] bool is_group() const { return bytes[0] & 1; }
};

inline constexpr mac_addr ETHER_ADDR_ANY{};
inline constexpr mac_addr ETHER_ADDR_BROADCAST{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct ether_hdr {
    mac_addr dst{};
    mac_addr src{};
    be16 type{};
};
static_assert(sizeof(ether_hdr) == ETHER_HDR_SIZE && alignof(ether_hdr) == 1);

/** Reads "xx:xx:xx:xx:xx:xx" (one or two hexadecimal digits each). Returns 0, or -1 for anything else. */
int ether_addr_pton(const char *text, mac_addr &addr);
/** Writes the address into @p text (ETHER_ADDR_STR_LEN bytes are enough) and returns @p text. */
char *ether_addr_ntop(const mac_addr &addr, char *text, size_t size);
/** The address as text. */
std::string ether_addr_str(const mac_addr &addr);

/** The device's own address. */
mac_addr ether_device_addr(const net_device &dev);
void ether_device_set_addr(net_device &dev, const mac_addr &addr);

/** Fills in what all Ethernet devices have in common: type, MTU 1500, flags, lengths, broadcast address. */
void ether_setup_helper(net_device &dev);
/**
 * What transmit() of an Ethernet device does: header, padding to the minimum, then dev.output().
 * @p dst is 6 bytes; null means broadcast. Returns 0.
 */
int ether_transmit_helper(net_device &dev, uint16_t type, packet_ptr pkt, const void *dst) MICROPS_REQUIRES(net_locked);
/**
 * What input() of an Ethernet device does: takes frames for the device's own address and broadcast (others are counted
 * as drops), strips the header, calls net_input_handler(). The original's ether_poll_helper() without the reading,
 * which poll() has done; the log keeps that name.
 */
void ether_input_helper(net_device &dev, packet_ptr frame) MICROPS_REQUIRES(net_locked);

} // namespace microps
