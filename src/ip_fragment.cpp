/*
 * ip_fragment.cpp: packets that are too large for a link (RFC 791 3.2, RFC 1122 3.3.2, 3.3.3; RFC 815; RFC 5722).
 *
 * Each datagram under reassembly has one block that any datagram fits into; fragments are copied to their place, and
 * a list of extents says what is there:
 *
 *      block   | room for the header | 0 ...received... | hole | ...received... | hole        |
 *      extents                         [0, 1480)                 [2960, 4440)
 *
 * A repeated fragment with the same bytes is harmless. Any other overlap is an attack or a mistake: the datagram is
 * given up, its later fragments too. Memory is bounded by the number of datagrams, in all and by source; the oldest
 * makes room.
 */
#include "ip_internal.hpp"
#include "microps/checksum.hpp"
#include "microps/icmp.hpp"

#include <algorithm>
#include <cerrno>
#include <list>

namespace microps
{

/* RFC 1122 3.3.2: a fixed value between 60 and 120 seconds. */
static constexpr net_duration IP_REASSEMBLY_TIMEOUT = std::chrono::seconds(60);
static constexpr size_t IP_REASSEMBLY_MAX = 64; /* datagrams; 66 KiB each: 4.2 MiB */
static constexpr size_t IP_REASSEMBLY_MAX_PER_SOURCE = 16;

/** Payload bytes [begin, end) that have come. */
struct ip_extent {
    size_t begin;
    size_t end;
};

/** RFC 791: what fragments of one datagram have in common. */
struct ip_datagram_key {
    ip_addr_t src;
    ip_addr_t dst;
    be16 id;
    uint8_t protocol;
    friend bool operator==(const ip_datagram_key &a, const ip_datagram_key &b)
    {
        return a.src == b.src && a.dst == b.dst && a.id == b.id && a.protocol == b.protocol;
    }
};

struct ip_datagram {
    ip_datagram(const ip_datagram_key &key_, ip_iface &iface_);

