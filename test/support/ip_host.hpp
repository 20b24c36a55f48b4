/*
 * ip_host.hpp: a host on a bare IP link whose other end is the test, for tests of transports and sockets.
 *
 *     ip_host host;                                          // 192.0.2.2/24, and a loopback
 *     const int id = host.udp_socket("0.0.0.0", 7);
 *     host.receive_udp("192.0.2.1", 40000, "192.0.2.2", 7, "hello");
 *     EXPECT_EQ(host.sent().size(), 0u);                     // packets sent since the last sent()
 *
 * There are no threads: everything happens inside these calls, and nothing may block.
 */
#pragma once

#include "microps/driver/loopback.hpp"
#include "microps/driver/raw_ip.hpp"
#include "microps/ip.hpp"
#include "microps/net.hpp"
#include "support/frames.hpp"
#include "support/manual_clock.hpp"
#include "support/sock_calls.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace microps
{

class ip_host
{
public:
    explicit ip_host(uint16_t mtu = 1500, uint64_t seed = 1)
        : net({.clock = &clock, .scheduler = nullptr, .seed = seed})
    {
        net_init(net);
        {
            net_guard guard(net);
            net_device *loopback = loopback_init(net);
            ip_iface_register(*loopback, *ip_iface_alloc(net, "127.0.0.1", "255.0.0.0"));
            dev = raw_ip_init(net, mtu, [this](std::span<const uint8_t> packet) {
                packets_.emplace_back(packet.begin(), packet.end());
            });
            ip_iface_register(*dev, *ip_iface_alloc(net, "192.0.2.2", "255.255.255.0"));
        }
        net_run(net, net_engine::caller);
    }

    /** Does everything that is due. */
    void settle()
    {
        while (net_poll(net) <= clock.now()) {
        }
    }

    /** A packet comes in and is dealt with. */
    void receive(std::span<const uint8_t> packet)
    {
        {
            net_guard guard(net);
            raw_ip_input(*dev, packet);
        }
        settle();
    }
    void receive_udp(const char *src, unsigned src_port, const char *dst, unsigned dst_port, std::string_view text)
    {
        receive(ip_fields{.protocol = 17,
                          .src = addr(src),
                          .dst = addr(dst),
                          .payload = udp_message(src_port, dst_port, text_octets(text))}
                    .bytes());
    }
    /** An ICMP error from 192.0.2.1 about a packet of this host's. */
    void receive_error(unsigned type, unsigned code, std::span<const uint8_t> quoted)
    {
        receive(ip_fields{.protocol = 1,
                          .src = addr("192.0.2.1"),
                          .dst = addr("192.0.2.2"),
                          .payload = icmp_message(type, code, 0, quoted)}
                    .bytes());
    }

    /** The packets sent since the last call. */
    std::vector<octets> sent()
    {
        settle();
        return std::exchange(packets_, {});
    }

    /** A non-blocking socket, bound unless @p bind_addr is null. */
    int udp_socket(const char *bind_addr, unsigned port)
    {
        const int id = sock_open(net, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (!bind_addr) return id;
        const sockaddr_in local = sock_address(bind_addr, port);
        return sock_bind(net, id, sockaddr_of(local), sizeof(local)) == 0 ? id : -1;
    }
    int connect(int id, const char *addr_text, unsigned port)
    {
        const sockaddr_in foreign = sock_address(addr_text, port);
        return sock_connect(net, id, sockaddr_of(foreign), sizeof(foreign));
    }
    ssize_t send_to(int id, const char *addr_text, unsigned port, std::string_view text, int flags = 0)
    {
        const sockaddr_in foreign = sock_address(addr_text, port);
        return sock_sendto(net, id, text.data(), text.size(), flags, sockaddr_of(foreign), sizeof(foreign));
    }
    /** The next datagram's data, or "errno" and its number. */
    std::string receive_text(int id, int flags = 0)
    {
        settle();
        std::string text(65536, '\0');
        const ssize_t received = sock_recv(net, id, text.data(), text.size(), flags);
        if (received == -1) return "errno " + std::to_string(errno);
        text.resize(static_cast<size_t>(received));
        return text;
    }
    /** "a.b.c.d:port" that a socket is bound to. */
    std::string local_name(int id)
    {
        sockaddr_in local{};
        socklen_t length = sizeof(local);
        sock_getsockname(net, id, sockaddr_of(local), &length);
        return ip_endpoint_str(sockaddr_to_endpoint(local));
    }
    [[nodiscard]] uint64_t dropped(drop_reason reason) const { return net.stats[reason]; }
    [[nodiscard]] uint64_t counted(counter what) const { return net.stats[what]; }

    manual_clock clock{};
    net_stack net;
    net_device *dev = nullptr;

private:
    std::vector<octets> packets_{};
};

/** What receive_text() says of an error. */
inline std::string error_text(int error) { return "errno " + std::to_string(error); }

} // namespace microps
