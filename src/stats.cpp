/*
 * stats.cpp: the names of what a stack counts.
 */
#include "microps/stats.hpp"

#include "microps/stack.hpp"

#include <numeric>

namespace microps
{

const char *drop_reason_name(drop_reason reason)
{
    switch (reason) {
    case drop_reason::too_short:
        return "too_short";
    case drop_reason::bad_length:
        return "bad_length";
    case drop_reason::bad_checksum:
        return "bad_checksum";
    case drop_reason::bad_header:
        return "bad_header";
    case drop_reason::no_memory:
        return "no_memory";
    case drop_reason::device_down:
        return "device_down";
    case drop_reason::device_error:
        return "device_error";
    case drop_reason::queue_full:
        return "queue_full";
    case drop_reason::injected:
        return "injected";
    case drop_reason::input_queue_full:
        return "input_queue_full";
    case drop_reason::unknown_ethertype:
        return "unknown_ethertype";
    case drop_reason::not_for_us:
        return "not_for_us";
    case drop_reason::too_long:
        return "too_long";
    case drop_reason::arp_unsupported:
        return "arp_unsupported";
    case drop_reason::arp_bad_sender:
        return "arp_bad_sender";
    case drop_reason::arp_queue_full:
        return "arp_queue_full";
    case drop_reason::arp_unresolved:
        return "arp_unresolved";
    case drop_reason::arp_cache_full:
        return "arp_cache_full";
    case drop_reason::ip_version:
        return "ip_version";
    case drop_reason::ip_martian_source:
        return "ip_martian_source";
    case drop_reason::ip_not_local:
        return "ip_not_local";
    case drop_reason::ip_unknown_protocol:
        return "ip_unknown_protocol";
    case drop_reason::ip_no_route:
        return "ip_no_route";
    case drop_reason::ip_bad_source:
        return "ip_bad_source";
    case drop_reason::ip_fragment_overlap:
        return "ip_fragment_overlap";
    case drop_reason::ip_fragment_limit:
        return "ip_fragment_limit";
    case drop_reason::ip_fragment_timeout:
        return "ip_fragment_timeout";
    case drop_reason::icmp_unknown_type:
        return "icmp_unknown_type";
    case drop_reason::icmp_bad_quote:
        return "icmp_bad_quote";
    case drop_reason::icmp_rate_limit:
        return "icmp_rate_limit";
    case drop_reason::icmp_ignored:
        return "icmp_ignored";
    case drop_reason::udp_no_port:
        return "udp_no_port";
    case drop_reason::udp_queue_full:
        return "udp_queue_full";
    case drop_reason::ping_no_socket:
        return "ping_no_socket";
    case drop_reason::ping_queue_full:
        return "ping_queue_full";
    case drop_reason::tcp_not_unicast:
        return "tcp_not_unicast";
    case drop_reason::tcp_no_connection:
        return "tcp_no_connection";
    case drop_reason::tcp_bad_flags:
        return "tcp_bad_flags";
    case drop_reason::tcp_bad_ack:
        return "tcp_bad_ack";
    case drop_reason::tcp_outside_window:
        return "tcp_outside_window";
    case drop_reason::tcp_bad_rst:
        return "tcp_bad_rst";
    case drop_reason::tcp_bad_syn:
        return "tcp_bad_syn";
    case drop_reason::tcp_backlog_full:
        return "tcp_backlog_full";
    case drop_reason::tcp_syn_queue_full:
        return "tcp_syn_queue_full";
    case drop_reason::tcp_limit:
        return "tcp_limit";
    case drop_reason::tcp_reassembly_limit:
        return "tcp_reassembly_limit";
    case drop_reason::tcp_old_duplicate:
        return "tcp_old_duplicate";
    case drop_reason::tcp_after_close:
        return "tcp_after_close";
    case drop_reason::count:
        break;
    }
    net_unreachable();
}

const char *counter_name(counter what)
{
    switch (what) {
    case counter::dev_rx_frames:
        return "dev_rx_frames";
    case counter::dev_rx_bytes:
        return "dev_rx_bytes";
    case counter::dev_tx_frames:
        return "dev_tx_frames";
    case counter::dev_tx_bytes:
        return "dev_tx_bytes";
    case counter::dev_tx_errors:
        return "dev_tx_errors";
    case counter::net_engine_turns:
        return "net_engine_turns";
    case counter::arp_in_requests:
        return "arp_in_requests";
    case counter::arp_in_replies:
        return "arp_in_replies";
    case counter::arp_out_requests:
        return "arp_out_requests";
    case counter::arp_out_replies:
        return "arp_out_replies";
    case counter::arp_insertions:
        return "arp_insertions";
    case counter::arp_updates:
        return "arp_updates";
    case counter::arp_deletions:
        return "arp_deletions";
    case counter::ip_in_receives:
        return "IpInReceives";
    case counter::ip_in_delivers:
        return "IpInDelivers";
    case counter::ip_out_requests:
        return "IpOutRequests";
    case counter::ip_reasm_reqds:
        return "IpReasmReqds";
    case counter::ip_reasm_oks:
        return "IpReasmOks";
    case counter::ip_reasm_fails:
        return "IpReasmFails";
    case counter::ip_frag_oks:
        return "IpFragOks";
    case counter::ip_frag_fails:
        return "IpFragFails";
    case counter::ip_frag_creates:
        return "IpFragCreates";
    case counter::icmp_in_msgs:
        return "IcmpInMsgs";
    case counter::icmp_in_errors:
        return "IcmpInErrors";
    case counter::icmp_in_dest_unreachs:
        return "IcmpInDestUnreachs";
    case counter::icmp_in_time_excds:
        return "IcmpInTimeExcds";
    case counter::icmp_in_parm_probs:
        return "IcmpInParmProbs";
    case counter::icmp_in_src_quenchs:
        return "IcmpInSrcQuenchs";
    case counter::icmp_in_redirects:
        return "IcmpInRedirects";
    case counter::icmp_in_echos:
        return "IcmpInEchos";
    case counter::icmp_in_echo_reps:
        return "IcmpInEchoReps";
    case counter::icmp_out_msgs:
        return "IcmpOutMsgs";
    case counter::icmp_out_dest_unreachs:
        return "IcmpOutDestUnreachs";
    case counter::icmp_out_time_excds:
        return "IcmpOutTimeExcds";
    case counter::icmp_out_echos:
        return "IcmpOutEchos";
    case counter::icmp_out_echo_reps:
        return "IcmpOutEchoReps";
    case counter::udp_in_datagrams:
        return "UdpInDatagrams";
    case counter::udp_no_ports:
        return "UdpNoPorts";
    case counter::udp_in_errors:
        return "UdpInErrors";
    case counter::udp_out_datagrams:
        return "UdpOutDatagrams";
    case counter::udp_rcvbuf_errors:
        return "UdpRcvbufErrors";
    case counter::tcp_active_opens:
        return "TcpActiveOpens";
    case counter::tcp_passive_opens:
        return "TcpPassiveOpens";
    case counter::tcp_attempt_fails:
        return "TcpAttemptFails";
    case counter::tcp_estab_resets:
        return "TcpEstabResets";
    case counter::tcp_in_segs:
        return "TcpInSegs";
    case counter::tcp_out_segs:
        return "TcpOutSegs";
    case counter::tcp_retrans_segs:
        return "TcpRetransSegs";
    case counter::tcp_in_errs:
        return "TcpInErrs";
    case counter::tcp_out_rsts:
        return "TcpOutRsts";
    case counter::tcp_state_changes:
        return "tcp_state_changes";
    case counter::tcp_fast_retrans:
        return "TcpExtTCPFastRetrans";
    case counter::tcp_timeouts:
        return "TcpExtTCPTimeouts";
    case counter::tcp_zero_window_probes:
        return "TcpExtTCPWinProbe";
    case counter::tcp_ofo_queue:
        return "TcpExtTCPOFOQueue";
    case counter::tcp_duplicate_acks_in:
        return "tcp_duplicate_acks_in";
    case counter::tcp_listen_overflows:
        return "TcpExtListenOverflows";
    case counter::tcp_time_wait:
        return "TcpExtTW";
    case counter::tcp_abort_on_timeout:
        return "TcpExtTCPAbortOnTimeout";
    case counter::tcp_abort_on_data:
        return "TcpExtTCPAbortOnData";
    case counter::tcp_challenge_acks:
        return "TcpExtTCPChallengeACK";
    case counter::tcp_pcbs_released:
        return "tcp_pcbs_released";
    case counter::count:
        break;
    }
    net_unreachable();
}

void net_count(net_stack &net, counter what, uint64_t n) { net.stats.counters[static_cast<size_t>(what)] += n; }

void net_count_drop(net_stack &net, drop_reason reason, uint64_t n)
{
    net.stats.drops[static_cast<size_t>(reason)] += n;
}

uint64_t net_stats::dropped() const { return std::accumulate(drops.begin(), drops.end(), uint64_t{0}); }

} // namespace microps
