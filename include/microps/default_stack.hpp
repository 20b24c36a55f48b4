/*
 * default_stack.hpp: the process-wide stack, and every call of the library without the stack as its first parameter.
 *
 * For programs; the library and its tests do without. Each overload takes the stack's lock unless this thread holds it
 * already: so a program calls the same names from main() and from its handlers. Where a function finds the stack in a
 * device or interface, the overload here takes a pointer, as the original does; the one with a reference is for code
 * that holds the lock. A call that would block fails in a handler with EDEADLK. What only the library calls (the
 * modules' *_init, what takes an ip_rx) has no overload.
 */
#pragma once

#include "microps/arp.hpp"
#include "microps/driver/ether_pcap.hpp"
#include "microps/driver/ether_tap.hpp"
#include "microps/driver/fault.hpp"
#include "microps/driver/loopback.hpp"
#include "microps/driver/null.hpp"
#include "microps/driver/pcap_writer.hpp"
#include "microps/driver/raw_ip.hpp"
#include "microps/driver/tun.hpp"
#include "microps/icmp.hpp"
#include "microps/ip.hpp"
#include "microps/net.hpp"
#include "microps/packet.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"
#include "microps/udp.hpp"

#include <cerrno>
#include <concepts>
#include <utility>
#include <vector>

