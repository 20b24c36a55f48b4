/*
 * tcp.hpp: the Transmission Control Protocol (RFC 9293): its tunables (tcp_config, and by Linux' sysctl names), and
 * what it tells about a connection (tcp_info_data). The user calls are those of sockets, in sock.hpp; congestion
 * controls are in tcp_congestion.hpp.
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/stack.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/types.h>

namespace microps
{

/* The states, in the numbers of the original's tcp_state(). */
inline constexpr int TCP_STATE_CLOSED = 1;
inline constexpr int TCP_STATE_LISTEN = 2;
inline constexpr int TCP_STATE_SYN_SENT = 3;
inline constexpr int TCP_STATE_SYN_RECEIVED = 4;
inline constexpr int TCP_STATE_ESTABLISHED = 5;
inline constexpr int TCP_STATE_FIN_WAIT1 = 6;
inline constexpr int TCP_STATE_FIN_WAIT2 = 7;
inline constexpr int TCP_STATE_CLOSING = 8;
inline constexpr int TCP_STATE_TIME_WAIT = 9;
inline constexpr int TCP_STATE_CLOSE_WAIT = 10;
inline constexpr int TCP_STATE_LAST_ACK = 11;

/** The dynamic ports (RFC 6335 6), from which a local port is chosen. */
inline constexpr uint16_t TCP_SOURCE_PORT_MIN = 49152;
inline constexpr uint16_t TCP_SOURCE_PORT_MAX = 65535;

/**
 * Bounds and tunables of TCP, for each stack. A comment names the unit, the RFC, and in parentheses Linux' sysctl, by
 * which tcp_sysctl_set() sets the value too. The defaults are Linux' unless the comment says otherwise. Each mechanism
 * can be switched off, so that its effect can be watched. Open connections follow a change, except that buffer sizes
 * and the congestion control are copied when a connection is opened.
 */
struct tcp_config {
    /* Bounds */
    size_t pcb_max = 10000; /* connections and listeners together, TIME-WAIT included; Linux is bounded by memory */
    size_t half_open_max = 1024; /* half-open connections of one listener (tcp_max_syn_backlog; Linux: by memory) */
    size_t backlog_max = 4096;   /* upper bound of listen()'s backlog, the accept queue (net.core.somaxconn) */

    /* Buffers, in bytes of data; Linux' numbers in tcp_rmem and tcp_wmem include its overhead */
    size_t receive_buffer = 65535;       /* initial size (tcp_rmem): the largest window without window scaling */
    size_t receive_buffer_max = 6291456; /* the size up to which it grows by itself (tcp_rmem) */
    size_t send_buffer = 262144;         /* initial size (tcp_wmem; Linux: 16384, which grows from the handshake on) */
    size_t send_buffer_max = 4194304;    /* the size up to which it grows by itself (tcp_wmem) */
    bool moderate_receive_buffer = true; /* grow with what the program reads per round trip (tcp_moderate_rcvbuf) */
    bool moderate_send_buffer = true;    /* grow with cwnd; Linux always does */
    size_t reassembly_ranges = 512;      /* ranges of out-of-order data of one connection; Linux counts memory */
    size_t sent_segments = size_t{1} << 14; /* segments outstanding on one connection, a bound of the scoreboard */

    /* Options */
    bool window_scaling = true; /* RFC 7323 2 (tcp_window_scaling) */
    bool timestamps = true;     /* RFC 7323 3 (tcp_timestamps) */
    bool sack = true;           /* RFC 2018 (tcp_sack) */
    bool dsack = true;          /* report duplicates by SACK, RFC 2883 (tcp_dsack) */

    /* Segment sizes */
    bool path_mtu_discovery = true; /* RFC 1191: set DF on every segment (the opposite of ip_no_pmtu_disc) */
    /* RFC 4821: 0: never, 1: smaller segments once a black hole is suspected (tcp_mtu_probing). Linux' default is 0,
       with which nothing large gets through a path that discards ICMP errors. */
    unsigned mtu_probing = 1;
    uint32_t base_mss = 1024; /* bytes of data of the first smaller segment (tcp_base_mss) */
    uint32_t min_mss = 48;    /* bytes of data of the smallest segment (tcp_min_snd_mss, tcp_mtu_probe_floor) */

    /* Loss recovery; what has no sysctl here Linux cannot switch off */
    bool rack = true;                        /* RFC 8985; off: RFC 6675, or RFC 6582 without SACK (tcp_recovery) */
    bool tail_loss_probe = true;             /* TLP, RFC 8985 7 (tcp_early_retrans) */
    bool limited_transmit = true;            /* RFC 3042: the first duplicate ACKs let new data out */
    bool proportional_rate_reduction = true; /* PRR, RFC 9937: reduce by and by in fast recovery, not at once */
    bool frto = true;                        /* F-RTO, RFC 5682: detect spurious timeouts (tcp_frto) */
    bool undo = true;                        /* undo spurious reductions, RFC 4015, RFC 3708 */
    unsigned dup_thresh = 3;                 /* DupThresh, in segments, RFC 5681 3.2 (tcp_reordering) */
    unsigned dup_thresh_max = 300;           /* the largest that reordering leads to (tcp_max_reordering) */

