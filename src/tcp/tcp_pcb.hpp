/*
 * tcp_pcb.hpp: the protocol control block of a connection (PCB; RFC 9293 3.3.1 calls it TCB), and the tables that find
 * it.
 *
 * A PCB is a list of small structs, one for each subject, in the order in which a connection needs them; the functions
 * of a subject are in the file of its name. Everything in it is changed under the stack's lock.
 */
#pragma once

#include "../sock_endpoint.hpp"
#include "microps/net.hpp"
#include "microps/tcp.hpp"
#include "microps/tcp_congestion.hpp"
#include "parts/tcp_ack_delay.hpp"
#include "parts/tcp_rcvbuf.hpp"
#include "parts/tcp_reassembly.hpp"
#include "parts/tcp_recovery.hpp"
#include "parts/tcp_ring.hpp"
#include "parts/tcp_rtt.hpp"
#include "parts/tcp_sack.hpp"
#include "parts/tcp_scoreboard.hpp"
#include "parts/tcp_seq.hpp"
#include "tcp_segment.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>

namespace microps
{

inline constexpr size_t TCP_BUFFER_MAX = size_t{1} << 26; /* of one connection and direction */
inline constexpr size_t TCP_BUFFER_MIN = 2048;
/* How long silly window avoidance may hold data back when nothing is outstanding (RFC 9293 3.8.6.2.1: 0.1 to 1 s). */
inline constexpr net_duration TCP_OVERRIDE = std::chrono::milliseconds(500);
/* How long TCP_CORK and MSG_MORE may hold data back: what tcp(7) promises. */
inline constexpr net_duration TCP_CORK_MAX = std::chrono::milliseconds(200);

enum class tcp_pcb_state : uint8_t {
    closed = TCP_STATE_CLOSED,
    listen = TCP_STATE_LISTEN,
    syn_sent = TCP_STATE_SYN_SENT,
    syn_received = TCP_STATE_SYN_RECEIVED,
    established = TCP_STATE_ESTABLISHED,
    fin_wait1 = TCP_STATE_FIN_WAIT1,
    fin_wait2 = TCP_STATE_FIN_WAIT2,
    closing = TCP_STATE_CLOSING,
    time_wait = TCP_STATE_TIME_WAIT,
    close_wait = TCP_STATE_CLOSE_WAIT,
    last_ack = TCP_STATE_LAST_ACK,
};

enum class tcp_mode : uint8_t { rfc793, socket };

/** Who holds the connection. */
enum class tcp_owner : uint8_t {
    nobody, /* it is not accepted yet */
    user,
    gone, /* the user has closed it, and it goes on until both sides are done: Linux calls it an orphan */
};

/** What the PCB's one timer waits for. These exclude each other, so one timer is enough. */
enum class tcp_timer_purpose : uint8_t {
    none,
    retransmit, /* data or a SYN or FIN is outstanding (RFC 6298) */
    loss_probe, /* the same, and the last segments sent may be lost (RFC 8985 7) */
    reorder,    /* the same, and RACK still waits for some segments (RFC 8985 6) */
    persist,    /* nothing is outstanding, but data waits for the peer's window */
    keepalive,  /* nothing is outstanding, and the user wants to know whether the peer is still there */
    fin_wait2,  /* the user has closed, the peer has not */
    time_wait,
};

struct tcp_pcb;
using tcp_pcb_list = std::list<tcp_pcb *>;

/** What only a listener has. */
struct tcp_listener {
    size_t backlog = 0;
    tcp_pcb_list half_open{};              /* children in SYN_RECEIVED, oldest first */
    tcp_pcb_list accept_queue{};           /* children whose handshake is complete, until accept() takes them */
    ip_endpoint local{};                   /* RFC 793 mode: the endpoints of the call, to return to after a reset; */
    ip_endpoint foreign{};                 /* a foreign endpoint of zeros stands for any peer */
    std::optional<net_time> cookie_sent{}; /* when the last SYN cookie was sent: for a while its ACK may come */
};

/** Limits how often something happens: at most @p limit times within an interval. */
struct tcp_rate {
    net_time since{};
    uint32_t count = 0;

