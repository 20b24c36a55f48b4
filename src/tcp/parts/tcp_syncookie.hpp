/*
 * tcp_syncookie.hpp: SYN cookies (RFC 4987 3.6): what a listener must remember of a SYN, folded into our sequence number
 * and, where the peer has timestamps, into our TSval. Whoever gets our SYN-ACK brings it back with his ACK, so that
 * nothing is kept meanwhile, and a flood of SYNs costs no memory.
 *
 *     ISS = hash(endpoints) + IRS + | minutes, 8 bits | 24 bits: hash(endpoints, IRS, minutes) + index of the MSS |
 *     TSval = | our clock, 26 bits | 0 | SACK permitted | window shift, 4 bits; 15: none |
 *
 * Both hashes are keyed: a stranger hits a valid ISS once in 2^27 attempts.
 */
#pragma once

#include "microps/ip_addr.hpp"
#include "microps/random.hpp"
#include "microps/time.hpp"
#include "tcp_options.hpp"
#include "tcp_seq.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace microps
{

class tcp_syncookies
{
public:
    /** "Minutes": a cookie is good in the one it was made in, and the next. */
    static constexpr net_duration PERIOD = std::chrono::seconds(64);
    static constexpr uint64_t PERIODS = 2;
    /** The segment sizes that a cookie can tell apart: usual ones; a peer gets the largest that he can take. */
    static constexpr std::array<uint16_t, 8> SIZES{48, 256, 536, 1220, 1360, 1440, 1460, 8960};

    tcp_syncookies(const siphash_key &base_key, const siphash_key &proof_key)
        : base_key_(base_key), proof_key_(proof_key)
    {
    }

    /** Our ISS for a SYN with the sequence number @p irs, from a peer that takes segments of @p mss bytes. */
    [[nodiscard]] tcp_seq make(const ip_endpoint &local, const ip_endpoint &foreign, tcp_seq irs, uint32_t mss,
                               net_time now) const;
    /** The segment size, if @p iss is a cookie of ours for this SYN, and not too old. */
    [[nodiscard]] std::optional<uint16_t> check(const ip_endpoint &local, const ip_endpoint &foreign, tcp_seq irs,
                                                tcp_seq iss, net_time now) const;

private:
    [[nodiscard]] uint32_t proof(uint64_t endpoints, tcp_seq irs, uint64_t period) const;

    siphash_key base_key_;
    siphash_key proof_key_;
};

/** The TSval that carries what the SYN's options were agreed to; not after @p now, so that our clock stays monotonic. */
[[nodiscard]] uint32_t tcp_syncookie_timestamp(uint32_t now, std::optional<uint8_t> window_shift, bool sack_permitted);
/** What it carried, as options of the SYN. */
[[nodiscard]] tcp_options tcp_syncookie_options(uint32_t timestamp);

} // namespace microps
