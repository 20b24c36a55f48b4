/*
 * tcp_recovery.hpp: tcp_recovery decides which sent segments are lost, when fast retransmit and fast recovery begin and
 * end (RFC 5681 3.2), and which reductions of cwnd were wrong and are undone. It marks segments on the scoreboard. How
 * much may be in the network is left to the congestion control (and to PRR during fast recovery), sending to
 * tcp_output.cpp.
 *
 * With SACK, losses are detected by time (RACK, RFC 8985 6) or, with RACK off, by DupThresh later segments that are
 * SACKed (RFC 6675 4); without SACK by DupThresh duplicate ACKs (NewReno, RFC 6582 3.2). After a timeout everything
 * counts as lost but what RACK finds too young (RFC 8985 6.3). Tail loss probes (TLP, RFC 8985 7) detect losses at the
 * end of a flight. That retransmissions were spurious is detected by F-RTO (RFC 5682), by timestamps (Eifel detection,
 * RFC 3522; response, RFC 4015) and by DSACK (RFC 3708).
 *
 * RFC 6582 inflates cwnd by one segment for each duplicate ACK, because a segment has left the network. Here each
 * duplicate ACK takes a segment off pipe() instead, as a SACKed segment does (RFC 6675 4), and cwnd stays as it is: the
 * same may be sent. So limited transmit (RFC 3042) needs no rule of its own.
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

/** Which mechanisms are switched on (tcp_config). */
struct tcp_recovery_rules {
    bool sack = false; /* both ends have sent SACK permitted */
    bool rack = true;
    bool limited_transmit = true;
    bool prr = true;
    bool frto = true;
    bool undo = true;
    uint32_t dup_thresh = 3;       /* DupThresh before reordering was seen */
    uint32_t dup_thresh_max = 300; /* the largest DupThresh that reordering leads to */
};

/** What recovery must know of the connection when an event occurs. */
struct tcp_recovery_view {
    net_time now{};
    tcp_seq una{}; /* SND.UNA */
    tcp_seq nxt{}; /* SND.NXT */
    uint32_t mss = 1;
    net_duration srtt{};
    net_duration min_rtt{};
    uint32_t timestamp = 0;         /* the TSval that we would send now */
    std::optional<uint32_t> echo{}; /* the ACK's TSecr, if it has one */
    tcp_recovery_rules rules{};
};

/** What is new by one ACK. */
struct tcp_ack_news {
    uint32_t acked = 0;           /* sequence numbers by which SND.UNA has advanced */
    uint32_t delivered = 0;       /* RFC 9937's DeliveredData: bytes newly acknowledged or SACKed */
    uint32_t sacked = 0;          /* the part of delivered that is SACKed */
    bool duplicate = false;       /* a duplicate ACK (RFC 5681 2) */
    unsigned dsacked = 0;         /* segments that a DSACK reports as duplicates (RFC 2883) */
    tcp_seq dsack_last{};         /* the end of the DSACK's block */
    bool original = false;        /* a segment was delivered that was sent once, before recovery began */
    bool reordered = false;       /* a segment sent once was delivered after one sent later */
    bool new_data_may_go = false; /* there is unsent data, and the peer's window permits it */
};

/** What follows from an ACK or a timer for the congestion control, the retransmission timer and the counters. */
struct tcp_recovery_events {
    bool reduce = false;       /* a loss: cwnd must be reduced */
    bool undo = false;         /* the last reduction of cwnd was wrong: it is undone */
    bool restart_timer = true; /* restart the retransmission timer (RFC 6298 5.3) */
    bool began = false;        /* fast recovery has begun */
    bool full_undo = false, partial_undo = false, dsack_undo = false, loss_undo = false, spurious_rto = false;
    bool probe_repaired = false;       /* a tail loss probe has repaired a loss */
    uint32_t newly_lost = 0;           /* sequence numbers newly marked lost */
    uint32_t lost_retransmissions = 0; /* how many of their segments were retransmissions */
};

class tcp_recovery
{
public:
    enum class phase : uint8_t {
        open, /* no loss is known */
        fast, /* fast recovery, until all that was sent before it is acknowledged (RecoveryPoint) */
        loss, /* after a timeout, until all that was sent before it is acknowledged */
    };