    [[nodiscard]] bool permits(net_time now, net_duration interval, uint64_t limit);
};

/* What a PCB is made of. */

/** The send sequence variables of RFC 9293 3.3.1, with its names. */
struct tcp_send_sequence {
    tcp_seq una{}; /* oldest unacknowledged */
    tcp_seq nxt{}; /* next to be sent */
    tcp_seq wl1{}; /* SEG.SEQ and SEG.ACK of the last window update */
    tcp_seq wl2{};
    uint32_t wnd = 0;
    uint32_t wnd_max = 0; /* the largest SND.WND so far (RFC 9293 3.8.6.2.1, RFC 5961 5.2) */
};

/** The receive sequence variables of RFC 9293 3.3.1. */
struct tcp_receive_sequence {
    tcp_seq nxt{};   /* next expected */
    tcp_seq edge{};  /* RCV.NXT + RCV.WND: the end of the window we have advertised; it never moves back */
    tcp_seq acked{}; /* Last.ACK.sent (RFC 7323 4.3) */
};

/** Which options the two SYNs have agreed on; before that, what our SYN offers (tcp_negotiate.cpp). */
struct tcp_agreement {
    bool window_scale = false;
    bool timestamps = false;
    bool sack = false;
    uint8_t snd_shift = 0; /* Snd.Wind.Shift: of the windows we read */
    uint8_t rcv_shift = 0; /* Rcv.Wind.Shift: of the windows we write */
};

/** Timestamps (RFC 7323). */
struct tcp_timestamp_state {
    uint32_t recent = 0;  /* TS.Recent: the peer's value that we echo (RFC 7323 4.3) */
    uint32_t offset = 0;  /* of our clock: a different one for each pair of addresses (RFC 7323 5.4) */
    net_time recent_at{}; /* when TS.Recent came */
};

/** Segment sizes, in bytes of data (RFC 9293 3.7.1). */
struct tcp_segment_sizes {
    uint32_t snd = TCP_MSS_DEFAULT;  /* Eff.snd.MSS: most data in a segment to the peer, options subtracted */
    uint32_t peer = TCP_MSS_DEFAULT; /* SendMSS: the peer's MSS option */
    uint32_t rcv = 0;                /* the largest segment received: what counts as full-sized */
    uint16_t offered = 0;            /* our MSS option */
    uint16_t path_mtu = 0;           /* the path MTU that `snd` was computed from */
    uint16_t max = 0;                /* not 0: a bound, set because larger segments vanished (RFC 4821) */
};

/** The send buffer: the user's data from the oldest unacknowledged byte on. */
struct tcp_send_buffer {
    tcp_ring ring{};
    tcp_seq first{};    /* the sequence number of the oldest byte in the ring */
    uint32_t limit = 0; /* how many bytes the user may put into it */
};

/** What is known about sent segments. It exists only while that matters: an idle connection has none. */
struct tcp_loss_state {
    tcp_scoreboard sent{};
    tcp_recovery recovery{};
};

/** One round trip, as congestion control counts them. */
struct tcp_round {
    tcp_seq end{};             /* the round trip ends with the first ACK of data sent beyond this */
    tcp_seq usage_end{};       /* `peak` and `cwnd_limited` hold until this is acknowledged */
    uint32_t peak = 0;         /* the largest pipe in this round trip */
    bool cwnd_limited = false; /* and whether cwnd was what stopped output */
};

/** What was sent last. */
struct tcp_output_state {
    net_time last_sent{};
    std::optional<tcp_seq> small_end{}; /* Nagle: the end of a segment that was not full-sized, until acknowledged */
};

/** The receive buffer: data in order that the user has not read, and out-of-order data behind it. */
struct tcp_receive_buffer {
    tcp_ring ring{};
    tcp_reassembly out_of_order{}; /* which ranges beyond RCV.NXT are in the ring */
    tcp_rcvbuf sizing{};           /* how large the buffer should be */
    uint32_t limit = 0;            /* how large it is: what the window is computed from */
    bool shut = false;             /* SHUT_RD: data is acknowledged and discarded */
};

/** Our ACKs: when they are sent, and what they report. */
struct tcp_ack_sending {
    tcp_ack_delay delay{};
    tcp_sack_reporter sack{};
    tcp_rate unacceptable{};  /* limits ACKs that answer unacceptable segments, so that ACK loops end */
    uint32_t pending = 0;     /* bytes received since our last ACK */
    bool now = false;         /* the next output must send an ACK */
    bool window_shut = false; /* our last ACK has advertised a closed window */
};

/** What the PCB's timer waits for, and since when. */
struct tcp_timing {
    net_time rto_from{};      /* when the retransmission timer was started (RFC 6298 5.1, 5.3) */
    net_time stalled_since{}; /* when the data that is retransmitted or probed for was first sent or held back */
    net_time heard_ack{};     /* when the peer's last acceptable segment came */
    int soft_error = 0;       /* an ICMP error: the reason to give to the user if the connection times out */
    tcp_timer_purpose purpose = tcp_timer_purpose::none;
    uint8_t retries = 0;       /* retransmissions or probes without an answer */
    uint8_t backoff = 0;       /* of the persist timer: how often the interval has doubled */
    bool override_sws = false; /* data has waited long enough for silly window avoidance (RFC 9293 3.8.6.2.1 (4)) */

