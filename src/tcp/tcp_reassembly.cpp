/*
 * tcp_reassembly.cpp: a short sorted list of pieces with holes between them.
 */
#include "tcp_reassembly.hpp"

#include <algorithm>

namespace microps
{

bool tcp_reassembly::add(tcp_seq first, tcp_seq last)
{
    /* Those that overlap or touch the new piece: all from `begin` up to, without, `end`. */
    const auto begin = std::find_if(pieces_.begin(), pieces_.end(), [&](const piece &p) { return p.last >= first; });
    const auto end = std::find_if(begin, pieces_.end(), [&](const piece &p) { return p.first > last; });
    if (begin == end) {
        if (pieces_.size() >= PIECES_MAX) return false;
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
    const auto end = std::find_if(pieces_.begin(), pieces_.end(), [&](const piece &p) { return p.first > next; });
    for (auto p = pieces_.begin(); p != end; ++p) {
        next = tcp_seq_max(next, p->last);
    }
    pieces_.erase(pieces_.begin(), end);
    /* Pieces never touch, so the one behind cannot begin at the new end. An empty list holds no memory. */
    if (pieces_.empty()) std::vector<piece>().swap(pieces_);
    return next;
}

void tcp_reassembly::clear()
{
    std::vector<piece>().swap(pieces_);
    fin.reset();
}

} // namespace microps
