/*
 * packet.cpp: packets and their pool of memory blocks.
 */
#include "microps/packet.hpp"

#include "base/for_overwrite.hpp"
#include "microps/stack.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace microps
{

/* Free blocks kept for reuse: enough for a burst of packets. */
static constexpr size_t POOL_KEEP_SMALL = 512;
static constexpr size_t POOL_KEEP_LARGE = 32;

namespace
{

template <size_t bytes_in_all>
class packet_block final : public packet
{
public:
    packet_block() { block_ = storage_; }

private:
    std::array<uint8_t, bytes_in_all> storage_;
};

} // namespace

template <size_t size>
static std::unique_ptr<packet> make_block()
{
    return make_for_overwrite<packet_block<size>>();
}

std::span<uint8_t> packet::push(size_t n)
{
    assert(n <= headroom());
    start_ -= n;
    size_ += n;
    if (offload.csum_partial) offload.csum_start = static_cast<uint16_t>(offload.csum_start + n);
    return bytes().first(n);
}

void packet::pull(size_t n)
{
    assert(n <= size_);
    start_ += n;
    size_ -= n;
    if (offload.csum_partial)
        offload.csum_start = static_cast<uint16_t>(offload.csum_start - std::min<size_t>(n, offload.csum_start));
}

std::span<uint8_t> packet::append(size_t n)
{
    assert(n <= tailroom());
    size_ += n;
    return bytes().last(n);
}

void packet::truncate(size_t n)
{
    assert(n <= size_);
    size_ = n;
}

void packet::reset(size_t headroom)
{
    assert(headroom <= block_.size());
    start_ = headroom;
    size_ = 0;
    offload = {};
    link_broadcast = false;
    from_self = false;
}

void packet_recycle::operator()(packet *pkt) const { pkt->pool_->give_back(std::unique_ptr<packet>(pkt)); }

packet_ptr packet_pool::take(size_t capacity)
{
    const size_t block_size = capacity <= PACKET_SMALL ? PACKET_SMALL : PACKET_LARGE;
    if (capacity > PACKET_LARGE || in_use_ + block_size > limit) return nullptr;

    std::vector<std::unique_ptr<packet>> &list = free_list(block_size);
    std::unique_ptr<packet> pkt;
    if (!list.empty()) {
        pkt = std::move(list.back());
        list.pop_back();
    } else {
        pkt = block_size == PACKET_SMALL ? make_block<PACKET_SMALL>() : make_block<PACKET_LARGE>();
    }
    in_use_ += block_size;
    pkt->pool_ = this;
    pkt->reset(0);
    return packet_ptr(pkt.release());
}

void packet_pool::give_back(std::unique_ptr<packet> pkt)
{
    const size_t block_size = pkt->block_size();
    in_use_ -= block_size;
    std::vector<std::unique_ptr<packet>> &list = free_list(block_size);
    if (list.size() < (block_size == PACKET_SMALL ? POOL_KEEP_SMALL : POOL_KEEP_LARGE)) list.push_back(std::move(pkt));
}

std::vector<std::unique_ptr<packet>> &packet_pool::free_list(size_t block_size)
{
    return block_size == PACKET_SMALL ? small_ : large_;
}

packet_ptr packet_alloc(net_stack &net, size_t headroom, size_t size)
{
    packet_ptr pkt = headroom <= PACKET_LARGE && size <= PACKET_LARGE ? net.packets.take(headroom + size) : nullptr;
    if (!pkt) {
        net_drop(net, drop_reason::no_memory, "no packet of %zu bytes, %zu in use", size, net.packets.in_use());
        return nullptr;
    }
    pkt->reset(headroom);
    pkt->append(size);
    return pkt;
}

packet_ptr packet_alloc(net_stack &net, size_t headroom, std::span<const uint8_t> data)
{
    packet_ptr pkt = packet_alloc(net, headroom, data.size());
    if (pkt) std::copy(data.begin(), data.end(), pkt->data());
    return pkt;
}

} // namespace microps
