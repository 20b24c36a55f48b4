/*
 * sim/trace.hpp: what went over the wires: the last frames, readable, and a digest of all of them.
 *
 * Lines of text are made on demand. Sequence numbers are printed relative to the SYN of their direction
 * when the trace has seen it.
 *
 *        0.010200 client > server  10.0.0.1:49152 > 10.0.0.2:7  [S] seq 0 win 65535 <mss 1460>   lost
 */
#pragma once

#include "microps/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace microps
{

/** Frames begin with an Ethernet header, or with the IP header. */
enum class sim_link_type { ethernet, raw_ip };

/** What a wire did to a frame; values may be or-ed. */
enum sim_fate : unsigned {
    SIM_FATE_SENT = 0,
    SIM_FATE_LOST = 1 << 0,
    SIM_FATE_QUEUE_FULL = 1 << 1,
    SIM_FATE_TOO_LONG = 1 << 2,
    SIM_FATE_DUPLICATED = 1 << 3,
    SIM_FATE_REORDERED = 1 << 4,
    SIM_FATE_CORRUPTED = 1 << 5,
    SIM_FATE_TRUNCATED = 1 << 6,
    SIM_FATE_UNPLUGGED = 1 << 7,
};

/** One frame as it was sent. */
struct sim_frame_record {
    net_duration at{}; /* since the world began */
    std::string from;  /* the sender's name */
    std::string to;    /* the receiver's, or "*" */
    sim_link_type link{};
    unsigned fate = SIM_FATE_SENT;
    size_t size = 0;             /* of the whole frame */
    std::vector<uint8_t> head{}; /* its first bytes */
};

/** Prints frames, and remembers initial sequence numbers on the way. */
class sim_frame_printer
{
public:
    /** One line, without newline, of a frame: protocol, addresses, what matters in it. */
    std::string text(sim_link_type link, std::span<const uint8_t> frame, size_t size);

private:
    std::string ip(std::span<const uint8_t> packet, size_t size);
    std::string tcp(const std::string &src, const std::string &dst, std::span<const uint8_t> segment, size_t size);

    std::map<std::string, uint32_t> isn_; /* by "src > dst" */
};

class sim_trace
{
public:
    /** Keeps this many frames, the newest ones. */
    size_t limit = 400;
    /** Bytes kept of each. */
    size_t head_size = 160;

    /** Frames recorded since the beginning. */
    [[nodiscard]] uint64_t frames() const { return frames_; }
    /** A hash of everything that was recorded: times, wires, fates and all bytes. Equal digests: equal worlds. */
    [[nodiscard]] uint64_t digest() const { return digest_; }
    /** The frames that are kept, oldest first. */
    [[nodiscard]] const std::deque<sim_frame_record> &records() const { return records_; }
    /** The last @p count frames that are kept, a line each. */
    [[nodiscard]] std::string text(size_t count = static_cast<size_t>(-1)) const;

    /** A wire reports a frame. @p frame is all of it. */
    void record(sim_frame_record about, std::span<const uint8_t> frame);

private:
    void mix(uint64_t value);

    std::deque<sim_frame_record> records_;
    uint64_t frames_ = 0;
    uint64_t digest_ = 0x6d6963726f707321;
};

} // namespace microps