    ip_datagram_key key;
    ip_iface &iface;
    packet_ptr block{};               /* null: given up, but remembered until the time is over */
    std::vector<ip_extent> extents{}; /* sorted; neither overlapping nor adjacent */
    std::optional<size_t> length{};   /* of the payload, known from the last fragment */
    std::vector<uint8_t> header{};    /* the first fragment's, with options; empty until it comes */
    size_t first_length = 0;          /* its payload */
    net_timer timer;
};

struct ip_reassembly {
    std::list<ip_datagram> datagrams{}; /* oldest first */
};

/* Output */

/** A checksum that was left to the device must be filled in before the datagram is cut into fragments. */
static void ip_checksum_complete(packet &pkt)
{
    if (!pkt.offload.csum_partial) return;
    const std::span<uint8_t> area = pkt.bytes().subspan(pkt.offload.csum_start);
    const uint16_t sum = cksum16(area);
    wire_write(area.subspan(pkt.offload.csum_offset), be16(sum ? sum : uint16_t{0xffff})); /* RFC 768: 0 means none */
    pkt.offload = {};
}

int ip_fragment_output(const ip_transmission &out, packet_ptr pkt, size_t mtu)
{
    net_stack &net = out.iface.dev->net;
    if (mtu < IP_HDR_SIZE_MIN + 8) {
        net_count(net, counter::ip_frag_fails);
        return net_error(EMSGSIZE);
    }
    ip_checksum_complete(*pkt);
    const size_t room = (mtu - IP_HDR_SIZE_MIN) / 8 * 8;
    const std::span<const uint8_t> payload = pkt->bytes();
    for (size_t offset = 0; offset < payload.size(); offset += room) {
        const size_t length = std::min(room, payload.size() - offset);
        const bool more = offset + length < payload.size();
        packet_ptr fragment = packet_alloc(net, IP_HEADROOM, payload.subspan(offset, length));
        if (!fragment) {
            net_count(net, counter::ip_frag_fails);
            return net_error(ENOBUFS);
        }
        const size_t field = offset / 8 | (more ? IP_HDR_FLAG_MF : 0u);
        if (ip_output_core(out, std::move(fragment), static_cast<uint16_t>(field)) == -1) return -1;
        net_count(net, counter::ip_frag_creates);
    }
    net_count(net, counter::ip_frag_oks);
    return 0;
}

/* The table of datagrams */

static void ip_datagram_erase(ip_reassembly &reassembly, const ip_datagram &datagram)
{
    reassembly.datagrams.remove_if([&](const ip_datagram &d) { return &d == &datagram; });
}

/** Gives a datagram up. It stays, empty, so that the rest of it is recognized. */
static void ip_datagram_spoil(ip_datagram &datagram) MICROPS_REQUIRES(net_locked)
{
    datagram.block.reset();
    datagram.extents.clear();
    net_count(datagram.iface.dev->net, counter::ip_reasm_fails);
}

/* RFC 792: time exceeded, code 1, is sent only if fragment zero has come. */
static void ip_datagram_expired(ip_datagram &datagram) MICROPS_REQUIRES(net_locked)
{
    net_stack &net = datagram.iface.dev->net;
    if (packet_ptr first = std::move(datagram.block)) {
        net_count(net, counter::ip_reasm_fails);
        net_drop(net, drop_reason::ip_fragment_timeout, "reassembly timed out, src=%s, id=%u",
                 ip_addr_str(datagram.key.src).c_str(), datagram.key.id.value());
        if (!datagram.header.empty()) {
            first->truncate(datagram.first_length);
            const std::span<uint8_t> header = first->push(datagram.header.size());
            std::copy(datagram.header.begin(), datagram.header.end(), header.begin());
            icmp_error_output(ip_rx_make(*first, datagram.iface), ICMP_TYPE_TIME_EXCEEDED, ICMP_CODE_EXCEEDED_FRAGMENT);
        }
    }
    ip_datagram_erase(*net.ip->reassembly, datagram);
}

ip_datagram::ip_datagram(const ip_datagram_key &key_, ip_iface &iface_)
    : key(key_), iface(iface_), timer(iface_.dev->net, timer_call<ip_datagram_expired>(*this))
{
}

/** The oldest datagram, of one source or (null) of any, makes room. */
static void ip_datagram_evict(net_stack &net, const ip_addr_t *src) MICROPS_REQUIRES(net_locked)
{
    std::list<ip_datagram> &datagrams = net.ip->reassembly->datagrams;
    const auto oldest = std::find_if(datagrams.begin(), datagrams.end(),
                                     [&](const ip_datagram &d) { return !src || d.key.src == *src; });
    net_drop(net, drop_reason::ip_fragment_limit, "too many datagrams in pieces, src=%s, id=%u",
             ip_addr_str(oldest->key.src).c_str(), oldest->key.id.value());
    if (oldest->block) net_count(net, counter::ip_reasm_fails);
    datagrams.erase(oldest);
}

static ip_datagram *ip_datagram_alloc(net_stack &net, const ip_datagram_key &key, ip_iface &iface)
    MICROPS_REQUIRES(net_locked)
{
    std::list<ip_datagram> &datagrams = net.ip->reassembly->datagrams;
    const auto same_source = [&](const ip_datagram &d) {
        return d.key.src == key.src;
    };
    const auto from_source = std::count_if(datagrams.begin(), datagrams.end(), same_source);
    if (static_cast<size_t>(from_source) >= IP_REASSEMBLY_MAX_PER_SOURCE) ip_datagram_evict(net, &key.src);
    if (datagrams.size() >= IP_REASSEMBLY_MAX) ip_datagram_evict(net, nullptr);
    packet_ptr block = packet_alloc(net, IP_HDR_SIZE_MAX, IP_PAYLOAD_SIZE_MAX);
    if (!block) return nullptr;
    ip_datagram &datagram = datagrams.emplace_back(key, iface);
    datagram.block = std::move(block);
    datagram.timer.arm(IP_REASSEMBLY_TIMEOUT);
    return &datagram;
}

static ip_datagram *ip_datagram_select(net_stack &net, const ip_datagram_key &key) MICROPS_REQUIRES(net_locked)
{
    for (ip_datagram &datagram : net.ip->reassembly->datagrams) {
        if (datagram.key == key) return &datagram;
    }
    return nullptr;
}

/* Input */

enum class extent_result { added, duplicate, overlap };

static extent_result ip_extent_add(ip_datagram &datagram, size_t begin, std::span<const uint8_t> payload)
{
    const size_t end = begin + payload.size();
    std::vector<ip_extent> &extents = datagram.extents;
    const auto after = std::find_if(extents.begin(), extents.end(), [&](const ip_extent &e) { return e.end > begin; });
    const std::span<uint8_t> place = datagram.block->bytes().subspan(begin, payload.size());
    if (after != extents.end() && after->begin < end) {
        const bool covered = after->begin <= begin && end <= after->end;
        return covered && std::equal(payload.begin(), payload.end(), place.begin()) ? extent_result::duplicate
                                                                                    : extent_result::overlap;
    }
    std::copy(payload.begin(), payload.end(), place.begin());
    auto here = extents.insert(after, {begin, end});
    if (const auto next = here + 1; next != extents.end() && next->begin == end) {
        here->end = next->end;
        extents.erase(next);
    }
    if (here != extents.begin() && (here - 1)->end == begin) {
        (here - 1)->end = here->end;
        extents.erase(here);
    }
    return extent_result::added;
}

/** Whether a fragment can be part of anything (RFC 791 3.2; "ping of death"). */
static bool ip_fragment_acceptable(const ip_rx &rx, const ip_hdr &hdr) MICROPS_REQUIRES(net_locked)
{
    const size_t begin = static_cast<size_t>(hdr.offset & IP_HDR_OFFSET_MASK) * 8;
    const bool more = hdr.offset & IP_HDR_FLAG_MF;
    const bool whole_units = !more || rx.payload.size() % 8 == 0;
    if (!rx.payload.empty() && whole_units && begin + rx.payload.size() <= IP_TOTAL_SIZE_MAX - ip_hdr_len(hdr)) {
        return true;
    }
    net_drop(rx.iface.dev->net, drop_reason::bad_length, "fragment length error: offset=%zu, len=%zu", begin,
             rx.payload.size());
    return false;
}

/** Notes what the fragment says about the whole. Returns false if that contradicts what others said. */
static bool ip_datagram_note(ip_datagram &datagram, const ip_rx &rx, const ip_hdr &hdr)
{
    const size_t begin = static_cast<size_t>(hdr.offset & IP_HDR_OFFSET_MASK) * 8;
    const size_t end = begin + rx.payload.size();
    if (!(hdr.offset & IP_HDR_FLAG_MF)) {
        if (datagram.length && *datagram.length != end) return false;
        datagram.length = end;
    }
    if (begin == 0 && datagram.header.empty()) {
        const auto header = rx.packet.first(ip_hdr_len(hdr));
        datagram.header.assign(header.begin(), header.end());
        datagram.first_length = rx.payload.size();
        datagram.block->link_broadcast = rx.link_broadcast;
    }
    const size_t reached = datagram.extents.empty() ? end : std::max(end, datagram.extents.back().end);
    return !datagram.length || reached <= *datagram.length;
}

/** The whole packet, with the first fragment's header brought up to date; null while something is missing. */
static packet_ptr ip_datagram_complete(ip_datagram &datagram) MICROPS_REQUIRES(net_locked)
{
    const std::vector<ip_extent> &extents = datagram.extents;
    if (!datagram.length || extents.size() != 1 || extents[0].begin != 0 || extents[0].end != *datagram.length) {
        return nullptr;
    }
    const size_t total = datagram.header.size() + *datagram.length;
    if (total > IP_TOTAL_SIZE_MAX) {
        ip_datagram_spoil(datagram);
        net_drop(datagram.iface.dev->net, drop_reason::bad_length, "too long, total=%zu", total);
        return nullptr;
    }
    packet_ptr whole = std::move(datagram.block);
    whole->truncate(*datagram.length);
    const std::span<uint8_t> header = whole->push(datagram.header.size());
    std::copy(datagram.header.begin(), datagram.header.end(), header.begin());
    std::span<const uint8_t> reader = header;
    ip_hdr hdr = *wire_read<ip_hdr>(reader);
    hdr.total = static_cast<uint16_t>(total);
    hdr.offset = hdr.offset & IP_HDR_FLAG_DF;
    hdr.sum = 0;
    wire_write(header, hdr);
    hdr.sum = cksum16(header);
    wire_write(header, hdr);
    return whole;
}

packet_ptr ip_reassembly_input(const ip_rx &rx, const ip_hdr &hdr)
{
    net_stack &net = rx.iface.dev->net;
    net_count(net, counter::ip_reasm_reqds);
    if (!ip_fragment_acceptable(rx, hdr)) return nullptr;
    const ip_datagram_key key{.src = hdr.src, .dst = hdr.dst, .id = hdr.id, .protocol = hdr.protocol};
    ip_datagram *datagram = ip_datagram_select(net, key);
    if (!datagram) datagram = ip_datagram_alloc(net, key, rx.iface);
    if (!datagram) return nullptr;
    if (!datagram->block) {
        net_drop(net, drop_reason::ip_fragment_overlap, "fragment of a datagram given up, id=%u", hdr.id.value());
        return nullptr;
    }
    const size_t begin = static_cast<size_t>(hdr.offset & IP_HDR_OFFSET_MASK) * 8;
    const bool consistent = ip_datagram_note(*datagram, rx, hdr);
    if (!consistent || ip_extent_add(*datagram, begin, rx.payload) == extent_result::overlap) {
        net_drop(net, drop_reason::ip_fragment_overlap, "fragments overlap, src=%s, id=%u", ip_addr_str(rx.src).c_str(),
                 hdr.id.value());
        ip_datagram_spoil(*datagram);
        return nullptr;
    }
    packet_ptr whole = ip_datagram_complete(*datagram);
    if (whole) {
        net_count(net, counter::ip_reasm_oks);
        ip_datagram_erase(*net.ip->reassembly, *datagram);
    }
    return whole;
}

void ip_reassembly_init(net_stack &net) { net.ip->reassembly = layer_make<ip_reassembly>(); }

} // namespace microps
