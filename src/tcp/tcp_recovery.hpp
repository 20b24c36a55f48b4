/*
 * tcp_recovery.hpp: what is lost, and what may be sent again at once: three duplicate ACKs, NewReno's fast recovery
 * (RFC 6582), and everything after a retransmission timeout. It marks the scoreboard; how much may be outstanding is
 * the congestion control's decision, sending is output's.
 *
 * RFC 6582 inflates the congestion window by each duplicate ACK, because a segment has left the network. The same said
 * from the other side: each duplicate ACK takes a segment off what is in flight, and the window stays what it is.
 * So limited transmit (RFC 3042) needs no rule of its own, and SACK will only count better.
 */
#pragma once

#include "tcp_scoreboard.hpp"
#include "tcp_seq.hpp"

#include <cstdint>
#include <optional>

namespace microps
{

class tcp_recovery
{
public:
    static constexpr uint32_t DUPLICATE_ACKS = 3; /* RFC 5681 3.2 */

    enum class phase : uint8_t {
        open, /* nothing is lost, as far as we know */
        fast, /* fast recovery: from the third duplicate ACK until what was sent before it is acknowledged */
        loss, /* the timer has expired: until what was sent before is acknowledged */
    };

    /** A duplicate ACK came. Returns whether fast recovery begins by it. */
    [[nodiscard]] bool on_duplicate_ack(tcp_scoreboard &board, tcp_seq una, tcp_seq nxt);
    /**
     * New data was acknowledged, @p acked bytes up to @p una, and is off the board. Returns whether the retransmission
     * timer starts anew: in fast recovery by the first partial ACK only (RFC 6582 3.2 step 3).
     */
    [[nodiscard]] bool on_ack(tcp_scoreboard &board, tcp_seq una, uint32_t acked, uint32_t mss);
    /** The retransmission timer expired. */
    void on_timeout(tcp_scoreboard &board, tcp_seq nxt);
    /** Segments are lost because they were too large for the path, and on the board so: no sign of congestion. */
    void on_too_large(tcp_seq nxt);

    /** What is in the network, as far as we know. */
    [[nodiscard]] uint32_t in_flight(const tcp_scoreboard &board, uint32_t mss) const;
    [[nodiscard]] phase now() const { return phase_; }
    [[nodiscard]] uint32_t duplicate_acks() const { return duplicates_; }

    /** The first lost segment is to be sent whatever the window says (RFC 6582 3.2 steps 3, 5); output clears it. */
    bool urgent = false;

private:
    phase phase_ = phase::open;
    bool first_partial_ = false; /* the next partial ACK is the first */
    uint32_t duplicates_ = 0;
    std::optional<tcp_seq> recover_{}; /* RFC 6582: SND.NXT when the last recovery began, until acknowledged beyond */
};

} // namespace microps
