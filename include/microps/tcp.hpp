/*
 * tcp.hpp: the Transmission Control Protocol (RFC 9293): its tunables, and what it tells of a connection.
 *
 * The user calls are those of sockets (sock.hpp).
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

/* States as the original's tcp_state() reports them. */
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

/** RFC 6335: the dynamic ports. */
inline constexpr uint16_t TCP_SOURCE_PORT_MIN = 49152;
inline constexpr uint16_t TCP_SOURCE_PORT_MAX = 65535;

/**
 * Bounds and tunables of the module, per stack. The defaults are Linux'. Each mechanism can be switched off, so that its
 * effect can be watched. What can be changed while connections are open, they follow; sizes and the congestion control
 * they copy when they are opened. Set by Linux' names too: tcp_sysctl_set().
 */
struct tcp_config {
    /* Bounds */
    size_t pcb_max = 10000;      /* connections and listeners in all, TIME_WAIT included */
    size_t half_open_max = 1024; /* SYN_RECEIVED of one listener (tcp_max_syn_backlog) */
    size_t backlog_max = 4096;   /* upper bound of listen()'s argument (net.core.somaxconn) */

    /* Buffers, in bytes of data */
    size_t receive_buffer = 65535;          /* at first: what a window without scaling can offer */
    size_t receive_buffer_max = 6291456;    /* how far it grows by itself (tcp_rmem) */
    size_t send_buffer = 262144;            /* at first */
    size_t send_buffer_max = 4194304;       /* how far it grows by itself (tcp_wmem) */
    bool moderate_receive_buffer = true;    /* it grows with what the reader takes per round trip */
    bool moderate_send_buffer = true;       /* it grows with the congestion window */
    size_t reassembly_ranges = 512;         /* of out-of-order data, of one connection */
    size_t sent_segments = size_t{1} << 14; /* outstanding, of one connection: what the scoreboard holds */

    /* Options (RFC 7323, RFC 2018, RFC 2883) */
    bool window_scaling = true;
    bool timestamps = true;
    bool sack = true;
    bool dsack = true;

    /* Segment sizes (RFC 1191, RFC 4821) */
    bool path_mtu_discovery = true; /* DF on every segment (the opposite of ip_no_pmtu_disc) */
    unsigned mtu_probing = 1;       /* 0: never; 1: smaller segments once a black hole is suspected; Linux: 0 */
    uint32_t base_mss = 1024;       /* the first smaller size */
    uint32_t min_mss = 48;          /* the smallest (tcp_min_snd_mss, tcp_mtu_probe_floor) */

    /* Loss recovery */
    bool rack = true;                        /* RFC 8985; off: RFC 6675, or RFC 6582 without SACK (tcp_recovery) */
    bool tail_loss_probe = true;             /* RFC 8985 7 (tcp_early_retrans) */
    bool limited_transmit = true;            /* RFC 3042 */
    bool proportional_rate_reduction = true; /* RFC 9937; off: the window is halved at once */
    bool frto = true;                        /* RFC 5682: was the timeout spurious? */
    bool undo = true;              /* RFC 4015, RFC 3708: take a reduction back that timestamps or DSACK disprove */
    unsigned dup_thresh = 3;       /* DupThresh at first */
    unsigned dup_thresh_max = 300; /* and how far it grows */

    /* Congestion control */
    std::string congestion_control = "cubic"; /* or "reno", or a program's own: tcp_congestion_register() */
    bool hystart = true;                      /* RFC 9406 */
    unsigned initial_window = 10;             /* segments (RFC 6928) */
    unsigned appropriate_byte_counting = 0;   /* RFC 3465: segments that one ACK counts for in slow start; 0: all */
    bool slow_start_after_idle = true;        /* RFC 2861 */

    /* Retransmission (RFC 6298, RFC 9293 3.8.3) */
    net_duration rto_initial = std::chrono::seconds(1);
    net_duration rto_min = std::chrono::milliseconds(200); /* RFC 6298 2.4 SHOULD 1 s: too long for today's paths */
    net_duration rto_max = std::chrono::seconds(120);      /* RFC 6298 2.5: 60 s at least */
    unsigned syn_retries = 6;                              /* resent SYNs before ETIMEDOUT: 127 s (R2) */
    unsigned synack_retries = 5;  /* resent SYN-ACKs before the half-open connection goes: 63 s */
    unsigned retries1 = 3;        /* resent data before the route is suspected (R1) */
    unsigned data_retries = 15;   /* resent data before ETIMEDOUT: some 15 minutes (R2, tcp_retries2) */
    unsigned orphan_retries = 12; /* the same once the user has closed; Linux: 8, but it has more than the timer */

