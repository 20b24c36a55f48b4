/*
 * tcp_sack.hpp: tcp_sack_reporter decides which ranges of out-of-order data our ACKs report, and in which order (RFC
 * 2018 4): first the range that contains the segment that came last, then those reported most recently, so that each is
 * reported several times in case ACKs are lost. Before them stands, once, a DSACK: what arrived as a duplicate (RFC
 * 2883 4). The ranges themselves are in tcp_reassembly; how many blocks fit into the header, tcp_options_build()
 * decides.
 *
 * A range is remembered by one of its bytes, so that it may grow, merge with others or be delivered without notice.
 */
#pragma once

#include "tcp_options.hpp"
#include "tcp_reassembly.hpp"

#include <array>
#include <cstdint>

namespace microps
{

class tcp_sack_reporter
{
public:
    /** An out-of-order segment has come and is a part of @p range: the first block of the next report. */
    void on_out_of_order(const tcp_reassembly::range &range);
    /** These bytes are a duplicate: the next report begins with a DSACK for them. */
    void on_duplicate(tcp_seq first, tcp_seq last);
    [[nodiscard]] bool duplicate_pending() const { return duplicate_pending_; }
    /** Returns the blocks of the ACK that is sent now; a pending DSACK is reported only by this one. */
    [[nodiscard]] tcp_sack_blocks report(const tcp_reassembly &out_of_order);

private:
    std::array<tcp_seq, tcp_sack_blocks::MAX> recent_{}; /* a byte of each range, the last reported first */
    uint8_t recent_count_ = 0;
    bool duplicate_pending_ = false;
    tcp_sack_block duplicate_{};
};

} // namespace microps
