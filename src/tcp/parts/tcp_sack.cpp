/*
 * tcp_sack.cpp: the SACK blocks of our ACKs (RFC 2018 4, RFC 2883 4).
 */
#include "tcp_sack.hpp"

#include <algorithm>

namespace microps
{

void tcp_sack_reporter::on_out_of_order(const tcp_reassembly::range &range)
{
    /* What has become part of the range goes; of the others the oldest, if there is no room. */
    std::array<tcp_seq, tcp_sack_blocks::MAX> next{range.first};
    uint8_t count = 1;
    for (const tcp_seq at : std::span(recent_).first(recent_count_)) {
        const bool inside = range.first <= at && at < range.last;
        if (!inside && count < next.size()) next[count++] = at;
    }
    recent_ = next;
    recent_count_ = count;
}

void tcp_sack_reporter::on_duplicate(tcp_seq first, tcp_seq last)
{
    duplicate_ = {first, last};
    duplicate_pending_ = true;
}

/** Whether one of these blocks is this range. */
static bool tcp_sack_has(std::span<const tcp_sack_block> blocks, const tcp_reassembly::range &range)
{
    return std::any_of(blocks.begin(), blocks.end(), [&](const tcp_sack_block &b) { return b.first == range.first; });
}

tcp_sack_blocks tcp_sack_reporter::report(const tcp_reassembly &early)
{
    tcp_sack_blocks report;
    if (duplicate_pending_) report.add(duplicate_.first, duplicate_.last);
    duplicate_pending_ = false;
    const size_t duplicates = report.count;
    const auto add = [&](const tcp_reassembly::range &range) {
        if (tcp_sack_has(report.all().subspan(duplicates), range)) return false;
        report.add(range.first, range.last);
        return true;
    };
    uint8_t kept = 0;
    for (const tcp_seq at : std::span(recent_).first(recent_count_)) {
        const tcp_reassembly::range *range = early.find(at);
        if (range && add(*range)) recent_[kept++] = at; /* others are delivered, or one range with an earlier one */
    }
    recent_count_ = kept;
    for (const tcp_reassembly::range &range : early.ranges()) { /* "as many distinct SACK blocks as possible" */
        if (report.count == tcp_sack_blocks::MAX) break;
        add(range);
    }
    return report;
}

} // namespace microps
