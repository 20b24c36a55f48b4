/*
 * timer.cpp: a binary heap in which every timer knows its own place.
 */
#include "microps/timer.hpp"

#include "microps/stack.hpp"

namespace microps
{

net_time net_timer_list::next() const { return heap_.empty() ? NET_TIME_NEVER : heap_.front()->deadline_; }

void net_timer_list::run(net_time now)
{
    /* A timer that a handler arms fires in the next call at the earliest, so that this loop ends. */
    const unsigned long armed_later = order_;
    while (!heap_.empty() && heap_.front()->deadline_ <= now && heap_.front()->order_ < armed_later) {
        const net_timer_handler handler = heap_.front()->handler_;
        remove(*heap_.front());
        handler.call(handler.owner); /* may destroy the timer */
    }
}

void net_timer_list::insert(net_timer &timer)
{
    timer.order_ = order_++;
    heap_.push_back(&timer);
    place(heap_.size() - 1, timer);
    sift_up(timer.index_);
}

void net_timer_list::remove(net_timer &timer)
{
    const size_t index = timer.index_;
    net_timer &last = *heap_.back();
    heap_.pop_back();
    timer.index_ = net_timer::NOT_ARMED;
    if (&last == &timer) return;
    place(index, last);
    sift_up(index);
    sift_down(last.index_);
}

void net_timer_list::place(size_t index, net_timer &timer)
{
    heap_[index] = &timer;
    timer.index_ = index;
}

void net_timer_list::sift_up(size_t index)
{
    net_timer &timer = *heap_[index];
    while (index > 0) {
        const size_t parent = (index - 1) / 2;
        if (!timer.before(*heap_[parent])) break;
        place(index, *heap_[parent]);
        index = parent;
    }
    place(index, timer);
}

void net_timer_list::sift_down(size_t index)
{
    net_timer &timer = *heap_[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && heap_[child + 1]->before(*heap_[child])) child++;
        if (!heap_[child]->before(timer)) break;
        place(index, *heap_[child]);
        index = child;
    }
    place(index, timer);
}

net_timer::net_timer(net_stack &net, net_timer_handler handler) : net_timer(net.timers, handler) {}

void net_timer::arm(net_duration after) { arm_at(list_.clock().now() + after); }

void net_timer::arm_at(net_time deadline)
{
    cancel();
    deadline_ = deadline;
    list_.insert(*this);
}

void net_timer::cancel()
{
    if (armed()) list_.remove(*this);
}

} // namespace microps
