/*
 * tcp_prr.hpp: proportional rate reduction (RFC 9937). tcp_prr decides how much may be in the network during fast
 * recovery: it goes down to ssthresh in proportion to the data that is delivered, instead of at once, so that each ACK
 * lets new segments out and the ACK clock never stops. Once less than ssthresh is in the network, it grows back to
 * ssthresh as in slow start (PRR-SSRB) while recovery makes progress, else only by what is delivered (PRR-CRB). When
 * recovery begins and what ssthresh is, tcp_recovery and the congestion control decide.
 */
#pragma once

#include <cstdint>

namespace microps
{

class tcp_prr
{
public:
    /** Fast recovery begins with @p flight_size bytes outstanding, the lost ones included (6.1: RecoverFS). */
    void begin(uint32_t flight_size);
    /**
     * An ACK has delivered @p delivered bytes (6.2: DeliveredData), and @p pipe bytes are in the network (the RFC's
     * inflight). @p safe: it acknowledged new data and showed no further loss (SafeACK). Returns window().
     */
    uint32_t on_ack(uint32_t delivered, uint32_t pipe, uint32_t ssthresh, bool safe, uint32_t mss);
    /** Data was sent or retransmitted during recovery. */
    void on_sent(uint32_t bytes) { prr_out_ += bytes; }
    /** How much may be in the network since the last ACK: the RFC's cwnd during recovery. */
    [[nodiscard]] uint32_t window() const { return cwnd_; }

private:
    uint32_t recover_fs_ = 1;
    uint32_t prr_delivered_ = 0;
    uint32_t prr_out_ = 0;
    uint32_t cwnd_ = 0;
};

} // namespace microps
