/*
 * tcp_ack.cpp: the fifth step of SEGMENT ARRIVES: what the peer acknowledges (RFC 9293 3.10.7.4, RFC 5681, RFC 6298).
 *
 * This file checks that the ACK is acceptable, takes over the peer's window, and changes the state. What the ACK says
 * about the segments we have sent is the subject of tcp_loss.cpp.
 */
#include "tcp_ack.hpp"

#include "tcp_challenge.hpp"
#include "tcp_congestion_list.hpp"
#include "tcp_layer.hpp"
#include "tcp_listen.hpp"
#include "tcp_loss.hpp"
#include "tcp_output.hpp"
#include "tcp_timer.hpp"

#include <algorithm>

namespace microps
{

bool tcp_fin_acknowledged(const tcp_pcb &pcb)
{
    return pcb.fin.queued && pcb.snd.una == pcb.sndbuf.first + pcb.sndbuf.ring.size() + 1;
}

void tcp_enter_established(tcp_pcb &pcb)
{
    pcb.handshake.done = true;
    pcb.timing.retries = 0;
    pcb.timing.soft_error = 0;
    pcb.timing.heard_ack = pcb.net.clock.now();
    pcb.congestion = tcp_congestion_open(pcb);
    pcb.round.end = pcb.snd.nxt;
    /* RFC 6298 5.7: our SYN was retransmitted, so the RTO for data begins at 3 s. */
    if (pcb.handshake.syn_lost) pcb.rtt.restart(std::chrono::seconds(3));
    tcp_set_state(pcb, tcp_pcb_state::established);
    if (pcb.fin.queued) tcp_set_state(pcb, tcp_pcb_state::fin_wait1); /* closed during the handshake */
}

/** SYN_RECEIVED: the ACK must cover our SYN, and there must be room in the accept queue. */
static step tcp_check_ack_of_syn(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (seg.ack <= pcb.snd.una || seg.ack > pcb.snd.nxt) {
        net_drop(pcb.net, drop_reason::tcp_bad_ack, "ack=%u does not acknowledge our SYN", seg.ack.value());
        tcp_output_reset_for(pcb.tcp, seg);
        return step::drop;
    }
    if (!tcp_passive_established(pcb)) return step::drop;
    pcb.snd.wnd = pcb.snd.wnd_max = seg.wnd;
    pcb.snd.wl1 = seg.seq;
    pcb.snd.wl2 = seg.ack;
    if (pcb.handshake.passive) net_count(pcb.net, counter::tcp_passive_opens);
    tcp_enter_established(pcb);
    return step::next;
}

/**
 * A duplicate ACK, as RFC 5681 2 defines it: data is outstanding, the segment has no data, and neither SEG.ACK nor the
 * window has changed. While the window is closed, such an ACK only says that it still is.
 */
static bool tcp_is_duplicate_ack(const tcp_pcb &pcb, const tcp_segment &seg)
{
    return !pcb.sent().empty() && seg.len() == 0 && seg.ack == pcb.snd.una && seg.wnd == pcb.snd.wnd && seg.wnd > 0;
}

void tcp_send_window_update(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (seg.ack < pcb.snd.una || seg.ack > pcb.snd.nxt) return;
    /*
     * An ACK of more data is newer even if the segment is a retransmission, with a SEG.SEQ before SND.WL1 (Linux'
     * rule).
     */
    const bool newer = pcb.snd.wl2 < seg.ack || pcb.snd.wl1 <= seg.seq;
    if (!newer) return;
    pcb.snd.wnd = seg.wnd;
    pcb.snd.wnd_max = std::max(pcb.snd.wnd_max, seg.wnd);
    pcb.snd.wl1 = seg.seq;
    pcb.snd.wl2 = seg.ack;
}

/** The peer has shrunk its window to zero, so it has discarded what is outstanding, and no duplicate ACK will come. */
static bool tcp_window_has_refused(const tcp_pcb &pcb, const tcp_segment &seg)
{
    return pcb.snd.wnd == 0 && seg.ack == pcb.snd.una && !pcb.sent().empty();
}

/** What the ACK means for the state. */
static step tcp_ack_state(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const bool fin_acknowledged = tcp_fin_acknowledged(pcb);
    switch (pcb.state) {
    case tcp_pcb_state::established:
    case tcp_pcb_state::close_wait:
    case tcp_pcb_state::fin_wait2:
        return step::next;
    case tcp_pcb_state::fin_wait1:
        if (fin_acknowledged) tcp_set_state(pcb, tcp_pcb_state::fin_wait2);
        return step::next;
    case tcp_pcb_state::closing:
        if (!fin_acknowledged) return step::next; /* output may have something to retransmit */
        tcp_set_state(pcb, tcp_pcb_state::time_wait);
        tcp_set_timewait_timer(pcb);
        return step::next;
    case tcp_pcb_state::last_ack:
        if (!fin_acknowledged) return step::next;
        tcp_pcb_release(pcb);
        return step::drop;
    case tcp_pcb_state::closed:
    case tcp_pcb_state::listen:
    case tcp_pcb_state::syn_sent:
    case tcp_pcb_state::syn_received:
    case tcp_pcb_state::time_wait:
        break;
    }
    net_unreachable();
}

bool tcp_ack_is_acceptable(const tcp_pcb &pcb, tcp_seq ack)
{
    const auto past = static_cast<size_t>(std::min<uint64_t>(pcb.snd.wnd_max, pcb.traffic.bytes_acked + 1));
    return ack <= pcb.snd.nxt && ack >= pcb.snd.una - past;
}

/**
 * Whether an ACK that acknowledges nothing new resets the count of unanswered retransmissions or probes. It does if it
 * answers a probe (RFC 9293 3.8.4, 3.8.6.1), or says that the window is still closed while the user waits for it to
 * open. After the user has closed, a peer must not keep the connection for ever that way.
 */
static bool tcp_answer_counts(const tcp_pcb &pcb)
{
    if (pcb.timing.probing()) return true;
    return pcb.snd.wnd == 0 && pcb.owner != tcp_owner::gone;
}

step tcp_check_ack(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (!seg.has(TCP_FLG_ACK)) {
        net_drop(pcb.net, drop_reason::tcp_bad_flags, "no ACK, flags=%s", tcp_flg_ntoa(seg.flags).c_str());
        return step::drop;
    }
    if (pcb.state == tcp_pcb_state::syn_received && tcp_check_ack_of_syn(pcb, seg) == step::drop) return step::drop;
    if (!tcp_ack_is_acceptable(pcb, seg.ack)) {
        net_drop(pcb.net, drop_reason::tcp_bad_ack, "ack=%u, snd.una=%u, snd.nxt=%u", seg.ack.value(),
                 pcb.snd.una.value(), pcb.snd.nxt.value());
        tcp_challenge_ack(pcb);
        return step::drop;
    }
    pcb.timing.heard_ack = pcb.net.clock.now();
    if (seg.len() == 0) net_count(pcb.net, counter::tcp_pure_acks);
    const bool duplicate = tcp_is_duplicate_ack(pcb, seg);
    if (duplicate) net_count(pcb.net, counter::tcp_duplicate_acks_in);
    const bool refused = tcp_window_has_refused(pcb, seg);
    if (seg.ack > pcb.snd.una || duplicate || !seg.options.sack.empty()) tcp_acknowledged(pcb, seg, duplicate);
    tcp_send_window_update(pcb, seg);
    if (refused && pcb.snd.wnd > 0) { /* retransmit now: the timer has backed off, and may expire much later */
        pcb.sent().mark_front_lost();
        pcb.recovery().urgent = true;
    }
    if (tcp_answer_counts(pcb)) pcb.timing.retries = 0;
    return tcp_ack_state(pcb);
}

} // namespace microps
