/*
 * stats.hpp: what a stack counts. Nothing is lost silently: each drop has a reason, each reason a counter.
 *
 * Where Linux counts the same thing, the counter has the name that Linux' `nstat` prints.
 */
#pragma once

#include "microps/log.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace microps
{

/** Why a packet, or a part of one, was thrown away. */
enum class drop_reason : uint8_t {
    /* any layer */
    too_short,
    bad_length,
    bad_checksum,
    bad_header,
    no_memory,
    /* devices */
    device_down,
    device_error,
    queue_full,
    injected,
    /* net, ethernet */
    input_queue_full,
    unknown_ethertype,
    not_for_us,
    too_long,
    /* arp */
    arp_unsupported,
    arp_bad_sender,
    arp_queue_full,
    arp_unresolved,
    arp_cache_full,
    /* ip */
    ip_version,
    ip_martian_source,
    ip_not_local,
    ip_unknown_protocol,
    ip_no_route,
    ip_bad_source,
    ip_fragment_overlap,
    ip_fragment_limit,
    ip_fragment_timeout,
    /* icmp */
    icmp_unknown_type,
    icmp_bad_quote,
    icmp_rate_limit,
    icmp_ignored,
    /* udp */
    udp_no_port,
    udp_queue_full,
    /* icmp sockets */
    ping_no_socket,
    ping_queue_full,
    /* tcp */
    tcp_not_unicast,
    tcp_no_connection,
    tcp_bad_flags,
    tcp_bad_ack,
    tcp_outside_window,
    tcp_bad_rst,
    tcp_bad_syn,
    tcp_backlog_full,
    tcp_syn_queue_full,
    tcp_limit,
    tcp_reassembly_limit,
    tcp_old_duplicate,
    tcp_after_close,
    tcp_paws,
    tcp_bad_cookie,
    tcp_time_wait_rst,
    count
};

/** Events counted beside the drops. */
enum class counter : uint8_t {
    /* net */
    dev_rx_frames,
    dev_rx_bytes,
    dev_tx_frames,
    dev_tx_bytes,
    dev_tx_errors,
    net_engine_turns,
    /* arp */
    arp_in_requests,
    arp_in_replies,
    arp_out_requests,
    arp_out_replies,
    arp_insertions,
    arp_updates,
    arp_deletions,
    /* ip */
    ip_in_receives,
    ip_in_delivers,
    ip_out_requests,
    ip_reasm_reqds,
    ip_reasm_oks,
    ip_reasm_fails,
    ip_frag_oks,
    ip_frag_fails,
    ip_frag_creates,
    /* icmp */
    icmp_in_msgs,
    icmp_in_errors,
    icmp_in_dest_unreachs,
    icmp_in_time_excds,
    icmp_in_parm_probs,
    icmp_in_src_quenchs,
    icmp_in_redirects,
    icmp_in_echos,
    icmp_in_echo_reps,
    icmp_out_msgs,
    icmp_out_dest_unreachs,
    icmp_out_time_excds,
    icmp_out_echos,
    icmp_out_echo_reps,
    /* udp */
    udp_in_datagrams,
    udp_no_ports,
    udp_in_errors,
    udp_out_datagrams,
    udp_rcvbuf_errors,
    /* tcp */
    tcp_active_opens,
    tcp_passive_opens,
    tcp_attempt_fails,
    tcp_estab_resets,
    tcp_in_segs,
    tcp_out_segs,
    tcp_retrans_segs,
    tcp_in_errs,
    tcp_out_rsts,
    tcp_state_changes,
    tcp_fast_retrans,
    tcp_timeouts,
    tcp_zero_window_probes,
    tcp_ofo_queue,
    tcp_duplicate_acks_in,
    tcp_listen_overflows,
    tcp_time_wait,
    tcp_abort_on_timeout,
    tcp_abort_on_data,
    tcp_challenge_acks,
    tcp_pcbs_released,
    tcp_curr_estab, /* a level, not a sum: ESTABLISHED and CLOSE_WAIT now */
    tcp_pure_acks,
    tcp_delayed_acks,
    tcp_delayed_ack_lost,
    tcp_orig_data_sent,
    tcp_delivered,
    tcp_paws_active,
    tcp_paws_estab,
    tcp_paws_old_ack,
    tcp_ofo_drop,
    tcp_ofo_merge,
    tcp_dsack_old_sent,
    tcp_dsack_ofo_sent,
    tcp_dsack_recv,
    tcp_dsack_ofo_recv,
    tcp_dsack_ignored,
    tcp_sack_discard,
    tcp_sack_reneging,
    tcp_sack_recovery,
    tcp_reno_recovery,
    tcp_sack_reorder,
    tcp_ts_reorder,
    tcp_full_undo,
    tcp_partial_undo,
    tcp_dsack_undo,
    tcp_loss_undo,
    tcp_spurious_rtos,
    tcp_lost_retransmit,
    tcp_slow_start_retrans,
    tcp_syn_retrans,
    tcp_loss_probes,
    tcp_loss_probe_recovery,
    tcp_sack_failures,
    tcp_reno_failures,
    tcp_loss_failures,
    tcp_hystart_css,
    tcp_keep_alive,
    tcp_abort_on_close,
    tcp_abort_on_linger,
    tcp_abort_on_memory,
    tcp_syn_challenge,
    tcp_ack_skipped,
    tcp_listen_drops,
    tcp_embryonic_rsts,
    tcp_syncookies_sent,
    tcp_syncookies_recv,
    tcp_syncookies_failed,
    tcp_req_q_full_do_cookies,
    tcp_req_q_full_drop,
    tcp_time_wait_recycled,
    tcp_time_wait_overflow,
    tcp_mtup_fail,
    tcp_pmtu_updates,
    tcp_to_zero_window_adv,
    tcp_from_zero_window_adv,
    tcp_want_zero_window_adv,
    count
};

/** All counters of one stack. Read them under the stack's lock, or while its threads are stopped. */
struct net_stats {
    std::array<uint64_t, static_cast<size_t>(drop_reason::count)> drops{};
    std::array<uint64_t, static_cast<size_t>(counter::count)> counters{};

    [[nodiscard]] uint64_t operator[](drop_reason reason) const { return drops[static_cast<size_t>(reason)]; }
    [[nodiscard]] uint64_t operator[](counter what) const { return counters[static_cast<size_t>(what)]; }
    /** All drops together. */
    [[nodiscard]] uint64_t dropped() const;
};

/** The printable name: "bad_checksum"; for counters Linux' name where it has one: "IpInReceives". */
const char *drop_reason_name(drop_reason reason);
const char *counter_name(counter what);

struct net_stack;
void net_count(net_stack &net, counter what, uint64_t n = 1);
void net_count_drop(net_stack &net, drop_reason reason, uint64_t n = 1);

} // namespace microps

/** Throws a packet away: counts the reason, logs the text at debug level under the caller's name. A void expression. */
#define net_drop(net, reason, ...) (::microps::net_count_drop((net), (reason)), debugf(__VA_ARGS__))
