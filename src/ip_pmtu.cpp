/*
 * ip_pmtu.cpp: the cache of path MTUs (RFC 1191), and which messages may change it (RFC 5927 7).
 *
 * The transport protocol checks that the quoted packet is one that it has sent. This file checks the message itself: a
 * packet that would have fitted into the reported MTU cannot have been refused for its size.
 */
#include "ip_pmtu.hpp"

#include "ip_internal.hpp"

#include <algorithm>
#include <array>

namespace microps
{

size_t ip_pmtu_plateau(size_t length)
{
    static constexpr std::array<size_t, 11> plateaus = {65535, 32000, 17914, 8166, 4352, 2002,
                                                        1492,  1006,  508,   296,  68};
    for (const size_t plateau : plateaus) {
        if (plateau < length) return plateau;
    }
    return plateaus.back();
}

/* The cache */

std::optional<ip_pmtu> ip_pmtu_cache::find(const ip_iface *iface, ip_addr_t dst, net_time now) const
{
    const auto found = entries_.find(dst.value);
    if (found == entries_.end() || found->second.iface != iface) return std::nullopt;
    if (now - found->second.learnt >= IP_PMTU_EXPIRES) return std::nullopt;
    return found->second.pmtu;
}

void ip_pmtu_cache::insert(const ip_iface *iface, ip_addr_t dst, size_t mtu, net_time now)
{
    if (entries_.size() >= IP_PMTU_MAX && !entries_.contains(dst.value)) {
        entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto &a, const auto &b) {
            return a.second.learnt < b.second.learnt;
        }));
    }
    const ip_pmtu pmtu{.mtu = std::max(mtu, IP_PMTU_MIN), .floor = mtu < IP_PMTU_MIN};
    entries_.insert_or_assign(dst.value, entry{.iface = iface, .pmtu = pmtu, .learnt = now});
}

/* Of a path */

ip_pmtu ip_path_pmtu(const ip_path &path, ip_addr_t dst)
{
    const net_device &dev = *path.iface->dev;
    const size_t mtu = dev.mtu;
    const auto known = dev.net.ip->pmtu.find(path.iface, dst, dev.net.clock.now());
    return known ? ip_pmtu{.mtu = std::min(known->mtu, mtu), .floor = known->floor} : ip_pmtu{.mtu = mtu};
}

size_t ip_path_mtu(const net_stack &net, ip_addr_t dst)
{
    ip_path path;
    return ip_path_select(net, IP_ADDR_ANY, dst, path) == 0 ? ip_path_pmtu(path, dst).mtu : 0;
}

bool ip_path_mtu_learn(net_stack &net, const ip_error &error)
{
    ip_path path;
    if (ip_path_select(net, error.src, error.dst, path) != 0 || path.to_self || path.broadcast) return false;
    const ip_pmtu now = ip_path_pmtu(path, error.dst);
    /* RFC 1191 5: an old router reports no MTU; then it is estimated from the quoted packet's length. */
    const size_t quoted = error.total;
    const size_t mtu = error.mtu != 0 ? error.mtu : ip_pmtu_plateau(quoted);
    if (mtu >= quoted) {
        net_drop(net, drop_reason::icmp_bad_quote, "%zu bytes do not need fragmentation to %zu, dst=%s", quoted, mtu,
                 ip_addr_str(error.dst).c_str());
        return false;
    }
    /* RFC 1191 3: no message raises the estimate. */
    if (mtu > now.mtu || mtu >= path.iface->dev->mtu || (now.floor && mtu >= IP_PMTU_MIN)) return false;
    net.ip->pmtu.insert(path.iface, error.dst, mtu, net.clock.now());
    debugf("path MTU %zu, dst=%s, reporter=%s", mtu, ip_addr_str(error.dst).c_str(),
           ip_addr_str(error.reporter).c_str());
    return ip_path_pmtu(path, error.dst).mtu < now.mtu;
}

} // namespace microps
