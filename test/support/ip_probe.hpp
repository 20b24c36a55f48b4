/*
 * ip_probe.hpp: a transport protocol that only notes what it gets (253, RFC 3692: for experiments).
 */
#pragma once

#include "microps/ip.hpp"
#include "support/frame_device.hpp"

#include <vector>

namespace microps
{

inline constexpr uint8_t IP_PROTOCOL_PROBE = 253;

class ip_probe
{
public:
    struct received {
        octets payload;
        octets packet;
        ip_addr_t src, dst;
        ip_iface *iface;
        uint8_t ttl, tos;
        bool csum_valid, link_broadcast, dst_is_broadcast;
    };
    struct failed {
        uint8_t type, code;
        uint16_t mtu;
        ip_addr_t src, dst, reporter;
        octets quote;
    };

    explicit ip_probe(frame_host &host) : host_(host)
    {
        net_guard guard(host.net);
        ip_protocol_register(
            host.net, "PROBE", IP_PROTOCOL_PROBE,
            [this](const ip_rx &rx) {
                in.push_back({{rx.payload.begin(), rx.payload.end()},
                              {rx.packet.begin(), rx.packet.end()},
                              rx.src,
                              rx.dst,
                              &rx.iface,
                              rx.ttl,
                              rx.tos,
                              rx.csum_valid,
                              rx.link_broadcast,
                              rx.dst_is_broadcast});
            },
            [this](const ip_error &error) {
                errors.push_back({error.type,
                                  error.code,
                                  error.mtu,
                                  error.src,
                                  error.dst,
                                  error.reporter,
                                  {error.quote.begin(), error.quote.end()}});
            });
    }
    ip_probe(const ip_probe &) = delete;
    ip_probe &operator=(const ip_probe &) = delete;

    /** Sends; addresses as text, null: IP_ADDR_ANY. */
    ssize_t send(std::span<const uint8_t> payload, const char *dst, const char *src = nullptr, const ip_tx &tx = {})
    {
        ip_addr_t from, to;
        if (src) ip_addr_pton(src, from);
        ip_addr_pton(dst, to);
        host_.start();
        net_guard guard(host_.net);
        return ip_output(host_.net, IP_PROTOCOL_PROBE, packet_alloc(host_.net, IP_HEADROOM, payload), from, to, tx);
    }

    std::vector<received> in{};
    std::vector<failed> errors{};

private:
    frame_host &host_;
};

} // namespace microps
