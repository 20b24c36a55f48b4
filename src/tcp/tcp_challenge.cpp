/*
 * tcp_challenge.cpp: ACKs that answer unacceptable segments, and challenge ACKs (RFC 5961, RFC 9293 3.10.7.4). The
 * real peer learns from them where the connection stands, and an off-path attacker learns nothing.
 *
 * An off-path attacker can provoke them, and so can two ends that find each other's ACKs unacceptable, which would
 * answer each other for ever. So they are bounded: per connection by time, and challenges also per second for the whole
 * stack. The same answer has been given a moment before, so no recovery waits for one that is skipped. What carries
 * data or a FIN, which a peer retransmits until it is acknowledged, is always answered.
 */
#include "tcp_challenge.hpp"

#include "tcp_layer.hpp"
#include "tcp_output.hpp"
#include "tcp_sack_report.hpp"

namespace microps
{

bool tcp_may_answer(tcp_pcb &pcb)
{
    if (pcb.ack.unacceptable.permits(pcb.net.clock.now(), pcb.tcp.config.invalid_ratelimit, 1)) return true;
    net_count(pcb.net, counter::tcp_ack_skipped);
    return false;
}

void tcp_answer_unacceptable(tcp_pcb &pcb, const tcp_segment &seg)
{
    if (seg.has(TCP_FLG_RST)) return;
    const bool cheap = seg.len() == 0 || seg.has(TCP_FLG_SYN); /* a SYN costs an off-path attacker nothing */
    if (cheap && !tcp_may_answer(pcb)) return;
    tcp_old_segment_arrived(pcb, seg);
    tcp_output_ack(pcb);
}

/**
 * RFC 5961 7: bounded per second. The bound varies by chance, because an attacker who can count our challenge ACKs
 * against a fixed one learns about other connections (CVE-2016-5696).
 */
static bool tcp_may_challenge(tcp_layer &tcp) MICROPS_REQUIRES(net_locked)
{
    const net_time now = tcp.net.clock.now();
    if (tcp.challenges.count == 0 || now - tcp.challenges.since >= std::chrono::seconds(1)) {
        const uint64_t limit = tcp.config.challenge_acks;
        tcp.challenge_limit = (limit + 1) / 2 + tcp.net.random.below(limit);
    }
    return tcp.challenges.permits(now, std::chrono::seconds(1), tcp.challenge_limit);
}

void tcp_challenge_ack(tcp_pcb &pcb)
{
    if (!tcp_may_answer(pcb) || !tcp_may_challenge(pcb.tcp)) return;
    net_count(pcb.net, counter::tcp_challenge_acks);
    tcp_output_ack(pcb);
}

} // namespace microps
