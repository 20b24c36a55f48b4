/*
 * tcp_rack.hpp: RACK (RFC 8985): a segment is lost if one that was sent sufficiently later has been delivered. How much
 * later is the reordering window: nothing at first, a quarter of the round trip once reordering was seen, more each
 * time the peer proves by DSACK that we sent something again for nothing.
 *
 * It keeps what it needs of the delivered segments, and answers about one sent segment at a time; walking the
 * scoreboard and marking is recovery's business.
 */
#pragma once

#include "microps/time.hpp"
#include "tcp_scoreboard.hpp"
#include "tcp_seq.hpp"

#include <cstdint>

namespace microps
{

class tcp_rack
{
public:
    /** Step 2 and 3: a segment was delivered. */
    void on_delivered(const tcp_sent &segment, net_time now, net_duration min_rtt);
    /** Step 4: a DSACK came; at most once a round trip the window grows. */
    void on_dsack(tcp_seq una, tcp_seq nxt);
    /** Step 4: recovery is over; after sixteen without a DSACK the window is what it was at first. */
    void on_recovered();

    /** Step 4: the reordering window. @p waiting: not in recovery, and fewer than DupThresh segments are SACKed. */
    [[nodiscard]] net_duration window(bool waiting, net_duration min_rtt, net_duration srtt) const;
    /** Step 5: whether the delivered segments were sent after this one. Then it is lost at overdue_at(). */
    [[nodiscard]] bool is_overtaken(const tcp_sent &segment) const;
    [[nodiscard]] net_time overdue_at(const tcp_sent &segment, net_duration window) const
    {
        return segment.when + rtt_ + window;
    }
    /** Something was delivered since this object exists: overdue_at() knows a round trip. */
    [[nodiscard]] bool measured() const { return measured_; }
    /** The path has reordered, or the peer has had something twice: that is remembered. */
    [[nodiscard]] bool is_wary() const { return reordering_seen_ || multiplier_ > 1; }

private:
    net_time sent_{};    /* RACK.xmit_ts: when the newest delivered segment was sent */
    net_duration rtt_{}; /* RACK.rtt: its round trip */
    tcp_seq last_{};     /* RACK.end_seq */
    tcp_seq highest_{};  /* RACK.fack: the highest sequence number delivered */
    tcp_seq dsack_round_{};
    uint8_t multiplier_ = 1; /* RACK.reo_wnd_mult */
    uint8_t persist_ = 0;    /* recoveries until the multiplier is forgotten */
    bool measured_ = false;
    bool reordering_seen_ = false;
    bool in_dsack_round_ = false;
};

} // namespace microps
