/*
 * tcp_peer.cpp: the script's steps: segments out, segments in, comparison, time.
 *
 * The peer is the raw end of a perfect wire without link layer. Segments that the stack sends are queued until expect()
 * takes them. Virtual time passes only in expect(), expect_nothing(), receive() and wait().
 */
#include "microps/sim/tcp_peer.hpp"

#include "microps/checksum.hpp"
#include "microps/icmp.hpp"
#include "sim_internal.hpp"
#include "tcp_wire.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace microps
{

static constexpr uint16_t IP_DONT_FRAGMENT = 0x4000;
static constexpr size_t ICMP_QUOTE = IP_HDR_SIZE_MIN + 8;

namespace
{

struct ip_head {
    uint8_t vhl = 0x45;
    uint8_t tos = 0;
    be16 total{};
    be16 id{};
    be16 offset{IP_DONT_FRAGMENT};
    uint8_t ttl = 64;
    uint8_t protocol{};
    be16 sum{};
    ip_addr_t src{};
    ip_addr_t dst{};
};
static_assert(sizeof(ip_head) == IP_HDR_SIZE_MIN);

} // namespace

template <wire_struct T>
static void append(std::vector<uint8_t> &bytes, const T &hdr)
{
    const auto view = wire_bytes(hdr);
    bytes.reserve(bytes.size() + view.size());
    std::copy(view.begin(), view.end(), std::back_inserter(bytes));
}

static tcp_peer_segment segment_of(const ip_head &ip, const tcp_wire_segment &wire, std::span<const uint8_t> packet)
{
    tcp_peer_segment seg{.src = {ip.src, wire.hdr.src},
                         .dst = {ip.dst, wire.hdr.dst},
                         .seq = wire.hdr.seq,
                         .ack = wire.hdr.ack,
                         .flags = wire.hdr.flags,
                         .win = wire.hdr.wnd,
                         .urgent = wire.hdr.up,
                         .ttl = ip.ttl,
                         .tos = ip.tos,
                         .dont_fragment = (ip.offset & IP_DONT_FRAGMENT) != 0,
                         .payload = std::string(wire.payload.begin(), wire.payload.end()),
                         .options = {wire.option_bytes.begin(), wire.option_bytes.end()},
                         .mss = wire.options.mss,
                         .wscale = wire.options.wscale,
                         .sack_permitted = wire.options.sack_permitted,
                         .timestamps = wire.options.timestamps,
                         .sack = wire.options.sack,
                         .packet = {packet.begin(), packet.end()}};
    return seg;
}

tcp_peer::tcp_peer(sim_world &world, tcp_peer_start start, tcp_peer_options options)
    : iss(options.iss), nxt(options.iss + 1), win(options.win), stack_port(options.stack_port),
      peer_port(options.peer_port), world_(world), options_(std::move(options)), host_(world, "stack"),
      wire_(world, {host_, (options_.stack_addr + "/24").c_str()},
            sim_raw_plug{"peer",
                         [this](std::span<const uint8_t> frame) {
                             arrive(frame);
                         }},
            {.mtu = options_.mtu, .link = sim_link_type::raw_ip}),
      una_(options_.iss)
{
    ip_addr_pton(options_.stack_addr.c_str(), stack_ip_);
    ip_addr_pton(options_.peer_addr.c_str(), peer_ip_);
    if (options_.configure) {
        net_guard guard(host_.net());
        options_.configure(tcp_configure(host_.net()));
    }
    open_app(start);
    step_done();
}

tcp_peer::~tcp_peer() = default;

ip_endpoint tcp_peer::stack_endpoint() const { return {stack_ip_, stack_port}; }
ip_endpoint tcp_peer::peer_endpoint() const { return {peer_ip_, peer_port}; }

/* In */

void tcp_peer::arrive(std::span<const uint8_t> packet)
{
    std::span<const uint8_t> rest = packet;
    const auto ip = wire_read<ip_head>(rest);
    if (!ip || ip->protocol != IP_PROTOCOL_TCP || ip->total > packet.size()) {
        others_.emplace_back(packet.begin(), packet.end());
        return;
    }
    const size_t header = static_cast<size_t>(ip->vhl & 0x0f) * 4;
    const std::span<const uint8_t> bytes = packet.subspan(header, ip->total - header);
    const uint32_t pseudo = ip_pseudo_sum(ip->src, ip->dst, IP_PROTOCOL_TCP, bytes.size());
    if (cksum16(bytes, pseudo) != 0) world_.fail({}, "tcp_peer: the stack sends a wrong checksum\n" + world_.report());
    const auto wire = tcp_wire_parse(bytes);
    if (!wire) return world_.fail({}, "tcp_peer: the stack sends half a TCP header\n" + world_.report());
    tcp_peer_segment seg = segment_of(*ip, *wire, packet);
    seg.at = world_.now();
    learn(seg);
    inbox_.push_back(std::move(seg));
}

/** Keeps the state of the peer: the stack's initial sequence number, RCV.NXT and SND.UNA. */
void tcp_peer::learn(const tcp_peer_segment &seg)
{
    if (seg.flags & TCP_PEER_SYN) {
        if (!learned_ || seg.seq != irs) {
            irs = seg.seq;
            rcv = irs + 1;
            rcv_max_ = rcv;
            una_ = (seg.flags & TCP_PEER_ACK) ? seg.ack : iss; /* a new connection: signed comparison starts here */
        }
        learned_ = true;
        if (!(seg.flags & TCP_PEER_ACK)) stack_port = seg.src.port;
    }
    if (static_cast<int32_t>(seg.end() - rcv_max_) > 0) rcv_max_ = seg.end();
    const bool acknowledges = (seg.flags & TCP_PEER_ACK) && !(seg.flags & TCP_PEER_RST);
    if (acknowledges && static_cast<int32_t>(seg.ack - una_) > 0) una_ = seg.ack;
}

/* Out */

void tcp_peer::inject(std::span<const uint8_t> packet)
{
    wire_.inject(packet);
    world_.settle();
    step_done();
}

std::vector<uint8_t> tcp_peer::ip_packet(uint8_t protocol, std::span<const uint8_t> payload, uint8_t ttl)
{
    ip_head ip{.total = static_cast<uint16_t>(sizeof(ip_head) + payload.size()),
               .id = ip_id_++,
               .ttl = ttl,
               .protocol = protocol,
               .src = peer_ip_,
               .dst = stack_ip_};
    ip.sum = cksum16(wire_bytes(ip));
    std::vector<uint8_t> packet;
    append(packet, ip);
    packet.insert(packet.end(), payload.begin(), payload.end());
    return packet;
}

std::vector<uint8_t> tcp_peer::tcp_bytes(const tcp_pattern &what) const
{
    std::vector<uint8_t> options = what.raw_options_.value_or(std::vector<uint8_t>{});
    if (!what.raw_options_) {
        options = tcp_wire_options_bytes({.mss = what.mss_,
                                          .wscale = what.wscale_,
                                          .sack_permitted = what.sack_permitted_.value_or(false),
                                          .timestamps = what.timestamps_,
                                          .sack = what.sack_.value_or(std::vector<tcp_peer_sack>{})});
    }
    options.resize((options.size() + 3) / 4 * 4);
    const std::string text = what.payload_.value_or(std::string(what.len_.value_or(0), 'x'));
    const bool is_syn = (what.flags_ & TCP_PEER_SYN) != 0;
    const uint8_t words = static_cast<uint8_t>((sizeof(tcp_wire_hdr) + options.size()) / 4);
    tcp_wire_hdr hdr{.src = what.peer_port_.value_or(peer_port),
                     .dst = what.stack_port_.value_or(stack_port),
                     .seq = what.seq_.value_or(is_syn ? iss : nxt),
                     .ack = what.ack_.value_or((what.flags_ & TCP_PEER_ACK) ? rcv : 0),
                     .off = static_cast<uint8_t>(what.off_.value_or(words) << 4),
                     .flags = what.flags_,
                     .wnd = what.win_.value_or(win),
                     .up = what.urgent_.value_or(0)};
    std::vector<uint8_t> bytes;
    append(bytes, hdr);
    bytes.insert(bytes.end(), options.begin(), options.end());
    bytes.insert(bytes.end(), text.begin(), text.end());
    const uint32_t pseudo = ip_pseudo_sum(peer_ip_, stack_ip_, IP_PROTOCOL_TCP, bytes.size());
    hdr.sum = cksum16(bytes, pseudo);
    if (what.bad_checksum_) hdr.sum = static_cast<uint16_t>(hdr.sum ^ 0x5555);
    wire_write(std::span<uint8_t>(bytes), hdr);
    return bytes;
}

std::vector<uint8_t> tcp_peer::packet(const tcp_pattern &what)
{
    return ip_packet(IP_PROTOCOL_TCP, tcp_bytes(what), what.ttl_.value_or(64));
}

void tcp_peer::send(const tcp_pattern &what) { inject(packet(what)); }

void tcp_peer::icmp_error(uint8_t type, uint8_t code, const tcp_peer_segment &about, uint16_t mtu)
{
    icmp_hdr hdr{.type = type, .code = code, .values = mtu};
    std::vector<uint8_t> bytes;
    append(bytes, hdr);
    const size_t quote = std::min(about.packet.size(), ICMP_QUOTE);
    bytes.insert(bytes.end(), about.packet.begin(), about.packet.begin() + static_cast<std::ptrdiff_t>(quote));
    hdr.sum = cksum16(bytes);
    wire_write(std::span<uint8_t>(bytes), hdr);
    inject(ip_packet(IP_PROTOCOL_ICMP, bytes));
}

/* Steps */

void tcp_peer::step_done() { mark_ = world_.now(); }

void tcp_peer::wait(net_duration span)
{
    world_.run_for(span);
    step_done();
}

/** Lets time pass until a segment is received, or until @p until. */
bool tcp_peer::await_segment(net_time until)
{
    world_.settle();
    while (inbox_.empty() && world_.step(until)) {
    }
    return !inbox_.empty();
}

std::optional<tcp_peer_segment> tcp_peer::receive(net_duration limit)
{
    const net_time until = world_.now() + limit;
    if (!await_segment(until)) {
        world_.run_for(until - world_.now());
        step_done();
        return std::nullopt;
    }
    last_ = std::move(inbox_.front());
    inbox_.pop_front();
    mark_ = last_.at;
    return last_;
}

std::optional<std::vector<uint8_t>> tcp_peer::receive_other(net_duration limit)
{
    const net_time until = world_.now() + limit;
    world_.settle();
    while (others_.empty() && world_.step(until)) {
    }
    if (others_.empty()) return std::nullopt;
    std::vector<uint8_t> packet = std::move(others_.front());
    others_.pop_front();
    step_done();
    return packet;
}

bool tcp_peer::expect(const tcp_pattern &what, sim_site site)
{
    const net_duration limit = what.within_.value_or(what.after_ ? *what.after_ + patience : patience);
    if (!await_segment(mark_ + limit)) {
        fail(site, "expected " + what.text() + "\nbut nothing came within " +
                       std::to_string(std::chrono::duration<double>(limit).count()) + " s");
        step_done();
        return false;
    }
    const net_duration waited = inbox_.front().at - mark_;
    last_ = std::move(inbox_.front());
    inbox_.pop_front();
    mark_ = last_.at;
    std::string differences = mismatch(what, last_);
    if (what.within_ && waited > *what.within_) differences += ", too late";
    if (what.after_ && waited < *what.after_) differences += ", too early";
    if (differences.empty()) return true;
    return fail(site, "expected " + what.text() + "\nbut " + differences.substr(2) + ", after " +
                          std::to_string(std::chrono::duration<double>(waited).count()) + " s");
}

bool tcp_peer::expect_nothing(net_duration span, sim_site site)
{
    const net_time until = world_.now() + span;
    if (await_segment(until)) {
        const tcp_pattern came = segment(inbox_.front().flags);
        fail(site, "expected nothing, but a segment came " +
                       std::to_string(std::chrono::duration<double>(inbox_.front().at - mark_).count()) +
                       " s after the last step");
        step_done();
        return false;
    }
    world_.run_for(until - world_.now());
    step_done();
    return true;
}

bool tcp_peer::expect_rst(sim_site site) { return expect(rst(), site); }

bool tcp_peer::establish(const std::optional<tcp_pattern> &peer_syn, sim_site site)
{
    tcp_pattern own = peer_syn.value_or(syn());
    if (!peer_syn && options_.mss) own.mss(*options_.mss);
    if (listener_ == -1) { /* the stack has sent its SYN, or will */
        if (!expect(syn(), site)) return false;
        send(own.ack(irs + 1));
        return expect(microps::ack(iss + 1), site);
    }
    send(own);
    if (!expect(syn().ack(iss + 1), site)) return false;
    send(microps::ack());
    if (app_accept()) return true;
    return fail(site, "the application cannot accept the connection");
}

bool tcp_peer::fail(const sim_site &site, const std::string &text)
{
    world_.fail(site, "tcp_peer: " + text + "\n" + world_.report());
    return false;
}

/* Comparison */

namespace
{

class difference_list
{
public:
    template <typename T>
    void compare(const char *name, const std::optional<T> &expected, const T &got)
    {
        if (expected && *expected != got) text_ += std::string(", ") + name + " is " + std::to_string(got);
    }
    template <typename T>
    void compare_option(const char *name, const std::optional<T> &expected, const std::optional<T> &got)
    {
        if (expected && expected != got) {
            text_ += std::string(", ") + name + (got ? " is " + std::to_string(*got) : " is missing");
        }
    }
    /** Sequence numbers are shown relative to where they begin. */
    void compare_number(const char *name, const std::optional<uint32_t> &expected, uint32_t got, uint32_t base)
    {
        if (!expected || *expected == got) return;
        text_ += std::string(", ") + name + " is " + std::to_string(static_cast<int32_t>(got - base)) + " instead of " +
                 std::to_string(static_cast<int32_t>(*expected - base)) + " (relative)";
    }
    void note(const std::string &text) { text_ += ", " + text; }
    [[nodiscard]] const std::string &text() const { return text_; }

private:
    std::string text_;
};

} // namespace

static std::string sack_text(const std::vector<tcp_peer_sack> &blocks, uint32_t base)
{
    std::string text;
    for (const auto &[first, last] : blocks) {
        if (!text.empty()) text += " ";
        text += std::to_string(first - base) + "-" + std::to_string(last - base);
    }
    return text.empty() ? "nothing" : text;
}

static std::string shortened(const std::string &text)
{
    constexpr size_t length = 40;
    return text.size() <= length ? text : text.substr(0, length) + "...";
}

std::string tcp_peer::mismatch(const tcp_pattern &what, const tcp_peer_segment &seg) const
{
    difference_list list;
    if ((seg.flags & what.flags_compared_) != (what.flags_ & what.flags_compared_)) {
        list.note("the flags are [" + tcp_wire_flags_text(seg.flags) + "]");
    }
    list.compare_number("seq", what.seq_, seg.seq, irs);
    list.compare_number("ack", what.ack_, seg.ack, iss);
    list.compare("win", what.win_, seg.win);
    list.compare("len", what.len_, seg.payload.size());
    if (what.payload_ && *what.payload_ != seg.payload) {
        list.note("the payload is \"" + shortened(seg.payload) + "\" (" + std::to_string(seg.payload.size()) +
                  " bytes)");
    }
    list.compare("urgent pointer", what.urgent_, seg.urgent);
    list.compare_option("mss", what.mss_, seg.mss);
    list.compare_option("wscale", what.wscale_, seg.wscale);
    if (what.sack_permitted_ && *what.sack_permitted_ != seg.sack_permitted) {
        list.note(seg.sack_permitted ? "SACK is permitted" : "SACK is not permitted");
    }
    if (what.timestamps_ && what.timestamps_ != seg.timestamps) {
        list.note(seg.timestamps ? "timestamps are " + std::to_string(seg.timestamps->first) + ", " +
                                       std::to_string(seg.timestamps->second)
                                 : "there are no timestamps");
    }
    if (what.sack_ && *what.sack_ != seg.sack) {
        list.note("sack is " + sack_text(seg.sack, iss) + " instead of " + sack_text(*what.sack_, iss));
    }
    if (what.raw_options_ && *what.raw_options_ != seg.options) list.note("the option bytes differ");
    list.compare("peer port", what.peer_port_, seg.dst.port.value());
    list.compare("stack port", what.stack_port_, seg.src.port.value());
    list.compare("ttl", what.ttl_, seg.ttl);
    return list.text();
}

} // namespace microps
