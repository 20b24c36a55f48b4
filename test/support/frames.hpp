/*
 * frames.hpp: frames and packets made and taken apart byte by byte, independently of the library's own headers.
 */
#pragma once

#include "microps/checksum.hpp"
#include "microps/ether.hpp"
#include "microps/ip.hpp"

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace microps
{

using octets = std::vector<uint8_t>;

inline void put16(octets &out, unsigned value)
{
    out.push_back(static_cast<uint8_t>(value >> 8));
    out.push_back(static_cast<uint8_t>(value & 0xff));
}
inline void put32(octets &out, uint32_t value)
{
    put16(out, value >> 16);
    put16(out, value & 0xffff);
}
inline void put(octets &out, std::span<const uint8_t> bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
inline unsigned get16(std::span<const uint8_t> bytes, size_t at) { return bytes[at] * 256u + bytes[at + 1]; }
inline uint32_t get32(std::span<const uint8_t> bytes, size_t at)
{
    return get16(bytes, at) * 65536u + get16(bytes, at + 2);
}
inline octets text_octets(std::string_view text) { return {text.begin(), text.end()}; }
/** @p size bytes that are not all alike. */
inline octets pattern_octets(size_t size)
{
    octets out(size);
    for (size_t i = 0; i < size; i++) {
        out[i] = static_cast<uint8_t>(i * 7 + i / 251);
    }
    return out;
}

/** "192.0.2.1" as a number. */
inline uint32_t addr(const char *text)
{
    ip_addr_t parsed;
    return ip_addr_pton(text, parsed) == 0 ? parsed.value.value() : 0;
}

inline octets eth_frame(const mac_addr &dst, const mac_addr &src, unsigned type, std::span<const uint8_t> payload)
{
    octets out;
    put(out, dst.bytes);
    put(out, src.bytes);
    put16(out, type);
    put(out, payload);
    return out;
}

/** The fields of an ARP message; the defaults are those of IPv4 over Ethernet. */
struct arp_fields {
    unsigned op = 1;
    mac_addr sha{};
    uint32_t spa = 0;
    mac_addr tha{};
    uint32_t tpa = 0;
    unsigned hrd = 1, pro = 0x0800, hln = 6, pln = 4;

    [[nodiscard]] octets bytes() const
    {
        octets out;
        put16(out, hrd);
        put16(out, pro);
        out.push_back(static_cast<uint8_t>(hln));
        out.push_back(static_cast<uint8_t>(pln));
        put16(out, op);
        put(out, sha.bytes);
        put32(out, spa);
        put(out, tha.bytes);
        put32(out, tpa);
        return out;
    }
};

/** The fields of an IPv4 packet. Length and checksum are made right unless given. */
struct ip_fields {
    unsigned version = 4;
    int ihl = -1; /* words; -1: right */
    unsigned tos = 0;
    int total = -1; /* -1: right */
    unsigned id = 1;
    unsigned offset = 0; /* the whole field, flags included */
    unsigned ttl = 64;
    unsigned protocol = 1;
    int sum = -1; /* -1: right */
    uint32_t src = 0;
    uint32_t dst = 0;
    octets options{};
    octets payload{};

    [[nodiscard]] octets bytes() const
    {
        const size_t hlen = 20 + options.size();
        octets out;
        out.push_back(static_cast<uint8_t>(version << 4 | (ihl == -1 ? hlen / 4 : static_cast<unsigned>(ihl))));
        out.push_back(static_cast<uint8_t>(tos));
        put16(out, total == -1 ? static_cast<unsigned>(hlen + payload.size()) : static_cast<unsigned>(total));
        put16(out, id);
        put16(out, offset);
        out.push_back(static_cast<uint8_t>(ttl));
        out.push_back(static_cast<uint8_t>(protocol));
        put16(out, 0);
        put32(out, src);
        put32(out, dst);
        put(out, options);
        const unsigned value = sum == -1 ? cksum16(out) : static_cast<unsigned>(sum);
        out[10] = static_cast<uint8_t>(value >> 8);
        out[11] = static_cast<uint8_t>(value & 0xff);
        put(out, payload);
        return out;
    }
};

/** An ICMP message with a right checksum. */
inline octets icmp_message(unsigned type, unsigned code, uint32_t values, std::span<const uint8_t> payload)
{
    octets out{static_cast<uint8_t>(type), static_cast<uint8_t>(code)};
    put16(out, 0);
    put32(out, values);
    put(out, payload);
    const unsigned sum = cksum16(out);
    out[2] = static_cast<uint8_t>(sum >> 8);
    out[3] = static_cast<uint8_t>(sum & 0xff);
    return out;
}

/** A UDP datagram without checksum. */
inline octets udp_message(unsigned src, unsigned dst, std::span<const uint8_t> payload)
{
    octets out;
    put16(out, src);
    put16(out, dst);
    put16(out, static_cast<unsigned>(8 + payload.size()));
    put16(out, 0);
    put(out, payload);
    return out;
}

/** A frame taken apart; what is not there is zero or empty. */
struct frame_view {
    explicit frame_view(std::span<const uint8_t> frame)
    {
        if (frame.size() < 14) return;
        std::copy_n(frame.begin(), 6, dst_mac.bytes.begin());
        std::copy_n(frame.begin() + 6, 6, src_mac.bytes.begin());
        type = get16(frame, 12);
        body = frame.subspan(14);
        if (type == 0x0806 && body.size() >= 28) read_arp();
        if (type == 0x0800 && body.size() >= 20) read_ip();
    }

    mac_addr dst_mac{}, src_mac{};
    unsigned type = 0;
    std::span<const uint8_t> body{}; /* behind the link header, padding included */

    unsigned arp_op = 0;
    mac_addr sha{}, tha{};
    uint32_t spa = 0, tpa = 0;

    std::span<const uint8_t> packet{}; /* the IP packet, without padding */
    unsigned tos = 0, total = 0, id = 0, offset = 0, ttl = 0, protocol = 0;
    uint32_t src = 0, dst = 0;
    bool ip_sum_good = false;
    std::span<const uint8_t> payload{}; /* behind the IP header */

private:
    void read_arp()
    {
        arp_op = get16(body, 6);
        std::copy_n(body.begin() + 8, 6, sha.bytes.begin());
        spa = get32(body, 14);
        std::copy_n(body.begin() + 18, 6, tha.bytes.begin());
        tpa = get32(body, 24);
    }
    void read_ip()
    {
        total = get16(body, 2);
        const size_t hlen = (body[0] & 0x0f) * 4u;
        if (hlen < 20 || total < hlen || total > body.size()) return;
        packet = body.first(total);
        tos = packet[1];
        id = get16(packet, 4);
        offset = get16(packet, 6);
        ttl = packet[8];
        protocol = packet[9];
        src = get32(packet, 12);
        dst = get32(packet, 16);
        ip_sum_good = cksum16(packet.first(hlen)) == 0;
        payload = packet.subspan(hlen);
    }
};

} // namespace microps
