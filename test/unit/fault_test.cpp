/*
 * The fault injector, on a clock that the test moves.
 */
#include "driver_stack.hpp"
#include "microps/checksum.hpp"
#include "microps/driver/fault.hpp"
#include "microps/driver/pcap_writer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

namespace microps
{
namespace
{

using namespace std::chrono_literals;
using bytes_list = std::vector<std::vector<uint8_t>>;

struct FaultInjector : driver_stack {
    void wrap(const fault_config &config)
    {
        net_device *made = nullptr;
        {
            net_guard guard(net);
            inner = raw();
            made = fault_init(net, *inner, config);
        }
        run(*made);
    }
    /** The frame's number is in its bytes 1 and 2. */
    static std::vector<uint8_t> numbered(size_t n, size_t size = 64)
    {
        std::vector<uint8_t> all(size, 0);
        all[0] = 0x60;
        all[1] = static_cast<uint8_t>(n >> 8);
        all[2] = static_cast<uint8_t>(n & 0xff);
        return all;
    }
    static std::vector<size_t> numbers(const bytes_list &list)
    {
        std::vector<size_t> all;
        for (const std::vector<uint8_t> &one : list) {
            all.push_back(size_t{one[1]} << 8 | one[2]);
        }
        return all;
    }
    void send_many(size_t count, size_t size = 64)
    {
        for (size_t n = 0; n < count; n++) {
            send(numbered(n, size));
        }
    }

