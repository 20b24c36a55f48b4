/*
 * tcp_recovery.hpp: what is lost, and what may be sent again at once. It marks the scoreboard; how much may be
 * outstanding is the congestion control's decision (and PRR's, while it comes down to it), sending is output's.
 *
 * What counts as lost: with SACK by time (RACK, RFC 8985) or, with RACK off, by the number of later segments that have
 * arrived (RFC 6675); without SACK by duplicate ACKs (NewReno, RFC 6582); after a timeout everything that RACK cannot
 * excuse. Loss probes find losses at the end of a flight (TLP, RFC 8985 7). What turns out to be wrong is taken back:
 * F-RTO (RFC 5682), timestamps (Eifel, RFC 3522, RFC 4015), DSACK (RFC 3708).
 *
 * RFC 6582 inflates the congestion window by each duplicate ACK, because a segment has left the network. The same said
 * from the other side: each duplicate ACK takes a segment off what is in flight, and the window stays what it is, as
 * SACKed segments do. So limited transmit (RFC 3042) needs no rule of its own.
 */
#pragma once

#include "tcp_prr.hpp"
#include "tcp_rack.hpp"
#include "tcp_scoreboard.hpp"
#include "tcp_seq.hpp"

#include <cstdint>
#include <optional>

namespace microps
{

/** Which mechanisms are on (tcp_config). */
struct tcp_recovery_rules {
    bool sack = false; /* agreed on with the peer */
    bool rack = true;
    bool limited_transmit = true;
    bool prr = true;
    bool frto = true;
    bool undo = true;
    uint32_t dup_thresh = 3; /* DupThresh at first, and at most */
    uint32_t dup_thresh_max = 300;
};

/** The connection at one moment, as recovery must know it. */
struct tcp_recovery_view {
    net_time now{};
    tcp_seq una{};
    tcp_seq nxt{};
    uint32_t mss = 1;
    net_duration srtt{};
    net_duration min_rtt{};
    uint32_t timestamp = 0;         /* our TSval now */
    std::optional<uint32_t> echo{}; /* the ACK's TSecr */
    tcp_recovery_rules rules{};
};

/** What an ACK says. */
struct tcp_ack_news {
    uint32_t acked = 0;           /* sequence numbers by which SND.UNA has advanced */
    uint32_t delivered = 0;       /* bytes that the peer is known to have by this ACK: acknowledged or SACKed */
    uint32_t sacked = 0;          /* of them: SACKed */
    bool duplicate = false;       /* RFC 5681 2: nothing but "I still wait" */
    unsigned dsacked = 0;         /* segments that the peer has had twice (RFC 2883) */
    tcp_seq dsack_last{};         /* the end of the last of them */
    bool original = false;        /* something was delivered that had been sent once, before recovery began */
    bool reordered = false;       /* and later than something sent after it */
    bool new_data_may_go = false; /* there is unsent data, and the peer's window has room for it */
};

/** What has happened by an ACK or a timer, for the congestion control, the timer and the counters. */
struct tcp_recovery_events {
    bool reduce = false;       /* a loss: the congestion window must come down */
    bool undo = false;         /* the last reduction was wrong */
    bool restart_timer = true; /* new data was acknowledged: the retransmission timer begins anew */
    bool began = false;        /* fast recovery */
    bool full_undo = false, partial_undo = false, dsack_undo = false, loss_undo = false, spurious_rto = false;
    bool probe_repaired = false;       /* a loss probe has repaired a loss */
    uint32_t newly_lost = 0;           /* sequence numbers */
    uint32_t lost_retransmissions = 0; /* segments of them that had been sent again already */
};

class tcp_recovery
{
public:
    enum class phase : uint8_t {
        open, /* nothing is lost, as far as we know */
        fast, /* fast recovery: until what was sent before it is acknowledged */
        loss, /* the timer has expired: until what was sent before is acknowledged */
    };

    /** For each segment that an ACK has delivered, before on_ack(). */
    void on_delivered(const tcp_scoreboard &board, const tcp_sent &segment, const tcp_recovery_view &view,
                      tcp_ack_news &news);
    /** An ACK has come, and what it acknowledges is off the board. */
    [[nodiscard]] tcp_recovery_events on_ack(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_ack_news &news);
    /** During fast recovery, after on_ack() and after the congestion control knows of it. */
    void on_reduced(const tcp_scoreboard &board, const tcp_recovery_view &view, const tcp_ack_news &news,
                    const tcp_recovery_events &events, uint32_t ssthresh);
    /** The retransmission timer expired. Returns whether it is a new loss: the congestion window's threshold falls. */
    [[nodiscard]] bool on_timeout(tcp_scoreboard &board, const tcp_recovery_view &view, bool again);
    /** Segments are lost because they were too large for the path, and on the board so: no sign of congestion. */
    void on_too_large(tcp_seq nxt);
    /** RACK's reordering timer expired. */
    [[nodiscard]] tcp_recovery_events on_reorder_timer(tcp_scoreboard &board, const tcp_recovery_view &view);
    /** A segment was sent; @p again: not for the first time. */
    void on_sent(uint32_t bytes, bool again, const tcp_recovery_view &view);
    /** A loss probe may be sent when the flight has been silent long enough (RFC 8985 7.2). */
    [[nodiscard]] bool may_probe(const tcp_scoreboard &board, const tcp_recovery_rules &rules) const;
    void on_probe(tcp_seq nxt, bool again);