    /* Congestion control */
    std::string congestion_control = "cubic"; /* or "reno", or a program's own (tcp_congestion_control) */
    bool hystart = true;                      /* HyStart++, RFC 9406, for CUBIC; Linux has its predecessor, HyStart */
    unsigned initial_window = 10;             /* segments, RFC 6928; Linux sets it for each route (initcwnd) */
    unsigned appropriate_byte_counting = 0;   /* RFC 3465's L: segments an ACK counts for in slow start; 0: all */
    bool slow_start_after_idle = true; /* a cwnd that is not used shrinks, RFC 2861 (tcp_slow_start_after_idle) */

    /* Retransmission (RFC 6298, RFC 9293 3.8.3) */
    net_duration rto_initial = std::chrono::seconds(1); /* RTO before the first measurement, RFC 6298 2.1 */
    /* RFC 6298 2.4 SHOULD: 1 s. That is too long for today's paths, and Linux' value (tcp_rto_min_us). */
    net_duration rto_min = std::chrono::milliseconds(200);
    net_duration rto_max = std::chrono::seconds(120); /* RFC 6298 2.5: at least 60 s (tcp_rto_max_ms) */
    unsigned syn_retries = 6;    /* R2: retransmitted SYNs before ETIMEDOUT, 127 s in all (tcp_syn_retries) */
    unsigned synack_retries = 5; /* retransmitted SYN-ACKs before we give up, 63 s in all (tcp_synack_retries) */
    unsigned retries1 = 3;       /* R1: retransmissions before the route is suspected (tcp_retries1) */
    unsigned data_retries = 15;  /* R2: as long as so many retransmissions take, 15 minutes (tcp_retries2) */
    /* The same after close(): 9 minutes (tcp_orphan_retries). Linux' default, 0, means 8 there: 102 s. Ours is longer,
       so that what was written before close() survives a longer outage. */
    unsigned orphan_retries = 12;

    /* Acknowledging (RFC 9293 3.8.6.3: an ACK is delayed by less than 500 ms; Linux' values are fixed) */
    net_duration delayed_ack = std::chrono::milliseconds(40);      /* the shortest delay of a delayed ACK */
    net_duration delayed_ack_max = std::chrono::milliseconds(200); /* the longest, where segments come seldom */
    unsigned quick_acks = 16; /* the most ACKs sent at once at the start, after a pause and after out-of-order data */

    /* How long connections last */
    net_duration time_wait = std::chrono::seconds(60);   /* TIME-WAIT, 2 MSL; RFC 9293: 4 minutes; Linux: fixed */
    net_duration fin_wait2 = std::chrono::seconds(60);   /* FIN-WAIT-2 after close() (tcp_fin_timeout) */
    net_duration keepalive_time = std::chrono::hours(2); /* silence before the first probe (tcp_keepalive_time) */
    net_duration keepalive_interval = std::chrono::seconds(75); /* between two probes (tcp_keepalive_intvl) */
    unsigned keepalive_probes = 9;  /* unanswered probes before ETIMEDOUT (tcp_keepalive_probes) */
    bool abort_on_overflow = false; /* answer by RST when the accept queue is full (tcp_abort_on_overflow) */
    /* TIME-WAIT ignores RST (tcp_rfc1337). Linux' default is off; on, an old duplicate cannot end it (RFC 1337 3). */
    bool rfc1337 = true;

    /* Defence against attacks */
    unsigned syncookies = 1; /* RFC 4987 3.6: 0: never, 1: when half_open_max is reached, 2: always (tcp_syncookies) */
    /* RFC 5961 7: challenge ACKs per second of the whole stack, at random between half and one and a half times as many
       (tcp_challenge_ack_limit). Linux' limit was 100 at first; now it has none by default. */
    unsigned challenge_acks = 100;
    /* The least time between two ACKs that answer unacceptable segments of one connection (tcp_invalid_ratelimit) */
    net_duration invalid_ratelimit = std::chrono::milliseconds(500);

    std::optional<uint32_t> initial_sequence{}; /* for tests: the ISS, instead of RFC 6528's */
};
/** The stack's TCP tunables; connections copy what they need when they are opened. */
tcp_config &tcp_configure(net_stack &net) MICROPS_REQUIRES(net_locked);
/**
 * Sets a tunable by Linux' sysctl name, with or without "net.ipv4." or "net.core.": tcp_sysctl_set(net, "tcp_sack",
 * "0"). Values are written as there, tcp_rmem and tcp_wmem as three numbers, in bytes of data ("2048 65535 6291456").
 * Returns 0, or -1: ENOENT (no such name), EINVAL (no such value), EACCES (it can only be read).
 */
int tcp_sysctl_set(net_stack &net, std::string_view name, std::string_view value) MICROPS_REQUIRES(net_locked);
/** The same before there is a stack; it knows the built-in congestion controls only. */
int tcp_sysctl_set(tcp_config &config, std::string_view name, std::string_view value);
/** Returns the tunable's value as text; nothing if there is no such name. */
std::optional<std::string> tcp_sysctl_get(const net_stack &net, std::string_view name) MICROPS_REQUIRES(net_locked);
std::optional<std::string> tcp_sysctl_get(const tcp_config &config, std::string_view name);
/** Returns all names in full: "net.ipv4.tcp_sack". */
std::span<const char *const> tcp_sysctl_names();

