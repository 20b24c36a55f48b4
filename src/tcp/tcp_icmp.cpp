/*
 * tcp_icmp.cpp: ICMP errors about our segments (RFC 9293 3.9.2.2, RFC 1122 4.2.3.9, RFC 5927).
 *
 * An off-path attacker can send such an error, too, so it counts only if it quotes a segment that is outstanding. Even
 * then it ends no connection that is established: it is remembered as the reason, should the connection time out.
 * "Fragmentation needed" is none of these: it is about the size of segments (tcp_pmtu.cpp).
 */
#include "tcp_icmp.hpp"

#include "microps/icmp.hpp"
#include "parts/tcp_seq.hpp"
#include "tcp_layer.hpp"
#include "tcp_listen.hpp"
#include "tcp_pcb.hpp"
#include "tcp_pmtu.hpp"

namespace microps
{

/** What RFC 792 promises of the quoted segment: the first eight bytes. */
struct tcp_quote {
    be16 src{};
    be16 dst{};
    be32 seq{};
};

/**
 * Whether the error quotes a segment that is outstanding: an off-path attacker would have to guess the sequence number.
 */
static bool tcp_quote_is_ours(const tcp_pcb &pcb, tcp_seq seq)
{
    const bool open = tcp_is_synchronized(pcb.state) || pcb.state == tcp_pcb_state::syn_sent;
    return open && pcb.snd.una <= seq && seq < pcb.snd.nxt;
}

/* RFC 1122 4.2.3.9: protocol and port unreachable are hard errors; the others may pass. */
static bool tcp_error_is_hard(const ip_error &error)
{
    return error.type == ICMP_TYPE_DEST_UNREACH &&
           (error.code == ICMP_CODE_PROTO_UNREACH || error.code == ICMP_CODE_PORT_UNREACH);
}

void tcp_error(tcp_layer &tcp, const ip_error &error)
{
    std::span<const uint8_t> quote = error.quote;
    const auto hdr = wire_read<tcp_quote>(quote);
    if (!hdr) return;
    tcp_pcb *pcb = tcp_connection_select(tcp, {error.src, hdr->src}, {error.dst, hdr->dst});
    if (!pcb || !tcp_quote_is_ours(*pcb, tcp_seq(hdr->seq))) {
        return net_drop(tcp.net, drop_reason::icmp_bad_quote, "no such segment is outstanding, type=%u, code=%u",
                        error.type, error.code);
    }
    if (error.type == ICMP_TYPE_DEST_UNREACH && error.code == ICMP_CODE_FRAGMENT_NEEDED) {
        return tcp_fragmentation_needed(*pcb, error);
    }
    const int cause = icmp_error_to_errno(error.type, error.code);
    if (cause == 0) return;
    if (tcp_is_opening(pcb->state) && tcp_error_is_hard(error)) {
        if (pcb->handshake.passive) return tcp_passive_failed(*pcb);
        return tcp_pcb_fail(*pcb, cause);
    }
    /* RFC 5927 4: once synchronized, hard errors count as soft ones; they are the reason if it times out. */
    pcb->timing.soft_error = cause;
}

} // namespace microps