    /** What is in the network, as far as we know. */
    [[nodiscard]] uint32_t pipe(const tcp_scoreboard &board, uint32_t mss, const tcp_recovery_rules &rules) const;
    /** How much may be in the network, if the congestion control says @p cwnd. */
    [[nodiscard]] uint32_t window(uint32_t cwnd, const tcp_recovery_rules &rules) const;
    /** F-RTO: new data goes first, what is marked lost waits for the answer. */
    [[nodiscard]] bool prefers_new_data() const { return prefer_new_; }
    /** None could go before @p nxt, because of Nagle's algorithm or the like. Returns whether what is lost goes then. */
    [[nodiscard]] bool new_data_waits(tcp_seq nxt);
    /** When segments will be overdue that RACK gives some time yet; NET_TIME_NEVER: none. */
    [[nodiscard]] net_time reorder_at() const { return reorder_at_; }
    [[nodiscard]] phase state() const { return phase_; }
    [[nodiscard]] uint32_t duplicate_acks() const { return duplicates_; }
    /** DupThresh now. */
    [[nodiscard]] uint32_t dup_thresh(const tcp_recovery_rules &rules) const;

    /** With nothing outstanding: a new object would behave the same. */
    [[nodiscard]] bool has_nothing_to_remember() const;

    /** The first lost segment is to be sent whatever the window says; output clears it. */
    bool urgent = false;

private:
    void mark(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events);
    void mark_overdue(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events);
    void mark_overtaken(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events);
    [[nodiscard]] bool loss_is_certain(const tcp_scoreboard &board, const tcp_recovery_view &view,
                                       const tcp_ack_news &news) const;
    /** Without SACK: the first segment is the lost one. */
    static void mark_front(tcp_scoreboard &board, tcp_recovery_events &events);
    /** Until all that was sent before @p nxt is acknowledged. */
    void enter_loss(tcp_seq nxt);
    void begin(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events);
    void count_duplicates(const tcp_recovery_view &view, tcp_ack_news &news);
    void probe_answered(const tcp_recovery_view &view, const tcp_ack_news &news, tcp_recovery_events &events);
    void dsack(const tcp_recovery_view &view, const tcp_ack_news &news);
    void fast_ack(tcp_scoreboard &board, const tcp_recovery_view &view, const tcp_ack_news &news,
                  tcp_recovery_events &events);
    void loss_ack(tcp_scoreboard &board, const tcp_recovery_view &view, const tcp_ack_news &news,
                  tcp_recovery_events &events);
    void finish(const tcp_recovery_view &view);
    void remember(const tcp_recovery_view &view);
    [[nodiscard]] bool undo_is_due(const tcp_recovery_view &view) const;
    [[nodiscard]] bool echoes_original(const tcp_recovery_view &view) const;

    tcp_rack rack_{};
    net_time reorder_at_ = NET_TIME_NEVER;
    tcp_prr prr_{};
    phase phase_ = phase::open;
    bool first_partial_ = false; /* the next partial ACK is the first */
    bool frto_ = false;          /* the timeout may have been spurious */
    bool prefer_new_ = false;
    bool probe_again_ = false; /* the loss probe was a retransmission */
    uint16_t reordering_ = 0;  /* largest number of segments by which one was overtaken; 0: DupThresh */
    uint32_t duplicates_ = 0;
    uint32_t again_count_ = 0;           /* segments sent again since the reduction, and not DSACKed (undo_retrans) */
    std::optional<tcp_seq> recover_{};   /* RFC 6582: SND.NXT when the last recovery began, until acknowledged beyond */
    std::optional<tcp_seq> undo_from_{}; /* SND.UNA when the last reduction happened, as long as it may be undone */
    std::optional<uint32_t> first_again_{}; /* TSval of the first retransmission since */
    std::optional<tcp_seq> probe_{};        /* SND.NXT when the loss probe was sent (TLP.end_seq) */
};

} // namespace microps