void tcp_init(net_stack &net) MICROPS_REQUIRES(net_locked);

/**
 * What TCP_INFO tells about a connection: Linux' struct tcp_info, member by member, so that programs made for that can
 * read it. Times are microseconds (tcpi_rto, tcpi_ato, tcpi_rtt ...) or milliseconds (tcpi_last_*). Members for what
 * this stack does not have are zero: pacing, delivery rate, Fast Open, ECN.
 */
struct tcp_info_data {
    uint8_t tcpi_state = 0;    /* Linux' numbers, where 1 is ESTABLISHED: tcp_state_of() */
    uint8_t tcpi_ca_state = 0; /* 0 open, 1 disorder, 3 recovery, 4 loss */
    uint8_t tcpi_retransmits = 0;
    uint8_t tcpi_probes = 0;
    uint8_t tcpi_backoff = 0;
    uint8_t tcpi_options = 0; /* TCPI_OPT_* */
    uint8_t tcpi_snd_wscale : 4 = 0;
    uint8_t tcpi_rcv_wscale : 4 = 0;
    uint8_t tcpi_delivery_rate_app_limited : 1 = 0;
    uint8_t tcpi_fastopen_client_fail : 2 = 0;

    uint32_t tcpi_rto = 0;
    uint32_t tcpi_ato = 0;
    uint32_t tcpi_snd_mss = 0;
    uint32_t tcpi_rcv_mss = 0;

    uint32_t tcpi_unacked = 0; /* segments sent and not acknowledged; of a listener: the length of its accept queue */
    uint32_t tcpi_sacked = 0;  /* segments; of a listener: the backlog of listen() */
    uint32_t tcpi_lost = 0;
    uint32_t tcpi_retrans = 0;
    uint32_t tcpi_fackets = 0;

    uint32_t tcpi_last_data_sent = 0; /* how long ago, as the next three */
    uint32_t tcpi_last_ack_sent = 0;
    uint32_t tcpi_last_data_recv = 0;
    uint32_t tcpi_last_ack_recv = 0;

    uint32_t tcpi_pmtu = 0;
    uint32_t tcpi_rcv_ssthresh = 0;
    uint32_t tcpi_rtt = 0;
    uint32_t tcpi_rttvar = 0;
    uint32_t tcpi_snd_ssthresh = 0; /* segments, as is the next */
    uint32_t tcpi_snd_cwnd = 0;
    uint32_t tcpi_advmss = 0;
    uint32_t tcpi_reordering = 0; /* DupThresh */

    uint32_t tcpi_rcv_rtt = 0;
    uint32_t tcpi_rcv_space = 0;

    uint32_t tcpi_total_retrans = 0;

    uint64_t tcpi_pacing_rate = 0;
    uint64_t tcpi_max_pacing_rate = 0;
    uint64_t tcpi_bytes_acked = 0;
    uint64_t tcpi_bytes_received = 0;
    uint32_t tcpi_segs_out = 0;
    uint32_t tcpi_segs_in = 0;

    uint32_t tcpi_notsent_bytes = 0;
    uint32_t tcpi_min_rtt = 0;
    uint32_t tcpi_data_segs_in = 0;
    uint32_t tcpi_data_segs_out = 0;

    uint64_t tcpi_delivery_rate = 0;

    uint64_t tcpi_busy_time = 0;
    uint64_t tcpi_rwnd_limited = 0;
    uint64_t tcpi_sndbuf_limited = 0;

    uint32_t tcpi_delivered = 0;
    uint32_t tcpi_delivered_ce = 0;

    uint64_t tcpi_bytes_sent = 0;
    uint64_t tcpi_bytes_retrans = 0;
    uint32_t tcpi_dsack_dups = 0;
    uint32_t tcpi_reord_seen = 0;

    uint32_t tcpi_rcv_ooopack = 0;

    uint32_t tcpi_snd_wnd = 0;
};
static_assert(sizeof(tcp_info_data) == 232);

/** Returns the TCP_STATE_* value of a tcpi_state. */
constexpr int tcp_state_of(const tcp_info_data &info)
{
    constexpr std::array<uint8_t, 12> states{TCP_STATE_CLOSED,       TCP_STATE_ESTABLISHED, TCP_STATE_SYN_SENT,
                                             TCP_STATE_SYN_RECEIVED, TCP_STATE_FIN_WAIT1,   TCP_STATE_FIN_WAIT2,
                                             TCP_STATE_TIME_WAIT,    TCP_STATE_CLOSED,      TCP_STATE_CLOSE_WAIT,
                                             TCP_STATE_LAST_ACK,     TCP_STATE_LISTEN,      TCP_STATE_CLOSING};
    return info.tcpi_state < states.size() ? states[info.tcpi_state] : TCP_STATE_CLOSED;
}

} // namespace microps
