/*
 * tcp_scoreboard.cpp: a queue of sent segments in a vector whose front moves: no allocation per segment, and no memory
 * when nothing is outstanding.
 */
#include "tcp_scoreboard.hpp"

#include <algorithm>
#include <cassert>

namespace microps
{

namespace
{

constexpr size_t TCP_SCOREBOARD_KEEP = 16; /* segments' worth of memory that an empty scoreboard may keep */

} // namespace

void tcp_scoreboard::on_sent(tcp_seq first, tcp_seq last, uint8_t flags, net_time now)
{
    assert(empty() || segments_.back().last == first);
    segments_.push_back({.first = first, .last = last, .when = now, .flags = flags});
    outstanding_ += last.since(first);
}

void tcp_scoreboard::pop_front()
{
    const tcp_sent &gone = segments_[begin_];
    outstanding_ -= gone.size();
    if (gone.lost) lost_ -= gone.size();
    begin_++;
    first_lost_ = std::max(first_lost_, begin_);
    if (empty() && segments_.capacity() > TCP_SCOREBOARD_KEEP) return clear();
    if (begin_ < segments_.size() - begin_) return;
    /* More than half of the vector is history. */
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(begin_));
    first_lost_ -= begin_;
    begin_ = 0;
}

void tcp_scoreboard::trim_front(tcp_seq una)
{
    tcp_sent &segment = segments_[begin_];
    const uint32_t n = una.since(segment.first);
    segment.first = una;
    outstanding_ -= n;
    if (segment.lost) lost_ -= n;
}

void tcp_scoreboard::mark_lost(tcp_sent &segment)
{
    if (segment.lost) return;
    segment.lost = true;
    lost_ += segment.size();
}

void tcp_scoreboard::mark_front_lost()
{
    if (empty()) return;
    mark_lost(segments_[begin_]);
    first_lost_ = begin_;
}

void tcp_scoreboard::mark_all_lost()
{
    for (size_t i = begin_; i < segments_.size(); i++) {
        mark_lost(segments_[i]);
    }
    first_lost_ = begin_;
}

bool tcp_scoreboard::mark_larger_lost(uint32_t size, tcp_seq end)
{
    const uint32_t lost_before = lost_;
    for (size_t i = segments_.size(); i-- > begin_;) {
        if (segments_[i].lost || segments_[i].data_size() <= size || segments_[i].first >= end) continue;
        mark_lost(segments_[i]);
        first_lost_ = std::min(first_lost_, i);
    }
    return lost_ != lost_before;
}

const tcp_sent *tcp_scoreboard::next_lost(uint32_t max)
{
    if (lost_ == 0) return nullptr;
    while (!segments_[first_lost_].lost) {
        first_lost_++;
    }
    tcp_sent &segment = segments_[first_lost_];
    if (segment.data_size() > max) {
        tcp_sent rest = segment;
        rest.first = segment.first + max;
        segment.last = rest.first;
        segment.flags = 0; /* what is longer than a segment is data; its FIN goes with the rest */
        segments_.insert(segments_.begin() + static_cast<std::ptrdiff_t>(first_lost_) + 1, rest);
    }
    return &segments_[first_lost_];
}

void tcp_scoreboard::on_resent(net_time now)
{
    tcp_sent &segment = segments_[first_lost_];
    assert(segment.lost);
    segment.lost = false;
    segment.resent = true;
    segment.when = now;
    lost_ -= segment.size();
}

void tcp_scoreboard::clear()
{
    std::vector<tcp_sent>().swap(segments_);
    begin_ = 0;
    first_lost_ = 0;
    outstanding_ = 0;
    lost_ = 0;
}

} // namespace microps
