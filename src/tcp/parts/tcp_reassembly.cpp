/*
 * tcp_reassembly.cpp: a short sorted list of pieces with holes between them.
 */
#include "tcp_reassembly.hpp"

#include <algorithm>

namespace microps
{

namespace
{

/** The first piece that ends at @p at or behind it. */
template <typename Iterator>
Iterator reaching(Iterator begin, Iterator end, tcp_seq at)
{
    return std::partition_point(begin, end, [at](const tcp_reassembly::piece &p) { return p.last < at; });
}

/** The first piece that begins behind @p at. */
template <typename Iterator>
Iterator beyond(Iterator begin, Iterator end, tcp_seq at)
{
    return std::partition_point(begin, end, [at](const tcp_reassembly::piece &p) { return p.first <= at; });
}

} // namespace

bool tcp_reassembly::add(tcp_seq first, tcp_seq last, size_t pieces_max)
{
    /* Those that overlap or touch the new piece: all from `begin` up to, without, `end`. */
    const auto begin = reaching(pieces_.begin(), pieces_.end(), first);
    const auto end = beyond(begin, pieces_.end(), last);
    if (begin == end) {
        if (pieces_.size() >= pieces_max) return false;
        pieces_.insert(begin, {first, last});
        return true;
    }
    begin->first = tcp_seq_min(begin->first, first);
    begin->last = tcp_seq_max((end - 1)->last, last);
    pieces_.erase(begin + 1, end);
    return true;
}

tcp_seq tcp_reassembly::take(tcp_seq next)
{
    const auto end = beyond(pieces_.begin(), pieces_.end(), next);
    if (end != pieces_.begin()) next = tcp_seq_max(next, (end - 1)->last);
    pieces_.erase(pieces_.begin(), end);
    /* Pieces never touch, so the one behind cannot begin at the new end. An empty list holds no memory. */
    if (pieces_.empty()) std::vector<piece>().swap(pieces_);
    return next;
}

std::optional<tcp_reassembly::piece> tcp_reassembly::overlap(tcp_seq first, tcp_seq last) const
{
    const auto found = reaching(pieces_.begin(), pieces_.end(), first + 1);
    if (found == pieces_.end() || found->first >= last) return std::nullopt;
    return piece{tcp_seq_max(first, found->first), tcp_seq_min(last, found->last)};
}

const tcp_reassembly::piece *tcp_reassembly::find(tcp_seq at) const
{
    const auto found = reaching(pieces_.begin(), pieces_.end(), at + 1);
    return found != pieces_.end() && found->first <= at ? &*found : nullptr;
}

void tcp_reassembly::clear()
{
    std::vector<piece>().swap(pieces_);
    fin.reset();
}

} // namespace microps