    /** Whether the timer sends probes, and does not retransmit. */
    [[nodiscard]] bool probing() const
    {
        return purpose == tcp_timer_purpose::persist || purpose == tcp_timer_purpose::keepalive;
    }
};

/** How the connection was opened. */
struct tcp_handshake {
    bool done = false;     /* it has reached ESTABLISHED */
    bool passive = false;  /* a passive open: by way of LISTEN */
    bool syn_lost = false; /* our SYN had to be retransmitted */
};

/** How the connection ends. */
struct tcp_fin_status {
    bool queued = false;   /* the user will send no more: a FIN follows the data in the send buffer */
    bool received = false; /* the peer will send no more */
};

/** What TCP_INFO counts for one connection. */
struct tcp_traffic {
    uint64_t bytes_sent = 0;     /* data, retransmissions included */
    uint64_t bytes_retrans = 0;  /* data retransmitted */
    uint64_t bytes_acked = 0;    /* by the peer */
    uint64_t bytes_received = 0; /* in order */
    uint32_t segs_out = 0;
    uint32_t segs_in = 0;
    uint32_t data_segs_out = 0;
    uint32_t data_segs_in = 0;
    uint32_t retrans = 0;     /* segments retransmitted */
    uint32_t delivered = 0;   /* segments acknowledged or SACKed */
    uint32_t dsack_dups = 0;  /* segments that the peer has reported as duplicates */
    uint32_t reord_seen = 0;  /* how often reordering was noticed */
    uint32_t rcv_ooopack = 0; /* segments that came out of order */
};

/**
 * What the user has set with setsockopt(), beside the sizes of the buffers. Where 0 means "not set", tcp_config
 * applies.
 */
struct tcp_settings {
    uint32_t user_timeout = 0;           /* TCP_USER_TIMEOUT, milliseconds */
    uint32_t window_clamp = 0;           /* TCP_WINDOW_CLAMP, bytes */
    uint32_t notsent_lowat = 0;          /* TCP_NOTSENT_LOWAT, bytes */
    uint32_t receive_lowat = 1;          /* SO_RCVLOWAT, bytes */
    int linger = -1;                     /* SO_LINGER, seconds; negative: off */
    uint16_t mss = 0;                    /* TCP_MAXSEG: bounds both directions */
    uint16_t keep_idle = 0;              /* TCP_KEEPIDLE, seconds */
    uint16_t keep_interval = 0;          /* TCP_KEEPINTVL, seconds */
    int16_t linger2 = 0;                 /* TCP_LINGER2: seconds in FIN_WAIT_2 without a user; negative: none */
    uint8_t keep_count = 0;              /* TCP_KEEPCNT */
    uint8_t syn_count = 0;               /* TCP_SYNCNT */
    std::optional<uint8_t> congestion{}; /* TCP_CONGESTION: an index into tcp_layer::congestions */
    bool nodelay : 1 = false;            /* TCP_NODELAY: Nagle's algorithm is off */
    bool corked : 1 = false;             /* TCP_CORK: a segment that is not full-sized waits */
    bool more : 1 = false;               /* MSG_MORE: the same, until the next send() */
    bool keepalive : 1 = false;          /* SO_KEEPALIVE */
    bool sndbuf_fixed : 1 = false;       /* SO_SNDBUF: the send buffer does not grow by itself */
    bool rcvbuf_fixed : 1 = false;       /* SO_RCVBUF: nor does the receive buffer */
};

/** Where the PCB stands in the layer's lists and tables. */
struct tcp_links {
    size_t index = 0;               /* in tcp_layer::pcbs */
    tcp_pcb *parent = nullptr;      /* the listener it came from, until it is accepted */
    tcp_pcb_list *queue = nullptr;  /* the list it is in: one of the listener's, or TIME_WAIT's */
    tcp_pcb_list::iterator place{}; /* its place in that list */
    tcp_pcb *hash_next = nullptr;   /* the next one in its bucket of tcp_layer::buckets */
    bool in_table = false;          /* it is in a bucket */
    bool output_listed = false;     /* it is in tcp_layer::output_wanted */
};

struct tcp_pcb : sock_endpoint {
    explicit tcp_pcb(tcp_layer &layer);

