/*
 * packet_test.cpp: blocks, headroom, and the pool.
 */
#include "microps/packet.hpp"
#include "microps/stack.hpp"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace microps
{

/* Headers are pushed and pulled at the front, and the rear is cut, without moving the bytes between. */
TEST(Packet, GrowsAndShrinksAtBothEnds)
{
    packet_pool pool;
    packet_ptr pkt = pool.take(100);
    ASSERT_TRUE(pkt);
    EXPECT_EQ(pkt->block_size(), PACKET_SMALL);
    pkt->reset(40);
    EXPECT_EQ(pkt->size(), 0u);
    EXPECT_EQ(pkt->headroom(), 40u);
    EXPECT_EQ(pkt->tailroom(), PACKET_SMALL - 40);

    const std::span<uint8_t> text = pkt->append(4);
    std::iota(text.begin(), text.end(), uint8_t{1});
    pkt->push(2)[0] = 0xaa;
    pkt->bytes()[1] = 0xbb;
    EXPECT_EQ(pkt->headroom(), 38u);
    EXPECT_EQ(std::vector<uint8_t>(pkt->bytes().begin(), pkt->bytes().end()),
              (std::vector<uint8_t>{0xaa, 0xbb, 1, 2, 3, 4}));
    pkt->pull(3);
    pkt->truncate(2);
    EXPECT_EQ(std::vector<uint8_t>(pkt->bytes().begin(), pkt->bytes().end()), (std::vector<uint8_t>{2, 3}));
}

/* A packet that is used anew keeps neither the offload wishes nor the marks of the old one. */
TEST(Packet, ResetForgetsWhatTravelledWithIt)
{
    packet_pool pool;
    packet_ptr pkt = pool.take(100);
    pkt->offload.gso_size = 1000;
    pkt->link_broadcast = true;
    pkt->reset(0);
    EXPECT_EQ(pkt->offload.gso_size, 0);
    EXPECT_FALSE(pkt->link_broadcast);
}

/* There are two sizes of blocks; a packet larger than the larger one is refused. */
TEST(PacketPool, TakesTheSmallestClassThatIsLargeEnough)
{
    packet_pool pool;
    EXPECT_EQ(pool.take(0)->block_size(), PACKET_SMALL);
    EXPECT_EQ(pool.take(PACKET_SMALL)->block_size(), PACKET_SMALL);
    EXPECT_EQ(pool.take(PACKET_SMALL + 1)->block_size(), PACKET_LARGE);
    EXPECT_EQ(pool.take(PACKET_LARGE)->block_size(), PACKET_LARGE);
    EXPECT_FALSE(pool.take(PACKET_LARGE + 1));
}

/* The pool counts the bytes of all blocks that are out. */
TEST(PacketPool, CountsWhatIsInUse)
{
    packet_pool pool;
    packet_ptr a = pool.take(1);
    packet_ptr b = pool.take(PACKET_LARGE);
    EXPECT_EQ(pool.in_use(), PACKET_SMALL + PACKET_LARGE);
    a.reset();
    EXPECT_EQ(pool.in_use(), PACKET_LARGE);
    b.reset();
    EXPECT_EQ(pool.in_use(), 0u);
}

/* At its limit the pool refuses, and gives again when a packet is freed. */
TEST(PacketPool, RefusesBeyondItsLimit)
{
    packet_pool pool;
    pool.limit = 3 * PACKET_SMALL;
    std::vector<packet_ptr> taken;
    for (int i = 0; i < 3; i++) {
        taken.push_back(pool.take(1));
        ASSERT_TRUE(taken.back());
    }
    EXPECT_FALSE(pool.take(1));
    taken.pop_back();
    EXPECT_TRUE(pool.take(1));
}

/* A freed block is kept and given out next. */
TEST(PacketPool, ReusesBlocks)
{
    packet_pool pool;
    packet_ptr first = pool.take(1);
    const uint8_t *block = first->data();
    first.reset();
    EXPECT_EQ(pool.take(1)->data(), block);
}

/* Of many freed blocks only some are kept, so that a burst does not hold memory for ever. */
TEST(PacketPool, KeepsOnlySomeOfManyBlocks)
{
    packet_pool pool;
    std::vector<packet_ptr> taken;
    for (int i = 0; i < 2000; i++) {
        taken.push_back(pool.take(1));
    }
    taken.clear(); /* the address sanitizer sees those that are not kept go */
    EXPECT_EQ(pool.in_use(), 0u);
}

/* The data is copied behind the headroom, into which headers can be pushed. */
TEST(PacketAlloc, CopiesBehindTheHeadroom)
{
    net_stack net({.seed = 1});
    net_guard guard(net);
    const std::vector<uint8_t> bytes{1, 2, 3};
    const packet_ptr pkt = packet_alloc(net, IP_HEADROOM, bytes);
    ASSERT_TRUE(pkt);
    EXPECT_EQ(pkt->headroom(), IP_HEADROOM);
    EXPECT_EQ(std::vector<uint8_t>(pkt->bytes().begin(), pkt->bytes().end()), bytes);
}

/* A packet that the pool refuses is counted as dropped for want of memory. */
TEST(PacketAlloc, RefusalIsCountedAsDrop)
{
    net_stack net({.seed = 1});
    net_guard guard(net);
    EXPECT_FALSE(packet_alloc(net, 0, PACKET_LARGE + 1));
    EXPECT_FALSE(packet_alloc(net, SIZE_MAX, size_t{2}));
    EXPECT_FALSE(packet_alloc(net, 2, SIZE_MAX));
    EXPECT_FALSE(packet_alloc(net, 1, PACKET_LARGE));
    EXPECT_EQ(net.stats[drop_reason::no_memory], 4u);
}

} // namespace microps
