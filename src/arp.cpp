/*
 * arp.cpp: the Address Resolution Protocol (RFC 826, RFC 1122 2.3.2, RFC 5227) for IPv4 over Ethernet.
 *
 * The cache maps a neighbour's IPv4 address to its hardware address. An entry is created by our request (incomplete,
 * with the packets that wait for the reply) or by a neighbour's request for our address (resolved at once). A resolved
 * entry is valid for 30 seconds; an entry in use is confirmed by unicast requests before that, so that traffic does not
 * stop. Requests are sent at most once a second and three times; then the senders of the waiting packets get "host
 * unreachable". Other replies and announcements update entries but create none.
 */
#include "microps/arp.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <map>

namespace microps
{

static constexpr uint16_t ARP_HRD_ETHER = 0x0001;
static constexpr uint16_t ARP_PRO_IP = ETHER_TYPE_IP;
static constexpr uint16_t ARP_OP_REQUEST = 1;
static constexpr uint16_t ARP_OP_REPLY = 2;

static constexpr net_duration ARP_TIMER_INTERVAL = std::chrono::seconds(1);
/* An entry in use is confirmed this long before it times out: time for three requests. */
static constexpr net_duration ARP_REFRESH_BEFORE = std::chrono::seconds(4);
/* RFC 5227 2.3 and 2.4. */
static constexpr unsigned ARP_ANNOUNCE_NUM = 2;
static constexpr net_duration ARP_ANNOUNCE_INTERVAL = std::chrono::seconds(2);
static constexpr net_duration ARP_DEFEND_INTERVAL = std::chrono::seconds(10);

struct arp_hdr {
    be16 hrd{};
    be16 pro{};
    uint8_t hln{};
    uint8_t pln{};
    be16 op{};
};

/** An ARP message for IPv4 over Ethernet: sender's and target's hardware and protocol addresses. */
struct arp_ether_ip {
    arp_hdr hdr{};
    mac_addr sha{};
    ip_addr_t spa{};
    mac_addr tha{};
    ip_addr_t tpa{};
};
static_assert(sizeof(arp_ether_ip) == 28 && alignof(arp_ether_ip) == 1);

struct arp_cache {
    arp_cache(ip_iface &iface_, ip_addr_t pa_) : iface(iface_), pa(pa_) {}

    ip_iface &iface;
    ip_addr_t pa;
    mac_addr ha{};
    arp_state state = arp_state::free;
    net_time confirmed{};  /* a message of the neighbour was received */
    net_time used{};       /* the last time that a packet was to be sent to it */
    net_time requested{};  /* the last request was sent */
    unsigned requests = 0; /* sent since `confirmed`, without a reply */
    std::deque<packet_ptr> waiting{};
};

/** A device's index and a neighbour's address: the same address may exist on two links. */
using arp_key = std::pair<unsigned, uint32_t>;

/** All state of the module. */
struct arp_layer {
    explicit arp_layer(net_stack &net_);

