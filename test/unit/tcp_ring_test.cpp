/*
 * tcp_ring_test.cpp: the send and receive buffer, against a string that does the same slowly.
 */
#include "tcp/parts/tcp_ring.hpp"

#include "microps/random.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

using namespace microps;

namespace
{

std::vector<uint8_t> bytes_of(const std::string &data) { return {data.begin(), data.end()}; }

std::string data_of(const tcp_ring &ring, size_t offset, size_t size)
{
    std::vector<uint8_t> out(size);
    ring.read(offset, out);
    return {out.begin(), out.end()};
}

} // namespace

/* A ring that holds nothing has no memory, so that idle connections are small. */
TEST(TcpRing, HasNoMemoryWhileEmpty)
{
    tcp_ring ring;
    EXPECT_EQ(ring.capacity(), 0u);
    ring.append(bytes_of("abc"));
    EXPECT_GT(ring.capacity(), 0u);
    ring.consume(3);
    EXPECT_EQ(ring.capacity(), 0u);
}

/* Out-of-order bytes are kept although nothing in front of them has arrived. */
TEST(TcpRing, KeepsOutOfOrderBytesWhileTheOrderedPartIsEmpty)
{
    tcp_ring ring;
    ring.write(4, bytes_of("late"));
    EXPECT_TRUE(ring.empty());
    EXPECT_GT(ring.capacity(), 0u);
    ring.write(0, bytes_of("earl"));
    ring.commit(8);
    EXPECT_EQ(data_of(ring, 0, 8), "earllate");
}

/* Out-of-order bytes keep their place when the bytes in front are read and when the ring grows. */
TEST(TcpRing, OutOfOrderBytesSurviveReadingAndGrowth)
{
    tcp_ring ring;
    ring.append(bytes_of(std::string(1500, 'a')));
    ring.write(1600, bytes_of("early"));
    ring.consume(1500);
    ring.write(3000, bytes_of(std::string(5000, 'z')));
    ring.write(0, bytes_of(std::string(100, 'b')));
    ring.commit(105);
    EXPECT_EQ(data_of(ring, 0, 105), std::string(100, 'b') + "early");
}

/* Without its out-of-order bytes an empty ring gives its memory back. */
TEST(TcpRing, DropsOutOfOrderBytesOnDemand)
{
    tcp_ring ring;
    ring.write(10, bytes_of("early"));
    ring.drop_out_of_order();
    EXPECT_EQ(ring.capacity(), 0u);
}

/* Random writes and reads do to a ring what they do to a string. */
TEST(TcpRing, BehavesLikeAString)
{
    net_random random(7);
    tcp_ring ring;
    std::string model;
    for (int round = 0; round < 20000; round++) {
        const auto n = static_cast<size_t>(random.below(700));
        switch (random.below(3)) {
        case 0:
            if (model.size() > 20000) break;
            model.append(n, static_cast<char>('a' + round % 26));
            ring.append(bytes_of(std::string(n, static_cast<char>('a' + round % 26))));
            break;
        case 1: {
            const size_t taken = std::min(n, model.size());
            model.erase(0, taken);
            ring.consume(taken);
            break;
        }
        default: {
            const auto offset = static_cast<size_t>(random.below(model.size() + 1));
            const size_t size = std::min(n, model.size() - offset);
            ASSERT_EQ(data_of(ring, offset, size), model.substr(offset, size));
        }
        }
        ASSERT_EQ(ring.size(), model.size());
    }
}
