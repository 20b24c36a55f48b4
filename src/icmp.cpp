/*
 * icmp.cpp: the Internet Control Message Protocol (RFC 792, RFC 1122 3.2.2).
 *
 * Echo is answered. A received error must quote a packet of ours and goes, through ip_error_input(), to the protocol
 * that sent that packet. Errors that we send quote as much of the offending packet as fits into 576 bytes, at a limited
 * rate. Source Quench, Redirect and unknown types are dropped and counted. Echo Replies go to the ping sockets
 * (icmp_sock.cpp).
 */
#include "microps/icmp.hpp"

#include "icmp_internal.hpp"
#include "microps/checksum.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>

namespace microps
{

/* RFC 1812 4.3.2.3: the length of a packet with an ICMP error, at most. */
static constexpr size_t ICMP_ERROR_SIZE_MAX = 576;
static constexpr size_t ICMP_QUOTE_SIZE_MAX = ICMP_ERROR_SIZE_MAX - IP_HDR_SIZE_MIN - ICMP_HDR_SIZE;
/* RFC 1812 4.3.2.8: at most 100 errors a second, 50 at once. */
static constexpr net_duration ICMP_ERROR_INTERVAL = std::chrono::milliseconds(10);
static constexpr unsigned ICMP_ERROR_BURST = 50;

/* Helpers */

static const char *icmp_type_ntoa(uint8_t type)
{
    switch (type) {
    case ICMP_TYPE_ECHOREPLY:
        return "EchoReply";
    case ICMP_TYPE_DEST_UNREACH:
        return "DestinationUnreachable";
    case ICMP_TYPE_SOURCE_QUENCH:
        return "SourceQuench";
    case ICMP_TYPE_REDIRECT:
        return "Redirect";
    case ICMP_TYPE_ECHO:
        return "Echo";
    case ICMP_TYPE_TIME_EXCEEDED:
        return "TimeExceeded";
    case ICMP_TYPE_PARAM_PROBLEM:
        return "ParameterProblem";
    case ICMP_TYPE_TIMESTAMP:
        return "Timestamp";
    case ICMP_TYPE_TIMESTAMPREPLY:
        return "TimestampReply";
    case ICMP_TYPE_INFO_REQUEST:
        return "InformationRequest";
    case ICMP_TYPE_INFO_REPLY:
        return "InformationReply";
    default:
        return "Unknown";
    }
}

static void icmp_dump(std::span<const uint8_t> message)
{
    if (!log_enabled(log_level::debug)) return;
    std::span<const uint8_t> rest = message;
    const icmp_hdr hdr = *wire_read<icmp_hdr>(rest);
    const uint16_t sum = cksum16(message, static_cast<uint16_t>(~hdr.sum.value()));
    char head[160];
    std::snprintf(head, sizeof(head), "       type: %u (%s)\n       code: %u\n        sum: 0x%04x (0x%04x)\n", hdr.type,
                  icmp_type_ntoa(hdr.type), hdr.code, hdr.sum.value(), sum);
    char tail[80];
    if (hdr.type == ICMP_TYPE_ECHO || hdr.type == ICMP_TYPE_ECHOREPLY) {
        std::snprintf(tail, sizeof(tail), "         id: %u\n        seq: %u\n", hdr.values >> 16, hdr.values & 0xffff);
    } else {
        std::snprintf(tail, sizeof(tail), "     values: 0x%08x\n", hdr.values.value());
    }
    log_dump(std::string(head) + tail);
}

static void icmp_count_output(net_stack &net, uint8_t type)
{
    net_count(net, counter::icmp_out_msgs);
    if (type == ICMP_TYPE_ECHO) net_count(net, counter::icmp_out_echos);
    if (type == ICMP_TYPE_ECHOREPLY) net_count(net, counter::icmp_out_echo_reps);
    if (type == ICMP_TYPE_DEST_UNREACH) net_count(net, counter::icmp_out_dest_unreachs);
    if (type == ICMP_TYPE_TIME_EXCEEDED) net_count(net, counter::icmp_out_time_excds);
}

int icmp_error_to_errno(uint8_t type, uint8_t code)
{
    /* The codes are those of RFC 1122 3.2.2.1. The errno values are Linux', because programs test for them. */
    static constexpr int unreachable[] = {
        ENETUNREACH, EHOSTUNREACH, ENOPROTOOPT,  ECONNREFUSED, EMSGSIZE,     EOPNOTSUPP,   ENETUNREACH,  EHOSTUNREACH,
        ENETUNREACH, ENETUNREACH,  EHOSTUNREACH, ENETUNREACH,  EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH,
    };
    switch (type) {
    case ICMP_TYPE_DEST_UNREACH:
        return code < std::size(unreachable) ? unreachable[code] : EHOSTUNREACH;
    case ICMP_TYPE_TIME_EXCEEDED:
        return EHOSTUNREACH;
    case ICMP_TYPE_PARAM_PROBLEM:
        return EPROTO;
    default:
        return 0;
    }
}

/* Output */

ssize_t icmp_output(net_stack &net, uint8_t type, uint8_t code, be32 values, std::span<const uint8_t> data,
                    ip_addr_t src, ip_addr_t dst, const ip_tx &tx)
{
    icmp_hdr hdr{.type = type, .code = code, .sum = 0, .values = values};
    if (data.size() > IP_PAYLOAD_SIZE_MAX - sizeof(hdr)) {
        net_drop(net, drop_reason::too_long, "too long, len=%zu", sizeof(hdr) + data.size());
        return net_error(EMSGSIZE);
    }
    packet_ptr pkt = packet_alloc(net, IP_HEADROOM + sizeof(hdr), data);
    if (!pkt) return net_error(ENOBUFS);
    hdr.sum = cksum16(data, cksum_partial(wire_bytes(hdr)));
    packet_push(*pkt, hdr);
    debugf("%s => %s, type=%s(%u), len=%zu", ip_addr_str(src).c_str(), ip_addr_str(dst).c_str(), icmp_type_ntoa(type),
           type, pkt->size());
    icmp_dump(pkt->bytes());
    icmp_count_output(net, type);
    return ip_output(net, IP_PROTOCOL_ICMP, std::move(pkt), src, dst, tx);
}

/** The rate limit of errors, a token bucket (RFC 1812 4.3.2.8). Takes one token; false if there is none. */
static bool icmp_error_permitted(net_stack &net) MICROPS_REQUIRES(net_locked)
{
    icmp_layer &icmp = *net.icmp;
    const auto earned = (net.clock.now() - icmp.error_refilled) / ICMP_ERROR_INTERVAL;
    icmp.error_refilled += earned * ICMP_ERROR_INTERVAL;
    icmp.error_tokens = static_cast<unsigned>(std::min<decltype(earned)>(icmp.error_tokens + earned, ICMP_ERROR_BURST));
    if (icmp.error_tokens == 0) return false;
    icmp.error_tokens--;
    return true;
}

/** Whether a message is an ICMP query or its reply (RFC 1122 3.2.2); all other types count as errors. */
static bool icmp_is_query(std::span<const uint8_t> message)
{
    constexpr uint8_t last_query = 18; /* address mask reply (RFC 950) */
    const auto hdr = wire_read<icmp_hdr>(message);
    if (!hdr) return false;
    return hdr->type == ICMP_TYPE_ECHO || hdr->type == ICMP_TYPE_ECHOREPLY ||
           (hdr->type >= ICMP_TYPE_TIMESTAMP && hdr->type <= last_query);
}

/** Whether a packet may be answered by an ICMP error (RFC 1122 3.2.2). */
static bool icmp_error_allowed(const ip_rx &rx) MICROPS_REQUIRES(net_locked)
{
    const net_stack &net = rx.iface.dev->net;
    std::span<const uint8_t> reader = rx.packet;
    const auto hdr = wire_read<ip_hdr>(reader);
    if (!hdr || (hdr->offset & IP_HDR_OFFSET_MASK)) return false;                        /* not a first fragment */
    if (rx.link_broadcast || rx.dst_is_broadcast || rx.dst.is_multicast()) return false; /* not to us alone */
    if (rx.src == IP_ADDR_ANY || rx.src.is_multicast() || ip_addr_is_broadcast(net, rx.src)) return false;
    return rx.protocol != IP_PROTOCOL_ICMP || icmp_is_query(rx.payload);
}

void icmp_error_output(const ip_rx &rx, uint8_t type, uint8_t code, be32 values)
{
    net_stack &net = rx.iface.dev->net;
    if (!icmp_error_allowed(rx)) return;
    if (!icmp_error_permitted(net)) {
        return net_drop(net, drop_reason::icmp_rate_limit, "too many errors, type=%s(%u), dst=%s", icmp_type_ntoa(type),
                        type, ip_addr_str(rx.src).c_str());
    }
    const auto quote = rx.packet.first(std::min(rx.packet.size(), ICMP_QUOTE_SIZE_MAX));
    icmp_output(net, type, code, values, quote, rx.dst, rx.src);
}

/* Input */

static void icmp_input_echo(const ip_rx &rx, const icmp_hdr &hdr, std::span<const uint8_t> data)
    MICROPS_REQUIRES(net_locked)
{
    net_stack &net = rx.iface.dev->net;
    net_count(net, counter::icmp_in_echos);
    /* RFC 1122 3.2.2.6: from the request's destination. A broadcast may be ignored; the original answers it. */
    const ip_addr_t src = rx.dst_is_broadcast ? rx.iface.unicast : rx.dst;
    const uint8_t tos = rx.tos & 0xfc; /* RFC 1349 5.1: the reply has the request's TOS; RFC 3168: without its ECN */
    icmp_output(net, ICMP_TYPE_ECHOREPLY, hdr.code, hdr.values, data, src, rx.src,
                {.ttl = IP_TTL_DEFAULT, .tos = tos, .df = ip_df::dont});
}

/** Processes an error; @p data is the part of the offending packet that it quotes. */
static void icmp_input_error(const ip_rx &rx, const icmp_hdr &hdr, std::span<const uint8_t> data)
    MICROPS_REQUIRES(net_locked)
{
    net_stack &net = rx.iface.dev->net;
    constexpr size_t quote_min = 8; /* RFC 792: the first 64 bits, where the ports are */
    const std::span<const uint8_t> packet = data;
    const auto quoted = wire_read<ip_hdr>(data);
    const size_t hlen = quoted ? static_cast<size_t>(quoted->vhl & 0x0f) * 4 : 0;
    if (!quoted || quoted->vhl >> 4 != IP_VERSION_IPV4 || hlen < sizeof(ip_hdr) || packet.size() < hlen + quote_min ||
        (quoted->offset & IP_HDR_OFFSET_MASK) || quoted->src == IP_ADDR_ANY || !ip_addr_is_local(net, quoted->src)) {
        return net_drop(net, drop_reason::icmp_bad_quote, "the quoted packet is not ours, len=%zu", packet.size());
    }
    const bool fragment_needed = hdr.type == ICMP_TYPE_DEST_UNREACH && hdr.code == ICMP_CODE_FRAGMENT_NEEDED;
    ip_error_input(net, quoted->protocol,
                   {.type = hdr.type,
                    .code = hdr.code,
                    .mtu = static_cast<uint16_t>(fragment_needed ? hdr.values & 0xffff : 0), /* RFC 1191 4 */
                    .total = quoted->total,
                    .src = quoted->src,
                    .dst = quoted->dst,
                    .reporter = rx.src,
                    .quote = packet.subspan(hlen)});
}

static void icmp_dispatch(const ip_rx &rx, const icmp_hdr &hdr, std::span<const uint8_t> data)
    MICROPS_REQUIRES(net_locked)
{
    net_stack &net = rx.iface.dev->net;
    switch (hdr.type) {
    case ICMP_TYPE_ECHO:
        return icmp_input_echo(rx, hdr, data);
    case ICMP_TYPE_ECHOREPLY:
        net_count(net, counter::icmp_in_echo_reps);
        if (net.icmp->echo_user.reply) net.icmp->echo_user.reply(rx, hdr);
        return;
    case ICMP_TYPE_DEST_UNREACH:
        net_count(net, counter::icmp_in_dest_unreachs);
        return icmp_input_error(rx, hdr, data);
    case ICMP_TYPE_TIME_EXCEEDED:
        net_count(net, counter::icmp_in_time_excds);
        return icmp_input_error(rx, hdr, data);
    case ICMP_TYPE_PARAM_PROBLEM:
        net_count(net, counter::icmp_in_parm_probs);
        return icmp_input_error(rx, hdr, data);
    case ICMP_TYPE_SOURCE_QUENCH: /* RFC 6633: must be ignored */
        net_count(net, counter::icmp_in_src_quenchs);
        return net_drop(net, drop_reason::icmp_ignored, "source quench from %s", ip_addr_str(rx.src).c_str());
    case ICMP_TYPE_REDIRECT: /* RFC 1122 3.2.2.2; ignored, because an off-path attacker could forge it */
        net_count(net, counter::icmp_in_redirects);
        return net_drop(net, drop_reason::icmp_ignored, "redirect from %s", ip_addr_str(rx.src).c_str());
    default: /* RFC 1122 3.2.2: silently discarded */
        return net_drop(net, drop_reason::icmp_unknown_type, "type=%u from %s", hdr.type, ip_addr_str(rx.src).c_str());
    }
}

static void icmp_input(const ip_rx &rx) MICROPS_REQUIRES(net_locked)
{
    net_stack &net = rx.iface.dev->net;
    net_count(net, counter::icmp_in_msgs);
    std::span<const uint8_t> data = rx.payload;
    const auto hdr = wire_read<icmp_hdr>(data);
    if (!hdr) {
        net_count(net, counter::icmp_in_errors);
        return net_drop(net, drop_reason::too_short, "too short, len=%zu", rx.payload.size());
    }
    if (cksum16(rx.payload) != 0) {
        net_count(net, counter::icmp_in_errors);
        return net_drop(net, drop_reason::bad_checksum, "checksum error, sum=0x%04x, verify=0x%04x", hdr->sum.value(),
                        cksum16(rx.payload, static_cast<uint16_t>(~hdr->sum.value())));
    }
    debugf("%s => %s, type=%s(%u), len=%zu, iface=%s", ip_addr_str(rx.src).c_str(), ip_addr_str(rx.dst).c_str(),
           icmp_type_ntoa(hdr->type), hdr->type, rx.payload.size(), ip_addr_str(rx.iface.unicast).c_str());
    icmp_dump(rx.payload);
    icmp_dispatch(rx, *hdr, data);
}

/* Init */

void icmp_echo_register(net_stack &net, icmp_echo_user user) { net.icmp->echo_user = std::move(user); }

void icmp_init(net_stack &net)
{
    net.icmp = layer_make<icmp_layer>();
    net.icmp->error_tokens = ICMP_ERROR_BURST;
    net.icmp->error_refilled = net.clock.now();
    ip_protocol_register(
        net, "ICMP", IP_PROTOCOL_ICMP,
        [&net](const ip_rx &rx) {
            net_assert_locked(net);
            icmp_input(rx);
        },
        [&net](const ip_error &error) {
            net_assert_locked(net);
            if (net.icmp->echo_user.error) net.icmp->echo_user.error(error);
        });
}

} // namespace microps
