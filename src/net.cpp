/*
 * net.cpp: devices, interfaces, protocols, periodic timers and event handlers, and how packets pass between them.
 *
 * All of these are registered here, before net_run(). Input: net_device_input() takes a frame from the driver,
 * net_input_handler() puts the packet without its link header into the queue of its protocol, and the engine passes it
 * to the protocol's handler (net_protocol_handler). Output: net_device_output() hands a packet to the device, which
 * queues the frame, and net_device_flush() writes all queued frames at the end of the batch. engine.cpp runs the
 * engine, net_init.cpp starts and stops a stack; this file knows no protocol above the devices.
 */
#include "microps/net.hpp"

#include "base/os.hpp"
#include "net_internal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace microps
{

struct net_periodic {
    net_periodic(net_stack &net, const char *name_, net_duration interval_, net_periodic_function handler_)
        : name(name_), interval(interval_), handler(std::move(handler_)),
          timer(net, timer_call<&net_periodic::fire>(*this))
    {
    }

    static void fire(net_periodic &periodic)
    {
        /* Armed before the call, so that net_periodic_resume() in the handler has no effect and its result decides. */
        periodic.timer.arm(periodic.interval);
        if (!periodic.handler()) periodic.timer.cancel();
    }

    std::string name;
    net_duration interval;
    net_periodic_function handler;
    net_timer timer;
};

net_layer::net_layer(net_stack &net_) : net(net_) {}
net_layer::~net_layer() = default;

/* Devices */

int net_device::transmit(uint16_t, packet_ptr, const void *)
{
    errorf("this device cannot transmit, dev=%s", name);
    return net_error(EOPNOTSUPP);
}

void net_device::output(packet_ptr frame)
{
    if (state.queue.size() >= NET_OUTPUT_QUEUE_MAX) {
        return net_drop(net, drop_reason::queue_full, "output queue full, dev=%s, len=%zu", name, frame->size());
    }
    state.queue.push_back(std::move(frame));
    if (state.listed) return;
    state.listed = true;
    net.core->to_flush.push_back(this);
}

void net_device::input(packet_ptr frame)
{
    net_drop(net, drop_reason::unknown_ethertype, "this device has no input, dev=%s, len=%zu", name, frame->size());
}

net_device *net_device_adopt(net_stack &net, std::unique_ptr<net_device> dev)
{
    net.core->devices.push_back(std::move(dev));
    return net.core->devices.back().get();
}

int net_device_register(net_device &dev)
{
    net_layer &core = *dev.net.core;
    if (core.running) {
        errorf("devices are registered before net_run()");
        return net_error(EBUSY);
    }
    dev.index = static_cast<unsigned>(core.registered.size());
    std::snprintf(dev.name, sizeof(dev.name), "net%u", dev.index);
    core.registered.insert(core.registered.begin(), &dev);
    infof("registered, dev=%s, type=0x%04x", dev.name, dev.type);
    return 0;
}

void net_iface_adopt(net_stack &net, std::unique_ptr<net_iface> iface) { net.core->ifaces.push_back(std::move(iface)); }

int net_device_add_iface(net_device &dev, net_iface &iface)
{
    if (net_device_get_iface(dev, iface.family)) {
        errorf("already exists, dev=%s, family=%d", dev.name, iface.family);
        return net_error(EEXIST);
    }
    iface.dev = &dev;
    dev.ifaces.push_back(&iface);
    return 0;
}

net_iface *net_device_get_iface(const net_device &dev, int family)
{
    const auto found =
        std::find_if(dev.ifaces.begin(), dev.ifaces.end(), [&](const net_iface *i) { return i->family == family; });
    return found == dev.ifaces.end() ? nullptr : *found;
}

std::span<net_device *const> net_devices(const net_stack &net) { return net.core->registered; }

net_device *net_device_by_name(const net_stack &net, const char *name)
{
    for (net_device *dev : net_devices(net)) {
        if (std::string_view(dev->name) == name) return dev;
    }
    return nullptr;
}

static int net_device_open(net_device &dev) MICROPS_REQUIRES(net_locked)
{
    if (NET_DEVICE_IS_UP(&dev)) {
        errorf("already opened, dev=%s", dev.name);
        return -1;
    }
    if (dev.open() == -1) {
        errorf("failure, dev=%s", dev.name);
        return -1;
    }
    dev.flags |= NET_DEVICE_FLAG_UP;
    infof("dev=%s, state=%s", dev.name, NET_DEVICE_STATE(&dev));
    return 0;
}

static void net_device_close(net_device &dev) MICROPS_REQUIRES(net_locked)
{
    if (!NET_DEVICE_IS_UP(&dev)) return;
    dev.flags &= static_cast<uint16_t>(~NET_DEVICE_FLAG_UP);
    dev.state.queue.clear();
    /* Another thread is writing to the descriptor: that thread closes it afterwards (device_flush). */
    if (dev.state.writing) {
        dev.state.close_pending = true;
    } else if (dev.close() == -1) {
        errorf("failure, dev=%s", dev.name);
    }
    infof("dev=%s, state=%s", dev.name, NET_DEVICE_STATE(&dev));
}

int net_devices_open(net_stack &net)
{
    for (net_device *dev : net.core->registered) {
        if (net_device_open(*dev) == -1) return -1;
    }
    return 0;
}

void net_devices_close(net_stack &net)
{
    for (net_device *dev : net.core->registered) {
        net_device_close(*dev);
    }
}

void net_device_failed(net_device &dev)
{
    net_device_close(dev);
    sched_wakeup(dev.net, dev.net.activity);
}

int net_device_output(net_device &dev, uint16_t type, packet_ptr pkt, const void *dst)
{
    if (!NET_DEVICE_IS_UP(&dev)) {
        net_drop(dev.net, drop_reason::device_down, "not opened, dev=%s", dev.name);
        return net_error(ENETDOWN);
    }
    /* A packet longer than the MTU is allowed only if the device cuts it into segments that fit (gso_size). */
    if (pkt->size() > dev.mtu && pkt->offload.gso_size == 0) {
        net_drop(dev.net, drop_reason::too_long, "too long, dev=%s, mtu=%u, len=%zu", dev.name, dev.mtu, pkt->size());
        return net_error(EMSGSIZE);
    }
    debugf("dev=%s, type=%s(0x%04x), len=%zu", dev.name, net_protocol_name(dev.net, type), type, pkt->size());
    debugdump(pkt->bytes());
    if (dev.transmit(type, std::move(pkt), dst) == -1) {
        debugf("device transmit failure, dev=%s", dev.name);
        return -1;
    }
    return 0;
}

void net_device_input(net_device &dev, packet_ptr frame)
{
    net_count(dev.net, counter::dev_rx_frames);
    net_count(dev.net, counter::dev_rx_bytes, frame->size());
    (dev.state.outer ? *dev.state.outer : dev).input(std::move(frame));
}

static void device_flush(net_device &dev) MICROPS_REQUIRES(net_locked)
{
    /* One thread writes at a time, so that frames keep their order; it also writes what others queue meanwhile. */
    if (dev.state.writing) return;
    dev.state.writing = true;
    while (!dev.state.queue.empty()) {
        std::vector<packet_ptr> frames;
        frames.swap(dev.state.queue);
        size_t written = 0;
        {
            net_unguard unlocked(dev.net);
            written = dev.write(frames);
        }
        for (size_t i = 0; i < frames.size(); i++) {
            net_count(dev.net, i < written ? counter::dev_tx_frames : counter::dev_tx_errors);
            if (i < written) net_count(dev.net, counter::dev_tx_bytes, frames[i]->size());
        }
        if (written < frames.size()) net_count_drop(dev.net, drop_reason::device_error, frames.size() - written);
    }
    dev.state.writing = false;
    if (std::exchange(dev.state.close_pending, false) && dev.close() == -1) errorf("failure, dev=%s", dev.name);
}

void net_device_flush(net_stack &net)
{
    while (!net.core->to_flush.empty()) {
        net_device &dev = *net.core->to_flush.back();
        net.core->to_flush.pop_back();
        dev.state.listed = false;
        device_flush(dev);
    }
}

/* Protocols */

static net_protocol *net_protocol_select(const net_stack &net, uint16_t type)
{
    for (const std::unique_ptr<net_protocol> &proto : net.core->protocols) {
        if (proto->type == type) return proto.get();
    }
    return nullptr;
}

int net_protocol_register(net_stack &net, const char *name, uint16_t type, net_protocol_input handler)
{
    if (const net_protocol *exist = net_protocol_select(net, type)) {
        errorf("already registered, type=%s(0x%04x), exist=%s(0x%04x)", name, type, exist->name.c_str(), type);
        return net_error(EEXIST);
    }
    net.core->protocols.push_back(
        std::make_unique<net_protocol>(net_protocol{.name = name, .type = type, .handler = std::move(handler)}));
    infof("registered, type=%s(0x%04x)", name, type);
    return 0;
}

const char *net_protocol_name(const net_stack &net, uint16_t type)
{
    const net_protocol *proto = net_protocol_select(net, type);
    return proto ? proto->name.c_str() : "UNKNOWN";
}

int net_input_handler(uint16_t type, packet_ptr pkt, net_device &dev)
{
    net_protocol *proto = net_protocol_select(dev.net, type);
    if (!proto) {
        net_drop(dev.net, drop_reason::unknown_ethertype, "unsupported protocol, dev=%s, type=0x%04x", dev.name, type);
        return 0;
    }
    if (proto->queue.size() >= NET_INPUT_QUEUE_MAX) {
        net_drop(dev.net, drop_reason::input_queue_full, "queue full (num:%zu), dev=%s, type=%s(0x%04x)",
                 proto->queue.size(), dev.name, proto->name.c_str(), type);
        return 0;
    }
    const size_t len = pkt->size();
    proto->queue.push_back({std::move(pkt), &dev});
    dev.net.core->input_queued++;
    debugf("queue pushed (num:%zu), dev=%s, type=%s(0x%04x), len=%zu", proto->queue.size(), dev.name,
           proto->name.c_str(), type, len);
    return 0;
}

void net_protocol_handler(net_stack &net)
{
    for (const std::unique_ptr<net_protocol> &proto : net.core->protocols) {
        /* Packets that handlers queue again (loopback) wait for the next turn, so that one turn is bounded. */
        for (size_t n = proto->queue.size(); n > 0; n--) {
            const net_protocol::entry entry = std::move(proto->queue.front());
            proto->queue.pop_front();
            net.core->input_queued--;
            debugf("queue popped (num:%zu), dev=%s, type=0x%04x, len=%zu", proto->queue.size(), entry.dev->name,
                   proto->type, entry.pkt->size());
            proto->handler(*entry.pkt, *entry.dev);
        }
    }
}

/* Timers, events, batches */

net_periodic *net_timer_register(net_stack &net, const char *name, net_duration interval, net_periodic_function handler,
                                 bool parked)
{
    net.core->periodics.push_back(std::make_unique<net_periodic>(net, name, interval, std::move(handler)));
    net_periodic &periodic = *net.core->periodics.back();
    if (!parked) periodic.timer.arm(interval);
    const long long us = std::chrono::duration_cast<std::chrono::microseconds>(interval).count();
    infof("registered: %s interval={%lld, %lld}", name, us / 1000000, us % 1000000);
    return &periodic;
}

void net_periodic_resume(net_periodic &periodic)
{
    if (!periodic.timer.armed()) periodic.timer.arm(periodic.interval);
}

int net_event_subscribe(net_stack &net, std::function<void()> handler)
{
    net.core->events.push_back(std::move(handler));
    return 0;
}

void net_event_handler(net_stack &net)
{
    for (const std::function<void()> &handler : net.core->events) {
        handler();
    }
}

void net_batch_register(net_stack &net, std::function<void()> handler)
{
    net.core->batches.push_back(std::move(handler));
}

void net_shutdown_register(net_stack &net, net_shutdown_hooks hooks)
{
    net.core->shutdown_hooks.push_back(std::move(hooks));
}

void net_interrupt(net_stack &net)
{
    net.interrupted.store(true);
    os_pipe_write(net.wakeup[1]);
}

void net_interrupt_clear(net_stack &net) { net.interrupted.store(false); }

} // namespace microps
