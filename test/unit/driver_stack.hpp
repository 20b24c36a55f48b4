/*
 * driver_stack.hpp: a stack that is driven by hand, with one raw IP device whose far end the test holds. Packets carry
 * the IP version 6, of which the stack knows nothing, so that the test itself can be the protocol.
 */
#pragma once

#include "microps/driver/raw_ip.hpp"
#include "microps/net.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace microps
{

struct driver_stack : ::testing::Test {
    driver_stack() { net_init(net); }

    /** Lets pass through @p dev what the test sends and receives. */
    void run(net_device &dev_)
    {
        dev = &dev_;
        {
            net_guard guard(net);
            net_protocol_register(net, "TEST", NET_PROTOCOL_TYPE_IPV6, [this](const packet &pkt, net_device &from) {
                received.emplace_back(pkt.bytes().begin(), pkt.bytes().end());
                received_from = &from;
            });
        }
        ASSERT_EQ(net_run(net, net_engine::caller), 0);
    }
    net_device *raw(uint16_t mtu = 65535) MICROPS_REQUIRES(net_locked)
    {
        return raw_ip_alloc(net, mtu,
                            [this](std::span<const uint8_t> pkt) { sent.emplace_back(pkt.begin(), pkt.end()); });
    }
    void send(const std::vector<uint8_t> &bytes)
    {
        net_guard guard(net);
        packet_ptr pkt = packet_alloc(net, LINK_HEADROOM, bytes);
        net_device_output(*dev, NET_PROTOCOL_TYPE_IPV6, std::move(pkt), nullptr);
    }
    void feed(net_device &raw_dev, const std::vector<uint8_t> &bytes)
    {
        {
            net_guard guard(net);
            raw_ip_input(raw_dev, bytes);
        }
        net_poll(net);
    }
    void pass(net_duration span)
    {
        clock.advance(span);
        while (net_poll(net) <= clock.now()) { /* what a timer brings in is for the next turn */
        }
    }

    /** A packet of @p size bytes that says it is version 6 and otherwise counts from @p first. */
    static std::vector<uint8_t> bytes(size_t size, uint8_t first = 0)
    {
        std::vector<uint8_t> all(size);
        for (size_t i = 0; i < size; i++) {
            all[i] = static_cast<uint8_t>(first + i);
        }
        all[0] = 0x60;
        return all;
    }

    manual_clock clock;
    net_stack net{{.clock = &clock, .seed = 1}};
    net_device *dev = nullptr;
    net_device *received_from = nullptr;
    std::vector<std::vector<uint8_t>> sent{};
    std::vector<std::vector<uint8_t>> received{};
};

} // namespace microps
