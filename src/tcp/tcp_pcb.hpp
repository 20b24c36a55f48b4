/*
 * tcp_pcb.hpp: a connection: the PCB (RFC 9293 3.3.1 calls it TCB), its life, and the tables that find it.
 *
 * The PCB holds one object for each subject, and what they share; the functions of a subject are in the file of its
 * name. Everything in it is changed under the stack's lock.
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
/* How long silly window avoidance may hold data back when nothing is outstanding. */
inline constexpr net_duration TCP_OVERRIDE = std::chrono::milliseconds(500);
/* How long TCP_CORK and MSG_MORE may: as Linux. */
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

/** Whose the connection is. */
enum class tcp_owner : uint8_t {
    nobody, /* not accepted yet */
    user,
    gone, /* the user has closed it: the connection goes on until both sides are done */
};

/** What the PCB's one timer waits for. These exclude each other, so they are one timer. */
enum class tcp_timer_purpose : uint8_t {
    none,
    retransmit, /* something is outstanding */
    loss_probe, /* the same, and the flight's last segments may be lost (RFC 8985 7) */
    reorder,    /* the same, and RACK gives some segments a little time yet (RFC 8985 6) */
    persist,    /* nothing is, but data waits for the peer's window */
    keepalive,  /* nothing is, and the user wants to know whether the peer lives */
    fin_wait2,  /* the user has closed, the peer has not */
    time_wait,
};

struct tcp_pcb;
using tcp_pcb_list = std::list<tcp_pcb *>;

/** What only a listener has. */
struct tcp_listener {
    size_t backlog = 0;
    tcp_pcb_list half_open{};              /* children in SYN_RECEIVED, oldest first */
    tcp_pcb_list ready{};                  /* children that wait for accept() */
    ip_endpoint local{};                   /* RFC 793 mode: what was asked for, to return to after a reset */
    ip_endpoint foreign{};                 /* RFC 793 mode: whom to expect; all zero: anybody */
    std::optional<net_time> cookie_sent{}; /* the last SYN cookie: for a while its ACK may come */
};

/** At most @p limit events within an interval. */
struct tcp_rate {
    net_time since{};
    uint32_t count = 0;

    [[nodiscard]] bool permits(net_time now, net_duration interval, uint64_t limit);
};

/** What TCP_INFO counts of one connection. */
struct tcp_traffic {
    uint64_t bytes_sent = 0;     /* data, retransmissions included */
    uint64_t bytes_retrans = 0;  /* of them: again */
    uint64_t bytes_acked = 0;    /* by the peer */
    uint64_t bytes_received = 0; /* in order */
    uint32_t segs_out = 0;
    uint32_t segs_in = 0;
    uint32_t data_segs_out = 0;
    uint32_t data_segs_in = 0;
    uint32_t retrans = 0;     /* segments sent again */
    uint32_t delivered = 0;   /* segments acknowledged or SACKed */
    uint32_t dsack_dups = 0;  /* segments that the peer had twice */
    uint32_t reord_seen = 0;  /* reorderings noticed */
    uint32_t rcv_ooopack = 0; /* segments that came early */
};

/** What the user has set about a connection, beside its buffers; 0: nothing, so tcp_config's applies. */
struct tcp_settings {
    uint32_t user_timeout = 0;           /* TCP_USER_TIMEOUT, milliseconds */
    uint32_t window_clamp = 0;           /* TCP_WINDOW_CLAMP, bytes */
    uint32_t notsent_lowat = 0;          /* TCP_NOTSENT_LOWAT, bytes */
    uint32_t receive_lowat = 1;          /* SO_RCVLOWAT, bytes */
    uint16_t mss = 0;                    /* TCP_MAXSEG: bounds both directions */
    uint16_t keep_idle = 0;              /* TCP_KEEPIDLE, seconds */
    uint16_t keep_interval = 0;          /* TCP_KEEPINTVL, seconds */
    int16_t linger2 = 0;                 /* TCP_LINGER2: seconds in FIN_WAIT_2 without a user; negative: none */
    uint8_t keep_count = 0;              /* TCP_KEEPCNT */
    uint8_t syn_count = 0;               /* TCP_SYNCNT */
    std::optional<uint8_t> congestion{}; /* TCP_CONGESTION: a place in tcp_layer::congestions */
};

/** What we know of what we have sent. It exists while that matters: an idle connection does without. */
struct tcp_flight {
    tcp_scoreboard sent{};
    tcp_recovery recovery{};
};

struct tcp_pcb : sock_endpoint {
    explicit tcp_pcb(tcp_layer &layer);