    /** An ACK has delivered @p segment: called for each of them, before on_ack(). */
    void on_delivered(const tcp_scoreboard &board, const tcp_sent &segment, const tcp_recovery_view &view,
                      tcp_ack_news &news);
    /** An ACK has come; what it acknowledges was removed from @p board before. */
    [[nodiscard]] tcp_recovery_events on_ack(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_ack_news &news);
    /** During fast recovery, after on_ack() and after the congestion control has set @p ssthresh: PRR's step. */
    void on_reduced(const tcp_scoreboard &board, const tcp_recovery_view &view, const tcp_ack_news &news,
                    const tcp_recovery_events &events, uint32_t ssthresh);
    /**
     * The retransmission timer has expired, @p repeated: for the same data. Returns whether this is a new loss, for
     * which ssthresh is reduced (RFC 5681 3.1).
     */
    [[nodiscard]] bool on_timeout(tcp_scoreboard &board, const tcp_recovery_view &view, bool repeated);
    /** Segments, marked lost before, were too large for the path (RFC 1191 6.4): that is no sign of congestion. */
    void on_too_large(tcp_seq nxt);
    /** RACK's reordering timer has expired (RFC 8985 6.2 step 5). */
    [[nodiscard]] tcp_recovery_events on_reorder_timer(tcp_scoreboard &board, const tcp_recovery_view &view);
    /** A segment was sent, @p retransmission: not for the first time. */
    void on_sent(uint32_t bytes, bool retransmission, const tcp_recovery_view &view);
    /** Returns whether a tail loss probe may be sent when no ACK comes for the PTO (RFC 8985 7.2). */
    [[nodiscard]] bool may_probe(const tcp_scoreboard &board, const tcp_recovery_rules &rules) const;
    /** A tail loss probe was sent; @p nxt is SND.NXT after it (RFC 8985 7.3). */
    void on_probe(tcp_seq nxt, bool retransmission);

    /** RFC 6675's pipe: the bytes that are in the network as far as known, outstanding less SACKed and lost. */
    [[nodiscard]] uint32_t pipe(const tcp_scoreboard &board, uint32_t mss, const tcp_recovery_rules &rules) const;
    /** Returns how much may be in the network: PRR's window during fast recovery, else @p cwnd. */
    [[nodiscard]] uint32_t window(uint32_t cwnd, const tcp_recovery_rules &rules) const;
    /** F-RTO (RFC 5682 2.1 step 2b): new data is sent first, and retransmissions wait for the ACKs of it. */
    [[nodiscard]] bool prefers_new_data() const { return prefer_new_data_; }
    /** No new data could be sent (Nagle's algorithm, the window). Returns whether lost segments are sent instead. */
    [[nodiscard]] bool new_data_waits(tcp_seq nxt);
    /** When RACK's reordering timer expires, NET_TIME_NEVER if no segment waits for it. */
    [[nodiscard]] net_time reorder_at() const { return reorder_at_; }
    [[nodiscard]] phase state() const { return phase_; }
    /** Without SACK: the duplicate ACKs that count. */
    [[nodiscard]] uint32_t duplicate_acks() const { return dup_acks_; }
    /** DupThresh (RFC 6675 2): at least what is configured, and more after reordering over a longer distance. */
    [[nodiscard]] uint32_t dup_thresh(const tcp_recovery_rules &rules) const;

    /** Returns whether, with nothing outstanding, a new object would behave the same, so that this one may be freed. */
    [[nodiscard]] bool has_nothing_to_remember() const;

    /** Fast retransmit: the first lost segment is sent whatever the window permits; output clears this. */
    bool urgent = false;

private:
    void mark(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events);
    void mark_overdue(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events);
    void mark_overtaken(tcp_scoreboard &board, const tcp_recovery_view &view, tcp_recovery_events &events);
    [[nodiscard]] bool loss_is_certain(const tcp_scoreboard &board, const tcp_recovery_view &view,
                                       const tcp_ack_news &news) const;
    /** Without SACK the first outstanding segment is the one that is lost. */
    static void mark_front(tcp_scoreboard &board, tcp_recovery_events &events);
    /** The loss phase begins, until all that was sent before @p nxt is acknowledged. */
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
    bool first_partial_ = false; /* the next partial ACK is the first of this recovery */
    bool frto_ = false;          /* F-RTO is active: the timeout may have been spurious */
    bool prefer_new_data_ = false;
    bool tlp_is_retrans_ = false;      /* RFC 8985's TLP.is_retrans */
    uint16_t reordering_distance_ = 0; /* largest distance of reordering, in segments; 0: none */
    uint32_t dup_acks_ = 0;
    uint32_t undo_retrans_ = 0;         /* retransmissions since the reduction that no DSACK has reported yet */
    std::optional<tcp_seq> recover_{};  /* RFC 6582's recover, RFC 6675's RecoveryPoint: SND.NXT when recovery began */
    std::optional<tcp_seq> undo_una_{}; /* SND.UNA at the last reduction, as long as that may be undone */
    /* RFC 3522's RetransmitTS: the TSval of the first retransmission since then. */
    std::optional<uint32_t> retransmit_ts_{};
    std::optional<tcp_seq> tlp_end_seq_{}; /* RFC 8985's TLP.end_seq: SND.NXT when the loss probe was sent */
};

} // namespace microps
