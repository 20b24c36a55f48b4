/*
 * transfers.cpp: clients that upload and download at the same time, a server that does the same, and a hostile wire.
 *
 * Each end of a connection is one of two programs, by chance: a reader and a writer in two threads with blocking
 * calls, or one thread with sock_poll and non-blocking calls.
 */
#include "sim/transfers.hpp"

#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sim/world.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"
#include "sim/tcp_switches.hpp"
#include "support/sock_calls.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

using namespace std::chrono_literals;

namespace microps
{

namespace
{

constexpr uint16_t PORT = 7;
constexpr net_duration LIMIT = 24h;

/** One direction of one connection. What it carries follows from its key. */
struct stream {
    uint32_t key = 0;
    size_t size = 0;
    size_t received = 0;
    size_t wrong = 0;
    bool ended = false; /* the reader has seen the end */
    int read_error = 0;
    int write_error = 0;

    [[nodiscard]] uint8_t byte(size_t i) const
    {
        return static_cast<uint8_t>(((static_cast<uint32_t>(i) + key) * 2654435761u) >> 13);
    }
    void fill(std::span<uint8_t> part, size_t from) const
    {
        for (size_t i = 0; i < part.size(); i++) {
            part[i] = byte(from + i);
        }
    }
    void check(std::span<const uint8_t> part)
    {
        for (const uint8_t b : part) {
            if (received >= size || b != byte(received)) wrong++;
            received++;
        }
    }
    [[nodiscard]] bool good() const
    {
        return ended && received == size && wrong == 0 && read_error == 0 && write_error == 0;
    }
};

struct connection {
    stream up{};
    stream down{};
    size_t chunk = 1000;       /* what one call reads or writes, at most */
    net_duration pause{};      /* the readers sleep so long now and then */
    net_duration late{};       /* they begin so late: the window closes */
    double more = 0;           /* how often a write says MSG_MORE */
    bool client_polls = false; /* how each end is programmed */
    bool server_polls = false;
    unsigned ends_open = 2;
    std::string wrong{}; /* what TCP_INFO said that cannot be */
};

/** Everything of one run. */
struct run_state {
    explicit run_state(uint64_t seed, const transfer_plan &plan_) : plan(plan_), random(seed), world(seed) {}

