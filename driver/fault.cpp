/*
 * fault.cpp: a decorator that loses, duplicates, damages, delays and reorders the frames of another device.
 *
 * Each direction has its own random generator, so that its faults do not depend on the traffic in the other direction:
 * the same seed and the same frames give the same faults. A frame is lost, or duplicated and each copy damaged, limited
 * to the rate, and kept until it is due.
 */
#include "microps/driver/fault.hpp"

#include "microps/checksum.hpp"
#include "microps/driver/decorator.hpp"
#include "microps/log.hpp"
#include "microps/wire.hpp"
#include "register.hpp"

#include <algorithm>
#include <map>

namespace microps
{

namespace
{

enum class fault_direction { out, in };

struct fault_device;

struct fault_line;

} // namespace

static void fault_release(fault_line &line) MICROPS_REQUIRES(net_locked);
static void fault_take(fault_line &line, packet_ptr frame) MICROPS_REQUIRES(net_locked);

namespace
{

struct fault_line {
    fault_line(fault_device &dev_, net_stack &net, fault_direction direction_, uint64_t seed)
        : dev(dev_), direction(direction_), random(seed), timer(net, timer_call<fault_release>(*this))
    {
    }

    fault_device &dev;
    fault_direction direction;
    net_random random;
    std::multimap<net_time, packet_ptr> held{}; /* by when they are due; equal ones in the order of arrival */
    net_time free_at{};                         /* when the last bit of the last frame has left, given a rate */
    net_timer timer;
};

struct fault_device final : net_device {
    fault_device(net_stack &stack, net_device &inner_, const fault_config &config_)
        : net_device(stack), inner(inner_), config(config_), outward(*this, stack, fault_direction::out, config_.seed),
          inward(*this, stack, fault_direction::in, ~config_.seed)
    {
    }

    int open() override MICROPS_REQUIRES(net_locked) { return decorator_open(*this, inner); }
    int close() override MICROPS_REQUIRES(net_locked)
    {
        for (fault_line *line : {&outward, &inward}) {
            line->timer.cancel();
            line->held.clear();
        }
        return decorator_close(inner);
    }
    int transmit(uint16_t protocol, packet_ptr pkt, const void *dst) override MICROPS_REQUIRES(net_locked)
    {
        return decorator_transmit(*this, protocol, std::move(pkt), dst);
    }
    int poll() override MICROPS_REQUIRES(net_locked) { return inner.poll(); }
    int fd() const override { return inner.fd(); }
    void output(packet_ptr frame) override MICROPS_REQUIRES(net_locked) { fault_take(outward, std::move(frame)); }
    void input(packet_ptr frame) override MICROPS_REQUIRES(net_locked) { fault_take(inward, std::move(frame)); }

    net_device &inner;
    fault_config config;
    fault_line outward;
    fault_line inward;
};

} // namespace

static void fault_forward(fault_line &line, packet_ptr frame) MICROPS_REQUIRES(net_locked)
{
    if (line.direction == fault_direction::out) {
        line.dev.inner.output(std::move(frame));
    } else {
        decorator_pass_up(line.dev, std::move(frame));
    }
}

/** Fills in a checksum that was left to the device, so that the receiver detects the damage. */
static void checksum_complete(packet &frame)
{
    const packet_offload todo = std::exchange(frame.offload, {});
    if (!todo.csum_partial || size_t{todo.csum_start} + todo.csum_offset + 2 > frame.size()) return;
    const std::span<uint8_t> summed = frame.bytes().subspan(todo.csum_start);
    const uint16_t sum = cksum16(summed);
    wire_write(summed.subspan(todo.csum_offset), be16(sum == 0 ? uint16_t{0xffff} : sum));
}

static void fault_damage(fault_line &line, packet &frame) MICROPS_REQUIRES(net_locked)
{
    const fault_config &config = line.dev.config;
    const bool truncate = line.random.chance(config.truncate) && frame.size() > 1;
    const bool corrupt = line.random.chance(config.corrupt) && frame.size() > 0;
    if (truncate || corrupt) checksum_complete(frame);
    if (truncate) frame.truncate(1 + static_cast<size_t>(line.random.below(frame.size() - 1)));
    if (corrupt) {
        const uint64_t bit = line.random.below(frame.size() * 8);
        frame.data()[static_cast<size_t>(bit / 8)] ^= static_cast<uint8_t>(1U << bit % 8);
    }
}

/** When the frame arrives at the line's other end. */
static net_time fault_due(fault_line &line, const packet &frame, net_time now) MICROPS_REQUIRES(net_locked)
{
    const fault_config &config = line.dev.config;
    net_time due = now;
    if (config.rate > 0) {
        const double seconds = static_cast<double>(frame.size()) * 8 / static_cast<double>(config.rate);
        const auto sending = std::chrono::duration_cast<net_duration>(std::chrono::duration<double>(seconds));
        line.free_at = std::max(line.free_at, now) + sending;
        due = line.free_at;
    }
    due += config.delay;
    due += net_duration(line.random.below(static_cast<uint64_t>(config.jitter.count())));
    if (line.random.chance(config.reorder)) due += config.reorder_delay;
    return due;
}

static void fault_release(fault_line &line)
{
    const net_time now = line.dev.net.clock.now();
    while (!line.held.empty() && line.held.begin()->first <= now) {
        packet_ptr frame = std::move(line.held.begin()->second);
        line.held.erase(line.held.begin());
        fault_forward(line, std::move(frame));
    }
    if (!line.held.empty()) line.timer.arm_at(line.held.begin()->first);
}

static void fault_pass(fault_line &line, packet_ptr frame) MICROPS_REQUIRES(net_locked)
{
    fault_device &dev = line.dev;
    fault_damage(line, *frame);
    if (line.held.size() >= dev.config.queue_max) {
        return net_drop(dev.net, drop_reason::injected, "line full, dev=%s, len=%zu", dev.name, frame->size());
    }
    line.held.emplace(fault_due(line, *frame, dev.net.clock.now()), std::move(frame));
    fault_release(line); /* at once, if it is due at once */
}

static packet_ptr fault_copy(net_stack &net, const packet &frame) MICROPS_REQUIRES(net_locked)
{
    packet_ptr copy = packet_alloc(net, frame.headroom(), frame.bytes());
    if (!copy) return nullptr;
    copy->offload = frame.offload;
    copy->link_broadcast = frame.link_broadcast;
    return copy;
}

static void fault_take(fault_line &line, packet_ptr frame)
{
    fault_device &dev = line.dev;
    if (line.random.chance(dev.config.drop)) {
        return net_drop(dev.net, drop_reason::injected, "lost, dev=%s, len=%zu", dev.name, frame->size());
    }
    packet_ptr twin = line.random.chance(dev.config.duplicate) ? fault_copy(dev.net, *frame) : nullptr;
    fault_pass(line, std::move(frame));
    if (twin) fault_pass(line, std::move(twin));
}

net_device *fault_alloc(net_stack &net, net_device &inner, const fault_config &config)
{
    net_device *dev = net_device_alloc<fault_device>(net, inner, config);
    decorator_wrap(*dev, inner);
    return dev;
}

net_device *fault_init(net_stack &net, net_device &inner, const fault_config &config)
{
    net_device *dev = driver_register(fault_alloc(net, inner, config));
    if (dev) debugf("initialized, dev=%s, seed=%llu", dev->name, static_cast<unsigned long long>(config.seed));
    return dev;
}

} // namespace microps
