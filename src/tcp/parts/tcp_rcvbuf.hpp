/*
 * tcp_rcvbuf.hpp: how large a receive buffer the reader deserves ("dynamic right-sizing"). The window offered must hold
 * what arrives in a round trip, twice over, since it takes effect a round trip later; while the sender is in slow
 * start, more. What the reader takes per round trip is what the path and the reader manage together, so a slow reader
 * gets no large buffer. The object measures; its owner decides what to do with the answer.
 *
 * A receiver that sends nothing has no round trips of its own. It takes them from the peer's echoes of its timestamps;
 * without those, the time in which a whole offered window arrives is an upper bound.
 */
#pragma once

#include "microps/time.hpp"
#include "tcp_seq.hpp"

#include <cstdint>

namespace microps
{

class tcp_rcvbuf
{
public:
    /**
     * The connection's first data: the reader has taken what is before @p taken, our window ends at @p edge, and
     * @p space is what may come in the first round trip.
     */
    void begin(net_time now, tcp_seq taken, tcp_seq edge, uint32_t space);
    [[nodiscard]] bool begun() const { return space_ > 0; }
    /** A full-sized segment echoes our timestamp @p echo, which we had sent @p age ago. */
    void on_echo(uint32_t echo, net_duration age);
    /** Data came: it is complete up to @p next, and @p edge is the end of our window. */
    void on_data(net_time now, tcp_seq next, tcp_seq edge);
    /** The reader has taken everything before @p taken. Returns what the buffer should be now; 0: no news. */
    [[nodiscard]] uint64_t on_read(net_time now, tcp_seq taken);

    /** The round trip as the receiver sees it; zero: not known. */
    [[nodiscard]] net_duration rtt() const { return rtt_; }
    /** Most that the reader has taken within one. */
    [[nodiscard]] uint32_t space() const { return space_; }

private:
    net_duration rtt_{};
    net_time window_since_{}; /* the round trip by windows ... */
    net_time taken_since_{};  /* ... and that of the reader have begun then ... */
    tcp_seq window_end_{};    /* ... and end here ... */
    tcp_seq taken_{};         /* ... or began here */
    uint32_t echo_ = 0;       /* measured already */
    uint32_t space_ = 0;
};

} // namespace microps
