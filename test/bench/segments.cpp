/*
 * segments.cpp: bench_segments: what a segment costs, what an ACK costs, what an idle connection weighs.
 *
 * One stack without threads, a raw IP device whose other end is this program, and a clock that stands still: nothing
 * but the stack's own work is timed. Packets are made before the clock starts; users read and write outside of it.
 * Beside the nanoseconds stands a yardstick that was measured at the same moment: copying and summing the bytes of a
 * segment.
 */
#include "microps/checksum.hpp"
#include "microps/driver/raw_ip.hpp"
#include "microps/ip.hpp"
#include "microps/net.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"

#include "support/frames.hpp"
#include "support/manual_clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <malloc.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

/** What operator new has handed out and not got back, as malloc(3) counts it. */
size_t heap = 0;

void *heap_take(size_t size)
{
    void *block = std::malloc(size);
    if (!block) throw std::bad_alloc();
    heap += malloc_usable_size(block) + sizeof(size_t);
    return block;
}

void heap_give(void *block)
{
    if (!block) return;
    heap -= malloc_usable_size(block) + sizeof(size_t);
    std::free(block);
}

} // namespace

void *operator new(size_t size) { return heap_take(size); }
void *operator new[](size_t size) { return heap_take(size); }
void operator delete(void *block) noexcept { heap_give(block); }
void operator delete[](void *block) noexcept { heap_give(block); }
void operator delete(void *block, size_t) noexcept { heap_give(block); }
void operator delete[](void *block, size_t) noexcept { heap_give(block); }