    /* The user calls: each is one line beside the function that does it (tcp_user.cpp, tcp_connect.cpp). */
    int open(net_guard &guard, const ip_endpoint &own, const ip_endpoint *peer, bool active) override;
    int bind(const ip_endpoint &wanted) override;
    int listen(int backlog) override;
    sock_endpoint *accept(net_guard &guard, int flags, net_time deadline) override;
    int connect(net_guard &guard, const ip_endpoint &peer, int flags, net_time deadline) override;
    ssize_t send(net_guard &guard, std::span<const uint8_t> data, const ip_endpoint *peer, int flags,
                 net_time deadline) override;
    ssize_t receive(net_guard &guard, std::span<uint8_t> data, ip_received *from, int flags,
                    net_time deadline) override;
    int shutdown(int how) override;
    int close(net_guard &guard) override;
    void release() override;
    [[nodiscard]] short poll() const override;
    [[nodiscard]] bool has_peer() const override;
    [[nodiscard]] ssize_t pending() const override;
    [[nodiscard]] ssize_t queued(bool unsent) const override;
    int setopt(int level, int name, const void *value, socklen_t size) override;
    int getopt(int level, int name, void *value, socklen_t &size) const override;

    tcp_layer &tcp;
    std::list<std::unique_ptr<tcp_pcb>>::iterator self{}; /* its place in tcp_layer::pcbs */
    tcp_pcb_state state = tcp_pcb_state::closed;
    tcp_mode mode = tcp_mode::socket;
    tcp_owner owner = tcp_owner::nobody;

    /* RFC 9293 3.3.1, with its names. */
    struct {
        tcp_seq una{}; /* oldest not acknowledged */
        tcp_seq nxt{}; /* next to be sent */
        tcp_seq wl1{}; /* SEG.SEQ and SEG.ACK of the last window update */
        tcp_seq wl2{};
        uint32_t wnd = 0;
        uint32_t wnd_max = 0; /* largest ever (RFC 9293 3.8.6.2.1, RFC 5961 5.2) */
    } snd{};
    struct {
        tcp_seq nxt{};   /* next expected */
        tcp_seq edge{};  /* end of the window we have advertised: RCV.NXT + RCV.WND; it never moves back */
        tcp_seq acked{}; /* Last.ACK.sent (RFC 7323 4.3) */
    } rcv{};
    tcp_seq iss{};
    tcp_seq irs{};

    /* What the SYNs have agreed on; before: what we offer (tcp_negotiate.cpp). */
    bool use_window_scale = false;
    bool use_timestamps = false;
    bool use_sack = false;
    uint8_t snd_shift = 0; /* Snd.Wind.Shift: of the windows we read */
    uint8_t rcv_shift = 0; /* Rcv.Wind.Shift: of those we write */
    struct {
        uint32_t recent = 0;  /* TS.Recent: the peer's value that we echo (RFC 7323 4.3) */
        uint32_t offset = 0;  /* of our clock: another for each pair of addresses (RFC 7323 5.4) */
        net_time recent_at{}; /* when it came */
    } ts{};
    uint32_t mss = TCP_MSS_DEFAULT;      /* most data in a segment to the peer, without options */
    uint32_t peer_mss = TCP_MSS_DEFAULT; /* what the peer asked for */
    uint32_t rcv_mss = 0;                /* largest segment that came: the receiver's idea of "full-sized" */
    uint16_t mss_offered = 0;            /* in our SYN */
    uint16_t path_mtu = 0;               /* that mss was made for */
    uint16_t mss_max = 0;                /* 0: no bound; else set because larger segments vanished (RFC 4821) */

    /* Sending. */
    tcp_ring tx{};
    tcp_seq tx_first{};                      /* sequence number of the oldest byte in tx */
    std::unique_ptr<tcp_flight> in_flight{}; /* see sent(), recovery() */
    tcp_rtt rtt;
    net_time rto_from{}; /* when the retransmission timer began anew */
    std::unique_ptr<tcp_congestion> congestion{};
    tcp_seq round_end{}; /* a round trip ends by the first ACK of what was sent behind this */
    uint32_t flight = 0; /* most in flight in this round trip, and whether cwnd stopped output; until ... */
    tcp_seq usage_end{}; /* ... this is acknowledged */
    bool cwnd_limited = false;
    net_time last_sent{};
    std::optional<tcp_seq> small_end{}; /* end of a segment that was not full-sized, until acknowledged (Nagle) */

    /* Receiving. */
    tcp_ring rx{};
    tcp_reassembly early{};
    tcp_sack_reporter reporter{};
    tcp_ack_delay ack_delay{};
    tcp_rcvbuf rcvbuf{};
    uint32_t ack_pending = 0; /* bytes received since our last ACK */
    bool ack_now = false;     /* the next output must carry an ACK */
    bool window_shut = false; /* the last one said that our window is closed */
    tcp_rate answers{};       /* to unacceptable segments: ACK loops end */

