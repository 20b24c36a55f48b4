/*
 * tcp_output.cpp: what we send, and when.
 *
 * While a batch of packets is read, output is only requested; it runs once, when the batch is done. Data stays in the
 * send buffer until it is acknowledged, and is cut into segments here, each time it is sent. Whether it may be sent
 * depends on the peer's window, on the congestion window, and on silly window avoidance with Nagle's algorithm (RFC
 * 9293 3.8.6.2.1, 3.7.4). A segment that IP could not send counts as lost in the network: it will be retransmitted.
 */
#include "tcp_output.hpp"

#include "microps/checksum.hpp"
#include "parts/tcp_options.hpp"
#include "parts/tcp_recovery.hpp"
#include "parts/tcp_scoreboard.hpp"
#include "parts/tcp_seq.hpp"
#include "tcp_acknowledge.hpp"
#include "tcp_layer.hpp"
#include "tcp_loss.hpp"
#include "tcp_pmtu.hpp"
#include "tcp_receive.hpp"
#include "tcp_sack_report.hpp"
#include "tcp_timer.hpp"
#include "tcp_timestamps.hpp"
#include "tcp_user.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace microps
{

/* Requests */

void tcp_output_request(tcp_pcb &pcb)
{
    if (pcb.links.output_listed || pcb.released) return;
    pcb.links.output_listed = true;
    pcb.tcp.output_wanted.push_back(&pcb);
}

void tcp_output_run(tcp_layer &tcp)
{
    while (!tcp.output_wanted.empty()) {
        std::vector<tcp_pcb *> wanted;
        wanted.swap(tcp.output_wanted);
        for (tcp_pcb *pcb : wanted) {
            pcb->links.output_listed = false;
            tcp_output(*pcb);
        }
    }
}

/* One segment */

/** The header of a segment to send. */
struct tcp_outgoing {
    ip_endpoint local{};
    ip_endpoint foreign{};
    tcp_seq seq{};
    tcp_seq ack{};
    uint8_t flags = 0;
    uint16_t wnd = 0;
    tcp_options options{};
    ip_tx ip{};
};

/** The checksum (RFC 9293 3.1). A device that computes it expects the sum of the pseudo-header in the field. */
static void tcp_checksum(packet &pkt, const tcp_outgoing &out, bool offload)
{
    const uint32_t pseudo = ip_pseudo_sum(out.local.addr, out.foreign.addr, IP_PROTOCOL_TCP, pkt.size());
    const std::span<uint8_t> place = pkt.bytes().subspan(offsetof(tcp_hdr, sum));
    if (!offload) return wire_write(place, be16(cksum16(pkt.bytes(), pseudo)));
    pkt.offload.csum_partial = true;
    pkt.offload.csum_start = 0;
    pkt.offload.csum_offset = offsetof(tcp_hdr, sum);
    wire_write(place, be16(cksum_partial({}, pseudo)));
}

/** Puts the header in front of the payload and passes the segment to IP. */
static ssize_t tcp_output_segment(net_stack &net, const tcp_outgoing &out, packet_ptr pkt) MICROPS_REQUIRES(net_locked)
{
    if (!pkt) return -1;
    const size_t payload = pkt->size();
    std::array<uint8_t, TCP_OPTIONS_MAX> options;
    const size_t options_len = tcp_options_build(out.options, options);
    std::copy_n(options.begin(), options_len, pkt->push(options_len).begin());
    tcp_hdr hdr{.src = out.local.port,
                .dst = out.foreign.port,
                .seq = out.seq.value(),
                .ack = out.ack.value(),
                .off = static_cast<uint8_t>((sizeof(tcp_hdr) + options_len) / 4 << 4),
                .flg = out.flags,
                .wnd = out.wnd};
    packet_push(*pkt, hdr);
    const auto limits = ip_output_limits(net, out.foreign.addr);
    tcp_checksum(*pkt, out, limits && limits->csum_offload);
    if (log_enabled(log_level::debug)) {
        debugf("%s => %s, len=%zu (payload=%zu)", ip_endpoint_str(out.local).c_str(),
               ip_endpoint_str(out.foreign).c_str(), pkt->size(), payload);
        std::span<const uint8_t> written = pkt->bytes();
        tcp_dump(wire_read<tcp_hdr>(written).value_or(hdr));
        debugdump(pkt->bytes());
    }
    net_count(net, counter::tcp_out_segs);
    if (out.flags & TCP_FLG_RST) net_count(net, counter::tcp_out_rsts);
    return ip_output(net, IP_PROTOCOL_TCP, std::move(pkt), out.local.addr, out.foreign.addr, out.ip);
}

static packet_ptr tcp_packet_alloc(net_stack &net, size_t payload) MICROPS_REQUIRES(net_locked)
{
    return packet_alloc(net, IP_HEADROOM + sizeof(tcp_hdr) + TCP_OPTIONS_MAX, payload);
}

/** The options of a segment with @p len bytes of data; SACK blocks get the room that the data leaves. */
static tcp_options tcp_segment_options(tcp_pcb &pcb, uint8_t flags, size_t len) MICROPS_REQUIRES(net_locked)
{
    tcp_options options;
    const bool syn = (flags & TCP_FLG_SYN) != 0;
    if (syn) {
        options.mss = pcb.mss.offered;
        options.sack_permitted = pcb.agreed.sack;
        if (pcb.agreed.window_scale) options.window_shift = pcb.agreed.rcv_shift;
    }
    if (pcb.agreed.timestamps) {
        options.timestamps = {.value = tcp_timestamp(pcb), .echo = flags & TCP_FLG_ACK ? pcb.ts.recent : 0};
    }
    if (!syn && pcb.agreed.sack && len + tcp_sack_blocks::size(1) <= pcb.mss.snd) {
        options.sack = tcp_sack_report(pcb);
        while (len + tcp_sack_blocks::size(options.sack.count) > pcb.mss.snd) { /* RFC 9293 3.7.1 MUST-16 */
            options.sack.count--;
        }
    }
    return options;
}

/** Sends a segment with @p len bytes of the send buffer from @p seq on. It carries our newest ACK and window. */
static void tcp_transmit(tcp_pcb &pcb, tcp_seq seq, size_t len, uint8_t flags) MICROPS_REQUIRES(net_locked)
{
    tcp_outgoing out{.local = pcb.local, .foreign = pcb.foreign, .seq = seq, .flags = flags, .ip = pcb.options.tx};
    if (pcb.state != tcp_pcb_state::syn_sent) {
        out.flags |= TCP_FLG_ACK;
        out.ack = pcb.rcv.nxt;
        tcp_ack_sent(pcb, len > 0);
    }
    out.wnd = tcp_window_advertise(pcb, (flags & TCP_FLG_SYN) != 0);
    out.options = tcp_segment_options(pcb, out.flags, len);
    pcb.traffic.segs_out++;
    if (len > 0) {
        pcb.traffic.data_segs_out++;
        pcb.traffic.bytes_sent += len;
    }
    packet_ptr pkt = tcp_packet_alloc(pcb.net, len);
    if (pkt && len > 0) {
        pcb.sndbuf.ring.read(seq.since(pcb.sndbuf.first), pkt->bytes());
        if (len > pcb.mss.snd) pkt->offload.gso_size = static_cast<uint16_t>(pcb.mss.snd);
    }
    tcp_output_segment(pcb.net, out, std::move(pkt));
}

/**
 * The sequence number of a segment without data: SND.NXT, but after the peer has shrunk its window the right edge of
 * it, because the peer would drop the segment, and the ACK in it, if it were outside. What the peer's rounding to a
 * scaled window (RFC 7323 2.4) has cut off still counts as inside.
 */
static tcp_seq tcp_acceptable_seq(const tcp_pcb &pcb)
{
    const tcp_seq edge = pcb.snd.una + pcb.snd.wnd;
    if (!pcb.handshake.done || pcb.snd.nxt <= edge) return pcb.snd.nxt;
    const tcp_seq data_end =
        tcp_seq_min(pcb.snd.nxt, pcb.sndbuf.first + pcb.sndbuf.ring.size()); /* a FIN needs no room in the window */
    return data_end < edge + (size_t{1} << pcb.agreed.snd_shift) ? data_end : edge;
}

void tcp_output_ack(tcp_pcb &pcb) { tcp_transmit(pcb, tcp_acceptable_seq(pcb), 0, TCP_FLG_ACK); }

void tcp_output_probe(tcp_pcb &pcb) { tcp_transmit(pcb, pcb.snd.una - 1, 0, TCP_FLG_ACK); }

void tcp_output_rst(tcp_pcb &pcb) { tcp_transmit(pcb, tcp_acceptable_seq(pcb), 0, TCP_FLG_RST); }

void tcp_output_reset_for(tcp_layer &tcp, const tcp_segment &seg)
{
    tcp_outgoing out{.local = seg.local, .foreign = seg.foreign, .ip = {.df = tcp_df(tcp.config)}};
    if (seg.has(TCP_FLG_ACK)) {
        out.seq = seg.ack;
        out.flags = TCP_FLG_RST;
    } else {
        out.ack = seg.end();
        out.flags = TCP_FLG_RST | TCP_FLG_ACK;
    }
    tcp_output_segment(tcp.net, out, tcp_packet_alloc(tcp.net, 0));
}

void tcp_output_syn(tcp_pcb &pcb)
{
    if (pcb.snd.nxt != pcb.iss) { /* simultaneous open: the same SYN is retransmitted, now with an ACK */
        pcb.sent().mark_front_lost();
        return tcp_output_request(pcb);
    }
    pcb.mss.offered = tcp_mss_advertised(pcb);
    pcb.output.last_sent = pcb.net.clock.now();
    pcb.timing.rto_from = pcb.output.last_sent;
    pcb.sent().on_sent(pcb.iss, pcb.iss + 1, TCP_FLG_SYN, pcb.output.last_sent);
    pcb.snd.nxt = pcb.iss + 1;
    tcp_transmit(pcb, pcb.iss, 0, TCP_FLG_SYN);
    tcp_timer_update(pcb);
}

/** The most data for one packet to IP: one segment, or several if the device cuts them (GSO). */
static size_t tcp_packet_max(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const auto limits = ip_output_limits(pcb.net, pcb.foreign.addr);
    const size_t gso = limits && limits->csum_offload ? limits->gso_payload_max : 0;
    if (gso < sizeof(tcp_hdr) + TCP_OPTIONS_MAX + pcb.mss.snd) return pcb.mss.snd;
    return (gso - sizeof(tcp_hdr) - TCP_OPTIONS_MAX) / pcb.mss.snd * pcb.mss.snd;
}

/* What may be sent */

size_t tcp_unsent(const tcp_pcb &pcb)
{
    const int32_t unsent = pcb.sndbuf.first + pcb.sndbuf.ring.size() - pcb.snd.nxt;
    return unsent > 0 ? static_cast<size_t>(unsent) : 0; /* negative once our FIN is sent */
}

/** How many more bytes the congestion window permits. With an empty pipe, it always permits one segment. */
static size_t tcp_cwnd_room(const tcp_pcb &pcb)
{
    const uint32_t pipe = tcp_pipe(pcb);
    const uint32_t cwnd = std::max(pcb.congestion ? pcb.congestion->cwnd() : 0, pcb.mss.snd);
    const uint32_t window = pcb.recovery().window(cwnd, tcp_rules(pcb));
    if (pipe == 0) return std::max(window, pcb.mss.snd);
    return window > pipe ? window - pipe : 0;
}

/** How many bytes from SND.NXT on the peer's window permits. */
static size_t tcp_peer_room(const tcp_pcb &pcb)
{
    const int32_t room = pcb.snd.una + pcb.snd.wnd - pcb.snd.nxt;
    return static_cast<size_t>(std::max(room, 0)); /* negative: the peer has shrunk its window */
}

/** How many of the unsent bytes the peer's window and silly window avoidance permit (RFC 9293 3.8.6.2.1). */
static size_t tcp_window_permits(const tcp_pcb &pcb, size_t unsent)
{
    const size_t room = tcp_peer_room(pcb);
    if (room == 0) return 0;
    const size_t len = std::min(unsent, room);
    if (len >= pcb.mss.snd || pcb.timing.override_sws) return len; /* (1), (4) */
    if (len == unsent && pcb.fin.queued) return len;               /* after a FIN there is no more data to wait for */
    /*
     * Nagle's algorithm with Minshall's amendment: a small segment waits only while another small one is outstanding.
     */
    if (!pcb.set.nodelay && pcb.output.small_end) return 0;
    if (len == unsent) return pcb.set.more || pcb.set.corked ? 0 : len; /* (2) */
    return len >= pcb.snd.wnd_max / 2 ? len : 0;                        /* (3) */
}

/** Sends new data: the next @p len bytes of the send buffer, and a FIN behind them if @p fin. */
static void tcp_send_new(tcp_pcb &pcb, size_t len, bool fin) MICROPS_REQUIRES(net_locked)
{
    const net_time now = pcb.net.clock.now();
    const tcp_seq first = pcb.snd.nxt;
    uint8_t flags = TCP_FLG_ACK;
    if (fin) flags |= TCP_FLG_FIN;
    if (len > 0 && len == tcp_unsent(pcb)) flags |= TCP_FLG_PSH; /* the last of what the user has written */
    pcb.snd.nxt += len + (fin ? 1 : 0);
    if (pcb.sent().empty()) pcb.timing.rto_from = now; /* RFC 6298 5.1 */
    pcb.sent().on_sent(first, pcb.snd.nxt, flags & TCP_FLG_FIN, now, static_cast<uint16_t>(pcb.mss.snd));
    pcb.recovery().on_sent(static_cast<uint32_t>(len), false, {});
    pcb.output.last_sent = now;
    if (len % pcb.mss.snd != 0) pcb.output.small_end = first + len;
    net_count(pcb.net, counter::tcp_orig_data_sent);
    tcp_transmit(pcb, first, len, flags);
}

/**
 * RFC 5681 4.1: after an idle time of one RTO, no ACKs pace a full window of segments: the congestion window restarts.
 */
static void tcp_restart_after_idle(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (!pcb.sent().empty() || !pcb.congestion) return;
    pcb.congestion->on_idle(pcb.net.clock.now() - pcb.output.last_sent, pcb.rtt.rto());
}

/** Our FIN is queued, and has not been sent yet. */
static bool tcp_fin_due(const tcp_pcb &pcb)
{
    return pcb.fin.queued && pcb.snd.nxt <= pcb.sndbuf.first + pcb.sndbuf.ring.size();
}

/**
 * Sends new data and our FIN, as far as all rules permit. Returns whether the congestion window was what stopped it.
 */
static bool tcp_output_new(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    bool cwnd_limited = false;
    if (tcp_unsent(pcb) == 0 && !tcp_fin_due(pcb)) return false;
    tcp_restart_after_idle(pcb);
    const size_t packet_max = tcp_packet_max(pcb);
    for (size_t unsent = tcp_unsent(pcb); unsent > 0 || tcp_fin_due(pcb); unsent = tcp_unsent(pcb)) {
        size_t len = std::min(tcp_window_permits(pcb, unsent), packet_max);
        if (len == 0 && unsent > 0) break; /* a FIN without data needs no room in the window */
        if (pcb.sent().count() >= pcb.tcp.config.sent_segments) break;
        const size_t room = tcp_cwnd_room(pcb);
        if (room < std::min<size_t>(len, pcb.mss.snd)) {
            cwnd_limited = true;
            break;
        }
        len = std::min(len, std::max<size_t>(room, pcb.mss.snd));
        if (len > pcb.mss.snd) len = len / pcb.mss.snd * pcb.mss.snd; /* the rest is a segment that is not full-sized */
        tcp_send_new(pcb, len, pcb.fin.queued && len == unsent);
    }
    pcb.timing.override_sws = false;
    return cwnd_limited;
}

/**
 * Remembers for congestion control how far the congestion window was used (Linux' tcp_cwnd_validate()): the peak of a
 * round trip counts. When the ACKs of a full window come, the window is half empty again, and would look unused.
 */
static void tcp_note_usage(tcp_pcb &pcb, bool sent, bool cwnd_limited) MICROPS_REQUIRES(net_locked)
{
    if (!pcb.congestion) return;
    const bool limited = cwnd_limited || tcp_cwnd_room(pcb) < pcb.mss.snd;
    if (!sent && !limited) return;
    const uint32_t pipe = tcp_pipe(pcb);
    if (limited || pcb.snd.una >= pcb.round.usage_end || (!pcb.round.cwnd_limited && pipe > pcb.round.peak)) {
        pcb.round.peak = pipe;
        pcb.round.cwnd_limited = limited;
        pcb.round.usage_end = pcb.snd.nxt;
    }
    /* Output stopped for the application or for the peer's window, and not because the send buffer is too small. */
    if (limited || pcb.recovery().state() != tcp_recovery::phase::open || !tcp_is_writable(pcb)) return;
    pcb.congestion->on_application_limited(pcb.net.clock.now(), pipe, pcb.rtt.rto());
}

/** Counts a retransmission by its reason. */
static void tcp_count_retransmission(tcp_pcb &pcb, uint8_t flags) MICROPS_REQUIRES(net_locked)
{
    if (flags & TCP_FLG_SYN) return net_count(pcb.net, counter::tcp_syn_retrans);
    switch (pcb.recovery().state()) {
    case tcp_recovery::phase::fast:
        return net_count(pcb.net, counter::tcp_fast_retrans);
    case tcp_recovery::phase::loss:
        return net_count(pcb.net, counter::tcp_slow_start_retrans);
    case tcp_recovery::phase::open: /* a loss probe */
        return;
    }
    net_unreachable();
}

/** Retransmits a segment: the first lost one of the scoreboard. */
static void tcp_retransmit(tcp_pcb &pcb, const tcp_sent &lost) MICROPS_REQUIRES(net_locked)
{
    const size_t len = lost.data_size();
    const bool last = lost.first + len == pcb.sndbuf.first + pcb.sndbuf.ring.size();
    const uint8_t push = len > 0 && last ? TCP_FLG_PSH : 0;
    const tcp_seq seq = lost.first;
    const auto flags = static_cast<uint8_t>(lost.flags | push | (lost.flags & TCP_FLG_SYN ? 0 : TCP_FLG_ACK));
    pcb.output.last_sent = pcb.net.clock.now();
    if (&lost == &pcb.sent().front()) pcb.timing.rto_from = pcb.output.last_sent;
    pcb.recovery().on_sent(lost.size(), true, tcp_view(pcb));
    pcb.sent().on_retransmitted(pcb.output.last_sent);
    pcb.traffic.retrans++;
    pcb.traffic.bytes_retrans += len;
    net_count(pcb.net, counter::tcp_retrans_segs);
    tcp_count_retransmission(pcb, flags);
    tcp_transmit(pcb, seq, len, flags);
}

/** Retransmits what is lost, as far as the congestion window permits. */
static void tcp_output_lost(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    while (const tcp_sent *lost = pcb.sent().next_lost(pcb.mss.snd)) {
        const bool urgent = std::exchange(pcb.recovery().urgent, false);
        if (!urgent && tcp_cwnd_room(pcb) < lost->data_size()) return;
        tcp_retransmit(pcb, *lost);
    }
}

void tcp_output_loss_probe(tcp_pcb &pcb)
{
    net_count(pcb.net, counter::tcp_loss_probes);
    const size_t unsent = tcp_unsent(pcb);
    const size_t len = std::min({unsent, tcp_peer_room(pcb), size_t{pcb.mss.snd}});
    const bool retransmission = len == 0;
    if (retransmission) {
        pcb.sent().mark_back_lost(pcb.mss.snd);
        pcb.recovery().urgent = true;
        tcp_output_lost(pcb);
    } else {
        tcp_send_new(pcb, len, pcb.fin.queued && len == unsent);
    }
    pcb.recovery().on_probe(pcb.snd.nxt, retransmission);
    pcb.timing.rto_from = pcb.net.clock.now();
    tcp_output_request(pcb);
}

void tcp_output(tcp_pcb &pcb)
{
    if (pcb.released || pcb.state == tcp_pcb_state::listen) return;
    const tcp_seq before = pcb.snd.nxt;
    tcp_path_follow(pcb);
    if (pcb.loss && !pcb.recovery().prefers_new_data()) tcp_output_lost(pcb);
    const bool was_writable = tcp_is_writable(pcb);
    const bool cwnd_limited = tcp_may_send(pcb.state) && tcp_output_new(pcb);
    tcp_note_usage(pcb, pcb.snd.nxt != before, cwnd_limited);
    if (pcb.loss && pcb.snd.nxt == before && pcb.recovery().new_data_waits(before)) tcp_output_lost(pcb);
    if (!was_writable && tcp_is_writable(pcb))
        sched_wakeup(pcb.net, pcb.ctx); /* TCP_NOTSENT_LOWAT: enough has been sent */
    if (pcb.ack.now) tcp_output_ack(pcb);
    tcp_loss_release(pcb);
    tcp_timer_update(pcb);
}

} // namespace microps
