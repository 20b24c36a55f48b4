/*
 * frame_device.hpp: an Ethernet device whose other end is a test, and a host that has one.
 *
 *     frame_host host;                           // 192.0.2.2/24, 00:00:5e:00:53:01, gateway 192.0.2.1
 *     host.receive(eth_frame(...));              // a frame comes in and is dealt with
 *     EXPECT_EQ(host.sent().size(), 1u);         // what the host has sent since the last sent()
 *     host.advance(30s);                         // virtual time passes, timers fire in their order
 *     EXPECT_EQ(host.dropped(drop_reason::bad_checksum), 1u);
 *
 * There are no threads: everything happens inside these calls.
 */
#pragma once

#include "microps/arp.hpp"
#include "microps/ether.hpp"
#include "microps/ip.hpp"
#include "microps/net.hpp"
#include "support/manual_clock.hpp"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace microps
{

using octets = std::vector<uint8_t>;

/** An Ethernet device that keeps the frames it is to send. Make it by net_device_alloc<frame_device>(net, mac). */
class frame_device final : public net_device
{
public:
    frame_device(net_stack &stack, const mac_addr &mac) : net_device(stack)
    {
        ether_setup_helper(*this);
        ether_device_set_addr(*this, mac);
    }

    int transmit(uint16_t ether_type, packet_ptr pkt, const void *dst) override MICROPS_REQUIRES(net_locked)
    {
        return ether_transmit_helper(*this, ether_type, std::move(pkt), dst);
    }
    void output(packet_ptr frame) override MICROPS_REQUIRES(net_locked)
    {
        sent.emplace_back(frame->data(), frame->data() + frame->size());
    }
    void input(packet_ptr frame) override MICROPS_REQUIRES(net_locked) { ether_input_helper(*this, std::move(frame)); }

    /** A frame comes from the medium; the next net_poll() deals with it. */
    void receive(std::span<const uint8_t> frame) MICROPS_REQUIRES(net_locked)
    {
        if (packet_ptr pkt = packet_alloc(net, 0, frame)) net_device_input(*this, std::move(pkt));
    }

    std::vector<octets> sent{};
};

inline constexpr mac_addr FRAME_HOST_MAC{{0x00, 0x00, 0x5e, 0x00, 0x53, 0x01}};

/** A stack with a frame_device, a manual clock and a seed. */
class frame_host
{
public:
    /** @p gateway may be null. */
    explicit frame_host(const char *addr = "192.0.2.2", const char *netmask = "255.255.255.0",
                        const char *gateway = "192.0.2.1", uint64_t seed = 1)
        : net({.clock = &clock, .scheduler = nullptr, .seed = seed})
    {
        net_init(net);
        {
            net_guard guard(net);
            dev = net_device_alloc<frame_device>(net, FRAME_HOST_MAC);
            net_device_register(*dev);
            iface = ip_iface_alloc(net, addr, netmask);
            ip_iface_register(*dev, *iface);
            if (gateway) ip_route_set_default_gateway(*iface, gateway);
        }
    }

    /** Another device, which has the address @p addr, of 24 bits of prefix, unless it is null. Only before start(). */
    frame_device *add_device(const mac_addr &mac, const char *addr = nullptr)
    {
        net_guard guard(net);
        auto *other = net_device_alloc<frame_device>(net, mac);
        net_device_register(*other);
        if (addr) ip_iface_register(*other, *ip_iface_alloc(net, addr, "255.255.255.0"));
        return other;
    }

    /** The ARP cache has the hardware address of a neighbour for good, so that no request is sent. */
    void add_neighbour(const char *addr, const mac_addr &mac)
    {
        ip_addr_t parsed;
        ip_addr_pton(addr, parsed);
        net_guard guard(net);
        arp_set_static(*iface, parsed, mac);
    }

    /** Starts, and lets the announcements of RFC 5227 pass. Called by whatever needs a running host. */
    void start()
    {
        if (std::exchange(started_, true)) return;
        net_run(net, net_engine::caller);
        advance(std::chrono::seconds(3));
        dev->sent.clear();
    }

    /** A frame comes in and is dealt with. */
    void receive(std::span<const uint8_t> frame)
    {
        start();
        {
            net_guard guard(net);
            dev->receive(frame);
        }
        settle();
    }
    /** Does what is due now. */
    void settle()
    {
        start();
        while (net_poll(net) <= clock.now()) {
        }
    }
    /** Lets time pass; what becomes due happens at its time. */
    void advance(net_duration time)
    {
        start();
        const net_time end = clock.now() + time;
        for (net_time next = net_poll(net); next <= end; next = net_poll(net)) {
            if (next > clock.now()) clock.set(next);
        }
        clock.set(end);
    }
    /** The frames sent since the last call. */
    std::vector<octets> sent()
    {
        settle();
        return std::exchange(dev->sent, {});
    }
    [[nodiscard]] uint64_t dropped(drop_reason reason) const { return net.stats[reason]; }
    [[nodiscard]] uint64_t counted(counter what) const { return net.stats[what]; }

    manual_clock clock{};
    net_stack net;
    frame_device *dev = nullptr;
    ip_iface *iface = nullptr;

private:
    bool started_ = false;
};

} // namespace microps