    /* Acknowledging */
    net_duration delayed_ack = std::chrono::milliseconds(40);      /* RFC 9293 3.8.6.3: less than 500 ms */
    net_duration delayed_ack_max = std::chrono::milliseconds(200); /* where segments come seldom */
    unsigned quick_acks = 16;                                      /* ACKs at once, at the start and after holes */

    /* Lives */
    net_duration time_wait = std::chrono::seconds(60); /* 2 MSL */
    net_duration fin_wait2 = std::chrono::seconds(60); /* closed by the user, peer silent (tcp_fin_timeout) */
    net_duration keepalive_time = std::chrono::hours(2);
    net_duration keepalive_interval = std::chrono::seconds(75);
    unsigned keepalive_probes = 9;
    bool abort_on_overflow =
        false;           /* RST when the accept queue is full, instead of waiting for the peer to ask again */
    bool rfc1337 = true; /* TIME_WAIT ignores RST; Linux: false */

    /* Defence (RFC 4987, RFC 5961) */
    unsigned syncookies = 1;       /* 0: never, 1: when the half-open connections are too many, 2: always */
    unsigned challenge_acks = 100; /* RFC 5961 7: per second, of the whole stack; half to one and a half as many */
    net_duration invalid_ratelimit = std::chrono::milliseconds(500); /* between two ACKs for unacceptable segments */

    std::optional<uint32_t> initial_sequence{}; /* for tests: instead of RFC 6528's secret */
};
/** The stack's TCP tunables; connections copy what they need when they are opened. */
tcp_config &tcp_configure(net_stack &net) MICROPS_REQUIRES(net_locked);
/**
 * A tunable by Linux' name, with or without "net.ipv4." or "net.core.": tcp_sysctl_set(net, "tcp_sack", "0"). Values are
 * written as there, tcp_rmem and tcp_wmem as three numbers, in bytes of data ("2048 65535 6291456"). Returns 0, or -1:
 * ENOENT (no such name), EINVAL (no such value), EACCES (it can only be read).
 */
int tcp_sysctl_set(net_stack &net, std::string_view name, std::string_view value) MICROPS_REQUIRES(net_locked);
/** The same before there is a stack; of congestion controls it knows those that are built in. */
int tcp_sysctl_set(tcp_config &config, std::string_view name, std::string_view value);
/** The tunable's value as text; nothing: no such name. */
std::optional<std::string> tcp_sysctl_get(const net_stack &net, std::string_view name) MICROPS_REQUIRES(net_locked);
std::optional<std::string> tcp_sysctl_get(const tcp_config &config, std::string_view name);
/** All names, in full: "net.ipv4.tcp_sack". */
std::span<const char *const> tcp_sysctl_names();

void tcp_init(net_stack &net) MICROPS_REQUIRES(net_locked);

/**
 * What TCP_INFO tells of a connection: Linux' struct tcp_info, member by member, so that programs made for that one
 * read it. Times are microseconds (tcpi_rto, tcpi_ato, tcpi_rtt ...) or milliseconds (tcpi_last_*). What this stack has
 * no idea of is zero: pacing, delivery rate, Fast Open, ECN.
 */
struct tcp_info_data {
    uint8_t tcpi_state = 0;    /* Linux' numbers: 1 is ESTABLISHED */
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

    uint32_t tcpi_unacked = 0; /* segments; of a listener: connections that wait for accept() */
    uint32_t tcpi_sacked = 0;  /* segments; of a listener: the backlog */
    uint32_t tcpi_lost = 0;
    uint32_t tcpi_retrans = 0;
    uint32_t tcpi_fackets = 0;

    uint32_t tcpi_last_data_sent = 0; /* ago */
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
    uint32_t tcpi_reordering = 0;

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

/** The TCP_STATE_* value of a tcpi_state. */
constexpr int tcp_state_of(const tcp_info_data &info)
{
    constexpr std::array<uint8_t, 12> states{TCP_STATE_CLOSED,       TCP_STATE_ESTABLISHED, TCP_STATE_SYN_SENT,
                                             TCP_STATE_SYN_RECEIVED, TCP_STATE_FIN_WAIT1,   TCP_STATE_FIN_WAIT2,
                                             TCP_STATE_TIME_WAIT,    TCP_STATE_CLOSED,      TCP_STATE_CLOSE_WAIT,
                                             TCP_STATE_LAST_ACK,     TCP_STATE_LISTEN,      TCP_STATE_CLOSING};
    return info.tcpi_state < states.size() ? states[info.tcpi_state] : TCP_STATE_CLOSED;
}

} // namespace microps
