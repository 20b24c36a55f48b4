/*
 * packet.hpp: one packet, one block of memory, one owner.
 *
 *      block                data()               data() + size()
 *        v                    v                         v
 *        +---- headroom ------+--------- bytes ---------+---- tailroom ----+
 *
 * Output moves a packet down through the layers, and each writes its header into the headroom. On input the layers get
 * spans of the packet, which are valid during the call only. Blocks have two sizes and come from the stack's pool.
 */
#pragma once

#include "microps/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace microps
{

struct net_stack;
class packet_pool;

/** Bytes of the two block classes. The small one holds an Ethernet frame, the large one any IP packet. */
inline constexpr size_t PACKET_SMALL = 2048;
inline constexpr size_t PACKET_LARGE = 66 * 1024;

/** Bytes of headroom that the link layer needs in front of a network-layer packet. */
inline constexpr size_t LINK_HEADROOM = 32;
/** Bytes of headroom that IP and the link layer need in front of a transport segment. */
inline constexpr size_t IP_HEADROOM = LINK_HEADROOM + 60;

/**
 * Checksum and segmentation state that travels with a packet to or from a device (compare struct virtio_net_hdr).
 * While csum_partial is set, push() and pull() keep csum_start at its byte: headers come and go in front of it.
 */
struct packet_offload {
    bool csum_partial = false; /* out: the device must still fill in a checksum; in: the peer left it unfilled */
    bool csum_valid = false;   /* in: the transport checksum has been verified already */
    uint16_t csum_start = 0;   /* where summing starts, counted from data() */
    uint16_t csum_offset = 0;  /* where the sum goes, counted from csum_start */
    uint16_t gso_size = 0;     /* payload bytes per segment of an oversized packet; 0: an ordinary packet */
};

class packet
{
public:
    virtual ~packet() = default;
    packet(const packet &) = delete;
    packet &operator=(const packet &) = delete;

    [[nodiscard]] uint8_t *data() { return block_.data() + start_; }
    [[nodiscard]] const uint8_t *data() const { return block_.data() + start_; }
    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] std::span<uint8_t> bytes() { return block_.subspan(start_, size_); }
    [[nodiscard]] std::span<const uint8_t> bytes() const { return block_.subspan(start_, size_); }
    [[nodiscard]] size_t headroom() const { return start_; }
    [[nodiscard]] size_t tailroom() const { return block_.size() - start_ - size_; }
    [[nodiscard]] size_t block_size() const { return block_.size(); }

    /** Grows at the front by @p n bytes of headroom, which must be there, and returns them. */
    std::span<uint8_t> push(size_t n);
    /** Shrinks at the front by @p n bytes, which must be there. */
    void pull(size_t n);
    /** Grows at the end by @p n bytes of tailroom, which must be there, and returns them. */
    std::span<uint8_t> append(size_t n);
    /** Shrinks at the end to @p n bytes, which must be there. */
    void truncate(size_t n);
    /** Empties the packet and sets where its bytes will begin. */
    void reset(size_t headroom);

    packet_offload offload{};
    bool from_self = false;      /* in: this host sent it to itself, without a loopback device */
    bool link_broadcast = false; /* in: the frame was addressed to the link's broadcast address */

protected:
    packet() = default;
    std::span<uint8_t> block_{};

private:
    friend class packet_pool;
    friend struct packet_recycle;
    size_t start_ = 0;
    size_t size_ = 0;
    packet_pool *pool_ = nullptr;
};

/** Gives the block back to its pool. */
struct packet_recycle {
    void operator()(packet *pkt) const;
};

/** The owner of a packet. Passed by value it means "yours now". Destroy it under the stack's lock. */
using packet_ptr = std::unique_ptr<packet, packet_recycle>;

/** The blocks of one stack: bounded in all, with a few kept for reuse. Use under the stack's lock. */
class packet_pool
{
public:
    packet_pool() = default;
    packet_pool(const packet_pool &) = delete;
    packet_pool &operator=(const packet_pool &) = delete;

    /** An empty packet in a block of at least @p capacity bytes; null when the pool's limit is reached. */
    [[nodiscard]] packet_ptr take(size_t capacity);

    /** Bytes of all blocks that are in use. */
    [[nodiscard]] size_t in_use() const { return in_use_; }
    /** Most bytes that may be in use at once: beyond it packets are refused, and counted as no_memory drops. */
    size_t limit = size_t{256} << 20;

private:
    friend struct packet_recycle;
    void give_back(std::unique_ptr<packet> pkt);
    std::vector<std::unique_ptr<packet>> &free_list(size_t block_size);

    size_t in_use_ = 0;
    std::vector<std::unique_ptr<packet>> small_;
    std::vector<std::unique_ptr<packet>> large_;
};

/**
 * A packet of @p size uninitialized bytes behind @p headroom bytes.
 * Returns null, and counts a no_memory drop, when the pool's limit is reached or the size exceeds PACKET_LARGE.
 */
[[nodiscard]] packet_ptr packet_alloc(net_stack &net, size_t headroom, size_t size);
/** The same with a copy of @p data as its bytes. */
[[nodiscard]] packet_ptr packet_alloc(net_stack &net, size_t headroom, std::span<const uint8_t> data);

/** Writes a header in front of the bytes. */
template <wire_struct T>
void packet_push(packet &pkt, const T &hdr)
{
    wire_write(pkt.push(sizeof(T)), hdr);
}

} // namespace microps
