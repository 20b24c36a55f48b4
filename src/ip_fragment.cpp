/*
 * ip_fragment.cpp: packets that are too large for a link (RFC 791 3.2, RFC 1122 3.3.2, 3.3.3; RFC 815; RFC 5722).
 *
 * Each datagram under reassembly has one block, large enough for any datagram. Fragments are copied to their place in
 * it, and a list of ranges says which bytes have been received:
 *
 *      block   | room for the header | 0 ...received... | hole | ...received... | hole        |
 *      ranges                          [0, 1480)                 [2960, 4440)
 *
 * A duplicate fragment with the same bytes is ignored. Any other overlap is an attack or an error: the datagram and its
 * later fragments are dropped (RFC 5722, for IPv6). The number of datagrams is bounded, in all and per source; the
 * oldest is evicted.
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

/** Payload bytes [begin, end) that have been received. */
struct ip_range {
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
    packet_ptr block{};             /* null: dropped, and remembered until the timeout */
    std::vector<ip_range> ranges{}; /* sorted; neither overlapping nor adjacent */
    std::optional<size_t> length{}; /* of the payload, known from the last fragment */
    std::vector<uint8_t> header{};  /* the first fragment's, with options; empty until it comes */
    size_t first_length = 0;        /* its payload */
    net_timer timer;
};

struct ip_reassembly {
    std::list<ip_datagram> datagrams{}; /* oldest first */
};

/* Output */

/** Fills in a checksum that was left to the device, which cannot compute it from fragments. */
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

/** Drops a datagram's data. The entry stays until the timeout, so that its later fragments are dropped, too. */
static void ip_datagram_spoil(ip_datagram &datagram) MICROPS_REQUIRES(net_locked)
{
    datagram.block.reset();
    datagram.ranges.clear();
    net_count(datagram.iface.dev->net, counter::ip_reasm_fails);
}

/** Reassembly timeout. Sends time exceeded, code 1, if the first fragment was received (RFC 792, RFC 1122 3.3.2). */
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

/** Evicts the oldest datagram, of source @p src or (null) of all. */
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

namespace
{

enum class ip_range_result { added, duplicate, overlap };

} // namespace

static ip_range_result ip_range_add(ip_datagram &datagram, size_t begin, std::span<const uint8_t> payload)
{
    const size_t end = begin + payload.size();
    std::vector<ip_range> &ranges = datagram.ranges;
    const auto after = std::find_if(ranges.begin(), ranges.end(), [&](const ip_range &e) { return e.end > begin; });
    const std::span<uint8_t> place = datagram.block->bytes().subspan(begin, payload.size());
    if (after != ranges.end() && after->begin < end) {
        const bool covered = after->begin <= begin && end <= after->end;
        return covered && std::equal(payload.begin(), payload.end(), place.begin()) ? ip_range_result::duplicate
                                                                                    : ip_range_result::overlap;
    }
    std::copy(payload.begin(), payload.end(), place.begin());
    auto here = ranges.insert(after, {begin, end});
    if (const auto next = here + 1; next != ranges.end() && next->begin == end) {
        here->end = next->end;
        ranges.erase(next);
    }
    if (here != ranges.begin() && (here - 1)->end == begin) {
        (here - 1)->end = here->end;
        ranges.erase(here);
    }
    return ip_range_result::added;
}

/** Checks length and offset of a fragment (RFC 791 3.2): the datagram must not exceed 65535 bytes ("ping of death"). */
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

/** Notes the datagram's length and header from a fragment. Returns false if it contradicts earlier fragments. */
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
    const size_t reached = datagram.ranges.empty() ? end : std::max(end, datagram.ranges.back().end);
    return !datagram.length || reached <= *datagram.length;
}

/** The reassembled packet with the first fragment's header, its fields adjusted; null while a range is missing. */
static packet_ptr ip_datagram_complete(ip_datagram &datagram) MICROPS_REQUIRES(net_locked)
{
    const std::vector<ip_range> &ranges = datagram.ranges;
    if (!datagram.length || ranges.size() != 1 || ranges[0].begin != 0 || ranges[0].end != *datagram.length) {
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
    if (!consistent || ip_range_add(*datagram, begin, rx.payload) == ip_range_result::overlap) {
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
