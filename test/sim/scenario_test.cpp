/*
 * scenario_test.cpp: stories with two hosts: sequence numbers that wrap, wires that are cut, both sides calling at
 * once.
 */
#include "microps/sim/tcp_peer.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"
#include "support/sock_calls.hpp"
#include "support/test_world.hpp"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace microps
{

namespace
{

/** Bytes that tell where in the stream they stand. */
std::string pattern(size_t size)
{
    std::string text(size, 0);
    for (size_t i = 0; i < size; i++) {
        text[i] = static_cast<char>((i * 2654435761u) >> 13);
    }
    return text;
}

/** Two hosts, 192.0.2.1 and 192.0.2.2, and the programs of these tests. */
struct two_hosts {
    explicit two_hosts(const sim_wire_config &config = {})
        : wire(world, {a, "192.0.2.1/24"}, {b, "192.0.2.2/24"}, config)
    {
    }

    /** b takes one connection and reads it to its end. */
    void receive_at_b()
    {
        b.spawn("receiver", [this] { receive_error = receive_stream(b.net(), "192.0.2.2:7", received); });
    }

    /** a connects from a fixed port and sends. */
    void send_from_a(const std::string &text)
    {
        a.spawn("sender", [this, &text] {
            const int conn = sock_open(a.net(), AF_INET, SOCK_STREAM, 0);
            const sockaddr_in local = sock_address("192.0.2.1:5000");
            const sockaddr_in foreign = sock_address("192.0.2.2:7");
            sock_bind(a.net(), conn, sockaddr_of(local), sizeof(local));
            size_t sent = 0;
            ssize_t n = sock_connect(a.net(), conn, sockaddr_of(foreign), sizeof(foreign));
            while (n != -1 && sent < text.size()) {
                n = sock_send(a.net(), conn, text.data() + sent, text.size() - sent);
                sent += n > 0 ? static_cast<size_t>(n) : 0;
            }
            if (n != -1) n = sock_shutdown(a.net(), conn, SHUT_WR);
            char byte = 0;
            /* Waits for the other end, so that an error that comes late is seen too. */
            if (n == -1 || sock_recv(a.net(), conn, &byte, 1) == -1) send_error = errno;
            sock_close(a.net(), conn);
        });
    }

    std::string received;
    int send_error = 0;
    int receive_error = 0;
    test_world world;
    sim_host a{world, "a"};
    sim_host b{world, "b"};
    sim_wire wire;
};

/** The last SYN that a host has sent: its ISN, and when. */
std::pair<uint32_t, net_duration> last_syn(two_hosts &hosts, const std::string &from)
{
    constexpr size_t seq_offset = 14 + 20 + 4;
    constexpr size_t flags_offset = 14 + 20 + 13;
    std::pair<uint32_t, net_duration> found{};
    for (const sim_frame_record &r : hosts.world.trace().records()) {
        std::span<const uint8_t> head = r.head;
        if (r.from != from || head.size() < 14 + 40 || head[12] != 8 || head[13] != 0) continue;
        if (head[14 + 9] != IP_PROTOCOL_TCP || !(head[flags_offset] & 0x02)) continue;
        head = head.subspan(seq_offset);
        found = {*wire_read<be32>(head), r.at};
    }
    return found;
}

} // namespace

/*
 * RFC 9293 3.4: sequence numbers wrap. RFC 6528 makes a connection's ISN the sum of a 4 microsecond clock and a
 * constant of its endpoints: so one connection tells how long to wait until the next between the same ports begins
 * below 2^32.
 */
TEST(Scenario, StreamCrossesTwoToTheThirtyTwo)
{
    const std::string text = pattern(1000000);
    const std::string one = "x";
    two_hosts hosts({.delay = 5ms});
    hosts.receive_at_b();
    hosts.send_from_a(one);
    ASSERT_TRUE(hosts.world.run());
    const auto [isn, at] = last_syn(hosts, "a");
    const uint32_t below = 200000; /* ticks before 2^32: time enough for ARP and a lost SYN */
    hosts.world.run_for((0u - below - isn) * 4us - (hosts.world.elapsed() - at));

    hosts.received.clear();
    hosts.world.trace().limit = 100000;
    hosts.receive_at_b();
    hosts.send_from_a(text);
    hosts.world.run_for(100ms);
    hosts.wire.configure({.delay = 5ms, .drop = 0.05, .corrupt = 0.02});
    ASSERT_TRUE(hosts.world.run());
    EXPECT_EQ(hosts.received, text);
    const uint32_t begin = last_syn(hosts, "a").first;
    EXPECT_GT(begin, 0u - 2 * below) << "the stream begins just below 2^32";
}

TEST(Scenario, TransferOutlivesACutWire)
{
    const std::string text = pattern(1000000);
    two_hosts hosts({.bandwidth = 10000000, .delay = 5ms});
    hosts.world.after(300ms, [&] { hosts.wire.cut(); });
    hosts.world.after(60s, [&] { hosts.wire.cut(false); });
    hosts.receive_at_b();
    hosts.send_from_a(text);
    EXPECT_TRUE(hosts.world.run());
    EXPECT_EQ(hosts.received, text);
    EXPECT_EQ(hosts.send_error, 0);
    EXPECT_EQ(hosts.receive_error, 0);
}

/* RFC 9293 3.8.3: the sender gives up after R2 and tells its user; nothing stays behind. */
TEST(Scenario, SenderGivesUpWhenTheWireStaysCut)
{
    const std::string text = pattern(1000000);
    two_hosts hosts({.bandwidth = 10000000, .delay = 5ms});
    hosts.world.after(300ms, [&] { hosts.wire.cut(); });
    hosts.receive_at_b();
    hosts.send_from_a(text);
    ::testing::internal::CaptureStderr();
    EXPECT_FALSE(hosts.world.run()) << "the receiver never hears of it: RFC 9293 knows no time limit for silence";
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("b/receiver in "), std::string::npos) << said;
    /* EHOSTUNREACH and not ETIMEDOUT, because ARP has reported the neighbour meanwhile. */
    EXPECT_TRUE(hosts.send_error == ETIMEDOUT || hosts.send_error == EHOSTUNREACH) << hosts.send_error;
    EXPECT_EQ(hosts.receive_error, EDEADLK);
    EXPECT_EQ(hosts.a.packets_in_use(), 0u);
    EXPECT_GT(hosts.world.elapsed(), 100s) << "RFC 9293 3.8.3: R2 is at least 100 seconds";
}

