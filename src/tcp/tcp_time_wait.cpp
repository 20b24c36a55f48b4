/*
 * tcp_time_wait.cpp: a connection that is over keeps its endpoints for 2 MSL, so that no new connection takes the old
 * one's late segments for its own (RFC 9293 3.6.1).
 *
 * The state does not change any more: a retransmitted FIN is acknowledged, and other segments are answered by an ACK
 * with our last numbers.
 * A RST does not end it early by default (RFC 1337: our answer to an old duplicate may cause that RST; Linux' default
 * lets it). A SYN that is newer beyond doubt does, passively (RFC 6191) as well as by our own connect().
 */
#include "tcp_time_wait.hpp"

#include "parts/tcp_options.hpp"
#include "tcp_challenge.hpp"
#include "tcp_layer.hpp"
#include "tcp_listen.hpp"
#include "tcp_timer.hpp"
#include "tcp_timestamps.hpp"

namespace microps
{

/** RFC 6191 2: by timestamps if the new connection will have them, else by sequence numbers. */
static bool tcp_syn_is_newer(const tcp_pcb &old, const tcp_segment &syn)
{
    const bool beyond = syn.seq > old.rcv.nxt;
    if (!old.tcp.config.timestamps || !syn.options.timestamps) return beyond;
    if (!old.agreed.timestamps) return true;
    const uint32_t value = syn.options.timestamps->value;
    return tcp_timestamp_before(old.ts.recent, value) || (value == old.ts.recent && beyond);
}

/** A SYN for a new connection (RFC 9293 3.10.7.4 fourth): it goes to the listener, if there is one. */
static bool tcp_time_wait_reopened(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (!seg.has(TCP_FLG_SYN) || seg.has(TCP_FLG_ACK) || seg.has(TCP_FLG_RST) || seg.has(TCP_FLG_FIN)) return false;
    if (!tcp_syn_is_newer(pcb, seg)) return false;
    tcp_pcb *listener = tcp_listener_select(pcb.tcp, seg.local, seg.foreign);
    if (!listener) return false;
    const tcp_seq iss = tcp_iss_select(pcb.tcp, seg.local, seg.foreign);
    tcp_listen_syn(*listener, seg, tcp_seq_max(iss, tcp_time_wait_recycle(pcb)));
    return true;
}

static void tcp_time_wait_rst(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked)
{
    if (!pcb.tcp.config.rfc1337 && seg.seq == pcb.rcv.nxt) return tcp_pcb_release(pcb);
    net_drop(pcb.net, drop_reason::tcp_time_wait_rst, "RST in TIME_WAIT, seq=%u", seg.seq.value());
}

void tcp_arrives_time_wait(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (tcp_time_wait_reopened(pcb, seg)) return;
    if (seg.has(TCP_FLG_RST)) return tcp_time_wait_rst(pcb, seg);
    if (tcp_segment_is_outdated(pcb, seg)) {
        net_count(pcb.net, counter::tcp_paws_estab);
        net_drop(pcb.net, drop_reason::tcp_paws, "TSval is old");
        return tcp_answer_unacceptable(pcb, seg);
    }
    net_drop(pcb.net, drop_reason::tcp_old_duplicate, "the connection is over, seq=%u, len=%zu", seg.seq.value(),
             seg.len());
    if (seg.len() == 0 && seg.seq == pcb.rcv.nxt) return;   /* an ACK at RCV.NXT needs no answer */
    if (seg.has(TCP_FLG_FIN) && seg.end() == pcb.rcv.nxt) { /* eighth: the peer has not seen our last ACK */
        tcp_timestamp_update(pcb, seg);
        tcp_set_timewait_timer(pcb);
    }
    tcp_answer_unacceptable(pcb, seg);
}

bool tcp_time_wait_is_reusable(const tcp_pcb &pcb)
{
    if (pcb.state != tcp_pcb_state::time_wait || pcb.owner != tcp_owner::gone) return false;
    /* As Linux' tcp_tw_reuse = 2: PAWS protects the new connection where no NAT can stand in between. */
    const bool loopback = pcb.foreign.addr.is_loopback() || pcb.foreign.addr == pcb.local.addr;
    if (!loopback || !pcb.agreed.timestamps || !pcb.tcp.config.timestamps) return false;
    return pcb.net.clock.now() - pcb.ts.recent_at >= std::chrono::seconds(1);
}

tcp_seq tcp_time_wait_recycle(tcp_pcb &pcb)
{
    const tcp_seq iss = pcb.snd.nxt + TCP_WINDOW_MAX + 2; /* RFC 1122 4.2.2.13 (c) */
    net_count(pcb.net, counter::tcp_time_wait_recycled);
    tcp_pcb_release(pcb);
    return iss;
}

} // namespace microps
