/*
 * ether.cpp: Ethernet II framing (RFC 894), for the drivers of Ethernet devices.
 *
 * A driver's transmit() calls ether_transmit_helper() and its input() calls ether_input_helper(); the driver itself
 * only reads and writes whole frames. Input accepts frames to the device's own address and to broadcast; multicast is
 * not implemented. Frames whose type field is a length (IEEE 802.3, RFC 1042) are dropped as unknown_ethertype.
 */
#include "microps/ether.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace microps
{

/* The smallest EtherType; a lower value is the length of an IEEE 802.3 frame (RFC 1122 2.3.3: may be discarded). */
static constexpr uint16_t ETHER_TYPE_MIN = 0x0600;

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int ether_addr_pton(const char *text, mac_addr &addr)
{
    mac_addr parsed;
    for (size_t i = 0; i < MAC_ADDR_LEN; i++) {
        if (i > 0 && *text++ != ':') return -1;
        int value = hex_digit(*text);
        if (value == -1) return -1;
        text++;
        if (const int low = hex_digit(*text); low != -1) {
            value = value * 16 + low;
            text++;
        }
        parsed.bytes[i] = static_cast<uint8_t>(value);
    }
    if (*text != '\0') return -1;
    addr = parsed;
    return 0;
}

char *ether_addr_ntop(const mac_addr &addr, char *text, size_t size)
{
    const auto &b = addr.bytes;
    std::snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    return text;
}

std::string ether_addr_str(const mac_addr &addr)
{
    char text[ETHER_ADDR_STR_LEN];
    return ether_addr_ntop(addr, text, sizeof(text));
}

mac_addr ether_device_addr(const net_device &dev)
{
    mac_addr addr;
    std::copy_n(dev.addr, MAC_ADDR_LEN, addr.bytes.begin());
    return addr;
}

void ether_device_set_addr(net_device &dev, const mac_addr &addr)
{
    std::copy(addr.bytes.begin(), addr.bytes.end(), dev.addr);
}

static const char *ether_type_ntoa(uint16_t type)
{
    switch (type) {
    case ETHER_TYPE_IP:
        return "IP";
    case ETHER_TYPE_ARP:
        return "ARP";
    case ETHER_TYPE_IPV6:
        return "IPv6";
    default:
        return "UNKNOWN";
    }
}

static void ether_dump(const ether_hdr &hdr)
{
    if (!log_enabled(log_level::debug)) return;
    char type[64];
    std::snprintf(type, sizeof(type), "       type: 0x%04x (%s)\n", hdr.type.value(), ether_type_ntoa(hdr.type));
    log_dump("        src: " + ether_addr_str(hdr.src) + "\n        dst: " + ether_addr_str(hdr.dst) + "\n" + type);
}

int ether_transmit_helper(net_device &dev, uint16_t type, packet_ptr pkt, const void *dst)
{
    ether_hdr hdr{.dst = ETHER_ADDR_BROADCAST, .src = ether_device_addr(dev), .type = type};
    if (dst) std::memcpy(hdr.dst.bytes.data(), dst, MAC_ADDR_LEN);
    if (pkt->size() < ETHER_PAYLOAD_SIZE_MIN) {
        const std::span<uint8_t> padding = pkt->append(ETHER_PAYLOAD_SIZE_MIN - pkt->size());
        std::fill(padding.begin(), padding.end(), uint8_t{0}); /* so that no older data of the block leaks */
    }
    packet_push(*pkt, hdr);
    debugf("dev=%s, type=%s(0x%04x), len=%zu", dev.name, net_protocol_name(dev.net, type), type, pkt->size());
    ether_dump(hdr);
    debugdump(pkt->bytes());
    dev.output(std::move(pkt));
    return 0;
}

void ether_input_helper(net_device &dev, packet_ptr frame)
{
    static constexpr char log_name[] = "ether_poll_helper"; /* the log keeps the original's lines, see docs/from-c.md */
    std::span<const uint8_t> data = std::as_const(*frame).bytes();
    const auto hdr = wire_read<ether_hdr>(data);
    if (!hdr) {
        net_count_drop(dev.net, drop_reason::too_short);
        return debugf_as(log_name, "input data is too short, dev=%s, len=%zu", dev.name, frame->size());
    }
    const bool broadcast = hdr->dst == ETHER_ADDR_BROADCAST;
    if (!broadcast && hdr->dst != ether_device_addr(dev)) {
        return net_count_drop(dev.net, drop_reason::not_for_us); /* not logged, as in the original: this is common */
    }
    const uint16_t type = hdr->type;
    debugf_as(log_name, "dev=%s, type=%s(0x%04x), len=%zu", dev.name, net_protocol_name(dev.net, type), type,
              frame->size());
    ether_dump(*hdr);
    debugdump(std::as_const(*frame).bytes());
    if (type < ETHER_TYPE_MIN) {
        net_count_drop(dev.net, drop_reason::unknown_ethertype);
        return debugf_as(log_name, "IEEE 802.3 frame, dev=%s, length=%u", dev.name, type);
    }
    frame->pull(sizeof(*hdr));
    frame->link_broadcast = broadcast;
    net_input_handler(type, std::move(frame), dev);
}

void ether_setup_helper(net_device &dev)
{
    dev.type = NET_DEVICE_TYPE_ETHERNET;
    dev.mtu = ETHER_PAYLOAD_SIZE_MAX;
    dev.flags = NET_DEVICE_FLAG_BROADCAST | NET_DEVICE_FLAG_NEED_ARP;
    dev.hlen = ETHER_HDR_SIZE;
    dev.alen = MAC_ADDR_LEN;
    std::copy(ETHER_ADDR_BROADCAST.bytes.begin(), ETHER_ADDR_BROADCAST.bytes.end(), dev.broadcast);
}

} // namespace microps