    net_stack &net;
    std::map<arp_key, arp_cache> caches MICROPS_GUARDED_BY(net_locked){};
    /* By device: when arp_defend() last answered. */
    std::map<unsigned, net_time> defended MICROPS_GUARDED_BY(net_locked){};
    net_periodic *timer MICROPS_GUARDED_BY(net_locked) = nullptr;
    std::function<void(ip_iface &iface, const packet &pkt)> failed MICROPS_GUARDED_BY(net_locked){};
    net_timer announce_timer;
    unsigned announcements MICROPS_GUARDED_BY(net_locked) = 0; /* that remain to be sent */
};

/* Helpers */

static const char *arp_opcode_ntoa(uint16_t op)
{
    switch (op) {
    case ARP_OP_REQUEST:
        return "Request";
    case ARP_OP_REPLY:
        return "Reply";
    default:
        return "Unknown";
    }
}

static void arp_dump(const arp_ether_ip &msg)
{
    if (!log_enabled(log_level::debug)) return;
    char head[160];
    std::snprintf(
        head, sizeof(head),
        "        hrd: 0x%04x\n        pro: 0x%04x\n        hln: %u\n        pln: %u\n         op: 0x%04x (%s)\n",
        msg.hdr.hrd.value(), msg.hdr.pro.value(), msg.hdr.hln, msg.hdr.pln, msg.hdr.op.value(),
        arp_opcode_ntoa(msg.hdr.op));
    log_dump(head + ("        sha: " + ether_addr_str(msg.sha)) + "\n        spa: " + ip_addr_str(msg.spa) +
             "\n        tha: " + ether_addr_str(msg.tha) + "\n        tpa: " + ip_addr_str(msg.tpa) + "\n");
}

static arp_key arp_cache_key(const ip_iface &iface, ip_addr_t pa) { return {iface.dev->index, pa.value}; }

static bool arp_speaks(const net_device &dev)
{
    return dev.type == NET_DEVICE_TYPE_ETHERNET && dev.alen == MAC_ADDR_LEN;
}

/* Output */

static int arp_transmit(ip_iface &iface, const arp_ether_ip &msg, const mac_addr &dst) MICROPS_REQUIRES(net_locked)
{
    packet_ptr pkt = packet_alloc(iface.dev->net, LINK_HEADROOM, wire_bytes(msg));
    if (!pkt) return net_error(ENOBUFS);
    return net_device_output(*iface.dev, NET_PROTOCOL_TYPE_ARP, std::move(pkt), dst.bytes.data());
}

static arp_ether_ip arp_message(const ip_iface &iface, uint16_t op, ip_addr_t tpa, const mac_addr &tha)
{
    return {.hdr = {.hrd = ARP_HRD_ETHER, .pro = ARP_PRO_IP, .hln = MAC_ADDR_LEN, .pln = IP_ADDR_LEN, .op = op},
            .sha = ether_device_addr(*iface.dev),
            .spa = iface.unicast,
            .tha = tha,
            .tpa = tpa};
}

/** Sends a request by broadcast, or to the neighbour's known address @p dst (unicast poll, RFC 1122 2.3.2.1). */
static int arp_request(ip_iface &iface, ip_addr_t tpa, const mac_addr &dst = ETHER_ADDR_BROADCAST)
    MICROPS_REQUIRES(net_locked)
{
    const arp_ether_ip msg = arp_message(iface, ARP_OP_REQUEST, tpa, ETHER_ADDR_ANY);
    debugf("dev=%s, opcode=%s(0x%04x), len=%zu", iface.dev->name, arp_opcode_ntoa(msg.hdr.op), msg.hdr.op.value(),
           sizeof(msg));
    arp_dump(msg);
    net_count(iface.dev->net, counter::arp_out_requests);
    return arp_transmit(iface, msg, dst);
}

static int arp_reply(ip_iface &iface, const mac_addr &tha, ip_addr_t tpa) MICROPS_REQUIRES(net_locked)
{
    const arp_ether_ip msg = arp_message(iface, ARP_OP_REPLY, tpa, tha);
    debugf("dev=%s, opcode=%s(0x%04x), len=%zu", iface.dev->name, arp_opcode_ntoa(msg.hdr.op), msg.hdr.op.value(),
           sizeof(msg));
    arp_dump(msg);
    net_count(iface.dev->net, counter::arp_out_replies);
    return arp_transmit(iface, msg, tha);
}

/* The cache */

static arp_cache *arp_cache_select(arp_layer &arp, const ip_iface &iface, ip_addr_t pa) MICROPS_REQUIRES(net_locked)
{
    const auto found = arp.caches.find(arp_cache_key(iface, pa));
    return found == arp.caches.end() ? nullptr : &found->second;
}

static std::deque<packet_ptr> arp_cache_take_waiting(arp_layer &arp, arp_cache &cache) MICROPS_REQUIRES(net_locked)
{
    if (!cache.waiting.empty()) sched_wakeup(arp.net, arp.net.activity); /* net_shutdown() may wait for this */
    return std::exchange(cache.waiting, {});
}

/** Removes an entry. Returns the packets that waited in it, counted as dropped. */
static std::deque<packet_ptr> arp_cache_delete(arp_layer &arp, arp_cache &cache) MICROPS_REQUIRES(net_locked)
{
    debugf("DELETE: pa=%s, ha=%s", ip_addr_str(cache.pa).c_str(), ether_addr_str(cache.ha).c_str());
    net_count(arp.net, counter::arp_deletions);
    std::deque<packet_ptr> waiting = arp_cache_take_waiting(arp, cache);
    net_count_drop(arp.net, drop_reason::arp_unresolved, waiting.size());
    arp.caches.erase(arp_cache_key(cache.iface, cache.pa));
    return waiting;
}

/** Creates an entry. A full cache evicts the least recently used one. Returns null if all are static. */
static arp_cache *arp_cache_alloc(arp_layer &arp, ip_iface &iface, ip_addr_t pa) MICROPS_REQUIRES(net_locked)
{
    while (arp.caches.size() >= ARP_CACHE_SIZE) {
        arp_cache *oldest = nullptr;
        for (auto &[key, cache] : arp.caches) {
            if (cache.state == arp_state::statically) continue;
            if (!oldest || cache.used < oldest->used) oldest = &cache;
        }
        if (!oldest) {
            net_drop(arp.net, drop_reason::arp_cache_full, "all entries are static, pa=%s", ip_addr_str(pa).c_str());
            return nullptr;
        }
        /* `failed` is not called for its packets, because this runs inside the output of another packet. */
        arp_cache_delete(arp, *oldest);
    }
    arp_cache &cache = arp.caches.try_emplace(arp_cache_key(iface, pa), iface, pa).first->second;
    cache.used = arp.net.clock.now();
    cache.requested = cache.used - ARP_RETRY_INTERVAL;
    return &cache;
}

/** A message of the neighbour was received: its entry is valid for another ARP_CACHE_TIMEOUT. */
static void arp_cache_confirm(arp_layer &arp, arp_cache &cache, const mac_addr &ha) MICROPS_REQUIRES(net_locked)
{
    cache.ha = ha;
    cache.state = arp_state::resolved;
    cache.confirmed = arp.net.clock.now();
    cache.requests = 0;
    net_periodic_resume(*arp.timer);
}

static void arp_cache_send_waiting(arp_layer &arp, arp_cache &cache) MICROPS_REQUIRES(net_locked)
{
    for (packet_ptr &pkt : arp_cache_take_waiting(arp, cache)) {
        net_device_output(*cache.iface.dev, NET_PROTOCOL_TYPE_IP, std::move(pkt), cache.ha.bytes.data());
    }
}

/** RFC 826, "Merge_flag": true if there is an entry for the address. */
static bool arp_cache_update(arp_layer &arp, ip_iface &iface, ip_addr_t pa, const mac_addr &ha)
    MICROPS_REQUIRES(net_locked)
{
    arp_cache *cache = arp_cache_select(arp, iface, pa);
    if (!cache) return false;
    if (cache->state == arp_state::statically) return true;
    arp_cache_confirm(arp, *cache, ha);
    debugf("UPDATE: pa=%s, ha=%s", ip_addr_str(pa).c_str(), ether_addr_str(ha).c_str());
    net_count(arp.net, counter::arp_updates);
    arp_cache_send_waiting(arp, *cache);
    return true;
}

static void arp_cache_insert(arp_layer &arp, ip_iface &iface, ip_addr_t pa, const mac_addr &ha)
    MICROPS_REQUIRES(net_locked)
{
    arp_cache *cache = arp_cache_alloc(arp, iface, pa);
    if (!cache) return;
    arp_cache_confirm(arp, *cache, ha);
    debugf("INSERT: pa=%s, ha=%s", ip_addr_str(pa).c_str(), ether_addr_str(ha).c_str());
    net_count(arp.net, counter::arp_insertions);
}

/** Sends a request unless the last one is less than a second old (RFC 1122 2.3.2.1: prevents ARP flooding). */
static void arp_cache_request(arp_layer &arp, arp_cache &cache) MICROPS_REQUIRES(net_locked)
{
    const net_time now = arp.net.clock.now();
    if (now - cache.requested < ARP_RETRY_INTERVAL) return;
    cache.requested = now;
    cache.requests++;
    arp_request(cache.iface, cache.pa, cache.state == arp_state::resolved ? cache.ha : ETHER_ADDR_BROADCAST);
}

arp_result arp_resolve(ip_iface &iface, ip_addr_t pa, mac_addr &ha)
{
    arp_layer &arp = *iface.dev->net.arp;
    if (!arp_speaks(*iface.dev)) {
        debugf("unsupported hardware address type");
        return arp_result::error;
    }
    if (arp_cache *cache = arp_cache_select(arp, iface, pa)) {
        cache->used = arp.net.clock.now();
        if (cache->state == arp_state::incomplete) return arp_result::incomplete; /* arp_timer() repeats the request */
        ha = cache->ha;
        debugf("resolved, pa=%s, ha=%s", ip_addr_str(pa).c_str(), ether_addr_str(ha).c_str());
        return arp_result::found;
    }
    arp_cache *cache = arp_cache_alloc(arp, iface, pa);
    if (!cache) return arp_result::error;
    cache->state = arp_state::incomplete;
    arp_cache_request(arp, *cache);
    net_periodic_resume(*arp.timer);
    debugf("cache not found, pa=%s", ip_addr_str(pa).c_str());
    return arp_result::incomplete;
}

/** Keeps a packet until the address is resolved (RFC 1122 2.3.2.2); a full queue drops its oldest packet. */
static int arp_wait(arp_layer &arp, arp_cache &cache, packet_ptr pkt) MICROPS_REQUIRES(net_locked)
{
    if (cache.waiting.size() >= ARP_QUEUE_MAX) {
        net_drop(arp.net, drop_reason::arp_queue_full, "too many packets wait, pa=%s", ip_addr_str(cache.pa).c_str());
        cache.waiting.pop_front();
    }
    cache.waiting.push_back(std::move(pkt));
    return 0;
}

int arp_output(ip_iface &iface, ip_addr_t pa, packet_ptr pkt)
{
    arp_layer &arp = *iface.dev->net.arp;
    mac_addr ha;
    switch (arp_resolve(iface, pa, ha)) {
    case arp_result::found:
        return net_device_output(*iface.dev, NET_PROTOCOL_TYPE_IP, std::move(pkt), ha.bytes.data());
    case arp_result::incomplete:
        return arp_wait(arp, *arp_cache_select(arp, iface, pa), std::move(pkt));
    case arp_result::error:
        return net_error(EHOSTUNREACH);
    }
    net_unreachable();
}

void arp_suspect(ip_iface &iface, ip_addr_t pa)
{
    arp_layer &arp = *iface.dev->net.arp;
    arp_cache *cache = arp_cache_select(arp, iface, pa);
    if (!cache || cache->state != arp_state::resolved) return;
    cache->used = arp.net.clock.now();
    cache->confirmed = std::min(cache->confirmed, cache->used - (ARP_CACHE_TIMEOUT - ARP_REFRESH_BEFORE));
    arp_cache_request(arp, *cache);
}

int arp_set_static(ip_iface &iface, ip_addr_t pa, const mac_addr &ha)
{
    arp_layer &arp = *iface.dev->net.arp;
    arp_cache *cache = arp_cache_select(arp, iface, pa);
    if (!cache) cache = arp_cache_alloc(arp, iface, pa);
    if (!cache) return net_error(ENOBUFS);
    cache->ha = ha;
    cache->state = arp_state::statically;
    cache->confirmed = arp.net.clock.now();
    arp_cache_send_waiting(arp, *cache);
    return 0;
}

std::vector<arp_entry> arp_entries(const net_stack &net)
{
    std::vector<arp_entry> entries;
    for (const auto &[key, cache] : net.arp->caches) {
        entries.push_back({.pa = cache.pa,
                           .ha = cache.ha,
                           .state = cache.state,
                           .iface = &cache.iface,
                           .age = net.clock.now() - cache.confirmed});
    }
    return entries;
}

/* Input */

/** RFC 5227 2.4 (b), address conflict: keeps our address and defends it at most once in ten seconds. */
static void arp_defend(arp_layer &arp, ip_iface &iface, const mac_addr &other) MICROPS_REQUIRES(net_locked)
{
    const net_time now = arp.net.clock.now();
    const auto [last, first] = arp.defended.try_emplace(iface.dev->index, now);
    if (!first && now - last->second < ARP_DEFEND_INTERVAL) return;
    last->second = now;
    warnf("address conflict, dev=%s, pa=%s, ha=%s", iface.dev->name, ip_addr_str(iface.unicast).c_str(),
          ether_addr_str(other).c_str());
    arp_request(iface, iface.unicast);
}

/** Whether the sender addresses are valid: neither is a group address, and it is not our own reflected frame. */
static bool arp_sender_acceptable(const arp_ether_ip &msg, const net_device &dev) MICROPS_REQUIRES(net_locked)
{
    net_stack &net = dev.net;
    /* The IP address decides too: a TAP device without an address of its own has the hardware address of the kernel. */
    const bool reflected =
        msg.sha == ether_device_addr(dev) && (msg.spa == IP_ADDR_ANY || ip_iface_select(net, msg.spa));
    const bool possible_ha = !msg.sha.is_group() && msg.sha != ETHER_ADDR_ANY && !reflected;
    const bool possible_pa = !msg.spa.is_multicast() && !msg.spa.is_loopback() && !ip_addr_is_broadcast(net, msg.spa);
    if (possible_ha && possible_pa) return true;
    net_drop(net, drop_reason::arp_bad_sender, "bad sender, sha=%s, spa=%s", ether_addr_str(msg.sha).c_str(),
             ip_addr_str(msg.spa).c_str());
    return false;
}

static void arp_input(const packet &pkt, net_device &dev) MICROPS_REQUIRES(net_locked)
{
    arp_layer &arp = *dev.net.arp;
    std::span<const uint8_t> data = pkt.bytes();
    const auto msg = wire_read<arp_ether_ip>(data);
    if (!msg) return net_drop(dev.net, drop_reason::too_short, "too short, dev=%s, len=%zu", dev.name, pkt.size());
    const arp_hdr &hdr = msg->hdr;
    if (hdr.hrd != ARP_HRD_ETHER || hdr.hln != MAC_ADDR_LEN || !arp_speaks(dev)) {
        return net_drop(dev.net, drop_reason::arp_unsupported, "unsupported hardware address");
    }
    if (hdr.pro != ARP_PRO_IP || hdr.pln != IP_ADDR_LEN) {
        return net_drop(dev.net, drop_reason::arp_unsupported, "unsupported protocol address");
    }
    if (hdr.op != ARP_OP_REQUEST && hdr.op != ARP_OP_REPLY) {
        return net_drop(dev.net, drop_reason::arp_unsupported, "unsupported opcode, op=0x%04x", hdr.op.value());
    }
    if (!arp_sender_acceptable(*msg, dev)) return;
    debugf("dev=%s, opcode=%s(0x%04x), len=%zu", dev.name, arp_opcode_ntoa(hdr.op), hdr.op.value(), pkt.size());
    arp_dump(*msg);
    const bool request = hdr.op == ARP_OP_REQUEST;
    net_count(dev.net, request ? counter::arp_in_requests : counter::arp_in_replies);

    auto *iface = static_cast<ip_iface *>(net_device_get_iface(dev, NET_IFACE_FAMILY_IP));
    if (!iface) return;
    if (msg->spa == iface->unicast) return arp_defend(arp, *iface, msg->sha);

    const bool for_us = msg->tpa == iface->unicast;
    /* RFC 5227 1.1: a probe has no sender address yet. It is answered, but the cache does not change. */
    const bool probe = msg->spa == IP_ADDR_ANY;
    if (!probe && !arp_cache_update(arp, *iface, msg->spa, msg->sha) && for_us && request) {
        arp_cache_insert(arp, *iface, msg->spa, msg->sha);
    }
    if (for_us && request) arp_reply(*iface, msg->sha, msg->spa);
}

/* Timers */

/** Sends an entry's requests that are due. Returns false when the entry has timed out. */
static bool arp_cache_tick(arp_layer &arp, arp_cache &cache, net_time now) MICROPS_REQUIRES(net_locked)
{
    switch (cache.state) {
    case arp_state::free:
    case arp_state::statically:
        return true;
    case arp_state::incomplete:
        if (cache.requests >= ARP_REQUEST_MAX && now - cache.requested >= ARP_RETRY_INTERVAL) return false;
        arp_cache_request(arp, cache);
        return true;
    case arp_state::resolved:
        if (now - cache.confirmed > ARP_CACHE_TIMEOUT) return false;
        if (now - cache.confirmed >= ARP_CACHE_TIMEOUT - ARP_REFRESH_BEFORE && cache.used > cache.confirmed) {
            arp_cache_request(arp, cache);
        }
        return true;
    }
    net_unreachable();
}

/** Removes an entry that has timed out and reports each packet that waited in it as undeliverable. */
static void arp_cache_expire(arp_layer &arp, arp_cache &cache) MICROPS_REQUIRES(net_locked)
{
    ip_iface &iface = cache.iface;
    for (const packet_ptr &pkt : arp_cache_delete(arp, cache)) {
        if (arp.failed) arp.failed(iface, *pkt);
    }
}

/** Runs every second. Returns false, which parks the timer, when no entry can time out. */
static bool arp_timer(arp_layer &arp) MICROPS_REQUIRES(net_locked)
{
    const net_time now = arp.net.clock.now();
    std::vector<arp_key> over;
    bool timed = false;
    for (auto &[key, cache] : arp.caches) {
        const bool alive = arp_cache_tick(arp, cache, now);
        if (!alive) over.push_back(key);
        if (alive && cache.state != arp_state::statically) timed = true;
    }
    /* In a second loop and by key, because arp.failed() may change the cache. */
    for (const arp_key &key : over) {
        if (const auto found = arp.caches.find(key); found != arp.caches.end()) arp_cache_expire(arp, found->second);
    }
    return timed;
}

/** Announces our addresses (RFC 5227 2.3). They are not probed first (2.1), which would delay net_run() by seconds. */
static void arp_announce(arp_layer &arp) MICROPS_REQUIRES(net_locked)
{
    for (net_device *dev : net_devices(arp.net)) {
        auto *iface = static_cast<ip_iface *>(net_device_get_iface(*dev, NET_IFACE_FAMILY_IP));
        if (!iface || !(dev->flags & NET_DEVICE_FLAG_NEED_ARP) || !NET_DEVICE_IS_UP(dev)) continue;
        arp_request(*iface, iface->unicast);
    }
    if (--arp.announcements > 0) arp.announce_timer.arm(ARP_ANNOUNCE_INTERVAL);
}

/** Whether packets still wait for an address; net_shutdown() waits for them, because their calls reported success. */
static bool arp_busy(const arp_layer &arp) MICROPS_REQUIRES(net_locked)
{
    return std::any_of(arp.caches.begin(), arp.caches.end(),
                       [](const auto &entry) { return !entry.second.waiting.empty(); });
}

/* Init */

arp_layer::arp_layer(net_stack &net_) : net(net_), announce_timer(net_, timer_call<arp_announce>(*this)) {}

void arp_init(net_stack &net)
{
    net.arp = layer_make<arp_layer>(net);
    net_protocol_register(net, "ARP", NET_PROTOCOL_TYPE_ARP, [&net](const packet &pkt, net_device &dev) {
        net_assert_locked(net);
        arp_input(pkt, dev);
    });
    net.arp->timer = net_timer_register(
        net, "ARP Timer", ARP_TIMER_INTERVAL,
        [&net] {
            net_assert_locked(net);
            return arp_timer(*net.arp);
        },
        true);
    net_shutdown_register(net, {.busy = [&net] {
                              net_assert_locked(net);
                              return arp_busy(*net.arp);
                          }});
}

void arp_failure_register(net_stack &net, std::function<void(ip_iface &iface, const packet &pkt)> handler)
{
    net.arp->failed = std::move(handler);
}

void arp_start(net_stack &net)
{
    net.arp->announcements = ARP_ANNOUNCE_NUM;
    net.arp->announce_timer.arm(net_duration::zero()); /* sent by the engine, so that net_run() logs its lines first */
}

} // namespace microps
