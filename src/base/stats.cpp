/*
 * stats.cpp: the names of what a stack counts: two tables, in the order of the enumerations (which the compiler
 * checks).
 */
#include "microps/stats.hpp"

#include "microps/stack.hpp"

#include <numeric>

namespace microps
{

namespace
{

template <typename T>
struct named {
    T what;
    const char *name;
};

} // namespace

/** Whether there is a name for each enumerator, at its place. */
template <typename T, size_t SIZE>
static constexpr bool is_complete(const std::array<named<T>, SIZE> &table)
{
    for (size_t i = 0; i < SIZE; i++) {
        if (static_cast<size_t>(table[i].what) != i || !table[i].name) return false;
    }
    return SIZE == static_cast<size_t>(T::count);
}

static constexpr std::array<named<drop_reason>, static_cast<size_t>(drop_reason::count)> DROP_REASON_NAMES{{
    {drop_reason::too_short, "too_short"},
    {drop_reason::bad_length, "bad_length"},
    {drop_reason::bad_checksum, "bad_checksum"},
    {drop_reason::bad_header, "bad_header"},
    {drop_reason::no_memory, "no_memory"},
    {drop_reason::device_down, "device_down"},
    {drop_reason::device_error, "device_error"},
    {drop_reason::queue_full, "queue_full"},
    {drop_reason::injected, "injected"},
    {drop_reason::input_queue_full, "input_queue_full"},
    {drop_reason::unknown_ethertype, "unknown_ethertype"},
    {drop_reason::not_for_us, "not_for_us"},
    {drop_reason::too_long, "too_long"},
    {drop_reason::arp_unsupported, "arp_unsupported"},
    {drop_reason::arp_bad_sender, "arp_bad_sender"},
    {drop_reason::arp_queue_full, "arp_queue_full"},
    {drop_reason::arp_unresolved, "arp_unresolved"},
    {drop_reason::arp_cache_full, "arp_cache_full"},
    {drop_reason::ip_version, "ip_version"},
    {drop_reason::ip_martian_source, "ip_martian_source"},
    {drop_reason::ip_not_local, "ip_not_local"},
    {drop_reason::ip_unknown_protocol, "ip_unknown_protocol"},
    {drop_reason::ip_no_route, "ip_no_route"},
    {drop_reason::ip_bad_source, "ip_bad_source"},
    {drop_reason::ip_fragment_overlap, "ip_fragment_overlap"},
    {drop_reason::ip_fragment_limit, "ip_fragment_limit"},
    {drop_reason::ip_fragment_timeout, "ip_fragment_timeout"},
    {drop_reason::icmp_unknown_type, "icmp_unknown_type"},
    {drop_reason::icmp_bad_quote, "icmp_bad_quote"},
    {drop_reason::icmp_rate_limit, "icmp_rate_limit"},
    {drop_reason::icmp_ignored, "icmp_ignored"},
    {drop_reason::udp_no_port, "udp_no_port"},
    {drop_reason::udp_queue_full, "udp_queue_full"},
    {drop_reason::ping_no_socket, "ping_no_socket"},
    {drop_reason::ping_queue_full, "ping_queue_full"},
    {drop_reason::tcp_not_unicast, "tcp_not_unicast"},
    {drop_reason::tcp_no_connection, "tcp_no_connection"},
    {drop_reason::tcp_bad_flags, "tcp_bad_flags"},
    {drop_reason::tcp_bad_ack, "tcp_bad_ack"},
    {drop_reason::tcp_outside_window, "tcp_outside_window"},
    {drop_reason::tcp_bad_rst, "tcp_bad_rst"},
    {drop_reason::tcp_bad_syn, "tcp_bad_syn"},
    {drop_reason::tcp_backlog_full, "tcp_backlog_full"},
    {drop_reason::tcp_syn_queue_full, "tcp_syn_queue_full"},
    {drop_reason::tcp_limit, "tcp_limit"},
    {drop_reason::tcp_reassembly_limit, "tcp_reassembly_limit"},
    {drop_reason::tcp_old_duplicate, "tcp_old_duplicate"},
    {drop_reason::tcp_after_close, "tcp_after_close"},
    {drop_reason::tcp_paws, "tcp_paws"},
    {drop_reason::tcp_bad_cookie, "tcp_bad_cookie"},
    {drop_reason::tcp_time_wait_rst, "tcp_time_wait_rst"},
}};
static_assert(is_complete(DROP_REASON_NAMES));

static constexpr std::array<named<counter>, static_cast<size_t>(counter::count)> COUNTER_NAMES{{
    {counter::dev_rx_frames, "dev_rx_frames"},
    {counter::dev_rx_bytes, "dev_rx_bytes"},
    {counter::dev_tx_frames, "dev_tx_frames"},
    {counter::dev_tx_bytes, "dev_tx_bytes"},
    {counter::dev_tx_errors, "dev_tx_errors"},
    {counter::net_engine_turns, "net_engine_turns"},
    {counter::arp_in_requests, "arp_in_requests"},
    {counter::arp_in_replies, "arp_in_replies"},
    {counter::arp_out_requests, "arp_out_requests"},
    {counter::arp_out_replies, "arp_out_replies"},
    {counter::arp_insertions, "arp_insertions"},
    {counter::arp_updates, "arp_updates"},
    {counter::arp_deletions, "arp_deletions"},
    {counter::ip_in_receives, "IpInReceives"},
    {counter::ip_in_delivers, "IpInDelivers"},
    {counter::ip_out_requests, "IpOutRequests"},
    {counter::ip_reasm_reqds, "IpReasmReqds"},
    {counter::ip_reasm_oks, "IpReasmOks"},
    {counter::ip_reasm_fails, "IpReasmFails"},
    {counter::ip_frag_oks, "IpFragOks"},
    {counter::ip_frag_fails, "IpFragFails"},
    {counter::ip_frag_creates, "IpFragCreates"},
    {counter::icmp_in_msgs, "IcmpInMsgs"},
    {counter::icmp_in_errors, "IcmpInErrors"},
    {counter::icmp_in_dest_unreachs, "IcmpInDestUnreachs"},
    {counter::icmp_in_time_excds, "IcmpInTimeExcds"},
    {counter::icmp_in_parm_probs, "IcmpInParmProbs"},
    {counter::icmp_in_src_quenchs, "IcmpInSrcQuenchs"},
    {counter::icmp_in_redirects, "IcmpInRedirects"},
    {counter::icmp_in_echos, "IcmpInEchos"},
    {counter::icmp_in_echo_reps, "IcmpInEchoReps"},
    {counter::icmp_out_msgs, "IcmpOutMsgs"},
    {counter::icmp_out_dest_unreachs, "IcmpOutDestUnreachs"},
    {counter::icmp_out_time_excds, "IcmpOutTimeExcds"},
    {counter::icmp_out_echos, "IcmpOutEchos"},
    {counter::icmp_out_echo_reps, "IcmpOutEchoReps"},
    {counter::udp_in_datagrams, "UdpInDatagrams"},
    {counter::udp_no_ports, "UdpNoPorts"},
    {counter::udp_in_errors, "UdpInErrors"},
    {counter::udp_out_datagrams, "UdpOutDatagrams"},
    {counter::udp_rcvbuf_errors, "UdpRcvbufErrors"},
    {counter::tcp_active_opens, "TcpActiveOpens"},
    {counter::tcp_passive_opens, "TcpPassiveOpens"},
    {counter::tcp_attempt_fails, "TcpAttemptFails"},
    {counter::tcp_estab_resets, "TcpEstabResets"},
    {counter::tcp_in_segs, "TcpInSegs"},
    {counter::tcp_out_segs, "TcpOutSegs"},
    {counter::tcp_retrans_segs, "TcpRetransSegs"},
    {counter::tcp_in_errs, "TcpInErrs"},
    {counter::tcp_out_rsts, "TcpOutRsts"},
    {counter::tcp_state_changes, "tcp_state_changes"},
    {counter::tcp_fast_retrans, "TcpExtTCPFastRetrans"},
    {counter::tcp_timeouts, "TcpExtTCPTimeouts"},
    {counter::tcp_zero_window_probes, "TcpExtTCPWinProbe"},
    {counter::tcp_ofo_queue, "TcpExtTCPOFOQueue"},
    {counter::tcp_duplicate_acks_in, "tcp_duplicate_acks_in"},
    {counter::tcp_listen_overflows, "TcpExtListenOverflows"},
    {counter::tcp_time_wait, "TcpExtTW"},
    {counter::tcp_abort_on_timeout, "TcpExtTCPAbortOnTimeout"},
    {counter::tcp_abort_on_data, "TcpExtTCPAbortOnData"},
    {counter::tcp_challenge_acks, "TcpExtTCPChallengeACK"},
    {counter::tcp_pcbs_released, "tcp_pcbs_released"},
    {counter::tcp_curr_estab, "TcpCurrEstab"},
    {counter::tcp_pure_acks, "TcpExtTCPPureAcks"},
    {counter::tcp_delayed_acks, "TcpExtDelayedACKs"},
    {counter::tcp_delayed_ack_lost, "TcpExtDelayedACKLost"},
    {counter::tcp_orig_data_sent, "TcpExtTCPOrigDataSent"},
    {counter::tcp_delivered, "TcpExtTCPDelivered"},
    {counter::tcp_paws_active, "TcpExtPAWSActive"},
    {counter::tcp_paws_estab, "TcpExtPAWSEstab"},
    {counter::tcp_paws_old_ack, "TcpExtPAWSOldAck"},
    {counter::tcp_ofo_drop, "TcpExtTCPOFODrop"},
    {counter::tcp_ofo_merge, "TcpExtTCPOFOMerge"},
    {counter::tcp_dsack_old_sent, "TcpExtTCPDSACKOldSent"},
    {counter::tcp_dsack_ofo_sent, "TcpExtTCPDSACKOfoSent"},
    {counter::tcp_dsack_recv, "TcpExtTCPDSACKRecv"},
    {counter::tcp_dsack_ofo_recv, "TcpExtTCPDSACKOfoRecv"},
    {counter::tcp_dsack_ignored, "TcpExtTCPDSACKIgnoredNoUndo"},
    {counter::tcp_sack_discard, "TcpExtTCPSACKDiscard"},
    {counter::tcp_sack_reneging, "TcpExtTCPSACKReneging"},
    {counter::tcp_sack_recovery, "TcpExtTCPSackRecovery"},
    {counter::tcp_reno_recovery, "TcpExtTCPRenoRecovery"},
    {counter::tcp_sack_reorder, "TcpExtTCPSACKReorder"},
    {counter::tcp_ts_reorder, "TcpExtTCPTSReorder"},
    {counter::tcp_full_undo, "TcpExtTCPFullUndo"},
    {counter::tcp_partial_undo, "TcpExtTCPPartialUndo"},
    {counter::tcp_dsack_undo, "TcpExtTCPDSACKUndo"},
    {counter::tcp_loss_undo, "TcpExtTCPLossUndo"},
    {counter::tcp_spurious_rtos, "TcpExtTCPSpuriousRTOs"},
    {counter::tcp_lost_retransmit, "TcpExtTCPLostRetransmit"},
    {counter::tcp_slow_start_retrans, "TcpExtTCPSlowStartRetrans"},
    {counter::tcp_syn_retrans, "TcpExtTCPSynRetrans"},
    {counter::tcp_loss_probes, "TcpExtTCPLossProbes"},
    {counter::tcp_loss_probe_recovery, "TcpExtTCPLossProbeRecovery"},
    {counter::tcp_sack_failures, "TcpExtTCPSackFailures"},
    {counter::tcp_reno_failures, "TcpExtTCPRenoFailures"},
    {counter::tcp_loss_failures, "TcpExtTCPLossFailures"},
    {counter::tcp_hystart_css, "tcp_hystart_css"},
    {counter::tcp_keep_alive, "TcpExtTCPKeepAlive"},
    {counter::tcp_abort_on_close, "TcpExtTCPAbortOnClose"},
    {counter::tcp_abort_on_linger, "TcpExtTCPAbortOnLinger"},
    {counter::tcp_abort_on_memory, "TcpExtTCPAbortOnMemory"},
    {counter::tcp_syn_challenge, "TcpExtTCPSYNChallenge"},
    {counter::tcp_ack_skipped, "tcp_ack_skipped"},
    {counter::tcp_listen_drops, "TcpExtListenDrops"},
    {counter::tcp_embryonic_rsts, "TcpExtEmbryonicRsts"},
    {counter::tcp_syncookies_sent, "TcpExtSyncookiesSent"},
    {counter::tcp_syncookies_recv, "TcpExtSyncookiesRecv"},
    {counter::tcp_syncookies_failed, "TcpExtSyncookiesFailed"},
    {counter::tcp_req_q_full_do_cookies, "TcpExtTCPReqQFullDoCookies"},
    {counter::tcp_req_q_full_drop, "TcpExtTCPReqQFullDrop"},
    {counter::tcp_time_wait_recycled, "TcpExtTWRecycled"},
    {counter::tcp_time_wait_overflow, "TcpExtTCPTimeWaitOverflow"},
    {counter::tcp_mtup_fail, "TcpExtTCPMTUPFail"},
    {counter::tcp_pmtu_updates, "tcp_pmtu_updates"},
    {counter::tcp_to_zero_window_adv, "TcpExtTCPToZeroWindowAdv"},
    {counter::tcp_from_zero_window_adv, "TcpExtTCPFromZeroWindowAdv"},
    {counter::tcp_want_zero_window_adv, "TcpExtTCPWantZeroWindowAdv"},
}};
static_assert(is_complete(COUNTER_NAMES));

const char *drop_reason_name(drop_reason reason)
{
    return reason < drop_reason::count ? DROP_REASON_NAMES[static_cast<size_t>(reason)].name : "?";
}

const char *counter_name(counter what)
{
    return what < counter::count ? COUNTER_NAMES[static_cast<size_t>(what)].name : "?";
}

void net_count(net_stack &net, counter what, uint64_t n) { net.stats.counters[static_cast<size_t>(what)] += n; }

void net_count_drop(net_stack &net, drop_reason reason, uint64_t n)
{
    net.stats.drops[static_cast<size_t>(reason)] += n;
}

uint64_t net_stats::dropped() const { return std::accumulate(drops.begin(), drops.end(), uint64_t{0}); }

} // namespace microps
