/*
 * tcp_syncookie.hpp: SYN cookies (RFC 4987 3.6). What a listener would have to remember of a SYN is encoded in our ISS
 * and, if the peer sends timestamps, in our TSval. The peer's ACK of our SYN-ACK returns both, so that nothing is kept
 * in between, and a flood of SYNs costs no memory. The class only makes and checks cookies; when they are sent, and
 * what becomes of a valid one, is left to tcp_listen.cpp.
 *
 *     ISS = hash(endpoints) + IRS + | period, 8 bits | 24 bits: hash(endpoints, IRS, period) + index of the MSS |
 *     TSval = | our clock, 26 bits | 0 | SACK permitted | window shift, 4 bits; 15: none |
 *
 * Both hashes are keyed, so an off-path attacker hits a valid ISS once in 2^28 attempts: of the 2^32 values, two
 * periods with eight MSS each are valid.
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
    /** A cookie is valid in the period in which it was made, and in the next one. */
    static constexpr net_duration PERIOD = std::chrono::seconds(64);
    static constexpr uint64_t PERIODS = 2;
    /** The MSS values that a cookie can carry, the usual ones; a peer gets the largest that it can take. */
    static constexpr std::array<uint16_t, 8> SIZES{48, 256, 536, 1220, 1360, 1440, 1460, 8960};

    tcp_syncookies(const siphash_key &base_key, const siphash_key &proof_key)
        : base_key_(base_key), proof_key_(proof_key)
    {
    }

    /** Returns our ISS for a SYN with the sequence number @p irs and the MSS @p mss. */
    [[nodiscard]] tcp_seq make(const ip_endpoint &local, const ip_endpoint &foreign, tcp_seq irs, uint32_t mss,
                               net_time now) const;
    /** Returns the MSS if @p iss is a valid cookie for this SYN. */
    [[nodiscard]] std::optional<uint16_t> check(const ip_endpoint &local, const ip_endpoint &foreign, tcp_seq irs,
                                                tcp_seq iss, net_time now) const;

private:
    [[nodiscard]] uint32_t proof(uint64_t endpoints, tcp_seq irs, uint64_t period) const;

    siphash_key base_key_;
    siphash_key proof_key_;
};

/** Returns the TSval, at most @p now, that carries what was agreed on by the options of the SYN. */
[[nodiscard]] uint32_t tcp_syncookie_timestamp(uint32_t now, std::optional<uint8_t> window_shift, bool sack_permitted);
/** Returns what such a TSval (the peer's TSecr) carries, as options of the SYN. */
[[nodiscard]] tcp_options tcp_syncookie_options(uint32_t timestamp);

} // namespace microps
