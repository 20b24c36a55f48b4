/*
 * tcp_prr.cpp: the algorithm of RFC 9937 6, in the RFC's variables.
 */
#include "tcp_prr.hpp"

#include <algorithm>

namespace microps
{

void tcp_prr::begin(uint32_t flight_size)
{
    *this = {};
    recover_fs_ = std::max(flight_size, uint32_t{1});
}

uint32_t tcp_prr::on_ack(uint32_t delivered, uint32_t pipe, uint32_t ssthresh, bool safe, uint32_t mss)
{
    prr_delivered_ += delivered;
    uint32_t snd_cnt = 0;
    if (pipe > ssthresh) { /* Proportional Rate Reduction */
        const uint64_t out = (uint64_t{prr_delivered_} * ssthresh + recover_fs_ - 1) / recover_fs_;
        snd_cnt = out > prr_out_ ? static_cast<uint32_t>(out - prr_out_) : 0;
    } else { /* PRR-SSRB if the ACK is a SafeACK, else PRR-CRB */
        snd_cnt = std::max(prr_delivered_ > prr_out_ ? prr_delivered_ - prr_out_ : 0, delivered);
        if (safe) snd_cnt += mss;
        snd_cnt = std::min(ssthresh - pipe, snd_cnt);
    }
    if (prr_out_ == 0) snd_cnt = std::max(snd_cnt, mss); /* fast retransmit: the first segment may always be sent */
    cwnd_ = pipe + snd_cnt;
    return cwnd_;
}

} // namespace microps
