/*
 * tcp_reassembly.cpp: a short sorted list of ranges with holes between them. An empty list holds no memory.
 */
#include "tcp_reassembly.hpp"

#include <algorithm>

namespace microps
{

/** Returns the first range that ends at @p at or later. */
template <typename Iterator>
static Iterator reaching(Iterator begin, Iterator end, tcp_seq at)
{
    return std::partition_point(begin, end, [at](const tcp_reassembly::range &p) { return p.last < at; });
}

/** Returns the first range that begins later than @p at. */
template <typename Iterator>
static Iterator beyond(Iterator begin, Iterator end, tcp_seq at)
{
    return std::partition_point(begin, end, [at](const tcp_reassembly::range &p) { return p.first <= at; });
}

bool tcp_reassembly::add(tcp_seq first, tcp_seq last, size_t ranges_max)
{
    /* The ranges that overlap or touch the new one are those from `begin` up to, but without, `end`. */
    const auto begin = reaching(ranges_.begin(), ranges_.end(), first);
    const auto end = beyond(begin, ranges_.end(), last);
    if (begin == end) {
        if (ranges_.size() >= ranges_max) return false;
        ranges_.insert(begin, {first, last});
        return true;
    }
    begin->first = tcp_seq_min(begin->first, first);
    begin->last = tcp_seq_max((end - 1)->last, last);
    ranges_.erase(begin + 1, end);
    return true;
}

tcp_seq tcp_reassembly::take(tcp_seq next)
{
    const auto end = beyond(ranges_.begin(), ranges_.end(), next);
    if (end != ranges_.begin()) next = tcp_seq_max(next, (end - 1)->last);
    ranges_.erase(ranges_.begin(), end);
    /* Ranges never touch each other, so the next one cannot begin at the new end. */
    if (ranges_.empty()) std::vector<range>().swap(ranges_);
    return next;
}

std::optional<tcp_reassembly::range> tcp_reassembly::overlap(tcp_seq first, tcp_seq last) const
{
    const auto found = reaching(ranges_.begin(), ranges_.end(), first + 1);
    if (found == ranges_.end() || found->first >= last) return std::nullopt;
    return range{tcp_seq_max(first, found->first), tcp_seq_min(last, found->last)};
}

const tcp_reassembly::range *tcp_reassembly::find(tcp_seq at) const
{
    const auto found = reaching(ranges_.begin(), ranges_.end(), at + 1);
    return found != ranges_.end() && found->first <= at ? &*found : nullptr;
}

void tcp_reassembly::clear()
{
    std::vector<range>().swap(ranges_);
    fin.reset();
}

} // namespace microps
