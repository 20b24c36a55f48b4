/*
 * tcp_scoreboard.cpp: the segments are a queue in a vector whose front index moves, so that there is no allocation for
 * each segment, and little memory when nothing is outstanding.
 */
#include "tcp_scoreboard.hpp"

#include <algorithm>
#include <cassert>

namespace microps
{

/** For how many segments an empty scoreboard keeps its memory. */
static constexpr size_t TCP_SCOREBOARD_KEEP = 16;

void tcp_scoreboard::on_sent(tcp_seq first, tcp_seq last, uint8_t flags, net_time now, uint16_t gso_size)
{
    assert(empty() || segments_.back().last == first);
    segments_.push_back({.first = first, .last = last, .when = now, .gso_size = gso_size, .flags = flags});
    outstanding_ += last.since(first);
}

void tcp_scoreboard::pop_front()
{
    const tcp_sent &segment = segments_[begin_];
    outstanding_ -= segment.size();
    if (segment.lost) lost_ -= segment.size();
    if (segment.sacked) sacked_ -= segment.size();
    if (segment.retransmitted) retransmitted_--;
    begin_++;
    first_lost_ = std::max(first_lost_, begin_);
    if (empty() && segments_.capacity() > TCP_SCOREBOARD_KEEP) return clear();
    if (begin_ < segments_.size() - begin_) return;
    /* More than half of the vector is segments that were removed. */
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
    if (segment.sacked) sacked_ -= n;
}

/** Returns the index of the first segment that ends after @p seq. */
size_t tcp_scoreboard::find(tcp_seq seq) const
{
    const auto begin = segments_.begin() + static_cast<std::ptrdiff_t>(begin_);
    const auto found = std::partition_point(begin, segments_.end(), [&](const tcp_sent &s) { return s.last <= seq; });
    return static_cast<size_t>(found - segments_.begin());
}

void tcp_scoreboard::split(size_t index, tcp_seq at)
{
    tcp_sent second = segments_[index];
    second.first = at;
    segments_[index].last = at;
    segments_[index].flags = 0; /* a SYN is never divided; a FIN belongs to the second part */
    segments_.insert(segments_.begin() + static_cast<std::ptrdiff_t>(index) + 1, second);
    if (second.retransmitted) retransmitted_++;
    if (first_lost_ > index) first_lost_++;
}

/** Joins a lost segment with the lost ones after it, up to @p max bytes of data. */
void tcp_scoreboard::join(size_t index, uint32_t max)
{
    tcp_sent &segment = segments_[index];
    size_t end = index + 1;
    while (end < segments_.size() && segment.flags == 0 && segments_[end].lost &&
           segment.size() + segments_[end].data_size() <= max) {
        const tcp_sent &next = segments_[end++];
        if (segment.retransmitted && next.retransmitted) retransmitted_--;
        segment.last = next.last;
        segment.flags = next.flags;
        segment.when = std::max(segment.when, next.when);
        segment.retransmitted = segment.retransmitted || next.retransmitted;
    }
    const auto begin = segments_.begin();
    segments_.erase(begin + static_cast<std::ptrdiff_t>(index) + 1, begin + static_cast<std::ptrdiff_t>(end));
}

/* Marks */

void tcp_scoreboard::mark_sacked(size_t index)
{
    tcp_sent &segment = segments_[index];
    if (sacked_ == 0 || segment.last > highest_sacked_) highest_sacked_ = segment.last;
    sacked_ += segment.size();
    segment.sacked = true;
    if (segment.lost) lost_ -= segment.size();
    segment.lost = false;
}

void tcp_scoreboard::forget_sacks()
{
    for (tcp_sent &segment : segments_) {
        segment.sacked = false;
    }
    sacked_ = 0;
}

void tcp_scoreboard::mark_lost(size_t index)
{
    tcp_sent &segment = segments_[index];
    if (segment.lost || segment.sacked) return;
    segment.lost = true;
    lost_ += segment.size();
    first_lost_ = std::min(first_lost_, index);
}

void tcp_scoreboard::mark_front_lost()
{
    if (!empty()) mark_lost(begin_);
}

bool tcp_scoreboard::mark_larger_lost(uint32_t size)
{
    return mark_lost_if([&](const tcp_sent &segment) {
               return std::min(segment.data_size(), uint32_t{segment.gso_size}) > size;
           }) > 0;
}

void tcp_scoreboard::mark_back_lost(uint32_t max)
{
    if (back().data_size() > max) split(segments_.size() - 1, back().last - (back().size() - back().data_size()) - max);
    mark_lost(segments_.size() - 1);
}

void tcp_scoreboard::forget_losses()
{
    for (size_t i = first_lost_; i < segments_.size(); i++) {
        segments_[i].lost = false;
    }
    lost_ = 0;
}

const tcp_sent *tcp_scoreboard::next_lost(uint32_t max)
{
    if (lost_ == 0) return nullptr;
    while (!segments_[first_lost_].lost) {
        first_lost_++;
    }
    if (segments_[first_lost_].data_size() > max) {
        split(first_lost_, segments_[first_lost_].first + max);
    } else {
        join(first_lost_, max);
    }
    return &segments_[first_lost_];
}

void tcp_scoreboard::on_retransmitted(net_time now)
{
    tcp_sent &segment = segments_[first_lost_];
    assert(segment.lost);
    segment.lost = false;
    if (!segment.retransmitted) retransmitted_++;
    segment.retransmitted = true;
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
    sacked_ = 0;
    retransmitted_ = 0;
}

} // namespace microps
