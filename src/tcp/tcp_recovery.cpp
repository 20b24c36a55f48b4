/*
 * tcp_recovery.cpp: RFC 6582 section 3.2, step by step.
 */
#include "tcp_recovery.hpp"

#include <algorithm>
#include <utility>

namespace microps
{

bool tcp_recovery::on_duplicate_ack(tcp_scoreboard &board, tcp_seq una, tcp_seq nxt)
{
    /* After a timeout, duplicates only show that segments arrived which we sent again for nothing. */
    if (phase_ == phase::loss) return false;
    duplicates_++;
    if (phase_ == phase::fast || duplicates_ != DUPLICATE_ACKS) return false;
    /* Step 2: still the echo of the last recovery, unless the ACK covers more than `recover`. */
    if (recover_ && una <= *recover_) return false;
    phase_ = phase::fast;
    recover_ = nxt;
    first_partial_ = true;
    board.mark_front_lost();
    urgent = true;
    return true;
}

bool tcp_recovery::on_ack(tcp_scoreboard &board, tcp_seq una, uint32_t acked, uint32_t mss)
{
    const bool complete = !recover_ || una >= *recover_;
    if (recover_ && una > *recover_) recover_.reset();
    if (phase_ == phase::open || complete) {
        phase_ = phase::open;
        duplicates_ = 0;
        urgent = false;
        return true;
    }
    if (phase_ == phase::loss) return true;
    /* Step 3, partial: the next hole. What lay between it and the last one had left the network already. */
    const uint32_t segments = std::max(acked / mss, uint32_t{1});
    duplicates_ -= std::min(duplicates_, segments - 1);
    board.mark_front_lost();
    urgent = true;
    return std::exchange(first_partial_, false);
}

void tcp_recovery::on_timeout(tcp_scoreboard &board, tcp_seq nxt)
{
    phase_ = phase::loss;
    recover_ = nxt; /* step 4 */
    duplicates_ = 0;
    board.mark_all_lost();
    urgent = true;
}

void tcp_recovery::on_too_large(tcp_seq nxt)
{
    phase_ = phase::loss; /* so that what got through, and is acknowledged again and again, starts no recovery */
    recover_ = nxt;
    duplicates_ = 0;
    urgent = true;
}

uint32_t tcp_recovery::in_flight(const tcp_scoreboard &board, uint32_t mss) const
{
    const uint32_t left = board.lost() + duplicates_ * mss;
    return board.outstanding() - std::min(board.outstanding(), left);
}

} // namespace microps
