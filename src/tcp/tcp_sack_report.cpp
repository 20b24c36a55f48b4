/*
 * tcp_sack_report.cpp: the SACK blocks of a connection's ACKs (RFC 2018 4), and what they tell of duplicate data
 * (RFC 2883 4). Which blocks, and in which order, is for parts/tcp_sack.hpp to decide.
 */
#include "tcp_sack_report.hpp"

#include "tcp_acknowledge.hpp"
#include "tcp_layer.hpp"

namespace microps
{

tcp_sack_blocks tcp_sack_report(tcp_pcb &pcb) { return pcb.ack.sack.report(pcb.rcvbuf.out_of_order); }

void tcp_duplicate_arrived(tcp_pcb &pcb, tcp_seq first, tcp_seq last)
{
    if (!pcb.agreed.sack || !pcb.tcp.config.dsack) return;
    if (pcb.ack.sack.duplicate_pending()) return; /* RFC 2883 4.2.2: a segment's first duplicate part */
    const bool out_of_order = first >= pcb.rcv.nxt;
    net_count(pcb.net, out_of_order ? counter::tcp_dsack_ofo_sent : counter::tcp_dsack_old_sent);
    pcb.ack.sack.on_duplicate(first, last);
}

void tcp_old_segment_arrived(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (seg.len() == 0 || seg.has(TCP_FLG_SYN) || seg.seq >= pcb.rcv.nxt) return;
    net_count(pcb.net, counter::tcp_delayed_ack_lost); /* Linux' TCPDelayedACKLost: perhaps our ACK came too late */
    tcp_quick_acks(pcb);
    tcp_duplicate_arrived(pcb, seg.seq, tcp_seq_min(seg.end(), pcb.rcv.nxt));
}

} // namespace microps