namespace microps
{

/** The stack of this process, made when it is first asked for. */
net_stack &net_default();

/* net.hpp: life */

inline int net_init() { return net_init(net_default()); }
inline int net_run(net_engine engine = net_engine::thread) { return net_run(net_default(), engine); }
inline void net_shutdown() { net_shutdown(net_default()); }
/** For a signal handler, if net_default() has been called before (net_init() does). */
inline int net_interrupt()
{
    net_interrupt(net_default());
    return 0;
}
inline void net_interrupt_clear() { net_interrupt_clear(net_default()); }
inline net_time net_poll() { return net_poll(net_default()); }
inline net_time net_next_deadline()
{
    net_guard guard(net_default());
    return net_next_deadline(guard.net());
}

/* net.hpp: devices */

inline net_device *net_device_adopt(std::unique_ptr<net_device> dev)
{
    net_guard guard(net_default());
    return net_device_adopt(guard.net(), std::move(dev));
}
template <typename T = net_device, typename... Args>
requires std::constructible_from<T, net_stack &, Args...> T *net_device_alloc(Args &&...args)
{
    net_guard guard(net_default());
    return net_device_alloc<T>(guard.net(), std::forward<Args>(args)...);
}
inline int net_device_register(net_device *dev)
{
    net_guard guard(dev->net);
    return net_device_register(*dev);
}
inline void net_iface_adopt(std::unique_ptr<net_iface> iface)
{
    net_guard guard(net_default());
    net_iface_adopt(guard.net(), std::move(iface));
}
inline int net_device_add_iface(net_device *dev, net_iface *iface)
{
    net_guard guard(dev->net);
    return net_device_add_iface(*dev, *iface);
}
inline net_iface *net_device_get_iface(const net_device *dev, int family)
{
    net_guard guard(dev->net);
    return net_device_get_iface(*dev, family);
}
inline std::vector<net_device *> net_devices()
{
    net_guard guard(net_default());
    const std::span<net_device *const> devices = net_devices(guard.net());
    return {devices.begin(), devices.end()};
}
inline net_device *net_device_by_name(const char *name)
{
    net_guard guard(net_default());
    return net_device_by_name(guard.net(), name);
}
inline int net_device_output(net_device *dev, uint16_t type, packet_ptr pkt, const void *dst)
{
    net_guard guard(dev->net);
    return net_device_output(*dev, type, std::move(pkt), dst);
}
/** With a copy of @p data. */
inline int net_device_output(net_device *dev, uint16_t type, std::span<const uint8_t> data, const void *dst)
{
    net_guard guard(dev->net);
    packet_ptr pkt = packet_alloc(dev->net, LINK_HEADROOM, data);
    return pkt ? net_device_output(*dev, type, std::move(pkt), dst) : net_error(ENOBUFS);
}
inline void net_device_input(net_device *dev, packet_ptr frame)
{
    net_guard guard(dev->net);
    net_device_input(*dev, std::move(frame));
}
inline void net_device_failed(net_device *dev)
{
    net_guard guard(dev->net);
    net_device_failed(*dev);
}
inline void net_device_flush()
{
    net_guard guard(net_default());
    net_device_flush(guard.net());
}

/* net.hpp: protocols, timers, events */

inline int net_protocol_register(const char *name, uint16_t type, net_protocol_input handler)
{
    net_guard guard(net_default());
    return net_protocol_register(guard.net(), name, type, std::move(handler));
}
/** Not const, as in the original; nobody may write there. */
inline char *net_protocol_name(uint16_t type)
{
    net_guard guard(net_default());
    return const_cast<char *>(net_protocol_name(guard.net(), type));
}
inline int net_input_handler(uint16_t type, packet_ptr pkt, net_device *dev)
{
    net_guard guard(dev->net);
    return net_input_handler(type, std::move(pkt), *dev);
}
/** With a copy of @p data. */
inline int net_input_handler(uint16_t type, std::span<const uint8_t> data, net_device *dev)
{
    net_guard guard(dev->net);
    packet_ptr pkt = packet_alloc(dev->net, LINK_HEADROOM, data);
    return pkt ? net_input_handler(type, std::move(pkt), *dev) : net_error(ENOBUFS);
}
inline void net_protocol_handler()
{
    net_guard guard(net_default());
    net_protocol_handler(guard.net());
}
inline net_periodic *net_timer_register(const char *name, net_duration interval, net_timer_function handler,
                                        bool parked = false)
{
    net_guard guard(net_default());
    return net_timer_register(guard.net(), name, interval, std::move(handler), parked);
}
inline void net_timer_resume(net_periodic *timer)
{
    net_guard guard(net_default());
    net_timer_resume(*timer);
}
inline int net_event_subscribe(std::function<void()> handler)
{
    net_guard guard(net_default());
    return net_event_subscribe(guard.net(), std::move(handler));
}
inline void net_event_handler()
{
    net_guard guard(net_default());
    net_event_handler(guard.net());
}
inline void net_batch_register(std::function<void()> handler)
{
    net_guard guard(net_default());
    net_batch_register(guard.net(), std::move(handler));
}
inline void net_shutdown_register(net_shutdown_hooks hooks)
{
    net_guard guard(net_default());
    net_shutdown_register(guard.net(), std::move(hooks));
}

/* packet.hpp. A packet must go back to its pool under the lock: hand it on, or hold a net_guard. */

[[nodiscard]] inline packet_ptr packet_alloc(size_t headroom, size_t size)
{
    net_guard guard(net_default());
    return packet_alloc(guard.net(), headroom, size);
}
[[nodiscard]] inline packet_ptr packet_alloc(size_t headroom, std::span<const uint8_t> data)
{
    net_guard guard(net_default());
    return packet_alloc(guard.net(), headroom, data);
}

/* driver/ */

inline net_device *null_alloc()
{
    net_guard guard(net_default());
    return null_alloc(guard.net());
}
inline net_device *null_init()
{
    net_guard guard(net_default());
    return null_init(guard.net());
}
inline net_device *loopback_alloc()
{
    net_guard guard(net_default());
    return loopback_alloc(guard.net());
}
inline net_device *loopback_init()
{
    net_guard guard(net_default());
    return loopback_init(guard.net());
}
inline net_device *ether_tap_alloc(const char *name, const char *addr)
{
    net_guard guard(net_default());
    return ether_tap_alloc(guard.net(), name, addr);
}
inline net_device *ether_tap_init(const char *name, const char *addr)
{
    net_guard guard(net_default());
    return ether_tap_init(guard.net(), name, addr);
}
inline net_device *ether_pcap_alloc(const char *name, const char *addr)
{
    net_guard guard(net_default());
    return ether_pcap_alloc(guard.net(), name, addr);
}
inline net_device *ether_pcap_init(const char *name, const char *addr)
{
    net_guard guard(net_default());
    return ether_pcap_init(guard.net(), name, addr);
}
inline net_device *tun_alloc(const char *name)
{
    net_guard guard(net_default());
    return tun_alloc(guard.net(), name);
}
inline net_device *tun_init(const char *name)
{
    net_guard guard(net_default());
    return tun_init(guard.net(), name);
}
inline net_device *raw_ip_alloc(uint16_t mtu, raw_ip_hook transmit)
{
    net_guard guard(net_default());
    return raw_ip_alloc(guard.net(), mtu, std::move(transmit));
}
inline net_device *raw_ip_init(uint16_t mtu, raw_ip_hook transmit)
{
    net_guard guard(net_default());
    return raw_ip_init(guard.net(), mtu, std::move(transmit));
}
inline void raw_ip_input(net_device *dev, std::span<const uint8_t> packet)
{
    net_guard guard(dev->net);
    raw_ip_input(*dev, packet);
}
inline net_device *fault_alloc(net_device *inner, const fault_config &config)
{
    net_guard guard(inner->net);
    return fault_alloc(guard.net(), *inner, config);
}
inline net_device *fault_init(net_device *inner, const fault_config &config)
{
    net_guard guard(inner->net);
    return fault_init(guard.net(), *inner, config);
}
inline net_device *pcap_writer_alloc(net_device *inner, const char *path)
{
    net_guard guard(inner->net);
    return pcap_writer_alloc(guard.net(), *inner, path);
}
inline net_device *pcap_writer_init(net_device *inner, const char *path)
{
    net_guard guard(inner->net);
    return pcap_writer_init(guard.net(), *inner, path);
}

/* ether.hpp */

inline int ether_transmit_helper(net_device *dev, uint16_t type, packet_ptr pkt, const void *dst)
{
    net_guard guard(dev->net);
    return ether_transmit_helper(*dev, type, std::move(pkt), dst);
}
inline void ether_poll_helper(net_device *dev, packet_ptr frame)
{
    net_guard guard(dev->net);
    ether_poll_helper(*dev, std::move(frame));
}
inline void ether_setup_helper(net_device *dev) { ether_setup_helper(*dev); }

/* arp.hpp */

inline arp_result arp_resolve(ip_iface *iface, ip_addr_t pa, mac_addr &ha)
{
    net_guard guard(iface->dev->net);
    return arp_resolve(*iface, pa, ha);
}
inline int arp_output(ip_iface *iface, ip_addr_t pa, packet_ptr pkt)
{
    net_guard guard(iface->dev->net);
    return arp_output(*iface, pa, std::move(pkt));
}
inline void arp_suspect(ip_iface *iface, ip_addr_t pa)
{
    net_guard guard(iface->dev->net);
    arp_suspect(*iface, pa);
}
inline int arp_set_static(ip_iface *iface, ip_addr_t pa, const mac_addr &ha)
{
    net_guard guard(iface->dev->net);
    return arp_set_static(*iface, pa, ha);
}
inline std::vector<arp_entry> arp_entries()
{
    net_guard guard(net_default());
    return arp_entries(guard.net());
}

/* ip.hpp */

inline ip_iface *ip_iface_alloc(const char *unicast, const char *netmask)
{
    net_guard guard(net_default());
    return ip_iface_alloc(guard.net(), unicast, netmask);
}
inline int ip_iface_register(net_device *dev, ip_iface *iface)
{
    net_guard guard(dev->net);
    return ip_iface_register(*dev, *iface);
}
inline ip_iface *ip_iface_select(ip_addr_t addr)
{
    net_guard guard(net_default());
    return ip_iface_select(guard.net(), addr);
}
inline int ip_route_add(ip_addr_t network, ip_addr_t netmask, ip_addr_t nexthop, ip_iface *iface)
{
    net_guard guard(iface->dev->net);
    return ip_route_add(network, netmask, nexthop, *iface);
}
inline const ip_route *ip_route_lookup(ip_addr_t dst)
{
    net_guard guard(net_default());
    return ip_route_lookup(guard.net(), dst);
}
inline int ip_route_set_default_gateway(ip_iface *iface, const char *gateway)
{
    net_guard guard(iface->dev->net);
    return ip_route_set_default_gateway(*iface, gateway);
}
inline ip_iface *ip_route_get_iface(ip_addr_t dst)
{
    net_guard guard(net_default());
    return ip_route_get_iface(guard.net(), dst);
}
inline std::vector<ip_route> ip_routes()
{
    net_guard guard(net_default());
    const std::span<const ip_route> routes = ip_routes(guard.net());
    return {routes.begin(), routes.end()};
}
inline int ip_protocol_register(const char *name, uint8_t type, ip_protocol_input input,
                                ip_protocol_error error = nullptr)
{
    net_guard guard(net_default());
    return ip_protocol_register(guard.net(), name, type, std::move(input), std::move(error));
}
/** Not const, as in the original; nobody may write there. */
inline char *ip_protocol_name(uint8_t type)
{
    net_guard guard(net_default());
    return const_cast<char *>(ip_protocol_name(guard.net(), type));
}
inline void ip_error_input(uint8_t protocol, const ip_error &error)
{
    net_guard guard(net_default());
    ip_error_input(guard.net(), protocol, error);
}
inline ssize_t ip_output(uint8_t protocol, packet_ptr pkt, ip_addr_t src, ip_addr_t dst, const ip_tx &tx = {})
{
    net_guard guard(net_default());
    return ip_output(guard.net(), protocol, std::move(pkt), src, dst, tx);
}
/** With a copy of @p data. */
inline ssize_t ip_output(uint8_t protocol, std::span<const uint8_t> data, ip_addr_t src, ip_addr_t dst,
                         const ip_tx &tx = {})
{
    net_guard guard(net_default());
    packet_ptr pkt = packet_alloc(guard.net(), IP_HEADROOM, data);
    return pkt ? ip_output(guard.net(), protocol, std::move(pkt), src, dst, tx) : net_error(ENOBUFS);
}
inline std::optional<ip_limits> ip_output_limits(ip_addr_t dst)
{
    net_guard guard(net_default());
    return ip_output_limits(guard.net(), dst);
}
inline std::optional<ip_addr_t> ip_source_select(ip_addr_t dst)
{
    net_guard guard(net_default());
    return ip_source_select(guard.net(), dst);
}
inline bool ip_addr_is_local(ip_addr_t addr)
{
    net_guard guard(net_default());
    return ip_addr_is_local(guard.net(), addr);
}
inline bool ip_addr_is_broadcast(ip_addr_t dst)
{
    net_guard guard(net_default());
    return ip_addr_is_broadcast(guard.net(), dst);
}
inline void ip_suspect(ip_addr_t dst)
{
    net_guard guard(net_default());
    ip_suspect(guard.net(), dst);
}

/* icmp.hpp */

inline ssize_t icmp_output(uint8_t type, uint8_t code, be32 values, std::span<const uint8_t> data, ip_addr_t src,
                           ip_addr_t dst, const ip_tx &tx = {})
{
    net_guard guard(net_default());
    return icmp_output(guard.net(), type, code, values, data, src, dst, tx);
}
inline int icmp_open()
{
    net_guard guard(net_default());
    return icmp_open(guard);
}
inline int icmp_bind(int id, const ip_endpoint &local)
{
    net_guard guard(net_default());
    return icmp_bind(guard, id, local);
}
inline int icmp_connect(int id, const ip_endpoint &foreign)
{
    net_guard guard(net_default());
    return icmp_connect(guard, id, foreign);
}
inline ssize_t icmp_sendto(int id, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags = 0)
{
    net_guard guard(net_default());
    return icmp_sendto(guard, id, data, foreign, flags);
}
inline ssize_t icmp_recvfrom(int id, std::span<uint8_t> data, icmp_received *from, int flags = 0,
                             net_time deadline = NET_TIME_NEVER)
{
    net_guard guard(net_default());
    return icmp_recvfrom(guard, id, data, from, flags, deadline);
}
inline short icmp_poll(int id)
{
    net_guard guard(net_default());
    return icmp_poll(guard, id);
}
inline int icmp_getsockname(int id, ip_endpoint &local)
{
    net_guard guard(net_default());
    return icmp_getsockname(guard, id, local);
}
inline int icmp_getpeername(int id, ip_endpoint &foreign)
{
    net_guard guard(net_default());
    return icmp_getpeername(guard, id, foreign);
}
inline int icmp_shutdown(int id, int how)
{
    net_guard guard(net_default());
    return icmp_shutdown(guard, id, how);
}
inline int icmp_take_error(int id)
{
    net_guard guard(net_default());
    return icmp_take_error(guard, id);
}
inline ip_sockopts *icmp_sockopts(int id)
{
    net_guard guard(net_default());
    return icmp_sockopts(guard, id);
}
inline ssize_t icmp_pending(int id)
{
    net_guard guard(net_default());
    return icmp_pending(guard, id);
}
inline int icmp_close(int id)
{
    net_guard guard(net_default());
    return icmp_close(guard, id);
}

/* udp.hpp */

inline udp_config &udp_configure()
{
    net_guard guard(net_default());
    return udp_configure(guard.net());
}
inline ssize_t udp_output(const ip_endpoint &src, const ip_endpoint &dst, std::span<const uint8_t> data,
                          const ip_tx &tx = {})
{
    net_guard guard(net_default());
    return udp_output(guard.net(), src, dst, data, tx);
}
inline int udp_open() { return udp_open(net_default()); }
inline int udp_bind(int id, const ip_endpoint &local, bool reuse = false)
{
    net_guard guard(net_default());
    return udp_bind(guard, id, local, reuse);
}
inline int udp_connect(int id, const ip_endpoint &foreign)
{
    net_guard guard(net_default());
    return udp_connect(guard, id, foreign);
}
inline ssize_t udp_sendto(int id, std::span<const uint8_t> data, const ip_endpoint &foreign)
{
    return udp_sendto(net_default(), id, data, foreign);
}
inline ssize_t udp_sendto(int id, std::span<const uint8_t> data, const ip_endpoint *foreign, int flags)
{
    net_guard guard(net_default());
    return udp_sendto(guard, id, data, foreign, flags);
}
inline ssize_t udp_recvfrom(int id, std::span<uint8_t> data, ip_endpoint *foreign)
{
    return udp_recvfrom(net_default(), id, data, foreign);
}
inline ssize_t udp_recvfrom(int id, std::span<uint8_t> data, udp_received *from, int flags,
                            net_time deadline = NET_TIME_NEVER)
{
    net_guard guard(net_default());
    return udp_recvfrom(guard, id, data, from, flags, deadline);
}
inline short udp_poll(int id)
{
    net_guard guard(net_default());
    return udp_poll(guard, id);
}
inline int udp_getsockname(int id, ip_endpoint &local)
{
    net_guard guard(net_default());
    return udp_getsockname(guard, id, local);
}
inline int udp_getpeername(int id, ip_endpoint &foreign)
{
    net_guard guard(net_default());
    return udp_getpeername(guard, id, foreign);
}
inline int udp_shutdown(int id, int how)
{
    net_guard guard(net_default());
    return udp_shutdown(guard, id, how);
}
inline int udp_take_error(int id)
{
    net_guard guard(net_default());
    return udp_take_error(guard, id);
}
inline ip_sockopts *udp_sockopts(int id)
{
    net_guard guard(net_default());
    return udp_sockopts(guard, id);
}
inline ssize_t udp_pending(int id)
{
    net_guard guard(net_default());
    return udp_pending(guard, id);
}
inline int udp_close(int id) { return udp_close(net_default(), id); }

/* tcp.hpp */

inline tcp_config &tcp_configure()
{
    net_guard guard(net_default());
    return tcp_configure(guard.net());
}
inline int tcp_sysctl_set(std::string_view name, std::string_view value)
{
    net_guard guard(net_default());
    return tcp_sysctl_set(guard.net(), name, value);
}
inline std::optional<std::string> tcp_sysctl_get(std::string_view name)
{
    net_guard guard(net_default());
    return tcp_sysctl_get(guard.net(), name);
}
inline int tcp_open() { return tcp_open(net_default()); }
inline int tcp_open_rfc793(const ip_endpoint &local, const ip_endpoint *foreign, bool active)
{
    return tcp_open_rfc793(net_default(), local, foreign, active);
}
inline int tcp_state(int id) { return tcp_state(net_default(), id); }
inline int tcp_bind(int id, const ip_endpoint &local) { return tcp_bind(net_default(), id, local); }
inline int tcp_bind(int id, const ip_endpoint &local, bool reuse)
{
    net_guard guard(net_default());
    return tcp_bind(guard, id, local, reuse);
}
inline int tcp_listen(int id, int backlog) { return tcp_listen(net_default(), id, backlog); }
inline int tcp_accept(int id, ip_endpoint *foreign) { return tcp_accept(net_default(), id, foreign); }
inline int tcp_accept(int id, ip_endpoint *foreign, int flags, net_time deadline = NET_TIME_NEVER)
{
    net_guard guard(net_default());
    return tcp_accept(guard, id, foreign, flags, deadline);
}
inline int tcp_connect(int id, const ip_endpoint &foreign) { return tcp_connect(net_default(), id, foreign); }
inline int tcp_connect(int id, const ip_endpoint &foreign, int flags, net_time deadline = NET_TIME_NEVER)
{
    net_guard guard(net_default());
    return tcp_connect(guard, id, foreign, flags, deadline);
}
inline ssize_t tcp_send(int id, std::span<const uint8_t> data) { return tcp_send(net_default(), id, data); }
inline ssize_t tcp_send(int id, std::span<const uint8_t> data, int flags, net_time deadline = NET_TIME_NEVER)
{
    net_guard guard(net_default());
    return tcp_send(guard, id, data, flags, deadline);
}
inline ssize_t tcp_receive(int id, std::span<uint8_t> data) { return tcp_receive(net_default(), id, data); }
inline ssize_t tcp_receive(int id, std::span<uint8_t> data, int flags, net_time deadline = NET_TIME_NEVER)
{
    net_guard guard(net_default());
    return tcp_receive(guard, id, data, flags, deadline);
}
inline int tcp_shutdown(int id, int how)
{
    net_guard guard(net_default());
    return tcp_shutdown(guard, id, how);
}
inline int tcp_close(int id) { return tcp_close(net_default(), id); }
inline int tcp_abort(int id)
{
    net_guard guard(net_default());
    return tcp_abort(guard, id);
}
inline short tcp_poll(int id)
{
    net_guard guard(net_default());
    return tcp_poll(guard, id);
}
inline int tcp_getsockname(int id, ip_endpoint &local)
{
    net_guard guard(net_default());
    return tcp_getsockname(guard, id, local);
}
inline int tcp_getpeername(int id, ip_endpoint &foreign)
{
    net_guard guard(net_default());
    return tcp_getpeername(guard, id, foreign);
}
inline int tcp_take_error(int id)
{
    net_guard guard(net_default());
    return tcp_take_error(guard, id);
}

inline ssize_t tcp_pending(int id)
{
    net_guard guard(net_default());
    return tcp_pending(guard, id);
}
inline ssize_t tcp_queued(int id, bool unsent)
{
    net_guard guard(net_default());
    return tcp_queued(guard, id, unsent);
}
inline int tcp_get_info(int id, tcp_info_data &info)
{
    net_guard guard(net_default());
    return tcp_get_info(guard, id, info);
}
inline ip_sockopts *tcp_sockopts(int id)
{
    net_guard guard(net_default());
    return tcp_sockopts(guard, id);
}
inline int tcp_setopt(int id, int level, int name, const void *value, socklen_t size)
{
    net_guard guard(net_default());
    return tcp_setopt(guard, id, level, name, value, size);
}
inline int tcp_getopt(int id, int level, int name, void *value, socklen_t &size)
{
    net_guard guard(net_default());
    return tcp_getopt(guard, id, level, name, value, size);
}

/* sock.hpp */

inline int sock_open(int domain, int type, int protocol) { return sock_open(net_default(), domain, type, protocol); }
inline int sock_close(int id) { return sock_close(net_default(), id); }
inline int sock_bind(int id, const sockaddr *addr, socklen_t addrlen)
{
    return sock_bind(net_default(), id, addr, addrlen);
}
inline int sock_listen(int id, int backlog) { return sock_listen(net_default(), id, backlog); }
inline int sock_accept(int id, sockaddr *addr, socklen_t *addrlen)
{
    return sock_accept(net_default(), id, addr, addrlen);
}
template <std::same_as<int> Int>
int sock_accept(int id, sockaddr *addr, Int *addrlen)
{
    return sock_accept(net_default(), id, addr, addrlen);
}
inline int sock_accept4(int id, sockaddr *addr, socklen_t *addrlen, int flags)
{
    return sock_accept4(net_default(), id, addr, addrlen, flags);
}
inline int sock_connect(int id, const sockaddr *addr, socklen_t addrlen)
{
    return sock_connect(net_default(), id, addr, addrlen);
}
inline int sock_shutdown(int id, int how) { return sock_shutdown(net_default(), id, how); }
inline ssize_t sock_send(int id, const void *data, size_t size, int flags = 0)
{
    return sock_send(net_default(), id, data, size, flags);
}
inline ssize_t sock_recv(int id, void *data, size_t size, int flags = 0)
{
    return sock_recv(net_default(), id, data, size, flags);
}
inline ssize_t sock_sendto(int id, const void *data, size_t size, int flags, const sockaddr *addr, socklen_t addrlen)
{
    return sock_sendto(net_default(), id, data, size, flags, addr, addrlen);
}
inline ssize_t sock_sendto(int id, const void *data, size_t size, const sockaddr *addr, socklen_t addrlen)
{
    return sock_sendto(net_default(), id, data, size, addr, addrlen);
}
inline ssize_t sock_recvfrom(int id, void *data, size_t size, int flags, sockaddr *addr, socklen_t *addrlen)
{
    return sock_recvfrom(net_default(), id, data, size, flags, addr, addrlen);
}
inline ssize_t sock_recvfrom(int id, void *data, size_t size, sockaddr *addr, socklen_t *addrlen)
{
    return sock_recvfrom(net_default(), id, data, size, addr, addrlen);
}
template <std::same_as<int> Int>
ssize_t sock_recvfrom(int id, void *data, size_t size, sockaddr *addr, Int *addrlen)
{
    return sock_recvfrom(net_default(), id, data, size, addr, addrlen);
}
inline ssize_t sock_sendmsg(int id, const msghdr *msg, int flags = 0)
{
    return sock_sendmsg(net_default(), id, msg, flags);
}
inline ssize_t sock_recvmsg(int id, msghdr *msg, int flags = 0) { return sock_recvmsg(net_default(), id, msg, flags); }
inline int sock_getsockname(int id, sockaddr *addr, socklen_t *addrlen)
{
    return sock_getsockname(net_default(), id, addr, addrlen);
}
inline int sock_getpeername(int id, sockaddr *addr, socklen_t *addrlen)
{
    return sock_getpeername(net_default(), id, addr, addrlen);
}
inline int sock_getsockopt(int id, int level, int name, void *value, socklen_t *size)
{
    return sock_getsockopt(net_default(), id, level, name, value, size);
}
inline int sock_setsockopt(int id, int level, int name, const void *value, socklen_t size)
{
    return sock_setsockopt(net_default(), id, level, name, value, size);
}
inline int sock_fcntl(int id, int command, int argument = 0)
{
    return sock_fcntl(net_default(), id, command, argument);
}
inline int sock_ioctl(int id, unsigned long request, void *argument)
{
    return sock_ioctl(net_default(), id, request, argument);
}
inline int sock_poll(pollfd *fds, nfds_t count, int timeout) { return sock_poll(net_default(), fds, count, timeout); }

} // namespace microps
