/*
 * tcp_input.cpp: a segment arrives (RFC 9293 3.10.7).
 *
 * tcp_input() turns the bytes of a packet into a checked tcp_segment. tcp_segment_arrives() then follows the RFC's
 * section: each state and each step is one function. Those that are not in this file: LISTEN in tcp_listen.cpp,
 * TIME_WAIT in tcp_time_wait.cpp, the fifth step (ACK) in tcp_ack.cpp, segment text and FIN in tcp_receive.cpp.
 */
#include "tcp_input.hpp"

#include "microps/checksum.hpp"
#include "parts/tcp_options.hpp"
#include "parts/tcp_seq.hpp"
#include "tcp_ack.hpp"
#include "tcp_challenge.hpp"
#include "tcp_layer.hpp"
#include "tcp_listen.hpp"
#include "tcp_loss.hpp"
#include "tcp_negotiate.hpp"
#include "tcp_output.hpp"
#include "tcp_receive.hpp"
#include "tcp_sack_report.hpp"
#include "tcp_time_wait.hpp"
#include "tcp_timestamps.hpp"

#include <algorithm>
#include <cerrno>

namespace microps
{

/* 3.10.7.1: CLOSED */
static void tcp_arrives_closed(tcp_layer &tcp, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    net_drop(tcp.net, drop_reason::tcp_no_connection, "no connection, local=%s, foreign=%s",
             ip_endpoint_str(seg.local).c_str(), ip_endpoint_str(seg.foreign).c_str());
    if (!seg.has(TCP_FLG_RST)) tcp_output_reset_for(tcp, seg);
}

/** SYN_SENT, and the peer's SYN has come: with an ACK we are ESTABLISHED, without one in SYN_RECEIVED. */
static void tcp_syn_sent_accept(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    pcb.irs = seg.seq;
    pcb.rcv.nxt = seg.seq + 1;
    pcb.rcv.edge = pcb.rcv.nxt + tcp_syn_window(pcb); /* the window that our SYN has advertised */
    tcp_agree(pcb, seg);
    if (!seg.has(TCP_FLG_ACK)) { /* simultaneous open */
        pcb.snd.wnd = pcb.snd.wnd_max = seg.wnd;
        pcb.snd.wl1 = seg.seq;
        pcb.snd.wl2 = pcb.iss;
        tcp_set_state(pcb, tcp_pcb_state::syn_received);
        return tcp_output_syn(pcb);
    }
    tcp_acknowledged(pcb, seg, false);
    pcb.snd.wl1 = seg.seq;
    pcb.snd.wl2 = seg.ack;
    pcb.snd.wnd = pcb.snd.wnd_max = seg.wnd;
    tcp_enter_established(pcb);
    pcb.ack.now = true;

    tcp_segment rest = seg; /* the RFC's "other controls or text", which follow the SYN */
    rest.flags &= static_cast<uint8_t>(~TCP_FLG_SYN);
    rest.seq += 1;
    if (rest.data.size() > tcp_receive_window(pcb)) {
        rest.data = rest.data.first(tcp_receive_window(pcb));
        rest.flags &= static_cast<uint8_t>(~TCP_FLG_FIN);
    }
    tcp_segment_text(pcb, rest);
    tcp_check_fin(pcb, rest);
    tcp_output_request(pcb);
}

/* 3.10.7.3: SYN-SENT */
static void tcp_arrives_syn_sent(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (seg.has(TCP_FLG_ACK) && (seg.ack <= pcb.iss || seg.ack > pcb.snd.nxt)) { /* first */
        net_drop(pcb.net, drop_reason::tcp_bad_ack, "ack=%u does not acknowledge our SYN", seg.ack.value());
        if (!seg.has(TCP_FLG_RST)) tcp_output_reset_for(pcb.tcp, seg);
        return;
    }
    if (seg.has(TCP_FLG_ACK) && !tcp_echo_is_of_our_syn(pcb, seg)) {
        net_count(pcb.net, counter::tcp_paws_active);
        net_drop(pcb.net, drop_reason::tcp_paws, "TSecr=%u is not of our SYN", seg.options.timestamps->echo);
        if (!seg.has(TCP_FLG_RST)) tcp_output_reset_for(pcb.tcp, seg);
        return;
    }
    if (seg.has(TCP_FLG_RST)) { /* second: valid only with an acceptable ACK */
        if (!seg.has(TCP_FLG_ACK)) return net_drop(pcb.net, drop_reason::tcp_bad_rst, "RST without ACK");
        errorf("connection reset");
        net_count(pcb.net, counter::tcp_attempt_fails);
        return tcp_pcb_fail(pcb, ECONNREFUSED);
    }
    /* third: security - not implemented */
    if (!seg.has(TCP_FLG_SYN)) { /* fourth */
        return net_drop(pcb.net, drop_reason::tcp_bad_flags, "no SYN, flags=%s", tcp_flg_ntoa(seg.flags).c_str());
    }
    tcp_syn_sent_accept(pcb, seg);
}

/**
 * SYN_RECEIVED: whether the peer has retransmitted its SYN. Alone, it says that our SYN-ACK was lost; as a SYN-ACK it
 * belongs to a simultaneous open.
 */
static bool tcp_syn_is_repeated(const tcp_pcb &pcb, const tcp_segment &seg)
{
    if (pcb.state != tcp_pcb_state::syn_received || seg.seq != pcb.irs) return false;
    if (!seg.has(TCP_FLG_SYN) || seg.has(TCP_FLG_RST)) return false;
    return !seg.has(TCP_FLG_ACK) || !pcb.handshake.passive;
}

/** Retransmits our SYN-ACK for a repeated SYN; of a repeated SYN-ACK it removes the SYN, and the rest is processed. */
static step tcp_syn_repeated(tcp_pcb &pcb, tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (!seg.has(TCP_FLG_ACK)) {
        net_drop(pcb.net, drop_reason::tcp_old_duplicate, "SYN again, seq=%u", seg.seq.value());
        if (!tcp_may_answer(pcb)) return step::drop; /* forged SYNs must not make us flood the address they claim */
        pcb.sent().mark_front_lost();
        pcb.recovery().urgent = true;
        tcp_output_request(pcb);
        return step::drop;
    }
    seg.flags &= static_cast<uint8_t>(~TCP_FLG_SYN);
    seg.seq += 1;
    return step::next;
}

/**
 * Whether a part of the segment lies in the receive window. This is the RFC's table with three additions: a segment
 * that covers the whole window and more is acceptable; so is an empty segment at the right edge, because a peer that
 * has filled our window sends its ACKs from there; and while the window is closed, so is a segment that begins at
 * RCV.NXT, for its ACK and FIN (the RFC's "special allowance").
 */
static bool tcp_segment_acceptable(const tcp_pcb &pcb, const tcp_segment &seg)
{
    if (seg.len() == 0) return pcb.rcv.nxt <= seg.seq && seg.seq <= pcb.rcv.edge;
    return seg.end() > pcb.rcv.nxt && (seg.seq < pcb.rcv.edge || seg.seq <= pcb.rcv.nxt);
}

static void tcp_count_unacceptable(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    const bool old = seg.seq < pcb.rcv.nxt;
    net_drop(pcb.net, old ? drop_reason::tcp_old_duplicate : drop_reason::tcp_outside_window,
             "outside of the window, seq=%u, len=%zu, rcv.nxt=%u, rcv.wnd=%u", seg.seq.value(), seg.len(),
             pcb.rcv.nxt.value(), tcp_receive_window(pcb));
}

/**
 * The peer has retransmitted data that we have: our ACK of it may have been lost. The answer must echo the timestamp of
 * this retransmission (RFC 7323 4.3), or the peer would measure a round trip since its first transmission. As
 * everywhere, TS.Recent moves only by a segment whose ACK is acceptable: an off-path attacker could set it otherwise.
 */
static void tcp_data_repeated(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (seg.data.empty() || seg.end() > pcb.rcv.nxt || !seg.has(TCP_FLG_ACK)) return;
    if (tcp_ack_is_acceptable(pcb, seg.ack)) tcp_timestamp_update(pcb, seg);
}

/** Trims the segment to the receive window. What it cuts off makes us send an ACK. */
static void tcp_trim(tcp_pcb &pcb, tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (seg.seq < pcb.rcv.nxt) {
        const size_t old = std::min<size_t>(pcb.rcv.nxt.since(seg.seq), seg.data.size());
        if (old > 0) tcp_duplicate_arrived(pcb, seg.seq, seg.seq + old);
        seg.data = seg.data.subspan(old);
        seg.seq += old;
        pcb.ack.now = true;
    }
    const size_t room = pcb.rcv.edge.since(seg.seq);
    if (seg.data.size() > room) {
        seg.data = seg.data.first(room);
        seg.flags &= static_cast<uint8_t>(~TCP_FLG_FIN);
        pcb.ack.now = true;
    }
}

/**
 * RFC 5961 4.2: a SYN on a synchronized connection gets a challenge ACK, whatever its sequence number. If the peer has
 * really restarted, it answers with a RST of the exact sequence number.
 */
static void tcp_challenge_syn(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    net_drop(pcb.net, drop_reason::tcp_bad_syn, "SYN in state %s, seq=%u", tcp_state_ntoa(pcb.state), seg.seq.value());
    net_count(pcb.net, counter::tcp_syn_challenge);
    tcp_challenge_ack(pcb);
}

/**
 * PAWS has found the segment too old: RFC 7323 5.3 R1 answers it with an ACK. An old pure ACK gets none: its
 * sender waits for nothing, and has received a newer ACK from us since.
 */
static void tcp_refuse_outdated(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    net_drop(pcb.net, drop_reason::tcp_paws, "TSval=%u is older than %u", seg.options.timestamps->value, pcb.ts.recent);
    if (seg.len() == 0 && seg.has(TCP_FLG_ACK) && seg.seq < pcb.rcv.nxt) {
        return net_count(pcb.net, counter::tcp_paws_old_ack);
    }
    net_count(pcb.net, counter::tcp_paws_estab);
    tcp_answer_unacceptable(pcb, seg);
}

/* first: sequence number */
static step tcp_check_sequence(tcp_pcb &pcb, tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (tcp_syn_is_repeated(pcb, seg) && tcp_syn_repeated(pcb, seg) == step::drop) return step::drop;
    const bool outdated = tcp_segment_is_outdated(pcb, seg);
    const bool acceptable = tcp_segment_acceptable(pcb, seg);
    if (seg.has(TCP_FLG_SYN) && !seg.has(TCP_FLG_RST) && (outdated || !acceptable)) {
        tcp_challenge_syn(pcb, seg);
        return step::drop;
    }
    if (outdated) {
        tcp_refuse_outdated(pcb, seg);
        return step::drop;
    }
    if (!acceptable) {
        tcp_count_unacceptable(pcb, seg);
        tcp_data_repeated(pcb, seg);
        tcp_answer_unacceptable(pcb, seg);
        return step::drop;
    }
    /*
     * RST and SYN are checked by the sequence number that they came with (RFC 5961 3.2, 4.2), so they are not trimmed.
     */
    if (seg.has(TCP_FLG_RST) || seg.has(TCP_FLG_SYN)) return step::next;
    tcp_trim(pcb, seg);
    return step::next;
}

/* second: RST */
static step tcp_check_rst(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (!seg.has(TCP_FLG_RST)) return step::next;
    /*
     * RFC 5961 3.2: an off-path attacker may guess a number within the window, but hardly RCV.NXT itself. Linux accepts
     * a RST right behind out-of-order data too; that would double the attacker's chance, and the peer, if it is real,
     * answers the challenge ACK with an exact RST one round trip later.
     */
    if (seg.seq != pcb.rcv.nxt) {
        net_drop(pcb.net, drop_reason::tcp_bad_rst, "seq=%u is not rcv.nxt=%u", seg.seq.value(), pcb.rcv.nxt.value());
        tcp_challenge_ack(pcb);
        return step::drop;
    }
    switch (pcb.state) {
    case tcp_pcb_state::syn_received:
        net_count(pcb.net, counter::tcp_attempt_fails);
        if (pcb.handshake.passive) {
            net_count(pcb.net, counter::tcp_embryonic_rsts);
            tcp_passive_failed(pcb);
        } else {
            errorf("connection reset");
            tcp_pcb_fail(pcb, ECONNREFUSED);
        }
        return step::drop;
    case tcp_pcb_state::established:
    case tcp_pcb_state::fin_wait1:
    case tcp_pcb_state::fin_wait2:
    case tcp_pcb_state::close_wait:
        errorf("connection reset");
        net_count(pcb.net, counter::tcp_estab_resets);
        /* After the peer's FIN only a writer can notice the RST: EPIPE is what programs know from Linux. */
        tcp_pcb_fail(pcb, pcb.state == tcp_pcb_state::close_wait ? EPIPE : ECONNRESET);
        return step::drop;
    case tcp_pcb_state::closing:
    case tcp_pcb_state::last_ack:
        tcp_pcb_release(pcb);
        return step::drop;
    case tcp_pcb_state::closed:
    case tcp_pcb_state::listen:
    case tcp_pcb_state::syn_sent:
    case tcp_pcb_state::time_wait:
        break;
    }
    net_unreachable();
}

/* fourth: SYN */
static step tcp_check_syn(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (!seg.has(TCP_FLG_SYN)) return step::next;
    if (pcb.state == tcp_pcb_state::syn_received &&
        pcb.handshake.passive) { /* the peer's next SYN finds the listener */
        net_drop(pcb.net, drop_reason::tcp_bad_syn, "SYN in the window of a half-open connection");
        net_count(pcb.net, counter::tcp_embryonic_rsts);
        tcp_passive_failed(pcb);
    } else {
        tcp_challenge_syn(pcb, seg);
    }
    return step::drop;
}

/** Counts for TCP_INFO. The device may have merged several segments into one (gso_size). */
static void tcp_count_arrival(tcp_pcb &pcb, const tcp_segment &seg)
{
    const size_t each = seg.gso_size > 0 ? seg.gso_size : std::max<size_t>(seg.data.size(), 1);
    const auto with_data = static_cast<uint32_t>((seg.data.size() + each - 1) / each);
    pcb.traffic.segs_in += std::max(with_data, 1u);
    pcb.traffic.data_segs_in += with_data;
}

/* 3.10.7.4: the synchronized states */
void tcp_arrives_otherwise(tcp_pcb &pcb, const tcp_segment &seg)
{
    tcp_segment rest = seg;
    tcp_count_arrival(pcb, seg);
    if (!seg.has(TCP_FLG_SYN))
        rest.wnd <<= pcb.agreed.snd_shift;                   /* RFC 7323 2.3: the window of a SYN is never scaled */
    if (tcp_check_sequence(pcb, rest) == step::drop) return; /* first: trims to the window */
    if (tcp_check_rst(pcb, rest) == step::drop) return;      /* second */
    /* third: security - not implemented */
    if (tcp_check_syn(pcb, rest) == step::drop) return; /* fourth */
    if (tcp_check_ack(pcb, rest) == step::drop) return; /* fifth */
    tcp_timestamp_update(pcb, seg); /* RFC 7323 5.3 R3; after all checks, against off-path attackers */
    /* sixth: URG - treated as ordinary data */
    tcp_segment_text(pcb, rest); /* seventh */
    tcp_check_fin(pcb, rest);    /* eighth */
    tcp_output_request(pcb);     /* the engine sends when the batch is read */
}

/* RFC 9293 3.10.7: SEGMENT ARRIVES */
void tcp_segment_arrives(tcp_layer &tcp, const tcp_segment &seg)
{
    tcp_pcb *pcb = tcp_pcb_select(tcp, seg.local, seg.foreign);
    if (!pcb) return tcp_arrives_closed(tcp, seg);                                       /* 3.10.7.1 */
    if (pcb->state == tcp_pcb_state::listen) return tcp_arrives_listen(*pcb, seg);       /* 3.10.7.2 */
    if (pcb->state == tcp_pcb_state::syn_sent) return tcp_arrives_syn_sent(*pcb, seg);   /* 3.10.7.3 */
    if (pcb->state == tcp_pcb_state::time_wait) return tcp_arrives_time_wait(*pcb, seg); /* tcp_time_wait.cpp */
    if (tcp_cookie_arrives_first(*pcb, seg)) return;                                     /* tcp_listen.cpp */
    tcp_arrives_otherwise(*pcb, seg);                                                    /* 3.10.7.4 */
}

/** Copies the header off the front of @p data and leaves the data; the options go into the segment. */
static bool tcp_parse(const tcp_hdr &hdr, std::span<const uint8_t> data, tcp_segment &seg)
{
    const size_t hlen = size_t{4} * (hdr.off >> 4);
    if (hlen < sizeof(tcp_hdr) || hlen - sizeof(tcp_hdr) > data.size()) return false;
    seg.seq = tcp_seq(hdr.seq);
    seg.ack = tcp_seq(hdr.ack);
    seg.wnd = hdr.wnd;
    seg.flags = hdr.flg;
    seg.data = data.subspan(hlen - sizeof(tcp_hdr));
    seg.options = tcp_options_parse(data.first(hlen - sizeof(tcp_hdr)));
    return true;
}

void tcp_input(tcp_layer &tcp, const ip_rx &rx)
{
    net_stack &net = tcp.net;
    net_count(net, counter::tcp_in_segs);
    std::span<const uint8_t> data = rx.payload;
    const auto hdr = wire_read<tcp_hdr>(data);
    if (!hdr) {
        net_count(net, counter::tcp_in_errs);
        return net_drop(net, drop_reason::too_short, "too short");
    }
    const uint32_t pseudo = ip_pseudo_sum(rx.src, rx.dst, IP_PROTOCOL_TCP, rx.payload.size());
    if (const uint16_t sum = rx.csum_valid ? uint16_t{0} : cksum16(rx.payload, pseudo); sum != 0) {
        net_count(net, counter::tcp_in_errs);
        return net_drop(net, drop_reason::bad_checksum, "checksum error: sum=0x%04x, verify=0x%04x", hdr->sum.value(),
                        sum);
    }
    if (rx.dst_is_broadcast || rx.link_broadcast || rx.dst.is_multicast() || rx.src.is_multicast() ||
        ip_addr_is_broadcast(net, rx.src)) { /* RFC 9293 3.9.2.3 */
        return net_drop(net, drop_reason::tcp_not_unicast, "only supports unicast, src=%s, dst=%s",
                        ip_addr_str(rx.src).c_str(), ip_addr_str(rx.dst).c_str());
    }
    tcp_segment seg{.local = {rx.dst, hdr->dst}, .foreign = {rx.src, hdr->src}, .gso_size = rx.gso_size};
    if (!tcp_parse(*hdr, data, seg)) {
        net_count(net, counter::tcp_in_errs);
        return net_drop(net, drop_reason::bad_length, "header length error: off=0x%02x, len=%zu", hdr->off,
                        rx.payload.size());
    }
    debugf("%s:%d => %s:%d, len=%zu (payload=%zu)", ip_addr_str(rx.src).c_str(), hdr->src.value(),
           ip_addr_str(rx.dst).c_str(), hdr->dst.value(), rx.payload.size(), seg.data.size());
    tcp_dump(*hdr);
    debugdump(rx.payload);
    tcp_segment_arrives(tcp, seg);
}

} // namespace microps
