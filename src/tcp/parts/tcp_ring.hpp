/*
 * tcp_ring.hpp: tcp_ring holds the bytes of a send or receive buffer. Memory is allocated with the first byte, doubles
 * on demand and is freed when the last byte has left. Offsets count from the oldest byte.
 *
 *      oldest                      size()                        extent
 *        +----- bytes in order ------+ hole +-- out-of-order data --+
 *
 * A receive ring also holds out-of-order data: it is written after a hole, and committed when the hole is filled. Which
 * ranges of it are here, tcp_reassembly knows. How much may be in the ring, and which sequence number the oldest byte
 * has, its owner decides.
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
    /** How many bytes of memory the ring holds. */
    [[nodiscard]] size_t capacity() const { return capacity_; }

    /** Writes at @p offset, which is size() or more; the bytes are in order only after commit(). */
    void write(size_t offset, std::span<const uint8_t> data);
    /** The next @p n bytes after size() are in order now. */
    void commit(size_t n);
    /** Writes at size(), and commits. */
    void append(std::span<const uint8_t> data);
    /** Copies bytes that are in order; they stay in the ring. */
    void read(size_t offset, std::span<uint8_t> out) const;
    /** Removes the oldest @p n bytes. */
    void consume(size_t n);
    /** Removes the out-of-order data. */
    void drop_out_of_order();
    void clear();

private:
    void reserve(size_t extent);
    void release_if_unused();
    [[nodiscard]] size_t place(size_t offset) const { return (first_ + offset) & (capacity_ - 1); }

    std::unique_ptr<uint8_t[]> bytes_;
    /* They have 32 bits because every idle connection has two rings; no ring grows beyond TCP_BUFFER_MAX. */
    uint32_t capacity_ = 0; /* a power of two, or 0 */
    uint32_t first_ = 0;    /* index of the oldest byte */
    uint32_t size_ = 0;
    uint32_t extent_ = 0; /* offset of the end of out-of-order data; size_ if there is none */
};

} // namespace microps