    net_timer timer;
    net_timer ack_timer; /* delayed ACK */
    tcp_timer_purpose purpose = tcp_timer_purpose::none;
    uint8_t retries = 0;      /* of the timer, unanswered */
    uint8_t backoff = 0;      /* persist: doublings of the interval */
    net_time stalled_since{}; /* retransmission, probing: of what has been going on in vain */
    net_time heard_ack{};     /* when the peer's last acceptable segment came */

    tcp_traffic traffic{};

    /* The user's side. */
    uint32_t tx_limit;
    uint32_t rx_limit;
    int soft_error = 0;     /* of an ICMP error: why, if it should time out */
    int linger = -1;        /* SO_LINGER: seconds, or not */
    ip_endpoint bound_to{}; /* by tcp_bind(); port 0: not bound */
    tcp_settings set{};
    bool rx_fixed : 1 = false; /* SO_RCVBUF, SO_SNDBUF: the user has said how large */
    bool tx_fixed : 1 = false;
    bool nodelay : 1 = false;      /* TCP_NODELAY: no Nagle */
    bool keepalive : 1 = false;    /* SO_KEEPALIVE */
    bool more : 1 = false;         /* MSG_MORE: hold a partial segment back */
    bool corked : 1 = false;       /* TCP_CORK: the same, for all calls */
    bool opened : 1 = false;       /* was connected, or is */
    bool passive : 1 = false;      /* by LISTEN */
    bool syn_lost : 1 = false;     /* our SYN had to be sent again */
    bool fin_queued : 1 = false;   /* the user will send no more: a FIN follows the data in tx */
    bool fin_received : 1 = false; /* the peer will send no more */
    bool rx_shut : 1 = false;      /* SHUT_RD */
    bool send_anyway : 1 = false;  /* the persist timer overrides silly window avoidance (RFC 9293 3.8.6.2.1 (4)) */
    bool output_listed : 1 = false;
    bool released : 1 = false; /* in no table any more; freed when no socket holds it */
    bool held : 1 = false;     /* by a socket, until release() */
    bool in_table : 1 = false;

    std::unique_ptr<tcp_listener> listener{};
    tcp_pcb *parent = nullptr;      /* the listener, until accepted */
    tcp_pcb_list *queue = nullptr;  /* the list it is in: the listener's, or TIME_WAIT's */
    tcp_pcb_list::iterator place{}; /* and where */
    tcp_pcb *hash_next = nullptr;

    /** Of nothing, if nothing is in flight; to be changed: made on demand. */
    [[nodiscard]] const tcp_scoreboard &sent() const { return flight_now().sent; }
    [[nodiscard]] const tcp_recovery &recovery() const { return flight_now().recovery; }
    [[nodiscard]] tcp_scoreboard &sent() { return flight_now().sent; }
    [[nodiscard]] tcp_recovery &recovery() { return flight_now().recovery; }

private:
    [[nodiscard]] const tcp_flight &flight_now() const;
    [[nodiscard]] tcp_flight &flight_now();
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
/** Nothing is outstanding, and nothing need be remembered of it: the memory goes. */
void tcp_flight_release(tcp_pcb &pcb);
/** Makes a PCB with both endpoints set known to arriving segments. */
void tcp_connection_insert(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_connection_remove(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_listener_insert(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_listener_remove(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Counts the port that the user has bound the PCB to, if he has. */
void tcp_bound_insert(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Moves a PCB to the end of a list (null: to none). */
void tcp_pcb_enqueue(tcp_pcb &pcb, tcp_pcb_list *list) MICROPS_REQUIRES(net_locked);

/** The one place where a state changes: logs, counts, wakes sleepers, asserts that the transition exists. */
void tcp_set_state(tcp_pcb &pcb, tcp_pcb_state next) MICROPS_REQUIRES(net_locked);
/** The same for whose it is. */
void tcp_set_owner(tcp_pcb &pcb, tcp_owner owner) MICROPS_REQUIRES(net_locked);
/** Ends a connection: CLOSED, out of all tables, buffers gone; freed as soon as its user lets go too. */
void tcp_pcb_release(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** For another connection, or another attempt: what is about the user stays, the rest is as new. */
void tcp_pcb_forget_peer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Ends a connection with an error for the user (0: none). */
void tcp_pcb_fail(tcp_pcb &pcb, int error) MICROPS_REQUIRES(net_locked);
/** Deferred free: a released PCB that no socket holds goes when the batch is done: no function refers to it then. */
void tcp_pcb_free_later(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* Questions about states. */
/** RFC 9293 3.3.2: both sides have (or had) synchronized their sequence numbers. */
bool tcp_is_synchronized(tcp_pcb_state state);
/** The peer has not been heard to close, and may send data. */
bool tcp_may_receive(tcp_pcb_state state);
/** Data may leave in this state, if there is some. */
bool tcp_may_send(tcp_pcb_state state);

} // namespace microps
