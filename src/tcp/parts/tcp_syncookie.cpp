/*
 * tcp_syncookie.cpp: making and checking SYN cookies.
 */
#include "tcp_syncookie.hpp"

#include "microps/wire.hpp"

namespace microps
{

static constexpr uint32_t PROOF_MASK = 0xffffff;
static constexpr unsigned PERIOD_SHIFT = 24;

static constexpr uint32_t TIMESTAMP_BITS = 6;
static constexpr uint32_t SHIFT_MASK = 0xf;
static constexpr uint32_t SHIFT_NONE = 0xf; /* the peer did not offer window scaling */
static constexpr uint32_t SACK_BIT = 0x10;

static uint64_t period_of(net_time now)
{
    return static_cast<uint64_t>(now.time_since_epoch() / tcp_syncookies::PERIOD);
}

static be32 high(uint64_t value) { return static_cast<uint32_t>(value >> 32); }
static be32 low(uint64_t value) { return static_cast<uint32_t>(value); }

/** Returns the index of the largest entry of SIZES that is at most @p mss, or 0. */
static uint32_t index_of(uint32_t mss)
{
    uint32_t index = tcp_syncookies::SIZES.size() - 1;
    while (index > 0 && tcp_syncookies::SIZES[index] > mss) {
        index--;
    }
    return index;
}

uint32_t tcp_syncookies::proof(uint64_t endpoints, tcp_seq irs, uint64_t period) const
{
    struct {
        be32 endpoints_high, endpoints_low, irs, period_high, period_low;
    } const input{high(endpoints), low(endpoints), irs.value(), high(period), low(period)};
    return static_cast<uint32_t>(siphash(proof_key_, wire_bytes(input)));
}

tcp_seq tcp_syncookies::make(const ip_endpoint &local, const ip_endpoint &foreign, tcp_seq irs, uint32_t mss,
                             net_time now) const
{
    const uint64_t endpoints = ip_endpoint_hash(base_key_, local, foreign);
    const uint64_t period = period_of(now);
    const uint32_t secret = (proof(endpoints, irs, period) + index_of(mss)) & PROOF_MASK;
    const uint32_t cookie = static_cast<uint32_t>(period) << PERIOD_SHIFT | secret;
    return tcp_seq(static_cast<uint32_t>(endpoints) + irs.value() + cookie);
}

std::optional<uint16_t> tcp_syncookies::check(const ip_endpoint &local, const ip_endpoint &foreign, tcp_seq irs,
                                              tcp_seq iss, net_time now) const
{
    const uint64_t endpoints = ip_endpoint_hash(base_key_, local, foreign);
    const uint32_t cookie = iss.value() - static_cast<uint32_t>(endpoints) - irs.value();
    const uint64_t period = period_of(now);
    /* The cookie carries the last eight bits of its period. */
    const uint64_t age = (period - (cookie >> PERIOD_SHIFT)) & 0xff;
    if (age >= PERIODS) return std::nullopt;
    const uint32_t index = (cookie - proof(endpoints, irs, period - age)) & PROOF_MASK;
    if (index >= SIZES.size()) return std::nullopt;
    return SIZES[index];
}

uint32_t tcp_syncookie_timestamp(uint32_t now, std::optional<uint8_t> window_shift, bool sack_permitted)
{
    const uint32_t bits = window_shift.value_or(SHIFT_NONE) | (sack_permitted ? SACK_BIT : 0);
    constexpr uint32_t unit = uint32_t{1} << TIMESTAMP_BITS;
    const uint32_t value = (now & ~(unit - 1)) | bits;
    /* A TSval later than our clock would make the next one go back, which the peer's PAWS would refuse (RFC 7323 5). */
    return bits > (now & (unit - 1)) ? value - unit : value;
}

tcp_options tcp_syncookie_options(uint32_t timestamp)
{
    tcp_options options;
    const uint32_t shift = timestamp & SHIFT_MASK;
    if (shift <= TCP_WINDOW_SHIFT_MAX) options.window_shift = static_cast<uint8_t>(shift);
    options.sack_permitted = (timestamp & SACK_BIT) != 0;
    return options;
}

} // namespace microps
