/*
 * sim/wire.hpp: a wire between hosts, and everything that can go wrong on it.
 *
 * A frame that a host sends waits for its turn (bandwidth, queue), meets its fate (loss, damage, duplication,
 * reordering) and arrives after the delay. Each direction has its own configuration, generator and counters. More
 * than two ends make a segment with a learning switch in its middle.
 */
#pragma once

#include "microps/random.hpp"
#include "microps/sim/trace.hpp"
#include "microps/sim/world.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace microps
{

class sim_host;
class sim_pcap;
struct sim_device;

/** What one direction of a wire does to frames. Probabilities are 0 .. 1; the default is a perfect wire. */
struct sim_wire_config {
    uint64_t bandwidth = 0; /* bits per second; 0: no limit */
    size_t queue = 1000;    /* frames that may wait for the bandwidth; the newest is dropped */
    net_duration delay{};   /* from the last bit sent to its arrival */
    net_duration jitter{};  /* evenly distributed, added to the delay; may reorder frames */

    double drop = 0;
    /** Gilbert and Elliott's bursts: between frames the wire turns bad, and good again, by chance. */
    double burst_begin = 0;  /* good to bad */
    double burst_end = 0.3;  /* bad to good */
    double burst_drop = 1.0; /* while bad */
    double duplicate = 0;    /* a second copy follows at once */
    double reorder = 0;      /* the frame is delayed, so that later ones arrive first */
    net_duration reorder_delay = std::chrono::milliseconds(5);
    double corrupt = 0;        /* random bits are flipped: */
    unsigned corrupt_bits = 1; /* how many; one bit is always found by the checksums above */
    double truncate = 0;       /* the frame loses a random part of its end */

    uint16_t mtu = 1500; /* of the devices (IP packet size) when the wire is made; longer frames are dropped later */
    sim_link_type link = sim_link_type::ethernet; /* fixed when the wire is made */
};

/** What one direction of a wire has done so far, in frames. */
struct sim_wire_stats {
    uint64_t sent = 0; /* by the host at its beginning */
    uint64_t bytes = 0;
    uint64_t delivered = 0; /* copies that arrived somewhere */
    uint64_t lost = 0;      /* by drop and bursts */
    uint64_t queue_full = 0;
    uint64_t too_long = 0;
    uint64_t duplicated = 0;
    uint64_t reordered = 0;
    uint64_t corrupted = 0;
    uint64_t truncated = 0;
};

/** Gets every frame that arrives at a raw end. Runs between two events; it may call sim_wire::inject(). */
using sim_frame_handler = std::function<void(std::span<const uint8_t> frame)>;

/** One end of a wire: a host with the address that its new device gets there ("192.0.2.1/24"). */
struct sim_plug {
    sim_host &host;
    const char *addr;
};

/** One end of a wire that no stack holds: a script or a test reads and writes frames by hand. */
struct sim_raw_plug {
    std::string name;
    sim_frame_handler handler;
};

class sim_wire
{
public:
    /** Two hosts. */
    sim_wire(sim_world &world, const sim_plug &a, const sim_plug &b, const sim_wire_config &config = {});
    /** Any number of hosts on one segment with a switch. */
    sim_wire(sim_world &world, std::span<const sim_plug> plugs, const sim_wire_config &config = {});
    sim_wire(sim_world &world, std::initializer_list<sim_plug> plugs, const sim_wire_config &config = {});
    /** A host and a raw end. */
    sim_wire(sim_world &world, const sim_plug &a, sim_raw_plug b, const sim_wire_config &config = {});
    /** Frames on their way are lost; the hosts' devices stay, and lose what they send. */
    ~sim_wire();
    sim_wire(const sim_wire &) = delete;
    sim_wire &operator=(const sim_wire &) = delete;

    /** What happens from now on to the frames that @p from sends; both directions begin with the constructor's. */
    [[nodiscard]] sim_wire_config &config(const sim_host &from);
    /** The same for the raw end. */
    [[nodiscard]] sim_wire_config &raw_config();
    /** Sets all directions alike. */
    void configure(const sim_wire_config &config);
    /** Cuts the wire, or mends it: while it is cut everything sent is lost, and what is on its way too. */
    void cut(bool is_cut = true);

    [[nodiscard]] const sim_wire_stats &stats(const sim_host &from) const;

    /** Writes all frames of this wire, as they are sent and before anything happens to them, to a pcap file. */
    bool capture(const std::string &path);
    /** Writes what a tcpdump on @p host would see: what it sends and what arrives there. Returns false: no file. */
    bool capture(const sim_host &host, const std::string &path);

    /** Sends a frame from the raw end. */
    void inject(std::span<const uint8_t> frame);
    /** Puts a frame in front of @p to as if it had come over the wire, at once and undamaged. */
    void deliver(const sim_host &to, std::span<const uint8_t> frame);

private:
    friend struct sim_device;
    struct port;

    sim_wire(sim_world &world, const sim_wire_config &config);
    void plug(const sim_plug &plug, const sim_wire_config &config);
    void send(port &from, std::span<const uint8_t> frame);
    unsigned transfer(port &from, std::span<const uint8_t> frame);
    void schedule_arrival(port &from, net_time at, std::vector<uint8_t> bytes);
    void switch_frame(port &from, std::span<const uint8_t> frame);
    void arrive(port &to, std::span<const uint8_t> frame);
    [[nodiscard]] port &port_of(const sim_host &host) const;

    sim_world &world_;
    sim_link_type link_;
    bool cut_ = false;
    std::vector<std::unique_ptr<port>> ports_;
    std::map<std::array<uint8_t, 6>, port *> learned_; /* the switch's table: behind which end a host is */
    std::unique_ptr<sim_pcap> pcap_;
};

} // namespace microps
