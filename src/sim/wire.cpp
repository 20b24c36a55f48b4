/*
 * wire.cpp: how a frame passes a wire.
 *
 * send() checks length and queue, computes when the bandwidth lets the frame leave, and decides whether it is lost,
 * damaged, delayed or duplicated. Each copy becomes an event of the world that calls arrive() at the other end. The
 * wire holds its own copy of the frame, so that one stack never touches the memory of another.
 */
#include "microps/sim/wire.hpp"

#include "microps/ether.hpp"
#include "microps/ip.hpp"
#include "microps/sim/host.hpp"
#include "sim_internal.hpp"
#include "wire_fate.hpp"

#include <cstdlib>

namespace microps
{

/** The device that a host gets for each wire. */
struct sim_device final : net_device {
    sim_device(net_stack &net_) : net_device(net_) {}
    ~sim_device() override;

    int transmit(uint16_t ethertype, packet_ptr pkt, const void *dst) override MICROPS_REQUIRES(net_locked)
    {
        if (type == NET_DEVICE_TYPE_ETHERNET) return ether_transmit_helper(*this, ethertype, std::move(pkt), dst);
        output(std::move(pkt));
        return 0;
    }
    int poll() override MICROPS_REQUIRES(net_locked);
    size_t write(std::span<const packet_ptr> frames) override;
    void input(packet_ptr frame) override MICROPS_REQUIRES(net_locked)
    {
        if (type == NET_DEVICE_TYPE_ETHERNET) return ether_input_helper(*this, std::move(frame));
        net_input_handler(NET_PROTOCOL_TYPE_IP, std::move(frame), *this);
    }

    sim_wire *wire = nullptr;
    sim_wire::port *port = nullptr;
    std::deque<std::vector<uint8_t>> arrived{};
};

/** One end of a wire, and the direction that begins there. */
struct sim_wire::port {
    port(std::string name_, uint64_t seed, const sim_wire_config &config_)
        : name(std::move(name_)), config(config_), random(seed)
    {
    }