    /* The user calls: each is one line beside the function that does it (tcp_user.cpp, tcp_connect.cpp). */
    int open(net_guard &guard, const ip_endpoint &own, const ip_endpoint *peer, bool active) override
        MICROPS_REQUIRES(net_locked);
    int bind(const ip_endpoint &wanted) override MICROPS_REQUIRES(net_locked);
    int listen(int backlog) override MICROPS_REQUIRES(net_locked);
    sock_endpoint *accept(net_guard &guard, int flags, net_time deadline) override MICROPS_REQUIRES(net_locked);
    int connect(net_guard &guard, const ip_endpoint &peer, int flags, net_time deadline) override
        MICROPS_REQUIRES(net_locked);
    ssize_t send(net_guard &guard, std::span<const uint8_t> data, const ip_endpoint *peer, int flags,
                 net_time deadline) override MICROPS_REQUIRES(net_locked);
    ssize_t receive(net_guard &guard, std::span<uint8_t> data, ip_received *from, int flags, net_time deadline) override
        MICROPS_REQUIRES(net_locked);
    int shutdown(int how) override MICROPS_REQUIRES(net_locked);
    int close(net_guard &guard) override MICROPS_REQUIRES(net_locked);
    void release() override MICROPS_REQUIRES(net_locked);
    [[nodiscard]] short poll() const override MICROPS_REQUIRES(net_locked);
    [[nodiscard]] bool has_peer() const override MICROPS_REQUIRES(net_locked);
    [[nodiscard]] ssize_t pending() const override MICROPS_REQUIRES(net_locked);
    [[nodiscard]] ssize_t queued(bool unsent) const override MICROPS_REQUIRES(net_locked);
    int setopt(int level, int name, const void *value, socklen_t size) override MICROPS_REQUIRES(net_locked);
    int getopt(int level, int name, void *value, socklen_t &size) const override MICROPS_REQUIRES(net_locked);

    tcp_layer &tcp;
    tcp_pcb_state state = tcp_pcb_state::closed;
    tcp_mode mode = tcp_mode::socket;
    tcp_owner owner = tcp_owner::nobody;
    bool held = false;     /* a socket refers to it, until release() */
    bool released = false; /* it is in no table any more, and is freed when no socket holds it */

    /* RFC 9293 3.3.1. */
    tcp_send_sequence snd{};
    tcp_receive_sequence rcv{};
    tcp_seq iss{};
    tcp_seq irs{};

    /* What the SYNs and the path have settled. */
    tcp_agreement agreed{};
    tcp_segment_sizes mss{};
    tcp_timestamp_state ts{};

