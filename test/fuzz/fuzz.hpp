/*
 * fuzz.hpp: how a fuzzer's bytes become frames.
 *
 * An input is a list of records: two bytes of length, the bytes. A fuzzer does not guess checksums, so they are put
 * right, and so are the addresses, version and length in front of them, unless the record says otherwise: what lies
 * behind these checks is where the bugs would be.
 */
#pragma once

#include "microps/checksum.hpp"
#include "microps/ip.hpp"
#include "microps/log.hpp"
#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sim/world.hpp"
#include "microps/sock.hpp"
#include "microps/wire.hpp"
#include "support/sock_calls.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace microps
{

/** A frame or packet, and what of it is to be put right. */
struct fuzz_record {
    std::vector<uint8_t> bytes;
    bool fix_checksums;
    bool fix_headers;
};

/** Takes an input apart. */
class fuzz_input
{
public:
    explicit fuzz_input(std::span<const uint8_t> bytes) : rest_(bytes) { log_set_level(log_level::off); }

    [[nodiscard]] bool empty() const { return rest_.empty(); }
    uint8_t octet()
    {
        if (rest_.empty()) return 0;
        const uint8_t value = rest_[0];
        rest_ = rest_.subspan(1);
        return value;
    }
    uint16_t word() { return static_cast<uint16_t>(octet() << 8 | octet()); }
    /** A small signed step, or sometimes a large one. */
    uint32_t step()
    {
        const uint8_t kind = octet();
        if (kind < 0xf0) return static_cast<uint32_t>(static_cast<int8_t>(kind));
        return static_cast<uint32_t>(word()) << (kind & 0x0f);
    }
    std::vector<uint8_t> bytes(size_t size)
    {
        const auto taken = rest_.first(std::min(size, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return {taken.begin(), taken.end()};
    }
    /** The next record. */
    fuzz_record record()
    {
        const uint16_t head = word();
        return {
            .bytes = bytes(head & 0x07ff), .fix_checksums = (head & 0x8000) == 0, .fix_headers = (head & 0x4000) == 0};
    }

private:
    std::span<const uint8_t> rest_;
};

/** Makes the front of @p packet an IPv4 header from 192.0.2.1 to 192.0.2.2, of a protocol that is likely there. */
inline void fuzz_fix_header(std::span<uint8_t> packet)
{
    if (packet.size() < 20) return;
    const size_t header = static_cast<size_t>(packet[0] & 0x0f) * 4;
    if (header < 20 || header > packet.size()) packet[0] = 5;
    packet[0] = static_cast<uint8_t>(0x40 | (packet[0] & 0x0f));
    wire_write(packet.subspan(2), be16(static_cast<uint16_t>(packet.size())));
    wire_write(packet.subspan(12), be32(0xc0000201));
    wire_write(packet.subspan(16), be32(0xc0000202));
    constexpr std::array<uint8_t, 3> PROTOCOLS{IP_PROTOCOL_ICMP, IP_PROTOCOL_TCP, IP_PROTOCOL_UDP};
    if (packet[9] % 4 != 3) packet[9] = PROTOCOLS[packet[9] % 4];
}

/** Puts the checksums of an IPv4 packet, and of the ICMP, UDP or TCP inside, right. */
inline void fuzz_fix_checksums(std::span<uint8_t> packet)
{
    if (packet.size() < 20) return;
    const size_t header = static_cast<size_t>(packet[0] & 0x0f) * 4;
    if (header < 20 || header > packet.size()) return;
    wire_write(packet.subspan(10), be16(0));
    wire_write(packet.subspan(10), be16(cksum16(packet.first(header))));
    std::span<const uint8_t> fields = packet.subspan(2);
    const uint16_t total = *wire_read<be16>(fields);
    if (total < header || total > packet.size()) return;
    const std::span<uint8_t> payload = packet.subspan(header, total - header);
    const uint8_t protocol = packet[9];
    size_t offset = 0;
    if (protocol == IP_PROTOCOL_ICMP) offset = 2;
    if (protocol == IP_PROTOCOL_UDP) offset = 6;
    if (protocol == IP_PROTOCOL_TCP) offset = 16;
    if (offset == 0 || payload.size() < offset + 2) return;
    std::span<const uint8_t> addresses = packet.subspan(12);
    const auto src = *wire_read<ip_addr_t>(addresses);
    const auto dst = *wire_read<ip_addr_t>(addresses);
    const uint32_t pseudo = protocol == IP_PROTOCOL_ICMP ? 0 : ip_pseudo_sum(src, dst, protocol, payload.size());
    wire_write(payload.subspan(offset), be16(0));
    wire_write(payload.subspan(offset), be16(cksum16(payload, pseudo)));
}

/** Puts right in the IPv4 @p packet what its record wants. */
inline void fuzz_fix(const fuzz_record &record, std::span<uint8_t> packet)
{
    if (record.fix_headers) fuzz_fix_header(packet);
    if (record.fix_checksums) fuzz_fix_checksums(packet);
}

/** A host, 192.0.2.2, on a wire whose other end is the fuzzer: `wire.inject()`. */
struct fuzz_target {
    explicit fuzz_target(
        sim_link_type link, sim_frame_handler sent = [](std::span<const uint8_t>) {})
        : wire(world, {host, "192.0.2.2/24"}, sim_raw_plug{"fuzzer", std::move(sent)}, {.link = link})
    {
    }

    sim_world world{};
    sim_host host{world, "target"};
    sim_wire wire;
    net_stack &net = host.net();
};

/** A socket of any address and @p port that never blocks. */
inline int open_bound(net_stack &net, int type, uint16_t port)
{
    const int id = sock_open(net, AF_INET, type | SOCK_NONBLOCK, 0);
    const sockaddr_in local = sockaddr_from_endpoint({IP_ADDR_ANY, port});
    sock_bind(net, id, sockaddr_of(local), sizeof(local));
    return id;
}

} // namespace microps

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