namespace
{

constexpr unsigned LISTEN_PORT = 7;
constexpr uint32_t MSS = 1460;
constexpr uint32_t WINDOW = 65535; /* of the peer, scaled: it never stops anybody */
constexpr uint8_t FLG_FIN_MASK = 0x01;
constexpr uint8_t FLG_SYN = 0x02;
constexpr uint8_t FLG_ACK = 0x10;
constexpr unsigned USED = 10;  /* segments that a connection has carried each way before it is idle */
constexpr unsigned BLOCK = 32; /* segments between two looks at the machine's clock */

[[noreturn]] void die(const std::string &what)
{
    std::fprintf(stderr, "bench_segments: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(EXIT_FAILURE);
}

/** The peer's end of one connection. */
struct peer {
    unsigned port = 0;
    int soc = -1;
    uint32_t nxt = 0; /* SND.NXT and RCV.NXT, as the peer has them */
    uint32_t rcv = 0;
};

/** The stack under test, and the last segment that came out of it. */
class bench_host
{
public:
    bench_host();

    peer open(unsigned port);
    void receive(std::span<const uint8_t> packet)
    {
        {
            const net_guard guard(net);
            raw_ip_input(*dev_, packet);
        }
        net_poll(net);
    }
    void pass(net_duration time)
    {
        clock.advance(time);
        while (net_poll(net) <= clock.now()) {
        }
    }
    /** A segment from the peer; @p options are whole words. */
    [[nodiscard]] octets segment(const peer &from, uint8_t flags, std::span<const uint8_t> data = {},
                                 const octets &options = {}) const;

    manual_clock clock{};
    net_stack net;
    net_random random{1}; /* of the benchmark's own choices */
    uint64_t packets = 0; /* that came out */
    uint32_t seq = 0;     /* of the last one */
    uint32_t end = 0;     /* SEG.SEQ + SEG.LEN */

private:
    void sent(std::span<const uint8_t> packet);

    net_device *dev_ = nullptr;
    int listener_ = -1;
};

bench_host::bench_host() : net({.clock = &clock, .scheduler = nullptr, .seed = 1})
{
    net_init(net);
    {
        const net_guard guard(net);
        tcp_configure(net).pcb_max = 20000;
        dev_ = raw_ip_init(net, 1500, [this](std::span<const uint8_t> packet) { sent(packet); });
        ip_iface_register(*dev_, *ip_iface_alloc(net, "192.0.2.2", "255.255.255.0"));
    }
    net_run(net, net_engine::caller);
    listener_ = sock_open(net, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const sockaddr_in local = sockaddr_from_endpoint({.addr = {}, .port = LISTEN_PORT});
    if (sock_bind(net, listener_, sockaddr_of(local), sizeof(local)) == -1 || sock_listen(net, listener_, 16) == -1)
        die("listen");
}

void bench_host::sent(std::span<const uint8_t> packet)
{
    packets++;
    const size_t header = size_t{20} + (packet[32] >> 4) * 4u;
    seq = get32(packet, 24);
    end = seq + static_cast<uint32_t>(packet.size() - header) + ((packet[33] & (FLG_SYN | FLG_FIN_MASK)) != 0 ? 1 : 0);
}

octets bench_host::segment(const peer &from, uint8_t flags, std::span<const uint8_t> data, const octets &options) const
{
    octets tcp;
    put16(tcp, from.port);
    put16(tcp, LISTEN_PORT);
    put32(tcp, from.nxt);
    put32(tcp, (flags & FLG_ACK) != 0 ? from.rcv : 0);
    tcp.push_back(static_cast<uint8_t>((20 + options.size()) / 4 << 4));
    tcp.push_back(flags);
    put16(tcp, WINDOW);
    put32(tcp, 0);
    put(tcp, options);
    put(tcp, data);

    octets pseudo;
    put32(pseudo, addr("192.0.2.1"));
    put32(pseudo, addr("192.0.2.2"));
    put16(pseudo, 6);
    put16(pseudo, static_cast<unsigned>(tcp.size()));
    const unsigned sum = cksum16(tcp, cksum_partial(pseudo));
    tcp[16] = static_cast<uint8_t>(sum >> 8);
    tcp[17] = static_cast<uint8_t>(sum & 0xff);
    return ip_fields{.protocol = 6, .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .payload = tcp}.bytes();
}

/** MSS 1460, SACK permitted, window scale 14. */
octets syn_options() { return {2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 14}; }

peer bench_host::open(unsigned port)
{
    peer p{.port = port, .soc = -1, .nxt = port * 7919, .rcv = 0};
    receive(segment(p, FLG_SYN, {}, syn_options()));
    p.nxt++;
    p.rcv = end;
    receive(segment(p, FLG_ACK));
    p.soc = sock_accept4(net, listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (p.soc == -1) die("accept");
    return p;
}

/* The yardstick */

using stopwatch = std::chrono::steady_clock;

double nanoseconds(stopwatch::duration span) { return std::chrono::duration<double, std::nano>(span).count(); }

/** Copying and summing the bytes of one full segment, in nanoseconds: the least of several tries. */
double yardstick()
{
    const octets source = pattern_octets(size_t{MSS} * BLOCK);
    octets copy(source.size());
    unsigned sum = 0;
    double best = 1e9;
    for (unsigned attempt = 0; attempt < 200; attempt++) {
        const auto began = stopwatch::now();
        for (unsigned i = 0; i < BLOCK; i++) {
            const std::span<uint8_t> part = std::span(copy).subspan(size_t{i} * MSS, MSS);
            std::copy_n(source.begin() + static_cast<std::ptrdiff_t>(size_t{i} * MSS), MSS, part.begin());
            sum += cksum16(part);
        }
        best = std::min(best, nanoseconds(stopwatch::now() - began) / BLOCK);
    }
    return sum == 1 ? 0 : best; /* the sum is used, so nobody leaves it out */
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

std::FILE *tsv = nullptr;

void record(const char *table, size_t n, double value, double unit)
{
    if (tsv) std::fprintf(tsv, "%s\t%zu\t%.1f\t%.1f\n", table, n, value, unit);
}

/* Receiving */

/** One block: pairs of full segments for connections at random, two each, so that each pair is acknowledged once. */
double receive_block(bench_host &host, std::vector<peer> &peers, std::span<const uint8_t> text)
{
    std::vector<octets> packets;
    std::vector<const peer *> used;
    for (unsigned i = 0; i < BLOCK; i += 2) {
        peer &p = peers[host.random.below(peers.size())];
        used.push_back(&p);
        for (unsigned j = 0; j < 2; j++) {
            packets.push_back(host.segment(p, FLG_ACK, text));
            p.nxt += MSS;
        }
    }
    const auto began = stopwatch::now();
    for (const octets &packet : packets) {
        host.receive(packet);
    }
    const double span = nanoseconds(stopwatch::now() - began);

    std::vector<uint8_t> buffer(65536);
    size_t received = 0;
    for (const peer *p : used) {
        const ssize_t length = sock_recv(host.net, p->soc, buffer.data(), buffer.size());
        if (length > 0) received += static_cast<size_t>(length);
    }
    if (received != size_t{BLOCK} * MSS) die("not all was received");
    host.pass(1ms);
    return span / BLOCK;
}

void table_segments(const std::vector<size_t> &counts, unsigned rounds)
{
    std::printf("| connections | ns per received segment | ACKs per segment | copy and checksum: ns | ratio |\n"
                "|---|---|---|---|---|\n");
    const octets text = pattern_octets(MSS);
    for (const size_t count : counts) {
        bench_host host;
        std::vector<peer> peers;
        for (size_t i = 0; i < count; i++) {
            peers.push_back(host.open(static_cast<unsigned>(1024 + i)));
        }
        for (unsigned i = 0; i < rounds / 4; i++) {
            receive_block(host, peers, text);
        }
        std::vector<double> spans;
        const uint64_t before = host.packets;
        for (unsigned i = 0; i < rounds; i++) {
            spans.push_back(receive_block(host, peers, text));
        }
        const double acks = static_cast<double>(host.packets - before) / (double{BLOCK} * rounds);
        const double unit = yardstick();
        record("segments", count, median(spans), unit);
        std::printf("| %zu | %.0f | %.2f | %.0f | %.1f |\n", count, median(spans), acks, unit, median(spans) / unit);
    }
    std::printf("\n");
}

/* Acknowledging */

uint32_t flight_size(const bench_host &host, const peer &p) { return host.end - p.rcv; }

/** Fills the send buffer with @p count segments, and acknowledges until that many are outstanding at once. */
bool raise_flight_size(bench_host &host, peer &p, uint32_t count)
{
    const std::vector<uint8_t> text(size_t{count} * MSS);
    for (unsigned attempt = 0; attempt < 200; attempt++) {
        sock_send(host.net, p.soc, text.data(), text.size(), MSG_DONTWAIT);
        host.pass(0ms);
        if (flight_size(host, p) >= count * MSS) return true;
        host.pass(10ms);
        while (flight_size(host, p) > 0) {
            p.rcv += std::min(flight_size(host, p), 2 * MSS);
            host.receive(host.segment(p, FLG_ACK));
        }
    }
    return false;
}

octets sack_option(uint32_t from, uint32_t to)
{
    octets option{1, 1, 5, 10};
    put32(option, from);
    put32(option, to);
    return option;
}

/** Half of FlightSize is acknowledged segment by segment, or (@p sack) reported behind a hole. Nanoseconds for each. */
double ack_half(bench_host &host, peer p, uint32_t count, bool sack)
{
    std::vector<octets> packets;
    const uint32_t una = p.rcv;
    for (uint32_t i = 1; i <= count / 2; i++) {
        if (!sack) p.rcv = una + i * MSS;
        packets.push_back(host.segment(p, FLG_ACK, {}, sack ? sack_option(una + MSS, una + (i + 1) * MSS) : octets{}));
    }
    const auto began = stopwatch::now();
    for (const octets &packet : packets) {
        host.receive(packet);
    }
    return nanoseconds(stopwatch::now() - began) / static_cast<double>(packets.size());
}

double ack_cost(uint32_t count, bool sack, unsigned rounds)
{
    std::vector<double> spans;
    for (unsigned i = 0; i < rounds; i++) {
        bench_host host;
        {
            const net_guard guard(host.net);
            tcp_configure(host.net).send_buffer = size_t{count} * MSS;
        }
        peer p = host.open(1024);
        const int size = static_cast<int>(count * MSS);
        sock_setsockopt(host.net, p.soc, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        if (!raise_flight_size(host, p, count)) return 0;
        spans.push_back(ack_half(host, p, count, sack));
    }
    return median(spans);
}

void table_acks(const std::vector<size_t> &flights, unsigned rounds)
{
    std::printf("| segments in flight | ns per ACK | ns per ACK with SACK | copy and checksum: ns | ratios |\n"
                "|---|---|---|---|---|\n");
    for (const size_t count : flights) {
        const double ack = ack_cost(static_cast<uint32_t>(count), false, rounds);
        const double sack = ack_cost(static_cast<uint32_t>(count), true, rounds);
        const double unit = yardstick();
        record("acks", count, ack, unit);
        record("sacks", count, sack, unit);
        if (ack == 0) {
            std::printf("| %zu | not reached | | | |\n", count);
        } else {
            std::printf("| %zu | %.0f | %.0f | %.0f | %.1f, %.1f |\n", count, ack, sack, unit, ack / unit, sack / unit);
        }
    }
    std::printf("\n");
}

/* Memory */

void table_memory(size_t count)
{
    bench_host host;
    std::vector<peer> peers;
    peers.reserve(count);
    host.open(60000); /* what exists once */
    const size_t before = heap;
    for (size_t i = 0; i < count; i++) {
        peers.push_back(host.open(static_cast<unsigned>(1024 + i)));
    }
    host.pass(1s);
    const double opened = static_cast<double>(heap - before) / static_cast<double>(count);

    const octets text = pattern_octets(MSS);
    std::vector<uint8_t> buffer(size_t{USED} * MSS);
    for (peer &p : peers) { /* each receives some segments, sends as many, and rests */
        for (unsigned i = 0; i < USED; i++) {
            host.receive(host.segment(p, FLG_ACK, text));
            p.nxt += MSS;
        }
        const auto size = static_cast<ssize_t>(buffer.size());
        if (sock_recv(host.net, p.soc, buffer.data(), buffer.size()) != size) die("recv");
        if (sock_send(host.net, p.soc, buffer.data(), buffer.size(), MSG_DONTWAIT) != size) die("send");
        host.pass(0ms);
        p.rcv = host.end;
        host.receive(host.segment(p, FLG_ACK));
    }
    host.pass(1s);
    const double used = static_cast<double>(heap - before) / static_cast<double>(count);
    record("memory opened", count, opened, 1);
    record("memory used", count, used, 1);
    std::printf("| idle connections | bytes each, just opened | after ten segments each way |\n|---|---|---|\n"
                "| %zu | %.0f | %.0f |\n\n",
                count, opened, used);
}

} // namespace

int main(int argc, char *argv[])
{
    const bool tiny = argc > 1 && std::strcmp(argv[1], "--tiny") == 0;
    if (argc > 1 && !tiny) tsv = std::fopen(argv[1], "w");
    if (argc > 2 || (argc > 1 && !tiny && !tsv)) die("type bench_segments [FILE.tsv | --tiny]");
    if (tsv) std::fprintf(tsv, "table\tn\tvalue\tyardstick\n");
    table_segments(tiny ? std::vector<size_t>{1, 10} : std::vector<size_t>{1, 100, 10000}, tiny ? 4 : 2000);
    table_acks(tiny ? std::vector<size_t>{10, 20} : std::vector<size_t>{10, 100, 1000, 4000}, tiny ? 3 : 21);
    table_memory(tiny ? 100 : 10000);
    return tsv && std::fclose(tsv) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