    /* Sending. */
    tcp_send_buffer sndbuf{};
    std::unique_ptr<tcp_loss_state> loss{}; /* null while there is nothing to know: see sent(), recovery() */
    tcp_rtt rtt;
    std::unique_ptr<tcp_congestion> congestion{}; /* from ESTABLISHED on */
    tcp_round round{};
    tcp_output_state output{};

    /* Receiving. */
    tcp_receive_buffer rcvbuf{};
    tcp_ack_sending ack{};

    /* Time. */
    net_timer timer;     /* for tcp_timing::purpose */
    net_timer ack_timer; /* the delayed ACK */
    tcp_timing timing{};

    /* The life of the connection, its user, and the layer. */
    tcp_traffic traffic{};
    tcp_settings set{};
    ip_endpoint bound_to{}; /* by bind(); port 0: not bound */
    tcp_handshake handshake{};
    tcp_fin_status fin{};
    std::unique_ptr<tcp_listener> listener{};
    tcp_links links{};

    /** The scoreboard and recovery. Without any, the const ones say that nothing is outstanding. */
    [[nodiscard]] const tcp_scoreboard &sent() const { return loss_now().sent; }
    [[nodiscard]] const tcp_recovery &recovery() const { return loss_now().recovery; }
    [[nodiscard]] tcp_scoreboard &sent() { return loss_now().sent; }
    [[nodiscard]] tcp_recovery &recovery() { return loss_now().recovery; }

private:
    [[nodiscard]] const tcp_loss_state &loss_now() const;
    [[nodiscard]] tcp_loss_state &loss_now();
};

/* Tables, and the life of a PCB */

/** Returns null when the bound is reached and no TIME_WAIT connection can make room. */
tcp_pcb *tcp_pcb_alloc(tcp_layer &tcp) MICROPS_REQUIRES(net_locked);
/** The connection between two endpoints; else the listener for it, the most specific; else null. */
tcp_pcb *tcp_pcb_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked);
tcp_pcb *tcp_connection_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked);
tcp_pcb *tcp_listener_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked);
/** Frees pcb.loss if nothing is outstanding, and nothing need be remembered. */
void tcp_loss_release(tcp_pcb &pcb);
/** Makes a PCB with both endpoints set known to arriving segments. */
void tcp_connection_insert(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_connection_remove(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_listener_insert(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_listener_remove(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Counts the port that the user has bound the PCB to, if there is one. */
void tcp_bound_insert(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Moves a PCB to the end of a list (null: to none). */
void tcp_pcb_enqueue(tcp_pcb &pcb, tcp_pcb_list *list) MICROPS_REQUIRES(net_locked);

/** The one place where a state changes: logs, counts, wakes sleepers, asserts that the transition exists. */
void tcp_set_state(tcp_pcb &pcb, tcp_pcb_state next) MICROPS_REQUIRES(net_locked);
/** The one place where the owner changes. */
void tcp_set_owner(tcp_pcb &pcb, tcp_owner owner) MICROPS_REQUIRES(net_locked);
/** Ends a connection: it is CLOSED and in no table any more, its buffers are freed; deferred free follows. */
void tcp_pcb_release(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** For another connection or another attempt: the user's settings stay, the rest becomes as in a new PCB. */
void tcp_pcb_forget_peer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Ends a connection with an error for the user (0: none). */
void tcp_pcb_fail(tcp_pcb &pcb, int error) MICROPS_REQUIRES(net_locked);
/** Deferred free: a released PCB that no socket holds is freed when the batch is done and no function refers to it. */
void tcp_pcb_free_later(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* Questions about states */
/** The handshake is under way. */
bool tcp_is_opening(tcp_pcb_state state);
/** RFC 9293 3.3.2: both sides have (or had) synchronized their sequence numbers. */
bool tcp_is_synchronized(tcp_pcb_state state);
/** The peer may send data: its FIN has not come. */
bool tcp_may_receive(tcp_pcb_state state);
/** Data, or our FIN, may be sent in this state. */
bool tcp_may_send(tcp_pcb_state state);

} // namespace microps
