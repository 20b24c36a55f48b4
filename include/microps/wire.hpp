/*
 * wire.hpp: integers as they stand on the wire, and how headers are read and written.
 *
 * be16 and be32 store bytes in network order, need no alignment and convert to and from host integers by themselves,
 * so byte order cannot be forgotten. A header is a plain aggregate of them; it is copied out of and into packets,
 * never pointed to.
 */
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace microps
{

/** A 16-bit integer in network byte order. */
class be16
{
public:
    constexpr be16() = default;
    /** From host byte order. */
    constexpr be16(uint16_t host) : bytes_{static_cast<uint8_t>(host >> 8), static_cast<uint8_t>(host & 0xff)} {}

    constexpr operator uint16_t() const { return value(); }
    /** In host byte order; spelled out where a conversion would not happen (printf). */
    constexpr uint16_t value() const { return static_cast<uint16_t>(bytes_[0] << 8 | bytes_[1]); }

    /** From and to the raw integers of POSIX's sockaddr_in (network byte order). */
    static constexpr be16 from_net(uint16_t raw)
    {
        be16 v;
        v.bytes_ = std::bit_cast<std::array<uint8_t, 2>>(raw);
        return v;
    }
    constexpr uint16_t to_net() const { return std::bit_cast<uint16_t>(bytes_); }

private:
    std::array<uint8_t, 2> bytes_{};
};

/** A 32-bit integer in network byte order. */
class be32
{
public:
    constexpr be32() = default;
    /** From host byte order. */
    constexpr be32(uint32_t host)
        : bytes_{static_cast<uint8_t>(host >> 24), static_cast<uint8_t>(host >> 16 & 0xff),
                 static_cast<uint8_t>(host >> 8 & 0xff), static_cast<uint8_t>(host & 0xff)}
    {
    }

    constexpr operator uint32_t() const { return value(); }
    /** In host byte order; spelled out where a conversion would not happen (printf). */
    constexpr uint32_t value() const
    {
        return static_cast<uint32_t>(bytes_[0]) << 24 | static_cast<uint32_t>(bytes_[1]) << 16 |
               static_cast<uint32_t>(bytes_[2]) << 8 | bytes_[3];
    }

    /** From and to the raw integers of POSIX's in_addr (network byte order). */
    static constexpr be32 from_net(uint32_t raw)
    {
        be32 v;
        v.bytes_ = std::bit_cast<std::array<uint8_t, 4>>(raw);
        return v;
    }
    constexpr uint32_t to_net() const { return std::bit_cast<uint32_t>(bytes_); }

private:
    std::array<uint8_t, 4> bytes_{};
};

static_assert(sizeof(be16) == 2 && alignof(be16) == 1);
static_assert(sizeof(be32) == 4 && alignof(be32) == 1);

/** What may be copied from and to the wire: an aggregate without padding between byte-aligned members. */
template <typename T>
concept wire_struct = std::is_trivially_copyable_v<T> && alignof(T) == 1;

/**
 * Copies a header off the front of @p data and shortens @p data by it.
 * Returns nothing, and leaves @p data alone, when there are too few bytes.
 */
template <wire_struct T>
[[nodiscard]] std::optional<T> wire_read(std::span<const uint8_t> &data)
{
    if (data.size() < sizeof(T)) return std::nullopt;
    std::array<uint8_t, sizeof(T)> bytes;
    std::memcpy(bytes.data(), data.data(), sizeof(T));
    data = data.subspan(sizeof(T));
    return std::bit_cast<T>(bytes);
}

/** The bytes of a header. The reference stays valid no longer than @p hdr: pass it on, do not keep it. */
template <wire_struct T>
[[nodiscard]] std::span<const uint8_t, sizeof(T)> wire_bytes(const T &hdr)
{
    return std::span<const uint8_t, sizeof(T)>(static_cast<const uint8_t *>(static_cast<const void *>(&hdr)),
                                               sizeof(T));
}

/** Copies a header to the front of @p out, which must be large enough. */
template <wire_struct T>
void wire_write(std::span<uint8_t> out, const T &hdr)
{
    std::memcpy(out.data(), &hdr, sizeof(T));
}

} // namespace microps
