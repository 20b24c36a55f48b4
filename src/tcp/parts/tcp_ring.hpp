/*
 * tcp_ring.hpp: a send or receive buffer. Memory appears with the first byte, doubles on demand and goes when the last
 * byte has left. Offsets count from the oldest byte.
 *
 *      oldest                      size()                      extent
 *        +----- bytes in order ------+ hole +-- early bytes ---+
 *
 * A receive ring also holds bytes that came too early: written behind a hole, they are committed when it is filled.
 * How much may be in the ring is its owner's decision.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace microps
{

class tcp_ring
{
public:
    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    /** Bytes of memory held. */
    [[nodiscard]] size_t capacity() const { return capacity_; }

    /** Writes at an offset, at or behind size(); the bytes do not belong to the ring before commit(). */
    void write(size_t offset, std::span<const uint8_t> data);
    /** The next @p n bytes behind size() are in order now. */
    void commit(size_t n);
    void append(std::span<const uint8_t> data);
    /** Copies bytes out of the ordered part, and leaves them there. */
    void read(size_t offset, std::span<uint8_t> out) const;
    /** Forgets the oldest @p n bytes. */
    void consume(size_t n);
    /** Forgets the out-of-order bytes. */
    void drop_out_of_order();
    void clear();

private:
    void reserve(size_t extent);
    void release_if_unused();
    [[nodiscard]] size_t place(size_t offset) const { return (first_ + offset) & (capacity_ - 1); }

    std::unique_ptr<uint8_t[]> bytes_;
    /* 32 bits, because every idle connection has two rings, and none grows beyond TCP_BUFFER_MAX. */
    uint32_t capacity_ = 0; /* a power of two, or 0 */
    uint32_t first_ = 0;    /* where the oldest byte stands */
    uint32_t size_ = 0;
    uint32_t extent_ = 0; /* end of the last early byte; size_ without any */
};

} // namespace microps
