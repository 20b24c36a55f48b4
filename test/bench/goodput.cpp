/*
 * goodput.cpp: bench_goodput: what two of our hosts get through a simulated wire, beside what theory allows.
 *
 * Virtual time: the same seeds give the same figures on any machine. Goodput is what the receiver's application has
 * read. The limit is the smaller of the wire (payload in frames of full size) and the response function of the
 * congestion control: Mathis et al. 1997 for NewReno, RFC 9438 5.1 for CUBIC, whose Reno-friendly region is the same
 * formula. Both leave timeouts out, so that nobody reaches them at 10 % loss.
 */
#include "options.hpp"

#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sock.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <getopt.h>
#include <netinet/tcp.h>

using namespace microps;
using namespace std::chrono_literals;

namespace
{

constexpr uint16_t PORT = 7000;
constexpr size_t BUFFER_SIZE = 131072;
constexpr double SEGMENT = 1448; /* payload of a full segment with timestamps */
constexpr double FRAME = 1514;   /* the same with its headers */

/** A wire with a name, and the probability of a loss event that the formulas take. */
struct condition {
    const char *name;
    sim_wire_config wire;
    double loss;
};

/** Ten milliseconds one way and 100 Mbit/s, if nothing else is said. */
sim_wire_config usual()
{
    sim_wire_config config;
    config.bandwidth = 100'000'000;
    config.queue = 200;
    config.delay = 10ms;
    return config;
}

sim_wire_config lossy(double drop)
{
    sim_wire_config config = usual();
    config.drop = drop;
    return config;
}

sim_wire_config bursty(double begin)
{
    sim_wire_config config = usual();
    config.burst_begin = begin;
    config.burst_end = 0.3;
    return config;
}

sim_wire_config reordering(double share)
{
    sim_wire_config config = usual();
    config.reorder = share;
    return config;
}

sim_wire_config short_queue(size_t frames)
{
    sim_wire_config config = usual();
    config.queue = frames;
    return config;
}

sim_wire_config long_way()
{
    sim_wire_config config = usual();
    config.delay = 50ms;
    config.queue = 1000;
    return config;
}

const std::vector<condition> &conditions()
{
    static const std::vector<condition> all = {
        {"no loss", usual(), 0},
        {"1 % loss", lossy(0.01), 0.01},
        {"3 % loss", lossy(0.03), 0.03},
        {"5 % loss", lossy(0.05), 0.05},
        {"10 % loss", lossy(0.10), 0.10},
        {"bursts", bursty(0.003), 0.003},
        {"5 % reordered", reordering(0.05), 0},
        {"queue of 50 frames", short_queue(50), 0},
    };
    return all;
}

struct settings {
    unsigned seeds = 10;
    double seconds = 30;
    std::vector<std::string> congestions{"cubic", "reno"};
    std::string tsv{};
    const char *capture = nullptr;
    bool markdown = true;
};

/** Some flows over one wire, from one host to another. */
struct experiment {
    sim_wire_config wire{};
    unsigned flows = 1;
    std::string congestion{};
    uint64_t seed = 1;
    double skip = 0; /* seconds that do not count */
    double seconds = 30;
    const char *capture = nullptr;
};

[[noreturn]] void die(const char *what)
{
    std::fprintf(stderr, "bench_goodput: %s: %s\n", what, std::strerror(errno));
    std::exit(EXIT_FAILURE);
}

sockaddr port_of(unsigned flow)
{
    sockaddr to{};
    const std::string text = "192.0.2.2:" + std::to_string(PORT + flow);
    sockaddr_pton(text.c_str(), &to, sizeof(to));
    return to;
}

int open_socket(net_stack &net, const std::string &congestion)
{
    const int soc = sock_open(net, AF_INET, SOCK_STREAM, 0);
    if (congestion == "default") return soc;
    const auto size = static_cast<socklen_t>(congestion.size());
    if (sock_setsockopt(net, soc, IPPROTO_TCP, TCP_CONGESTION, congestion.data(), size) == -1) die("TCP_CONGESTION");
    return soc;
}

void source(sim_host &host, const experiment &exp, unsigned flow)
{
    const std::vector<char> buffer(BUFFER_SIZE, 'm');
    const sockaddr to = port_of(flow);
    host.world().sleep(100ms * flow);
    const int conn = open_socket(host.net(), exp.congestion);
    if (sock_connect(host.net(), conn, &to, sizeof(to)) == -1) return;
    while (sock_send(host.net(), conn, buffer.data(), buffer.size()) != -1) {
    }
}

void sink(sim_host &host, const experiment &exp, unsigned flow, uint64_t &received)
{
    std::vector<char> buffer(BUFFER_SIZE);
    const sockaddr to = port_of(flow);
    const int listener = sock_open(host.net(), AF_INET, SOCK_STREAM, 0);
    sock_bind(host.net(), listener, &to, sizeof(to));
    sock_listen(host.net(), listener, 1);
    const int conn = sock_accept(host.net(), listener, nullptr, nullptr);
    for (;;) {
        const ssize_t length = sock_recv(host.net(), conn, buffer.data(), buffer.size());
        if (length <= 0) return;
        const double at = std::chrono::duration<double>(host.world().elapsed()).count();
        if (at >= exp.skip) received += static_cast<uint64_t>(length);
    }
}

/** Returns what each flow's receiver got, in Mbit/s. */
std::vector<double> measure(const experiment &exp)
{
    std::vector<uint64_t> received(exp.flows);
    sim_world world(exp.seed);
    sim_host sender(world, "sender");
    sim_host receiver(world, "receiver");
    sim_wire wire(world, {sender, "192.0.2.1/24"}, {receiver, "192.0.2.2/24"}, exp.wire);
    if (exp.capture) {
        wire.capture(sender, exp.capture);
        wire.capture(receiver, exp.capture + std::string(".receiver"));
    }
    for (unsigned flow = 0; flow < exp.flows; flow++) {
        receiver.spawn("sink", [&, flow] { sink(receiver, exp, flow, received[flow]); });
        sender.spawn("source", [&, flow] { source(sender, exp, flow); });
    }
    world.run_for(std::chrono::duration_cast<net_duration>(std::chrono::duration<double>(exp.skip + exp.seconds)));
    std::vector<double> mbit;
    for (const uint64_t bytes : received) {
        mbit.push_back(static_cast<double>(bytes) * 8e-6 / exp.seconds);
    }
    return mbit;
}

/* Theory */

double wire_limit(const sim_wire_config &wire) { return static_cast<double>(wire.bandwidth) * 1e-6 * SEGMENT / FRAME; }

/** Mbit/s at a loss rate; the bandwidth not considered. */
double response(const std::string &congestion, double loss, double rtt)
{
    const double reno = std::sqrt(1.5 / loss);               /* segments in flight: Mathis et al. */
    const double cubic = 1.054 * std::pow(rtt / loss, 0.75); /* RFC 9438 5.1, C = 0.4 */
    const double window = congestion == "reno" ? reno : std::max(reno, cubic);
    return window * SEGMENT * 8e-6 / rtt;
}

double limit_of(const condition &c, const std::string &congestion)
{
    const double rtt = std::chrono::duration<double>(2 * c.wire.delay).count();
    const double wire = wire_limit(c.wire);
    return c.loss > 0 ? std::min(wire, response(congestion, c.loss, rtt)) : wire;
}

double mean(const std::vector<double> &values)
{
    double sum = 0;
    for (const double value : values) {
        sum += value;
    }
    return sum / static_cast<double>(values.size());
}

double jain(const std::vector<double> &values)
{
    double squares = 0;
    for (const double value : values) {
        squares += value * value;
    }
    const double sum = mean(values) * static_cast<double>(values.size());
    return squares > 0 ? sum * sum / (squares * static_cast<double>(values.size())) : 0;
}

/* Tables: markdown on standard output, and one line per run in a file */

std::FILE *tsv = nullptr;

void record(const char *table, const char *name, const std::string &congestion, const experiment &exp, double value,
            double limit)
{
    if (!tsv) return;
    std::fprintf(tsv, "%s\t%s\t%g\t%s\t%llu\t%.4f\t%.4f\n", table, name, exp.wire.drop * 100, congestion.c_str(),
                 static_cast<unsigned long long>(exp.seed), value, limit);
}

void table_loss(const settings &set)
{
    std::printf("| wire: 100 Mbit/s, 20 ms |");
    for (const std::string &congestion : set.congestions) {
        std::printf(" %s: Mbit/s (least to most) | the limit | share |", congestion.c_str());
    }
    std::printf("\n|---|");
    for (size_t i = 0; i < set.congestions.size(); i++) {
        std::printf("---|---|---|");
    }
    std::printf("\n");
    for (const condition &c : conditions()) {
        std::printf("| %s |", c.name);
        for (const std::string &congestion : set.congestions) {
            std::vector<double> values;
            const double limit = limit_of(c, congestion);
            for (uint64_t seed = 1; seed <= set.seeds; seed++) {
                const experiment exp{.wire = c.wire, .congestion = congestion, .seed = seed, .seconds = set.seconds};
                values.push_back(measure(exp).front());
                record("loss", c.name, congestion, exp, values.back(), limit);
            }
            const auto [least, most] = std::minmax_element(values.begin(), values.end());
            std::printf(" %.2f (%.2f to %.2f) | %.2f | %.0f %% |", mean(values), *least, *most, limit,
                        100 * mean(values) / limit);
            std::fflush(stdout);
        }
        std::printf("\n");
    }
}

/** The long fat path, with everything as it is by default. */
void table_path(const settings &set)
{
    std::printf("| wire: 100 Mbit/s, 100 ms, queue of 1000 frames | Mbit/s | of the wire |\n|---|---|---|\n");
    for (const std::string &congestion : set.congestions) {
        for (const double skip : {0.0, 10.0}) {
            const experiment exp{.wire = long_way(), .congestion = congestion, .skip = skip, .seconds = set.seconds};
            const double mbit = measure(exp).front();
            const double limit = wire_limit(exp.wire);
            record("path", skip > 0 ? "later" : "begin", congestion, exp, mbit, limit);
            std::printf("| %s, from %.0f s to %.0f s | %.2f | %.0f %% |\n", congestion.c_str(), skip,
                        skip + set.seconds, mbit, 100 * mbit / limit);
        }
    }
}

/** Four flows that begin one after the other, 100 ms apart. */
void table_fairness(const settings &set)
{
    std::printf("| four flows, 100 Mbit/s, 20 ms | Jain index: mean (least) | Mbit/s in all |\n|---|---|---|\n");
    for (const std::string &congestion : set.congestions) {
        std::vector<double> indices;
        std::vector<double> sums;
        for (uint64_t seed = 1; seed <= set.seeds; seed++) {
            const experiment exp{
                .wire = usual(), .flows = 4, .congestion = congestion, .seed = seed, .skip = 5, .seconds = set.seconds};
            const std::vector<double> mbit = measure(exp);
            indices.push_back(jain(mbit));
            sums.push_back(mean(mbit) * static_cast<double>(mbit.size()));
            record("fairness", "four flows", congestion, exp, indices.back(), 1);
        }
        std::printf("| %s | %.3f (%.3f) | %.1f |\n", congestion.c_str(), mean(indices),
                    *std::min_element(indices.begin(), indices.end()), mean(sums));
    }
}

constexpr const char *USAGE =
    "Usage: bench_goodput [-c CONGESTION]... [-n SEEDS] [-t SECONDS] [-o FILE.tsv] loss|path|fairness...\n"
    "       bench_goodput [-c CONGESTION] [-n SEED] [-t SECONDS] -w FILE.pcap CONDITION\n"
    "Goodput between two simulated hosts: tables in markdown, one line per run in the TSV. With -w one run of one\n"
    "condition (a row of the table `loss`), with captures at its sender (FILE.pcap) and receiver "
    "(FILE.pcap.receiver).\n";

int capture_one(const settings &set, std::string_view name)
{
    for (const condition &c : conditions()) {
        if (name != c.name) continue;
        const std::string &congestion = set.congestions.front();
        const experiment exp{.wire = c.wire,
                             .congestion = congestion,
                             .seed = set.seeds,
                             .seconds = set.seconds,
                             .capture = set.capture};
        std::printf("%.4f Mbit/s, limit %.4f\n", measure(exp).front(), limit_of(c, congestion));
        return EXIT_SUCCESS;
    }
    std::fputs(USAGE, stderr);
    return EXIT_FAILURE;
}

settings parse(int argc, char *argv[])
{
    settings set;
    std::vector<std::string> congestions;
    bool right = true;
    for (int opt = 0; (opt = getopt(argc, argv, "c:n:t:o:w:")) != -1;) {
        uint64_t number = 0;
        if (opt == 'n') right = right && app::number_parse(optarg, 1, 100000, number);
        if (opt == 'n') set.seeds = static_cast<unsigned>(number);
        if (opt == 't') right = right && app::decimal_parse(optarg, 0.1, 100000, set.seconds);
        if (opt == 'c') congestions.emplace_back(optarg);
        if (opt == 'o') set.tsv = optarg;
        if (opt == 'w') set.capture = optarg;
        right = right && opt != '?';
    }
    if (!right || optind == argc) {
        std::fputs(USAGE, stderr);
        std::exit(EXIT_FAILURE);
    }
    if (!congestions.empty()) set.congestions = congestions;
    return set;
}

} // namespace

int main(int argc, char *argv[])
{
    const settings set = parse(argc, argv);
    if (set.capture) return capture_one(set, argv[optind]);
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(
        set.tsv.empty() ? nullptr : std::fopen(set.tsv.c_str(), "w"), std::fclose);
    if (!set.tsv.empty() && !file) die(set.tsv.c_str());
    tsv = file.get();
    if (tsv) std::fprintf(tsv, "table\twire\tloss\tcongestion\tseed\tvalue\tlimit\n");
    for (int i = optind; i < argc; i++) {
        const std::string_view table = argv[i];
        if (table == "loss")
            table_loss(set);
        else if (table == "path")
            table_path(set);
        else if (table == "fairness")
            table_fairness(set);
        else
            std::fputs(USAGE, stderr);
        std::printf("\n");
    }
    return EXIT_SUCCESS;
}
