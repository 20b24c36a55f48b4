/*
 * tcp_prr.cpp: RFC 9937 section 6.
 */
#include "tcp_prr.hpp"

#include <algorithm>

namespace microps
{

void tcp_prr::begin(uint32_t flight_size)
{
    *this = {};
    flight_size_ = std::max(flight_size, uint32_t{1});
}

uint32_t tcp_prr::on_ack(uint32_t delivered, uint32_t pipe, uint32_t ssthresh, bool safe, uint32_t mss)
{
    delivered_ += delivered;
    uint32_t budget = 0;
    if (pipe > ssthresh) { /* proportional */
        const uint64_t due = (uint64_t{delivered_} * ssthresh + flight_size_ - 1) / flight_size_;
        budget = due > out_ ? static_cast<uint32_t>(due - out_) : 0;
    } else { /* PRR-SSRB where the ACK is good news, PRR-CRB where it is not */
        budget = std::max(delivered_ > out_ ? delivered_ - out_ : 0, delivered);
        if (safe) budget += mss;
        budget = std::min(ssthresh - pipe, budget);
    }
    if (out_ == 0) budget = std::max(budget, mss); /* the first retransmission is never held back */
    window_ = pipe + budget;
    return window_;
}

} // namespace microps
