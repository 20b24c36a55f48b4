/*
 * trace.cpp: frames as lines of text, and the digest that says whether two worlds were the same.
 */
#include "microps/sim/trace.hpp"

#include "microps/arp.hpp"
#include "microps/ether.hpp"
#include "microps/icmp.hpp"
#include "microps/ip.hpp"
#include "microps/udp.hpp"
#include "microps/wire.hpp"
#include "tcp_wire.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace microps
{

static constexpr uint16_t IP_FRAGMENT_OFFSET_MASK = 0x1fff;
static constexpr uint16_t IP_MORE_FRAGMENTS = 0x2000;

namespace
{

struct ip_trace_hdr {
    uint8_t vhl{};
    uint8_t tos{};
    be16 total{};
    be16 id{};
    be16 offset{};
    uint8_t ttl{};
    uint8_t protocol{};
    be16 sum{};
    ip_addr_t src{};
    ip_addr_t dst{};
};
static_assert(sizeof(ip_trace_hdr) == IP_HDR_SIZE_MIN);

struct arp_message {
    be16 hrd{};
    be16 pro{};
    uint8_t hln{};
    uint8_t pln{};
    be16 op{};
    mac_addr sha{};
    ip_addr_t spa{};
    mac_addr tha{};
    ip_addr_t tpa{};
};
static_assert(sizeof(arp_message) == 28);

} // namespace

static __attribute__((format(printf, 1, 2))) std::string format(const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    std::vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return text;
}

static std::string arp_text(std::span<const uint8_t> data)
{
    const auto msg = wire_read<arp_message>(data);
    if (!msg) return "ARP, too short";
    if (msg->op == 1) return "ARP who has " + ip_addr_str(msg->tpa) + ", tell " + ip_addr_str(msg->spa);
    return "ARP " + ip_addr_str(msg->spa) + " is at " + ether_addr_str(msg->sha);
}

static std::string icmp_text(std::span<const uint8_t> data, size_t size)
{
    const auto hdr = wire_read<icmp_hdr>(data);
    if (!hdr) return "ICMP, too short";
    const uint32_t values = hdr->values;
    if (hdr->type == ICMP_TYPE_ECHO || hdr->type == ICMP_TYPE_ECHOREPLY) {
        return format("ICMP %s id %u seq %u len %zu", hdr->type == ICMP_TYPE_ECHO ? "echo" : "echo reply", values >> 16,
                      values & 0xffff, size - sizeof(icmp_hdr));
    }
    return format("ICMP type %u code %u values 0x%08x len %zu", hdr->type, hdr->code, values, size);
}

static std::string fate_text(unsigned fate)
{
    struct name {
        sim_fate bit;
        const char *text;
    };
    static constexpr name names[] = {{SIM_FATE_LOST, "lost"},           {SIM_FATE_QUEUE_FULL, "queue full"},
                                     {SIM_FATE_TOO_LONG, "too long"},   {SIM_FATE_DUPLICATED, "duplicated"},
                                     {SIM_FATE_REORDERED, "held back"}, {SIM_FATE_CORRUPTED, "corrupted"},
                                     {SIM_FATE_TRUNCATED, "truncated"}, {SIM_FATE_UNPLUGGED, "unplugged"}};
    std::string text;
    for (const name &n : names) {
        if (fate & n.bit) text += std::string("  ** ") + n.text;
    }
    return text;
}

static std::string options_text(const tcp_wire_options &options)
{
    std::string text;
    if (options.mss) text += format(" mss %u", *options.mss);
    if (options.wscale) text += format(" wscale %u", *options.wscale);
    if (options.sack_permitted) text += " sackOK";
    if (options.timestamps) text += format(" ts %u %u", options.timestamps->first, options.timestamps->second);
    return text;
}

std::string sim_frame_printer::tcp(const std::string &src, const std::string &dst, std::span<const uint8_t> segment,
                                   size_t size)
{
    const auto seg = tcp_wire_parse(segment);
    if (!seg) return src + " > " + dst + " TCP, too short";
    const std::string from = src + format(":%u", seg->hdr.src.value());
    const std::string to = dst + format(":%u", seg->hdr.dst.value());
    const std::string way = from + " > " + to;
    const uint8_t flags = seg->hdr.flags;
    if (flags & TCP_WIRE_SYN) isn_[way] = seg->hdr.seq;

    const auto own = isn_.find(way);
    const auto other = isn_.find(to + " > " + from);
    std::string text = way + " [" + tcp_wire_flags_text(flags) + "]";
    text += format(" seq %u", seg->hdr.seq - (own == isn_.end() ? 0 : own->second));
    if (flags & TCP_WIRE_ACK) text += format(" ack %u", seg->hdr.ack - (other == isn_.end() ? 0 : other->second));
    const size_t header = static_cast<size_t>(seg->hdr.off >> 4) * 4;
    text += format(" win %u len %zu", seg->hdr.wnd.value(), size > header ? size - header : 0);
    const std::string options = options_text(seg->options);
    if (!options.empty()) text += " <" + options.substr(1) + ">";
    for (const auto &[first, last] : seg->options.sack) {
        const uint32_t base = other == isn_.end() ? 0 : other->second;
        text += format(" sack %u-%u", first - base, last - base);
    }
    return text;
}

std::string sim_frame_printer::ip(std::span<const uint8_t> packet, size_t size)
{
    std::span<const uint8_t> rest = packet;
    const auto hdr = wire_read<ip_trace_hdr>(rest);
    if (!hdr) return "IP, too short";
    const std::string src = ip_addr_str(hdr->src);
    const std::string dst = ip_addr_str(hdr->dst);
    const std::string way = src + " > " + dst;
    const size_t header = static_cast<size_t>(hdr->vhl & 0x0f) * 4;
    if (header < IP_HDR_SIZE_MIN || header > packet.size()) return way + format(" IP, bad header 0x%02x", hdr->vhl);
    rest = packet.subspan(header);
    const size_t total = std::min<size_t>(hdr->total, size); /* padding may follow */
    const size_t length = total > header ? total - header : 0;
    const uint16_t fragment = hdr->offset;
    if (fragment & (IP_FRAGMENT_OFFSET_MASK | IP_MORE_FRAGMENTS)) {
        return way + format(" fragment id %u offset %u len %zu%s", hdr->id.value(),
                            (fragment & IP_FRAGMENT_OFFSET_MASK) * 8u, length,
                            fragment & IP_MORE_FRAGMENTS ? " more" : "");
    }
    if (hdr->protocol == IP_PROTOCOL_TCP) return tcp(src, dst, rest, length);
    if (hdr->protocol == IP_PROTOCOL_ICMP) return way + " " + icmp_text(rest, length);
    if (hdr->protocol != IP_PROTOCOL_UDP) return way + format(" protocol %u len %zu", hdr->protocol, length);
    const auto udp = wire_read<udp_hdr>(rest);
    if (!udp) return way + " UDP, too short";
    return src + format(":%u > ", udp->src.value()) + dst + format(":%u UDP len %u", udp->dst.value(), udp->len - 8u);
}

std::string sim_frame_printer::text(sim_link_type link, std::span<const uint8_t> frame, size_t size)
{
    if (link == sim_link_type::raw_ip) return ip(frame, size);
    const auto hdr = wire_read<ether_hdr>(frame);
    if (!hdr) return format("%zu bytes", size);
    if (hdr->type == ETHER_TYPE_ARP) return arp_text(frame);
    if (hdr->type == ETHER_TYPE_IP) return ip(frame, size - ETHER_HDR_SIZE);
    return format("type 0x%04x len %zu", hdr->type.value(), size);
}

/* The trace */

std::string sim_trace::text(size_t count) const
{
    sim_frame_printer printer;
    std::string all;
    size_t left = records_.size();
    for (const sim_frame_record &r : records_) {
        /* Earlier frames go through the printer too: it counts sequence numbers from their SYNs. */
        const std::string line = printer.text(r.link, r.head, r.size);
        if (left-- > count) continue;
        all += format("%12.6f %8s > %-8s ", std::chrono::duration<double>(r.at).count(), r.from.c_str(), r.to.c_str());
        all += line + fate_text(r.fate) + "\n";
    }
    return all;
}

void sim_trace::mix(uint64_t value)
{
    digest_ = (digest_ ^ value) * 0x9e3779b97f4a7c15;
    digest_ ^= digest_ >> 29;
}

void sim_trace::record(sim_frame_record about, std::span<const uint8_t> frame)
{
    frames_++;
    mix(static_cast<uint64_t>(about.at.count()));
    mix(about.fate);
    mix(frame.size());
    for (std::span<const uint8_t> rest = frame; !rest.empty(); rest = rest.subspan(std::min<size_t>(rest.size(), 8))) {
        uint64_t word = 0;
        std::memcpy(&word, rest.data(), std::min<size_t>(rest.size(), sizeof(word)));
        mix(word);
    }
    about.size = frame.size();
    const std::span<const uint8_t> head = frame.first(std::min(frame.size(), head_size));
    about.head.assign(head.begin(), head.end());
    records_.push_back(std::move(about));
    if (records_.size() > limit) records_.pop_front();
}

} // namespace microps