    std::string name;
    sim_host *host = nullptr;     /* null: a raw end */
    sim_device *device = nullptr; /* null: a raw end, or the host is gone */
    sim_frame_handler handler{};
    sim_wire_config config;
    sim_wire_stats stats{};
    net_random random;
    sim_wire_loss loss{};
    sim_wire_queue queue{};
    std::unique_ptr<sim_pcap> pcap{};
};

/* The device */

sim_device::~sim_device()
{
    if (port) port->device = nullptr;
}

int sim_device::poll()
{
    const size_t count = arrived.size();
    while (!arrived.empty()) {
        const std::vector<uint8_t> bytes = std::move(arrived.front());
        arrived.pop_front();
        packet_ptr frame = packet_alloc(net, 0, bytes);
        if (frame) net_device_input(*this, std::move(frame));
    }
    return static_cast<int>(count);
}

size_t sim_device::write(std::span<const packet_ptr> frames)
{
    for (const packet_ptr &frame : frames) {
        if (wire) wire->send(*port, frame->bytes());
    }
    return frames.size();
}

/* Plugging */

sim_wire::sim_wire(sim_world &world, const sim_wire_config &config) : world_(world), link_(config.link) {}

sim_wire::sim_wire(sim_world &world, const sim_plug &a, const sim_plug &b, const sim_wire_config &config)
    : sim_wire(world, config)
{
    plug(a, config);
    plug(b, config);
}

sim_wire::sim_wire(sim_world &world, std::initializer_list<sim_plug> plugs, const sim_wire_config &config)
    : sim_wire(world, std::span(plugs.begin(), plugs.size()), config)
{
}

sim_wire::sim_wire(sim_world &world, std::span<const sim_plug> plugs, const sim_wire_config &config)
    : sim_wire(world, config)
{
    for (const sim_plug &p : plugs) {
        plug(p, config);
    }
}

sim_wire::sim_wire(sim_world &world, const sim_plug &a, sim_raw_plug b, const sim_wire_config &config)
    : sim_wire(world, config)
{
    plug(a, config);
    ports_.push_back(std::make_unique<port>(std::move(b.name), world_.derive_seed(), config));
    ports_.back()->handler = std::move(b.handler);
}

sim_wire::~sim_wire()
{
    world_.forget(this);
    for (const std::unique_ptr<port> &p : ports_) {
        if (!p->device) continue;
        p->device->wire = nullptr;
        p->device->port = nullptr;
    }
}

void sim_wire::plug(const sim_plug &plug, const sim_wire_config &config)
{
    sim_host &host = plug.host;
    ports_.push_back(std::make_unique<port>(host.name(), world_.derive_seed(), config));
    port &p = *ports_.back();
    p.host = &host;

    ip_addr_t unicast;
    ip_addr_t netmask;
    net_guard guard(host.stack_);
    sim_device *dev = net_device_alloc<sim_device>(host.stack_);
    if (link_ == sim_link_type::ethernet) {
        ether_setup_helper(*dev);
        const mac_addr mac{{0x02, 0, 0, 0, static_cast<uint8_t>(host.index_ + 1), static_cast<uint8_t>(host.devices_)}};
        ether_device_set_addr(*dev, mac);
    } else {
        dev->type = NET_DEVICE_TYPE_IP;
        dev->flags = NET_DEVICE_FLAG_P2P;
    }
    dev->mtu = config.mtu;
    dev->wire = this;
    dev->port = &p;
    p.device = dev;
    host.devices_++;
    if (host.started_ || !sim_prefix_pton(plug.addr, unicast, netmask) || net_device_register(*dev) == -1) {
        world_.fail({}, host.name() + ": cannot plug a wire in at " + plug.addr);
        return;
    }
    ip_iface *iface = ip_iface_alloc(host.stack_, ip_addr_str(unicast).c_str(), ip_addr_str(netmask).c_str());
    if (!iface || ip_iface_register(*dev, *iface) == -1) {
        world_.fail({}, host.name() + ": cannot have the address " + plug.addr);
    }
}

sim_wire::port &sim_wire::port_of(const sim_host &host) const
{
    for (const std::unique_ptr<port> &p : ports_) {
        if (p->host == &host) return *p;
    }
    world_.fail({}, host.name() + " has no end of this wire");
    std::abort();
}

sim_wire_config &sim_wire::config(const sim_host &from) { return port_of(from).config; }

sim_wire_config &sim_wire::raw_config() { return ports_.back()->config; }

void sim_wire::configure(const sim_wire_config &config)
{
    for (const std::unique_ptr<port> &p : ports_) {
        p->config = config;
    }
}

void sim_wire::cut(bool is_cut) { cut_ = is_cut; }

const sim_wire_stats &sim_wire::stats(const sim_host &from) const { return port_of(from).stats; }

bool sim_wire::capture(const std::string &path)
{
    pcap_ = std::make_unique<sim_pcap>(path, link_);
    return pcap_->is_open();
}

bool sim_wire::capture(const sim_host &host, const std::string &path)
{
    port &p = port_of(host);
    p.pcap = std::make_unique<sim_pcap>(path, link_);
    return p.pcap->is_open();
}

static void pcap_write(const std::unique_ptr<sim_pcap> &pcap, sim_world &world, std::span<const uint8_t> frame)
{
    if (pcap) pcap->write(sim_clock::WALL_START + world.elapsed(), frame);
}

/* The way of a frame */

/** Damages a frame; returns what was done to it. */
static unsigned damage(const sim_wire_config &config, net_random &random, std::vector<uint8_t> &frame)
{
    unsigned fate = SIM_FATE_SENT;
    if (config.truncate > 0 && frame.size() > 1 && random.chance(config.truncate)) {
        frame.resize(1 + static_cast<size_t>(random.below(frame.size() - 1)));
        fate |= SIM_FATE_TRUNCATED;
    }
    if (config.corrupt > 0 && !frame.empty() && random.chance(config.corrupt)) {
        for (unsigned i = 0; i < config.corrupt_bits; i++) {
            const uint64_t bit = random.below(frame.size() * 8);
            uint8_t &damaged = frame[static_cast<size_t>(bit / 8)];
            damaged = static_cast<uint8_t>(damaged ^ (1u << bit % 8));
        }
        fate |= SIM_FATE_CORRUPTED;
    }
    return fate;
}

unsigned sim_wire::transfer(port &from, std::span<const uint8_t> frame)
{
    const sim_wire_config &config = from.config;
    const size_t header = link_ == sim_link_type::ethernet ? ETHER_HDR_SIZE : 0;
    if (cut_) return SIM_FATE_UNPLUGGED;
    if (frame.size() > config.mtu + header) return SIM_FATE_TOO_LONG;
    const std::optional<net_time> sent = from.queue.take(config, world_.now(), frame.size());
    if (!sent) return SIM_FATE_QUEUE_FULL;
    if (from.loss.strikes(config, from.random)) return SIM_FATE_LOST;

    std::vector<uint8_t> bytes(frame.begin(), frame.end());
    unsigned fate = damage(config, from.random, bytes);
    net_time at = *sent + config.delay;
    if (config.reorder > 0 && from.random.chance(config.reorder)) {
        at += config.reorder_delay;
        fate |= SIM_FATE_REORDERED;
    }
    if (config.duplicate > 0 && from.random.chance(config.duplicate)) {
        fate |= SIM_FATE_DUPLICATED;
        schedule_arrival(from, at, bytes);
    }
    schedule_arrival(from, at, std::move(bytes));
    return fate;
}

void sim_wire::schedule_arrival(port &from, net_time at, std::vector<uint8_t> bytes)
{
    if (from.config.jitter > net_duration::zero()) {
        at += net_duration(static_cast<int64_t>(from.random.below(static_cast<uint64_t>(from.config.jitter.count()))));
    }
    world_.schedule(at, this, [this, &from, frame = std::move(bytes)] { switch_frame(from, frame); });
}

static void count_fate(sim_wire_stats &stats, unsigned fate, size_t size)
{
    stats.sent++;
    stats.bytes += size;
    if (fate & (SIM_FATE_LOST | SIM_FATE_UNPLUGGED)) stats.lost++;
    if (fate & SIM_FATE_QUEUE_FULL) stats.queue_full++;
    if (fate & SIM_FATE_TOO_LONG) stats.too_long++;
    if (fate & SIM_FATE_DUPLICATED) stats.duplicated++;
    if (fate & SIM_FATE_REORDERED) stats.reordered++;
    if (fate & SIM_FATE_CORRUPTED) stats.corrupted++;
    if (fate & SIM_FATE_TRUNCATED) stats.truncated++;
}

void sim_wire::send(port &from, std::span<const uint8_t> frame)
{
    pcap_write(pcap_, world_, frame);
    pcap_write(from.pcap, world_, frame);
    const unsigned fate = transfer(from, frame);
    count_fate(from.stats, fate, frame.size());
    const port *to = ports_.size() != 2 ? nullptr : ports_[ports_.front().get() == &from ? 1 : 0].get();
    world_.trace_.record(
        {.at = world_.elapsed(), .from = from.name, .to = to ? to->name : "*", .link = link_, .fate = fate}, frame);
}

/** The other end, or all others, or the one behind which the switch has seen the destination. */
void sim_wire::switch_frame(port &from, std::span<const uint8_t> frame)
{
    if (cut_) return;
    port *known = nullptr;
    std::span<const uint8_t> rest = frame;
    if (ports_.size() > 2 && link_ == sim_link_type::ethernet) {
        if (const std::optional<ether_hdr> hdr = wire_read<ether_hdr>(rest)) {
            if (!hdr->src.is_group()) learned_[hdr->src.bytes] = &from;
            const auto found = learned_.find(hdr->dst.bytes);
            if (found != learned_.end()) known = found->second;
        }
    }
    for (const std::unique_ptr<port> &to : ports_) {
        if (to.get() == &from || (known && known != to.get())) continue;
        from.stats.delivered++;
        arrive(*to, frame);
    }
}

void sim_wire::arrive(port &to, std::span<const uint8_t> frame)
{
    pcap_write(to.pcap, world_, frame);
    if (to.handler) return to.handler(frame);
    if (!to.device) return;
    to.device->arrived.emplace_back(frame.begin(), frame.end());
    to.host->poll();
}

void sim_wire::inject(std::span<const uint8_t> frame) { send(*ports_.back(), frame); }

void sim_wire::deliver(const sim_host &to, std::span<const uint8_t> frame) { arrive(port_of(to), frame); }

} // namespace microps
