/*
 * tcp_prr.cpp: RFC 9937 section 6.
 */
#include "tcp_prr.hpp"

#include <algorithm>

namespace microps
{

void tcp_prr::begin(uint32_t flight)
{
    *this = {};
    flight_ = std::max(flight, uint32_t{1});
}

uint32_t tcp_prr::on_ack(uint32_t delivered, uint32_t in_flight, uint32_t ssthresh, bool safe, uint32_t mss)
{
    delivered_ += delivered;
    uint32_t budget = 0;
    if (in_flight > ssthresh) { /* proportional */
        const uint64_t due = (uint64_t{delivered_} * ssthresh + flight_ - 1) / flight_;
        budget = due > out_ ? static_cast<uint32_t>(due - out_) : 0;
    } else { /* PRR-SSRB where the ACK is good news, PRR-CRB where it is not */
        budget = std::max(delivered_ > out_ ? delivered_ - out_ : 0, delivered);
        if (safe) budget += mss;
        budget = std::min(ssthresh - in_flight, budget);
    }
    if (out_ == 0) budget = std::max(budget, mss); /* the first retransmission is never held back */
    window_ = in_flight + budget;
    return window_;
}

} // namespace microps
