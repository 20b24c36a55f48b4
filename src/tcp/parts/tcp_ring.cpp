/*
 * tcp_ring.cpp: a ring buffer in memory that grows by doubling; its capacity is a power of two, so that a place in it
 * is found by a mask.
 */
#include "tcp_ring.hpp"

#include "base/for_overwrite.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace microps
{

static constexpr size_t TCP_RING_MIN = 2048;

void tcp_ring::write(size_t offset, std::span<const uint8_t> data)
{
    assert(offset >= size_);
    if (data.empty()) return;
    reserve(offset + data.size());
    const size_t start = place(offset);
    const size_t before_wrap = std::min(data.size(), capacity_ - start);
    std::memcpy(bytes_.get() + start, data.data(), before_wrap);
    std::memcpy(bytes_.get(), data.data() + before_wrap, data.size() - before_wrap);
    extent_ = std::max(extent_, static_cast<uint32_t>(offset + data.size())); /* reserve() has checked it */
}

void tcp_ring::commit(size_t n)
{
    size_ += static_cast<uint32_t>(n);
    assert(size_ <= capacity_ || n == 0);
    extent_ = std::max(extent_, size_);
}

void tcp_ring::append(std::span<const uint8_t> data)
{
    write(size_, data);
    commit(data.size());
}

void tcp_ring::read(size_t offset, std::span<uint8_t> out) const
{
    assert(offset + out.size() <= size_);
    if (out.empty()) return;
    const size_t start = place(offset);
    const size_t before_wrap = std::min(out.size(), capacity_ - start);
    std::memcpy(out.data(), bytes_.get() + start, before_wrap);
    std::memcpy(out.data() + before_wrap, bytes_.get(), out.size() - before_wrap);
}

void tcp_ring::consume(size_t n)
{
    assert(n <= size_);
    if (n == 0) return;
    first_ = static_cast<uint32_t>(place(n));
    size_ -= static_cast<uint32_t>(n);
    extent_ -= static_cast<uint32_t>(n);
    release_if_unused();
}

void tcp_ring::drop_out_of_order()
{
    extent_ = size_;
    release_if_unused();
}

void tcp_ring::clear()
{
    size_ = 0;
    extent_ = 0;
    release_if_unused();
}

void tcp_ring::reserve(size_t extent)
{
    if (extent <= capacity_) return;
    assert(extent <= size_t{1} << 31);
    const size_t capacity = std::bit_ceil(std::max(extent, TCP_RING_MIN));
    auto bytes = make_for_overwrite<uint8_t[]>(capacity);
    if (capacity_ > 0) { /* the oldest byte comes first; what is out of order moves, too */
        const size_t before_wrap = size_t{std::min(extent_, capacity_ - first_)};
        std::memcpy(bytes.get(), bytes_.get() + first_, before_wrap);
        std::memcpy(bytes.get() + before_wrap, bytes_.get(), extent_ - before_wrap);
    }
    bytes_ = std::move(bytes);
    capacity_ = static_cast<uint32_t>(capacity);
    first_ = 0;
}

void tcp_ring::release_if_unused()
{
    if (extent_ > 0) return;
    bytes_.reset();
    capacity_ = 0;
    first_ = 0;
}

} // namespace microps
