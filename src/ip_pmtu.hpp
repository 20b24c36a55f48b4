/*
 * ip_pmtu.hpp: path MTU discovery (RFC 1191): the largest packet that reaches a destination unfragmented.
 *
 * A router that cannot forward a packet because of its size reports the MTU of the next link. That is kept for the
 * destination and the outgoing interface for ten minutes; then larger packets are tried again, because the path may
 * have changed (6.3). No message raises the estimate (3).
 * A report below 552 bytes is not accepted, because an off-path attacker could make us send many tiny packets with it.
 * Packets then have 552 bytes and no DF, so that a link that is really so narrow can fragment them. Linux does so, too.
 */
#pragma once

#include "microps/ip.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace microps
{

inline constexpr size_t IP_PMTU_MIN = 552;                                /* Linux' min_pmtu */
inline constexpr net_duration IP_PMTU_EXPIRES = std::chrono::minutes(10); /* RFC 1191 6.3 */
inline constexpr size_t IP_PMTU_MAX = 256;                                /* destinations; the oldest is evicted */

/** The largest packet to a destination. */
struct ip_pmtu {
    size_t mtu = 0;
    bool floor = false; /* an MTU below IP_PMTU_MIN was reported: send without DF */
};

/** The next lower plateau (RFC 1191 7.1) below @p length bytes, for routers that report no MTU. */
[[nodiscard]] size_t ip_pmtu_plateau(size_t length);

class ip_pmtu_cache
{
public:
    [[nodiscard]] std::optional<ip_pmtu> find(const ip_iface *iface, ip_addr_t dst, net_time now) const;
    /** Remembers @p mtu from @p now on. */
    void insert(const ip_iface *iface, ip_addr_t dst, size_t mtu, net_time now);
    /** Entries, outdated ones included. */
    [[nodiscard]] size_t size() const { return entries_.size(); }

private:
    struct entry {
        const ip_iface *iface; /* compared only */
        ip_pmtu pmtu;
        net_time learnt;
    };

    std::unordered_map<uint32_t, entry> entries_{}; /* by destination; few: only those behind a narrow link */
};

} // namespace microps
