/*
 * ip_pmtu.hpp: what is known of the largest packet that gets to a destination (RFC 1191).
 *
 * A router that cannot pass a packet on says what it could pass; that is remembered for the destination and for the
 * interface by which it is reached, for ten minutes: then the path may have changed, and larger packets are tried again
 * (6.3). What a message says never raises what is known (3).
 * A size below 552 bytes is ignored, which is Linux' bound: no link is so narrow, but an attacker would like us to send
 * many tiny packets. Then packets have the 552 bytes and no DF, so that the narrow link, should it exist, can cut them.
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
inline constexpr size_t IP_PMTU_MAX = 256;                                /* destinations; the oldest makes room */

/** The largest packet to a destination. */
struct ip_pmtu {
    size_t mtu = 0;
    bool floor = false; /* a router claims less than IP_PMTU_MIN: send without DF */
};

/** RFC 1191 7.1: the MTU of the next narrower kind of link: for routers that do not tell theirs. */
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