    net_device *inner = nullptr;
};

/** Expects @p count within 4.5 standard deviations of a binomial distribution. */
void expect_share(size_t count, size_t of, double probability)
{
    const double mean = static_cast<double>(of) * probability;
    const double bound = 4.5 * std::sqrt(mean * (1 - probability));
    EXPECT_NEAR(static_cast<double>(count), mean, bound);
}

/* A fault injector that is told nothing changes nothing. */
TEST_F(FaultInjector, WithoutFaultsEverythingPassesAtOnceAndInOrder)
{
    wrap({});
    send_many(1000);
    EXPECT_EQ(sent.size(), 1000U);
    for (size_t n = 0; n < sent.size(); n++) {
        ASSERT_EQ(sent[n], numbered(n));
    }
    feed(*inner, bytes(100));
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received_from, dev);
    EXPECT_EQ(net.stats[drop_reason::injected], 0U);
}

/* As many frames are lost as the option says, and each of them is counted. */
TEST_F(FaultInjector, LosesTheGivenShareAndCountsIt)
{
    wrap({.drop = 0.1});
    send_many(20000);
    expect_share(20000 - sent.size(), 20000, 0.1);
    EXPECT_EQ(net.stats[drop_reason::injected], 20000 - sent.size());
}

/* As many frames arrive twice as the option says. */
TEST_F(FaultInjector, DoublesTheGivenShare)
{
    wrap({.duplicate = 0.02});
    send_many(20000);
    expect_share(sent.size() - 20000, 20000, 0.02);
}

/* A damaged frame differs in one bit, which may be any bit of the frame. */
TEST_F(FaultInjector, FlipsExactlyOneBitOfTheGivenShareAnywhereInTheFrame)
{
    wrap({.corrupt = 0.25});
    send_many(20000);
    ASSERT_EQ(sent.size(), 20000U);
    size_t damaged = 0;
    std::set<size_t> places;
    for (size_t n = 0; n < sent.size(); n++) {
        const std::vector<uint8_t> good = numbered(n);
        int bits = 0;
        for (size_t i = 0; i < good.size(); i++) {
            const int flipped = std::popcount(static_cast<unsigned>(good[i] ^ sent[n][i]));
            if (flipped) places.insert(i);
            bits += flipped;
        }
        ASSERT_LE(bits, 1);
        damaged += static_cast<size_t>(bits);
    }
    expect_share(damaged, 20000, 0.25);
    EXPECT_EQ(places.size(), 64U);
}

/* A frame that is cut keeps its first byte at least. */
TEST_F(FaultInjector, TruncatesTheGivenShareButNeverToNothing)
{
    wrap({.truncate = 0.25});
    send_many(20000);
    size_t cut = 0;
    for (const std::vector<uint8_t> &one : sent) {
        ASSERT_GE(one.size(), 1U);
        ASSERT_LE(one.size(), 64U);
        cut += one.size() < 64;
    }
    expect_share(cut, 20000, 0.25);
}

/* A delay without jitter does not change the order of frames. */
TEST_F(FaultInjector, DelaysEachFrameByTheSameTimeAndKeepsTheOrder)
{
    wrap({.delay = 10ms});
    send(numbered(1));
    pass(4ms);
    send(numbered(2));
    pass(5999us);
    EXPECT_TRUE(sent.empty());
    pass(1us);
    EXPECT_EQ(numbers(sent), (std::vector<size_t>{1}));
    pass(3999us);
    EXPECT_EQ(sent.size(), 1U);
    pass(1us);
    EXPECT_EQ(numbers(sent), (std::vector<size_t>{1, 2}));
}

/* The faults happen to received frames as they do to sent ones. */
TEST_F(FaultInjector, DelaysTheOtherDirectionToo)
{
    wrap({.delay = 10ms});
    feed(*inner, numbered(1));
    pass(9ms);
    EXPECT_TRUE(received.empty());
    pass(1ms);
    EXPECT_EQ(numbers(received), (std::vector<size_t>{1}));
}

/* Jitter adds a random time between zero and its bound. */
TEST_F(FaultInjector, JitterStaysWithinItsBound)
{
    wrap({.delay = 10ms, .jitter = 5ms});
    send_many(1000);
    pass(10ms - 1ns);
    EXPECT_TRUE(sent.empty());
    pass(2500us);
    expect_share(sent.size(), 1000, 0.5);
    pass(2500us);
    EXPECT_EQ(sent.size(), 1000U);
}

/* A reordered frame is held back, so that later frames arrive before it. */
TEST_F(FaultInjector, AReorderedFrameIsOvertakenByLaterOnesAndArrives)
{
    wrap({.reorder = 0.05, .reorder_delay = 5ms});
    send_many(2000);
    expect_share(2000 - sent.size(), 2000, 0.05);
    pass(5ms);
    EXPECT_EQ(sent.size(), 2000U);
    const std::vector<size_t> order = numbers(sent);
    EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
    EXPECT_EQ(std::set<size_t>(order.begin(), order.end()).size(), 2000U);
}

/* A frame takes as long as its bits need at the given rate. */
TEST_F(FaultInjector, RateSpacesFramesByTheirLength)
{
    wrap({.rate = 8'000'000}); /* a byte each microsecond */
    send_many(10, 1000);
    EXPECT_TRUE(sent.empty());
    for (size_t n = 1; n <= 10; n++) {
        pass(999us);
        EXPECT_EQ(sent.size(), n - 1);
        pass(1us);
        EXPECT_EQ(sent.size(), n);
    }
    pass(1s); /* an idle line saves nothing up */
    send_many(2, 1000);
    EXPECT_EQ(sent.size(), 10U);
    pass(1ms);
    EXPECT_EQ(sent.size(), 11U);
}

/* When as many frames are held as the bound permits, the next one is dropped. */
TEST_F(FaultInjector, HeldFramesAreBoundedAndTheNewestGoes)
{
    wrap({.delay = 1ms, .queue_max = 10});
    send_many(15);
    EXPECT_EQ(net.stats[drop_reason::injected], 5U);
    pass(1ms);
    EXPECT_EQ(numbers(sent), (std::vector<size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

/* Frames that are dropped at a full queue take no time of the line. */
TEST_F(FaultInjector, ALineThatIsFullDoesNotGrowItsDelay)
{
    wrap({.rate = 8'000'000, .queue_max = 2});
    send_many(100, 1000);
    pass(2ms);
    EXPECT_EQ(sent.size(), 2U);
    send(numbered(7, 1000));
    pass(1ms);
    EXPECT_EQ(sent.size(), 3U);
}

/* Frames that are held when the device closes are freed and never sent. */
TEST_F(FaultInjector, WhatIsHeldDiesWithTheDevice)
{
    wrap({.delay = 1ms});
    send_many(5);
    net_shutdown(net);
    clock.advance(1s);
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(net.packets.in_use(), 0U);
}

bytes_list faulty_run(uint64_t seed, bool other_direction)
{
    struct one_run final : FaultInjector {
        void TestBody() override {}
    } run;
    run.wrap({.drop = 0.1, .duplicate = 0.1, .reorder = 0.1, .corrupt = 0.1, .truncate = 0.1, .seed = seed});
    for (size_t n = 0; n < 500; n++) {
        run.send(FaultInjector::numbered(n));
        if (other_direction) run.feed(*run.inner, FaultInjector::numbered(n));
    }
    run.pass(1s);
    return run.sent;
}

/* The same seed does the same to the same frames, so that a failure can be repeated. */
TEST(FaultSeed, SameSeedSameFaults) { EXPECT_EQ(faulty_run(1, false), faulty_run(1, false)); }
TEST(FaultSeed, OtherSeedOtherFaults) { EXPECT_NE(faulty_run(1, false), faulty_run(2, false)); }
TEST(FaultSeed, TheOtherDirectionDoesNotMatter) { EXPECT_EQ(faulty_run(1, false), faulty_run(1, true)); }

/* A peer's unfilled checksum (PACKET_VNET_HDR) must not hide the damage: it is completed before. */
TEST_F(FaultInjector, AnUnfilledChecksumIsCompletedBeforeTheDamage)
{
    wrap({.corrupt = 1});
    {
        net_guard guard(net);
        packet_ptr pkt = packet_alloc(net, 0, bytes(100));
        pkt->offload = {.csum_partial = true, .csum_start = 40, .csum_offset = 16};
        net_device_output(*dev, NET_PROTOCOL_TYPE_IPV6, std::move(pkt), nullptr);
    }
    ASSERT_EQ(sent.size(), 1U);
    std::vector<uint8_t> good = bytes(100);
    const uint16_t sum = cksum16(std::span<const uint8_t>(good).subspan(40));
    good[56] = static_cast<uint8_t>(sum >> 8);
    good[57] = static_cast<uint8_t>(sum & 0xff);
    int bits = 0;
    for (size_t i = 0; i < good.size(); i++) {
        bits += std::popcount(static_cast<unsigned>(good[i] ^ sent[0][i]));
    }
    EXPECT_EQ(bits, 1);
}

/* A fault injector may have another one inside, and both do their work. */
TEST_F(FaultInjector, DecoratorsStack)
{
    net_device *fault = nullptr;
    net_device *outermost = nullptr;
    {
        net_guard guard(net);
        inner = raw(1400);
        fault = fault_alloc(net, *inner, {.delay = 1ms});
        outermost = pcap_writer_init(net, *fault, "/dev/null");
    }
    run(*outermost);
    EXPECT_STREQ(outermost->name, "net0");
    EXPECT_STREQ(inner->name, "net0");
    EXPECT_EQ(outermost->mtu, 1400);
    send(bytes(100));
    feed(*inner, bytes(50));
    EXPECT_TRUE(sent.empty());
    EXPECT_TRUE(received.empty());
    pass(1ms);
    EXPECT_EQ(sent, (bytes_list{bytes(100)}));
    EXPECT_EQ(received, (bytes_list{bytes(50)}));
    EXPECT_EQ(received_from, outermost);
    EXPECT_EQ(net.stats[counter::dev_rx_frames], 1U);
    EXPECT_EQ(net.stats[counter::dev_tx_frames], 1U);
}

} // namespace
} // namespace microps
