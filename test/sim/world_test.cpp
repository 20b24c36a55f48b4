/*
 * world_test.cpp: the simulation itself: time, wires, programs, determinism.
 */
#include "microps/icmp.hpp"
#include "microps/udp.hpp"
#include "support/sock_calls.hpp"
#include "support/test_world.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

using namespace std::chrono_literals;

namespace microps
{

namespace
{

/** A world of two hosts, 192.0.2.1 and 192.0.2.2, and the wire between them. */
struct two_hosts : test_world {
    explicit two_hosts(const sim_wire_config &config = {})
        : wire(*this, {a, "192.0.2.1/24"}, {b, "192.0.2.2/24"}, config)
    {
    }

    sim_host a{*this, "a"};
    sim_host b{*this, "b"};
    sim_wire wire;
};

ip_addr_t addr(const char *text)
{
    ip_addr_t parsed;
    EXPECT_EQ(ip_addr_pton(text, parsed), 0) << text;
    return parsed;
}

std::span<const uint8_t> bytes_of(const std::string &text)
{
    return {static_cast<const uint8_t *>(static_cast<const void *>(text.data())), text.size()};
}

void ping(sim_host &from, const char *to, size_t size)
{
    net_guard guard(from.net());
    icmp_output(from.net(), ICMP_TYPE_ECHO, 0, be32(0x00010001), std::vector<uint8_t>(size), IP_ADDR_ANY, addr(to));
}

/** Sends @p text from one host to another's UDP port 7, and returns what comes back from the echo there. */
std::string udp_exchange(sim_host &from, const char *to, const std::string &text)
{
    net_stack &net = from.net();
    const int id = udp_socket_open(net);
    EXPECT_EQ(udp_sendto(net, id, bytes_of(text), {addr(to), 7}), static_cast<ssize_t>(text.size()));
    std::vector<uint8_t> buffer(65536);
    ip_endpoint foreign;
    const ssize_t n = udp_recvfrom(net, id, buffer, &foreign);
    sock_close(net, id);
    return n < 0 ? std::string("error ") + std::to_string(errno) : std::string(buffer.begin(), buffer.begin() + n);
}

void udp_echo(sim_host &host)
{
    host.spawn_daemon("echo", [&host] {
        const int id = udp_socket_open(host.net());
        udp_bind(host.net(), id, {IP_ADDR_ANY, 7});
        std::vector<uint8_t> buffer(65536);
        ip_endpoint foreign;
        for (;;) {
            const ssize_t n = udp_recvfrom(host.net(), id, buffer, &foreign);
            if (n < 0) return;
            udp_sendto(host.net(), id, std::span(buffer).first(static_cast<size_t>(n)), foreign);
        }
    });
}

} // namespace

TEST(SimWorld, TimePassesOnlyWhenTheWorldLetsIt)
{
    test_world world;
    const auto wall = world.clock().wall();
    world.run_for(1h);
    EXPECT_EQ(world.elapsed(), 1h);
    EXPECT_EQ(world.clock().wall() - wall, 1h);
}

TEST(SimWorld, EventsHappenInTheOrderOfTime)
{
    test_world world;
    std::string order;
    world.after(2s, [&] { order += "c"; });
    world.after(1s, [&] { order += "a"; });
    world.after(1s, [&] { order += "b"; });
    EXPECT_TRUE(world.step());
    EXPECT_EQ(world.elapsed(), 1s);
    EXPECT_TRUE(world.step());
    EXPECT_TRUE(world.step());
    EXPECT_FALSE(world.step());
    EXPECT_EQ(order, "abc");
    EXPECT_EQ(world.elapsed(), 2s);
}

TEST(SimWire, EchoArrivesAfterTheDelay)
{
    two_hosts world({.delay = 10ms});
    ping(world.a, "192.0.2.2", 56); /* so that both know each other */
    world.run_for(1s);
    ping(world.a, "192.0.2.2", 56);
    EXPECT_TRUE(world.run_until([&] { return world.a.count(counter::icmp_in_echo_reps) == 2; }, 1s)) << world.report();
    EXPECT_EQ(world.elapsed(), 1s + 20ms) << world.report();
}

TEST(SimWire, BandwidthDelaysByTheLengthOfTheFrame)
{
    two_hosts world({.bandwidth = 8000000});
    ping(world.a, "192.0.2.2", 56);
    world.run_for(1s);
    ping(world.a, "192.0.2.2", 1000 - 14 - 20 - 8);
    EXPECT_TRUE(world.run_until([&] { return world.a.count(counter::icmp_in_echo_reps) == 2; }, 1s));
    EXPECT_EQ(world.elapsed(), 1s + 2ms) << world.report();
}

TEST(SimWire, FullQueueDropsTheNewest)
{
    two_hosts world;
    ping(world.a, "192.0.2.2", 56); /* so that a knows b */
    world.run_for(1s);
    world.wire.configure({.bandwidth = 1000000, .queue = 4});
    for (int i = 0; i < 20; i++) {
        ping(world.a, "192.0.2.2", 1000);
    }
    world.run_for(1s);
    EXPECT_EQ(world.wire.stats(world.a).queue_full, 15u);
    EXPECT_EQ(world.b.count(counter::icmp_in_echos), 1u + 5u);
}

TEST(SimWire, LosesTheFractionItWasAskedTo)
{
    two_hosts world;
    ping(world.a, "192.0.2.2", 56);
    world.run_for(1s);
    world.wire.config(world.a).drop = 0.3;
    for (int i = 0; i < 1000; i++) {
        ping(world.a, "192.0.2.2", 56);
        world.settle();
    }
    EXPECT_NEAR(static_cast<double>(world.wire.stats(world.a).lost), 300, 60);
    EXPECT_EQ(world.wire.stats(world.b).lost, 0u);
}

TEST(SimWire, DuplicatesArriveTwice)
{
    two_hosts world;
    ping(world.a, "192.0.2.2", 56);
    world.run_for(1s);
    world.wire.config(world.a).duplicate = 1;
    ping(world.a, "192.0.2.2", 56);
    world.settle();
    EXPECT_EQ(world.b.count(counter::icmp_in_echos), 3u);
}

TEST(SimWire, CorruptFramesAreNeverTakenForGoodOnes)
{
    two_hosts world({.link = sim_link_type::raw_ip});
    world.run_for(1s);
    world.wire.config(world.a).corrupt = 1;
    for (int i = 0; i < 1000; i++) {
        ping(world.a, "192.0.2.2", 56);
        world.settle();
    }
    EXPECT_EQ(world.wire.stats(world.a).corrupted, 1000u);
    EXPECT_EQ(world.b.count(counter::icmp_in_echos), 0u);
}

TEST(SimWire, CutWireLosesEverything)
{
    two_hosts world({.delay = 10ms});
    ping(world.a, "192.0.2.2", 56);
    world.run_for(1s);
    ping(world.a, "192.0.2.2", 56);
    world.run_for(1ms);
    world.wire.cut();
    world.run_for(1s);
    world.wire.cut(false);
    EXPECT_EQ(world.b.count(counter::icmp_in_echos), 1u);
    ping(world.a, "192.0.2.2", 56);
    world.run_for(1s);
    EXPECT_EQ(world.b.count(counter::icmp_in_echos), 2u);
}

TEST(SimWire, SegmentOfManyHostsSwitches)
{
    test_world world;
    sim_host a(world, "a");
    sim_host b(world, "b");
    sim_host c(world, "c");
    sim_wire lan(world, {{a, "192.0.2.1/24"}, {b, "192.0.2.2/24"}, {c, "192.0.2.3/24"}});
    ping(a, "192.0.2.2", 56);
    world.run_for(1s);
    const uint64_t seen_by_c = c.count(counter::dev_rx_frames);
    ping(a, "192.0.2.2", 56);
    ping(a, "192.0.2.3", 56);
    world.run_for(1s);
    EXPECT_EQ(a.count(counter::icmp_in_echo_reps), 3u) << world.report();
    EXPECT_EQ(c.count(counter::icmp_in_echos), 1u);
    EXPECT_LE(c.count(counter::dev_rx_frames), seen_by_c + 4) << "what is for b does not come to c";
}

TEST(SimWire, DeliversByHandWhatATestHolds)
{
    two_hosts world;
    world.settle();
    const std::vector<uint8_t> short_frame(10);
    world.wire.deliver(world.b, short_frame);
    EXPECT_EQ(world.b.count(drop_reason::too_short), 1u);
}

TEST(SimWire, MtuOfTheWireIsThatOfItsDevices)
{
    two_hosts world({.mtu = 600});
    ping(world.a, "192.0.2.2", 1000); /* in two fragments */
    world.run_for(1s);
    EXPECT_EQ(world.a.count(counter::icmp_in_echo_reps), 1u) << world.report();
    world.wire.config(world.a).mtu = 500; /* and then somebody puts a worse cable in */
    ping(world.a, "192.0.2.2", 550);
    world.run_for(1s);
    EXPECT_EQ(world.wire.stats(world.a).too_long, 1u);
}

TEST(SimWire, CaptureHasWhatEachEndSees)
{
    const std::string path = ::testing::TempDir() + "microps_sim_capture.pcap";
    {
        test_world world;
        sim_host a(world, "a");
        sim_host b(world, "b");
        sim_wire wire(world, {a, "192.0.2.1/24"}, {b, "192.0.2.2/24"}, {.drop = 1});
        ASSERT_TRUE(wire.capture(a, path));
        world.run_for(1ms); /* both announce themselves; a does not hear of it */
    }
    std::FILE *file = std::fopen(path.c_str(), "rb");
    ASSERT_TRUE(file);
    std::vector<uint8_t> bytes(1000);
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
    std::fclose(file);
    std::remove(path.c_str());
    ASSERT_EQ(bytes.size(), 24u + 16 + 60);
    uint32_t magic = 0;
    std::memcpy(&magic, bytes.data(), sizeof(magic));
    EXPECT_EQ(magic, 0xa1b23c4du) << "pcap with nanoseconds";
    EXPECT_EQ(bytes[24 + 16], 0xff) << "the announcement is a broadcast";
}

TEST(SimProgram, BlockingCallsSleepInVirtualTime)
{
    two_hosts world({.delay = 1s});
    std::string answer;
    udp_echo(world.b);
    world.a.spawn("user", [&] {
        world.sleep(10s);
        answer = udp_exchange(world.a, "192.0.2.2", "hello");
    });
    EXPECT_TRUE(world.run());
    EXPECT_EQ(answer, "hello") << world.report();
    EXPECT_GE(world.elapsed(), 12s);
}

TEST(SimProgram, BlockingCallOfTheTestItselfDrivesTheWorld)
{
    two_hosts world({.delay = 1s});
    udp_echo(world.b);
    EXPECT_EQ(udp_exchange(world.a, "192.0.2.2", "hello"), "hello");
}

TEST(SimProgram, InterruptEndsSleep)
{
    test_world world;
    int receive_error = 0;
    int sleep_error = 0;
    sim_host host(world, "host");
    host.spawn("receiver", [&] {
        uint8_t byte = 0;
        const int id = udp_socket_open(host.net());
        udp_bind(host.net(), id, {IP_ADDR_ANY, 7});
        if (udp_recvfrom(host.net(), id, {&byte, 1}, nullptr) == -1) receive_error = errno;
    });
    host.spawn("sleeper", [&] {
        if (world.sleep(1h) == -1) sleep_error = errno;
    });
    world.run_for(1s);
    EXPECT_TRUE(host.busy());
    host.interrupt();
    world.run_for(1s);
    EXPECT_FALSE(host.busy());
    EXPECT_EQ(receive_error, EINTR);
    EXPECT_EQ(sleep_error, EINTR);
}

TEST(SimProgram, SleeperWhomNobodyWillWakeGetsEdeadlk)
{
    test_world world;
    int error = 0;
    sim_host host(world, "host");
    host.spawn("receiver", [&] {
        uint8_t byte = 0;
        const int id = udp_socket_open(host.net());
        udp_bind(host.net(), id, {IP_ADDR_ANY, 7});
        if (udp_recvfrom(host.net(), id, {&byte, 1}, nullptr) == -1) error = errno;
    });
    ::testing::internal::CaptureStderr();
    EXPECT_FALSE(world.run());
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(error, EDEADLK);
    EXPECT_NE(said.find("host/receiver in "), std::string::npos) << said;
}

TEST(SimProgram, HostThatGoesInterruptsItsPrograms)
{
    int error = 0;
    test_world world;
    {
        sim_host host(world, "host");
        host.spawn("receiver", [&] {
            uint8_t byte = 0;
            const int id = udp_socket_open(host.net());
            udp_bind(host.net(), id, {IP_ADDR_ANY, 7});
            if (udp_recvfrom(host.net(), id, {&byte, 1}, nullptr) == -1) error = errno;
        });
        world.run_for(1s);
    }
    EXPECT_EQ(error, EINTR);
}

static uint64_t digest_of_a_busy_world(uint64_t seed)
{
    test_world world(seed);
    sim_host a(world, "a");
    sim_host b(world, "b");
    sim_host c(world, "c");
    sim_wire lan(world, {{a, "192.0.2.1/24"}, {b, "192.0.2.2/24"}, {c, "192.0.2.3/24"}},
                 {.delay = 1ms, .jitter = 5ms, .drop = 0.1, .duplicate = 0.1, .reorder = 0.1, .corrupt = 0.1});
    udp_echo(b);
    udp_echo(c);
    for (int i = 0; i < 20; i++) {
        a.spawn("user", [&, i] {
            world.sleep(i * 1ms);
            const int id = udp_socket_open(a.net());
            udp_sendto(a.net(), id, bytes_of("hello"), {addr(i % 2 ? "192.0.2.2" : "192.0.2.3"), 7});
            world.sleep(1s);
            sock_close(a.net(), id);
        });
    }
    world.run();
    return world.trace().digest();
}

TEST(SimWorld, SameSeedGivesTheSameBytes)
{
    EXPECT_EQ(digest_of_a_busy_world(1), digest_of_a_busy_world(1));
    EXPECT_EQ(digest_of_a_busy_world(2), digest_of_a_busy_world(2));
    EXPECT_NE(digest_of_a_busy_world(1), digest_of_a_busy_world(2));
}

/* RFC 1122 2.3.2.2: what a call has accepted is kept until the neighbour's address is known, also by net_shutdown(). */
TEST(SimHost, ShutDownWaitsForDatagramsThatWaitForAnAddress)
{
    two_hosts world({.delay = 20ms});
    std::string received;
    world.b.spawn("receiver", [&] {
        const int id = udp_socket_open(world.b.net());
        udp_bind(world.b.net(), id, {IP_ADDR_ANY, 7});
        std::vector<uint8_t> buffer(64);
        const ssize_t n = udp_recvfrom(world.b.net(), id, buffer, nullptr);
        if (n > 0) received.assign(buffer.begin(), buffer.begin() + n);
    });
    world.a.spawn("sender", [&] {
        const int id = udp_socket_open(world.a.net());
        udp_sendto(world.a.net(), id, bytes_of("last words"), {addr("192.0.2.2"), 7});
        sock_close(world.a.net(), id);
        net_shutdown(world.a.net());
    });
    EXPECT_TRUE(world.run());
    EXPECT_EQ(received, "last words");
}

} // namespace microps
