/*
 * tcp_rack.hpp: RACK (RFC 8985 6) decides by time whether a sent segment is lost: it is if a segment that was sent
 * sufficiently later has been delivered. How much later is the reordering window: zero at first, a quarter of the
 * shortest round trip once reordering was seen, and more each time the peer shows by DSACK that a retransmission was
 * spurious.
 *
 * The class keeps what it needs of the delivered segments, and answers about one sent segment at a time. Walking the
 * scoreboard, marking segments lost and the reordering timer are left to tcp_recovery.
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
    /** Steps 2 and 3: @p segment was delivered, acknowledged or SACKed. */
    void on_delivered(const tcp_sent &segment, net_time now, net_duration min_rtt);
    /** Step 4: a DSACK has come, which widens the reordering window, at most once in a round trip. */
    void on_dsack(tcp_seq una, tcp_seq nxt);
    /** Step 4: a recovery has ended; after sixteen of them without a DSACK the reordering window is narrow again. */
    void on_recovered();

    /** Step 4: returns the reordering window. @p waiting: not in recovery, and less than DupThresh segments SACKed. */
    [[nodiscard]] net_duration window(bool waiting, net_duration min_rtt, net_duration srtt) const;
    /** Step 5: returns whether a segment sent after @p segment was delivered. Then it is lost from overdue_at() on. */
    [[nodiscard]] bool is_overtaken(const tcp_sent &segment) const
    {
        return measured_ && sent_after(xmit_ts_, end_seq_, segment.when, segment.last);
    }
    [[nodiscard]] net_time overdue_at(const tcp_sent &segment, net_duration window) const
    {
        return segment.when + rtt_ + window;
    }
    /** Returns whether a segment was delivered since this object exists, so that overdue_at() knows a round trip. */
    [[nodiscard]] bool measured() const { return measured_; }
    /** Returns whether reordering was seen or a DSACK counts, so that this object must be kept. */
    [[nodiscard]] bool is_wary() const { return reordering_seen_ || reo_wnd_mult_ > 1; }

private:
    /** RACK_sent_after(): compares the times of sending, and sequence numbers if the times are equal. */
    static bool sent_after(net_time a, tcp_seq a_last, net_time b, tcp_seq b_last)
    {
        return a > b || (a == b && a_last > b_last);
    }

    net_time xmit_ts_{};          /* RACK.xmit_ts: when the most recently sent of the delivered segments was sent */
    net_duration rtt_{};          /* RACK.rtt: its round trip */
    tcp_seq end_seq_{};           /* RACK.end_seq: its end */
    tcp_seq fack_{};              /* RACK.fack: the highest sequence number delivered */
    tcp_seq dsack_round_{};       /* RACK.dsack_round, if in_dsack_round_ */
    uint8_t reo_wnd_mult_ = 1;    /* RACK.reo_wnd_mult */
    uint8_t reo_wnd_persist_ = 0; /* RACK.reo_wnd_persist: recoveries until the multiplier is 1 again */
    bool measured_ = false;
    bool reordering_seen_ = false; /* RACK.reordering_seen */
    bool in_dsack_round_ = false;
};

} // namespace microps
