/*
 * tcp_timestamps.cpp: timestamps (RFC 7323 sections 3 to 5): our clock, the value that we echo, and PAWS, which
 * refuses segments from before the sequence numbers wrapped.
 */
#include "tcp_timestamps.hpp"

#include "parts/tcp_options.hpp"

namespace microps
{

/** RFC 7323 5.5: on a connection idle for longer, the peer's clock may have wrapped. */
static constexpr net_duration TCP_PAWS_IDLE = std::chrono::hours(24 * 24);

static uint32_t tcp_timestamp_at(const tcp_pcb &pcb, net_time when)
{
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch());
    return static_cast<uint32_t>(time.count()) + pcb.ts.offset;
}

uint32_t tcp_timestamp(const tcp_pcb &pcb) { return tcp_timestamp_at(pcb, pcb.net.clock.now()); }

bool tcp_echo_is_of_our_syn(const tcp_pcb &pcb, const tcp_segment &seg)
{
    if (!pcb.agreed.timestamps || !seg.options.timestamps || seg.options.timestamps->echo == 0) return true;
    const net_time first =
        pcb.timing.retries > 0 || pcb.sent().empty() ? pcb.timing.stalled_since : pcb.sent().front().when;
    const uint32_t echo = seg.options.timestamps->echo;
    return !tcp_timestamp_before(echo, tcp_timestamp_at(pcb, first)) && !tcp_timestamp_before(tcp_timestamp(pcb), echo);
}

/**
 * Whether this is an ACK that arrives after a later one of the same burst, because a queue has reordered them. It
 * acknowledges nothing and moves no window, so that taking it does no harm, and refusing it would cost a duplicate ACK
 * that loss recovery counts. Linux takes it; in RFC 7323 it is outdated.
 */
static bool tcp_ack_is_reordered(const tcp_pcb &pcb, const tcp_segment &seg)
{
    if (!seg.has(TCP_FLG_ACK) || seg.len() > 0 || seg.seq != pcb.rcv.nxt || seg.ack != pcb.snd.una) return false;
    const bool moves_window = pcb.snd.wl1 < seg.seq || seg.wnd > pcb.snd.wnd;
    const auto late = std::chrono::milliseconds(pcb.ts.recent - seg.options.timestamps->value);
    return !moves_window && late <= pcb.rtt.rto();
}

/**
 * Whether this is data that arrives after a retransmission sent later. That one has filled the hole in front, and its
 * timestamp makes everything look old which the network has held back meanwhile. RFC 7323 would refuse it, each refusal
 * would be answered by a retransmission, and that would make the next ones look old: on a path that reorders, one loss
 * would never end. What is late by no more than a round trip cannot be from before the sequence numbers wrapped: that
 * takes four of them at least, as no window is larger than a quarter of them.
 */
static bool tcp_data_is_reordered(const tcp_pcb &pcb, const tcp_segment &seg)
{
    if (seg.data.empty() || seg.end() <= pcb.rcv.nxt) return false;
    return std::chrono::milliseconds(pcb.ts.recent - seg.options.timestamps->value) <= pcb.rtt.min_rtt();
}

bool tcp_segment_is_outdated(const tcp_pcb &pcb, const tcp_segment &seg)
{
    /*
     * RFC 7323 3.2 would drop segments that lack the option; they are taken, as Linux takes them, because middleboxes
     * strip the option.
     */
    if (!pcb.agreed.timestamps || !seg.options.timestamps || seg.has(TCP_FLG_RST)) return false;
    if (!tcp_timestamp_before(seg.options.timestamps->value, pcb.ts.recent)) return false;
    if (pcb.net.clock.now() - pcb.ts.recent_at >= TCP_PAWS_IDLE) return false;
    return !tcp_ack_is_reordered(pcb, seg) && !tcp_data_is_reordered(pcb, seg);
}

void tcp_timestamp_update(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (!pcb.agreed.timestamps || !seg.options.timestamps) return;
    if (seg.seq > pcb.rcv.acked) return; /* not what our next ACK is about */
    const bool wrapped = pcb.net.clock.now() - pcb.ts.recent_at >= TCP_PAWS_IDLE;
    if (tcp_timestamp_before(seg.options.timestamps->value, pcb.ts.recent) && !wrapped) return;
    pcb.ts.recent = seg.options.timestamps->value;
    pcb.ts.recent_at = pcb.net.clock.now();
}

} // namespace microps