    transfer_plan plan;
    net_random random;
    std::vector<connection> connections{};
    sim_world world;
    std::vector<std::unique_ptr<sim_host>> hosts{};
    std::unique_ptr<sim_wire> wire{};
};

double random_up_to(net_random &random, double most) { return most * static_cast<double>(random.below(1001)) / 1000.0; }

net_duration random_span(net_random &random, net_duration most)
{
    return net_duration(static_cast<int64_t>(random.below(static_cast<uint64_t>(most.count()) + 1)));
}

/** Small sizes are as likely as large ones: 0, 1, and then by powers of two. */
size_t random_size(net_random &random, size_t most)
{
    const size_t bound = size_t{1} << random.below(21);
    return random.below(std::min(bound, most) + 1);
}

sim_wire_config random_wire(net_random &random, const transfer_plan &plan)
{
    sim_wire_config config;
    config.delay = random_span(random, 50ms);
    config.drop = random_up_to(random, plan.drop_max);
    config.corrupt = random_up_to(random, plan.corrupt_max);
    config.corrupt_bits = plan.corrupt_bits;
    config.duplicate = random_up_to(random, 0.1);
    config.reorder = random_up_to(random, 0.2);
    config.reorder_delay = random_span(random, 30ms);
    if (random.chance(0.5)) config.jitter = random_span(random, 20ms);
    if (random.chance(0.5)) config.bandwidth = 1000000 + random.below(100000000);
    if (random.chance(0.3)) config.queue = 5 + random.below(50);
    if (random.chance(0.3)) config.burst_begin = random_up_to(random, 0.01);
    if (random.chance(0.3)) config.truncate = random_up_to(random, 0.02);
    if (random.chance(0.3)) config.mtu = static_cast<uint16_t>(576 + random.below(1000));
    return config;
}

/** Long back-offs are allowed to fail; here they shall not: only the number of tries ends an attempt. */
void be_patient(run_state &run, sim_host &host)
{
    net_guard guard(host.net());
    tcp_config &config = tcp_configure(host.net());
    if (run.plan.switches) draw_tcp_switches(run.random, config);
    config.syn_retries = 60;
    config.synack_retries = 60;
    config.data_retries = 60;
    config.orphan_retries = 60;
}

void pause_sometimes(run_state &run, net_stack &net, int sock, connection &conn)
{
    if (run.plan.switches && run.random.chance(0.05)) conn.wrong += tcp_info_wrong(net, sock);
    if (conn.pause > net_duration::zero() && run.random.chance(0.1)) run.world.sleep(conn.pause);
}

int send_flags(run_state &run, const connection &conn)
{
    return conn.more > 0 && run.random.chance(conn.more) ? MSG_MORE : 0;
}

/* An end that blocks: one thread writes, one reads. */

void write_all(run_state &run, net_stack &net, int sock, const connection &conn, stream &out)
{
    std::vector<uint8_t> part;
    for (size_t done = 0; done < out.size;) {
        part.resize(std::min(out.size - done, 1 + run.random.below(conn.chunk)));
        out.fill(part, done);
        const ssize_t n = sock_send(net, sock, part.data(), part.size(), send_flags(run, conn));
        if (n <= 0) {
            out.write_error = errno;
            return;
        }
        done += static_cast<size_t>(n);
    }
    if (sock_shutdown(net, sock, SHUT_WR) == -1) out.write_error = errno;
}

void read_all(run_state &run, net_stack &net, int sock, connection &conn, stream &in)
{
    if (conn.late > net_duration::zero()) run.world.sleep(conn.late);
    std::vector<uint8_t> part(conn.chunk);
    for (;;) {
        pause_sometimes(run, net, sock, conn);
        const ssize_t n = sock_recv(net, sock, part.data(), part.size());
        if (n == -1) in.read_error = errno;
        if (n == 0) in.ended = true;
        if (n <= 0) return;
        in.check(std::span(part).first(static_cast<size_t>(n)));
    }
}

/** Closes when both halves are through. */
void leave(net_stack &net, int sock, connection &conn, unsigned &halves)
{
    if (--halves > 0) return;
    sock_close(net, sock);
    conn.ends_open--;
}

/** Runs in a program of its own; starts the reader beside it. */
void blocking_end(run_state &run, sim_host &host, int sock, connection &conn, stream &out, stream &in)
{
    auto halves = std::make_shared<unsigned>(2);
    host.spawn("reader", [&run, &host, sock, &conn, &in, halves] {
        read_all(run, host.net(), sock, conn, in);
        leave(host.net(), sock, conn, *halves);
    });
    write_all(run, host.net(), sock, conn, out);
    leave(host.net(), sock, conn, *halves);
}

/* An end that polls: one thread, never blocked in send or receive. */

bool poll_write(run_state &run, net_stack &net, int sock, const connection &conn, stream &out, size_t &done)
{
    std::vector<uint8_t> part(std::min(out.size - done, 1 + run.random.below(conn.chunk)));
    out.fill(part, done);
    const ssize_t n =
        part.empty() ? 0 : sock_send(net, sock, part.data(), part.size(), MSG_DONTWAIT | send_flags(run, conn));
    if (n == -1 && errno != EAGAIN) out.write_error = errno;
    if (n > 0) done += static_cast<size_t>(n);
    if (done < out.size && out.write_error == 0) return true;
    if (out.write_error == 0 && sock_shutdown(net, sock, SHUT_WR) == -1) out.write_error = errno;
    return false;
}

bool poll_read(net_stack &net, int sock, const connection &conn, stream &in)
{
    std::vector<uint8_t> part(conn.chunk);
    const ssize_t n = sock_recv(net, sock, part.data(), part.size(), MSG_DONTWAIT);
    if (n == -1 && errno != EAGAIN) in.read_error = errno;
    if (n > 0) in.check(std::span(part).first(static_cast<size_t>(n)));
    in.ended = n == 0;
    return !in.ended && in.read_error == 0;
}

void polling_end(run_state &run, sim_host &host, int sock, connection &conn, stream &out, stream &in)
{
    net_stack &net = host.net();
    bool writing = true;
    bool reading = true;
    size_t done = 0;
    while (writing || reading) {
        pause_sometimes(run, net, sock, conn);
        const int events = (writing ? POLLOUT : 0) | (reading ? POLLIN : 0);
        pollfd fd{.fd = sock, .events = static_cast<short>(events), .revents = 0};
        if (sock_poll(net, &fd, 1, -1) == -1) {
            in.read_error = errno;
            break;
        }
        const bool broken = (fd.revents & (POLLERR | POLLHUP)) != 0;
        if (writing && (broken || (fd.revents & POLLOUT))) writing = poll_write(run, net, sock, conn, out, done);
        if (reading && (broken || (fd.revents & POLLIN))) reading = poll_read(net, sock, conn, in);
    }
    sock_close(net, sock);
    conn.ends_open--;
}

/* The programs */

sockaddr_in server_addr() { return sock_address("192.0.2.1:7"); }

/** The client says first which connection it is, so that the server knows what to send and to expect. */
void client(run_state &run, sim_host &host, uint32_t number)
{
    connection &conn = run.connections[number];
    run.world.sleep(random_span(run.random, 100ms));
    net_stack &net = host.net();
    const int sock = sock_open(net, AF_INET, SOCK_STREAM, 0);
    if (run.plan.switches) draw_socket_options(run.random, net, sock);
    const sockaddr_in addr = server_addr();
    const be32 hello = number;
    if (sock_connect(net, sock, sockaddr_of(addr), sizeof(addr)) == -1 ||
        sock_send(net, sock, &hello, sizeof(hello)) != sizeof(hello)) {
        conn.up.write_error = errno;
        sock_close(net, sock);
        return;
    }
    (conn.client_polls ? polling_end : blocking_end)(run, host, sock, conn, conn.up, conn.down);
}

void serve(run_state &run, sim_host &host, int sock)
{
    be32 hello{};
    net_stack &net = host.net();
    if (sock_recv(net, sock, &hello, sizeof(hello), MSG_WAITALL) != sizeof(hello) || hello >= run.connections.size()) {
        sock_close(net, sock);
        return;
    }
    connection &conn = run.connections[hello];
    (conn.server_polls ? polling_end : blocking_end)(run, host, sock, conn, conn.down, conn.up);
}

void server(run_state &run, sim_host &host)
{
    net_stack &net = host.net();
    const int listener = sock_open(net, AF_INET, SOCK_STREAM, 0);
    const sockaddr_in any = sockaddr_from_endpoint({IP_ADDR_ANY, PORT});
    if (run.plan.switches) draw_socket_options(run.random, net, listener);
    sock_bind(net, listener, sockaddr_of(any), sizeof(any));
    sock_listen(net, listener, 16);
    for (size_t i = 0; i < run.connections.size(); i++) {
        const int sock = sock_accept(net, listener, nullptr, nullptr);
        if (sock == -1) break;
        host.spawn("server", [&run, &host, sock] { serve(run, host, sock); });
    }
    sock_close(net, listener);
}

/* Setting up, and looking at what came of it */

/** The wire is cut for 0.1 to 3 seconds now and then. */
void draw_outages(run_state &run)
{
    sim_wire &wire = *run.wire;
    for (size_t n = run.random.chance(0.3) ? 1 + run.random.below(4) : 0; n > 0; n--) {
        const net_duration begin = random_span(run.random, 20s);
        const net_duration end = begin + 100ms + random_span(run.random, 2900ms);
        run.world.after(begin, [&wire] { wire.cut(); });
        run.world.after(end, [&wire] { wire.cut(false); });
    }
}

void set_up(run_state &run)
{
    for (unsigned i = 0; i < run.plan.hosts; i++) {
        run.hosts.push_back(std::make_unique<sim_host>(run.world, i == 0 ? "server" : "client" + std::to_string(i)));
    }
    const sim_wire_config config = random_wire(run.random, run.plan);
    if (run.plan.hosts == 2) {
        run.wire = std::make_unique<sim_wire>(run.world, sim_plug{*run.hosts[0], "192.0.2.1/24"},
                                              sim_plug{*run.hosts[1], "192.0.2.2/24"}, config);
    } else {
        std::vector<std::string> addrs;
        std::vector<sim_plug> plugs;
        for (unsigned i = 0; i < run.plan.hosts; i++) {
            addrs.push_back("192.0.2." + std::to_string(i + 1) + "/24");
        }
        for (unsigned i = 0; i < run.plan.hosts; i++) {
            plugs.push_back({*run.hosts[i], addrs[i].c_str()});
        }
        run.wire = std::make_unique<sim_wire>(run.world, std::span<const sim_plug>(plugs), config);
    }
    for (const auto &host : run.hosts) {
        sim_wire_config own = random_wire(run.random, run.plan);
        own.mtu = config.mtu;
        run.wire->config(*host) = own;
        be_patient(run, *host);
    }
    if (run.plan.switches) draw_outages(run);
}

/** Tiny writes, late readers. */
void draw_manners(net_random &random, connection &conn)
{
    if (random.chance(0.1)) {
        conn.chunk = 1 + random.below(20);
        conn.up.size = std::min<size_t>(conn.up.size, 3000);
        conn.down.size = std::min<size_t>(conn.down.size, 3000);
    }
    if (random.chance(0.1)) conn.late = random_span(random, 30s);
    if (random.chance(0.2)) conn.more = random_up_to(random, 1);
}

void draw_connections(run_state &run)
{
    const size_t clients = run.plan.hosts - 1;
    const size_t count = std::max<size_t>(clients, 1 + run.random.below(6));
    for (size_t i = 0; i < count; i++) {
        connection conn;
        conn.up = {.key = run.random.u32(), .size = random_size(run.random, run.plan.bytes_max)};
        conn.down = {.key = run.random.u32(), .size = random_size(run.random, run.plan.bytes_max)};
        conn.chunk = 1 + run.random.below(20000);
        if (run.random.chance(0.3)) conn.pause = random_span(run.random, 3s);
        if (run.plan.switches) draw_manners(run.random, conn);
        conn.client_polls = run.random.chance(0.5);
        conn.server_polls = run.random.chance(0.5);
        run.connections.push_back(conn);
    }
}

std::string describe(const char *name, const stream &s)
{
    return std::string(name) + ": " + std::to_string(s.received) + " of " + std::to_string(s.size) + " bytes, " +
           std::to_string(s.wrong) + " wrong, " + (s.ended ? "ended" : "not ended") +
           (s.read_error ? std::string(", read: ") + std::strerror(s.read_error) : "") +
           (s.write_error ? std::string(", write: ") + std::strerror(s.write_error) : "") + "\n";
}

std::string leftovers(run_state &run)
{
    std::string data;
    for (const auto &host : run.hosts) {
        const size_t packets = host->packets_in_use();
        if (packets > 0) data += host->name() + ": " + std::to_string(packets) + " bytes of packets in use\n";
        net_guard guard(host->net());
        const size_t timers = host->net().timers.size();
        if (timers > 0) data += host->name() + ": " + std::to_string(timers) + " timers armed\n";
    }
    return data;
}

} // namespace

transfer_result run_transfers(uint64_t seed, const transfer_plan &plan)
{
    run_state run(seed, plan);
    set_up(run);
    draw_connections(run);
    run.hosts[0]->spawn("listener", [&run] { server(run, *run.hosts[0]); });
    for (uint32_t i = 0; i < run.connections.size(); i++) {
        sim_host &host = *run.hosts[1 + i % (run.plan.hosts - 1)];
        host.spawn("client", [&run, &host, i] { client(run, host, i); });
    }

    transfer_result result;
    if (!run.world.run(LIMIT)) result.wrong += "the world did not come to rest\n";
    for (const connection &conn : run.connections) {
        result.bytes += conn.up.received + conn.down.received;
        result.wrong_bytes += conn.up.wrong + conn.down.wrong;
        if (!conn.up.good()) result.wrong += describe("up", conn.up);
        if (!conn.down.good()) result.wrong += describe("down", conn.down);
        result.wrong += conn.wrong;
        if (conn.ends_open > 0) result.wrong += "an end is not closed\n";
    }
    result.wrong += leftovers(run);
    for (const auto &host : run.hosts) {
        result.corrupted += run.wire->stats(*host).corrupted;
    }
    result.digest = run.world.trace().digest();
    result.frames = run.world.trace().frames();
    if (!result.wrong.empty()) result.wrong += run.world.report();
    run.wire.reset();
    return result;
}

} // namespace microps