TEST(Scenario, ConnectGivesUpWhenNobodyAnswers)
{
    two_hosts hosts;
    hosts.wire.cut();
    const std::string one = "x";
    hosts.send_from_a(one);
    EXPECT_TRUE(hosts.world.run());
    EXPECT_TRUE(hosts.send_error == ETIMEDOUT || hosts.send_error == EHOSTUNREACH) << hosts.send_error;
    EXPECT_EQ(hosts.a.packets_in_use(), 0u);
}

TEST(Scenario, ConnectToAClosedPortIsRefused)
{
    two_hosts hosts;
    const std::string one = "x";
    hosts.send_from_a(one);
    EXPECT_TRUE(hosts.world.run());
    EXPECT_EQ(hosts.send_error, ECONNREFUSED);
}

/* RFC 9293 3.5, figure 7: both call at the same time, and get one connection. */
TEST(Scenario, SimultaneousOpenMakesOneConnection)
{
    two_hosts hosts({.delay = 10ms});
    std::string answers[2];
    const auto call = [&](sim_host &host, const char *from, const char *to, const std::string &name,
                          std::string &answer) {
        host.spawn("caller", [&host, &answer, &hosts, from, to, name] {
            const int conn = sock_open(host.net(), AF_INET, SOCK_STREAM, 0);
            const sockaddr_in local = sock_address(from);
            const sockaddr_in foreign = sock_address(to);
            sock_bind(host.net(), conn, sockaddr_of(local), sizeof(local));
            hosts.world.sleep(1s);
            if (sock_connect(host.net(), conn, sockaddr_of(foreign), sizeof(foreign)) == -1) {
                answer = "error " + std::to_string(errno);
                return;
            }
            sock_send(host.net(), conn, name.data(), name.size());
            char byte = 0;
            sock_recv(host.net(), conn, &byte, 1);
            answer = std::string(1, byte);
            sock_close(host.net(), conn);
        });
    };
    call(hosts.a, "192.0.2.1:5000", "192.0.2.2:5000", "a", answers[0]);
    call(hosts.b, "192.0.2.2:5000", "192.0.2.1:5000", "b", answers[1]);
    EXPECT_TRUE(hosts.world.run());
    EXPECT_EQ(answers[0], "b") << hosts.world.report();
    EXPECT_EQ(answers[1], "a");
    EXPECT_EQ(hosts.a.count(counter::tcp_out_rsts) + hosts.b.count(counter::tcp_out_rsts), 0u);
}

/* Packets for hosts behind a gateway go to the gateway's hardware address. */
TEST(Scenario, GatewayIsAskedForWhatIsFarAway)
{
    two_hosts hosts;
    hosts.a.set_gateway("192.0.2.2");
    const int id = sock_open(hosts.a.net(), AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in far = sock_address("198.51.100.1:9");
    EXPECT_EQ(sock_sendto(hosts.a.net(), id, "x", 1, sockaddr_of(far), sizeof(far)), 1);
    hosts.world.run_for(1s);
    const std::string trace = hosts.world.trace().text();
    EXPECT_NE(trace.find("ARP who has 192.0.2.2, tell 192.0.2.1"), std::string::npos) << trace;
    EXPECT_NE(trace.find("> 198.51.100.1:9 UDP len 1"), std::string::npos) << trace;
}

/* The wire of the foundation's promise: 4 MB, 5 % loss, 2 % duplicates, 5 % reordering, 1 % corruption. */
TEST(Scenario, FourMegabytesOverABadWire)
{
    const std::string text = pattern(4000000);
    two_hosts hosts({.delay = 1ms, .drop = 0.05, .duplicate = 0.02, .reorder = 0.05, .corrupt = 0.01});
    hosts.receive_at_b();
    hosts.send_from_a(text);
    EXPECT_TRUE(hosts.world.run());
    EXPECT_TRUE(hosts.received == text);
    EXPECT_GT(hosts.wire.stats(hosts.a).corrupted, 0u);
}

} // namespace microps
