/*
 * tcp_prr.hpp: proportional rate reduction (RFC 9937): during fast recovery the window goes down to ssthresh in
 * proportion to what is delivered, instead of at once, so that the ACK clock never stops.
 */
#pragma once

#include <cstdint>

namespace microps
{

class tcp_prr
{
public:
    /** Recovery begins with @p flight_size bytes in the network or known to be lost (RecoverFS). */
    void begin(uint32_t flight_size);
    /**
     * An ACK has delivered @p delivered bytes, @p pipe bytes are in the network (RFC 6675). @p safe: it acknowledged new data and
     * showed no further loss. Returns how much may be in the network now.
     */
    uint32_t on_ack(uint32_t delivered, uint32_t pipe, uint32_t ssthresh, bool safe, uint32_t mss);
    void on_sent(uint32_t bytes) { out_ += bytes; }
    [[nodiscard]] uint32_t window() const { return window_; }

private:
    uint32_t flight_size_ = 1; /* RecoverFS */
    uint32_t delivered_ = 0;   /* prr_delivered */
    uint32_t out_ = 0;         /* prr_out */
    uint32_t window_ = 0;
};

} // namespace microps
