/*
 * wire.cpp: bench_wire: a wire in user space between two taps, each of which may live in another network namespace.
 *
 * Frames wait for their turn at the bottleneck, are lost, held back, doubled and arrive after the delay, as on a
 * simulated wire (sim_wire_config, src/sim/wire_fate.hpp) but in real time: whatever stack owns a tap, kernel or ours,
 * sees the same wire. Each direction has its own generator. Several taps at the left end share the wire, behind a
 * learning switch, and each may be a little farther away. One thread sleeps in ppoll(2) until a frame comes or is due;
 * the precision is that of the timers.
 */
#include "microps/sim/wire.hpp"

#include "options.hpp"
#include "sim/wire_fate.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>

#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

using namespace microps;

namespace
{

constexpr size_t FRAME_MAX = 65536;
constexpr size_t HELD_MAX = 100000; /* frames on their way in one direction */
constexpr unsigned READ_MAX = 64;   /* frames of one tap before the others have their turn */

constexpr const char *USAGE =
    "Usage: bench_wire [options] TAP[,TAP...] TAP\n"
    "Joins taps by a bad wire, until it is interrupted. TAP is [NAMESPACE:]NAME[@MS]: NAMESPACE is one of `ip netns`,\n"
    "or a path; with @MS frames to it take so much longer.\n"
    "  --rate MBIT        bandwidth of each direction, Mbit/s       (default 0: no limit)\n"
    "  --queue FRAMES     how many may wait for the bandwidth       (default 1000)\n"
    "  --delay MS         one way                                   (default 0)\n"
    "  --jitter MS        evenly distributed, added to the delay    (default 0)\n"
    "  --in-order         the jitter doesn't reorder what goes to one tap\n"
    "  --loss P  --dup P  --reorder P\n"
    "                     lose, duplicate, reorder P per cent of the frames\n"
    "  --reorder-delay MS how long such a frame is held back        (default 5)\n"
    "  --burst-begin P  --burst-end P\n"
    "                     between frames the wire turns bad (loses everything) and good again, by P per cent\n"
    "  --forth, --back    what follows is for frames to the right (to the left) only\n"
    "  --both             what follows is for both directions       (so it begins)\n"
    "  --seed N           the same frames meet the same fate        (default 1)\n"
    "Prints 'ready' when the taps are there, and at the end what became of the frames.\n";

enum option_id : int {
    opt_rate = 256,
    opt_queue,
    opt_delay,
    opt_jitter,
    opt_in_order,
    opt_loss,
    opt_dup,
    opt_reorder,
    opt_reorder_delay,
    opt_burst_begin,
    opt_burst_end,
    opt_forth,
    opt_back,
    opt_both,
    opt_seed,
    opt_help,
};

constexpr std::array<option, 17> OPTIONS = {{
    {"rate", required_argument, nullptr, opt_rate},
    {"queue", required_argument, nullptr, opt_queue},
    {"delay", required_argument, nullptr, opt_delay},
    {"jitter", required_argument, nullptr, opt_jitter},
    {"in-order", no_argument, nullptr, opt_in_order},
    {"loss", required_argument, nullptr, opt_loss},
    {"dup", required_argument, nullptr, opt_dup},
    {"reorder", required_argument, nullptr, opt_reorder},
    {"reorder-delay", required_argument, nullptr, opt_reorder_delay},
    {"burst-begin", required_argument, nullptr, opt_burst_begin},
    {"burst-end", required_argument, nullptr, opt_burst_end},
    {"forth", no_argument, nullptr, opt_forth},
    {"back", no_argument, nullptr, opt_back},
    {"both", no_argument, nullptr, opt_both},
    {"seed", required_argument, nullptr, opt_seed},
    {"help", no_argument, nullptr, opt_help},
    {nullptr, 0, nullptr, 0},
}};

volatile std::sig_atomic_t ended = 0;

void on_signal(int) { ended = 1; }

[[noreturn]] void die(const char *what, const std::string &which)
{
    std::fprintf(stderr, "bench_wire: %s: %s, %s\n", what, std::strerror(errno), which.c_str());
    std::exit(EXIT_FAILURE);
}

using mac = std::array<uint8_t, 6>;
using frame = std::vector<uint8_t>;

/** One tap: where frames come in and go out. */
struct tap {
    std::string name;
    int fd = -1;
    bool left = false;
    net_duration farther{}; /* what frames to it take more than the wire's delay */
    net_time latest{};      /* when the last of those frames arrives that may not be overtaken */
};

/** One direction: its configuration, and the frames that are on their way. */
struct line {
    const char *name = "";
    sim_wire_config config{};
    net_random random{0};
    sim_wire_queue queue{};
    sim_wire_loss loss{};
    sim_wire_stats stats{};
    bool in_order = false;
    std::multimap<net_time, frame> held{}; /* by when they arrive; equal ones in the order in which they came */
};

class wire
{
public:
    void configure(int opt, const char *value);
    void open(const char *left, const char *right);
    void run();
    void print() const;

private:
    void open_tap(const std::string &where, bool left);
    void read(tap &from, net_time now);
    void take(line &way, std::span<const uint8_t> bytes, net_time now);
    void release(line &way, net_time now);
    tap *station(const line &way, std::span<const uint8_t> bytes);
    void deliver(line &way, const frame &bytes);
    void sleep(net_time now);

    line forth_{.name = "forth"};
    line back_{.name = "back"};
    bool set_forth_ = true; /* which directions the options speak of */
    bool set_back_ = true;
    uint64_t seed_ = 1;
    std::vector<tap> taps_;
    std::vector<pollfd> polled_;
    std::map<mac, tap *> learned_; /* behind which tap on the left a station is */
    std::vector<uint8_t> buffer_ = std::vector<uint8_t>(FRAME_MAX);
};

/* Options */

double number(const char *value, double max)
{
    double parsed = 0;
    if (app::decimal_parse(value, 0, max, parsed)) return parsed;
    std::fprintf(stderr, "bench_wire: %s: a number, 0 to %g, was expected\n%s", value, max, USAGE);
    std::exit(EXIT_FAILURE);
}

double percentage(const char *value) { return number(value, 100) / 100; }

net_duration milliseconds(const char *value)
{
    return std::chrono::duration_cast<net_duration>(std::chrono::duration<double, std::milli>(number(value, 60000)));
}

void configure_line(sim_wire_config &config, int opt, const char *value)
{
    switch (opt) {
    case opt_rate:
        config.bandwidth = static_cast<uint64_t>(number(value, 1e6) * 1e6);
        return;
    case opt_queue:
        config.queue = static_cast<size_t>(number(value, HELD_MAX));
        return;
    case opt_delay:
        config.delay = milliseconds(value);
        return;
    case opt_jitter:
        config.jitter = milliseconds(value);
        return;
    case opt_loss:
        config.drop = percentage(value);
        return;
    case opt_dup:
        config.duplicate = percentage(value);
        return;
    case opt_reorder:
        config.reorder = percentage(value);
        return;
    case opt_reorder_delay:
        config.reorder_delay = milliseconds(value);
        return;
    case opt_burst_begin:
        config.burst_begin = percentage(value);
        return;
    case opt_burst_end:
        config.burst_end = percentage(value);
        return;
    default:
        std::fputs(USAGE, opt == opt_help ? stdout : stderr);
        std::exit(opt == opt_help ? EXIT_SUCCESS : EXIT_FAILURE);
    }
}

void wire::configure(int opt, const char *value)
{
    if (opt == opt_seed) {
        seed_ = static_cast<uint64_t>(number(value, 1e15));
    } else if (opt == opt_forth || opt == opt_back || opt == opt_both) {
        set_forth_ = opt != opt_back;
        set_back_ = opt != opt_forth;
    } else if (opt == opt_in_order) {
        forth_.in_order |= set_forth_;
        back_.in_order |= set_back_;
    } else {
        if (set_forth_) configure_line(forth_.config, opt, value);
        if (set_back_) configure_line(back_.config, opt, value);
    }
}

/* Taps */

/** Makes this thread see another namespace, or (empty) the one it began in. */
void enter(const std::string &name)
{
    static const int home = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (name.empty()) {
        if (setns(home, CLONE_NEWNET) == -1) die("setns", "home");
        return;
    }
    const std::string path = name.find('/') == name.npos ? "/var/run/netns/" + name : name;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd == -1) die("open", path);
    if (setns(fd, CLONE_NEWNET) == -1) die("setns", path);
    ::close(fd);
}

/** Attaches to a tap, or creates it, and switches it on. @p where is NAMESPACE:TAP@MS. */
void wire::open_tap(const std::string &where, bool left)
{
    const size_t at = where.find('@');
    const std::string name = where.substr(0, at);
    const size_t colon = name.find(':');
    const std::string interface = colon == name.npos ? name : name.substr(colon + 1);
    const bool elsewhere = colon != name.npos && colon > 0;
    if (elsewhere) enter(name.substr(0, colon));
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1) die("open", "/dev/net/tun");
    if (ioctl(fd, TUNSETIFF, &request) == -1) die("TUNSETIFF", name);

    const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control == -1 || ioctl(control, SIOCGIFFLAGS, &request) == -1) die("SIOCGIFFLAGS", name);
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (ioctl(control, SIOCSIFFLAGS, &request) == -1) die("SIOCSIFFLAGS", name);
    ::close(control);
    if (elsewhere) enter("");
    const net_duration farther = at == where.npos ? net_duration::zero() : milliseconds(where.c_str() + at + 1);
    taps_.push_back({.name = name, .fd = fd, .left = left, .farther = farther});
}

void wire::open(const char *left, const char *right)
{
    std::string_view names(left);
    while (!names.empty()) {
        const size_t comma = names.find(',');
        open_tap(std::string(names.substr(0, comma)), true);
        names = comma == names.npos ? "" : names.substr(comma + 1);
    }
    open_tap(right, false);
    for (const tap &t : taps_) {
        polled_.push_back({.fd = t.fd, .events = POLLIN, .revents = 0});
    }
    forth_.random = net_random(2 * seed_);
    back_.random = net_random(2 * seed_ + 1);
}

/* The way of a frame */

void wire::read(tap &from, net_time now)
{
    for (unsigned i = 0; i < READ_MAX; i++) {
        const ssize_t size = ::read(from.fd, buffer_.data(), buffer_.size());
        if (size == -1 && (errno == EAGAIN || errno == EINTR)) return;
        if (size == -1) die("read", from.name);
        const std::span<const uint8_t> bytes(buffer_.data(), static_cast<size_t>(size));
        if (from.left && bytes.size() >= 12) {
            mac source{};
            std::copy_n(bytes.begin() + 6, source.size(), source.begin());
            if (learned_.size() < 64) learned_[source] = &from;
        }
        take(from.left ? forth_ : back_, bytes, now);
    }
}

/** What sim_wire::transfer does, without damage. */
void wire::take(line &way, std::span<const uint8_t> bytes, net_time now)
{
    const sim_wire_config &config = way.config;
    way.stats.sent++;
    way.stats.bytes += bytes.size();
    const std::optional<net_time> sent = way.queue.take(config, now, bytes.size());
    if (!sent || way.held.size() >= HELD_MAX) {
        way.stats.queue_full++;
        return;
    }
    if (way.loss.strikes(config, way.random)) {
        way.stats.lost++;
        return;
    }
    net_time at = *sent + config.delay;
    if (config.jitter.count() > 0) at += net_duration(way.random.below(static_cast<uint64_t>(config.jitter.count())));
    if (tap *to = station(way, bytes)) {
        at += to->farther;
        if (way.in_order) at = to->latest = std::max(at, to->latest);
    }
    if (config.reorder > 0 && way.random.chance(config.reorder)) {
        at += config.reorder_delay;
        way.stats.reordered++;
    }
    if (config.duplicate > 0 && way.random.chance(config.duplicate)) {
        way.held.emplace(at, frame(bytes.begin(), bytes.end()));
        way.stats.duplicated++;
    }
    way.held.emplace(at, frame(bytes.begin(), bytes.end()));
}

/** The tap that a frame goes to; null: to all at that end. */
tap *wire::station(const line &way, std::span<const uint8_t> bytes)
{
    if (&way == &forth_) return &taps_.back();
    mac destination{};
    if (bytes.size() < destination.size()) return nullptr;
    std::copy_n(bytes.begin(), destination.size(), destination.begin());
    const auto found = learned_.find(destination);
    return found == learned_.end() ? nullptr : found->second;
}

void wire::deliver(line &way, const frame &bytes)
{
    const bool to_left = &way == &back_;
    const tap *known = station(way, bytes);
    for (const tap &t : taps_) {
        if (t.left != to_left || (known && known != &t)) continue;
        if (::write(t.fd, bytes.data(), bytes.size()) == -1 && errno != EAGAIN && errno != EIO) die("write", t.name);
        way.stats.delivered++;
    }
}

void wire::release(line &way, net_time now)
{
    while (!way.held.empty() && way.held.begin()->first <= now) {
        deliver(way, way.held.begin()->second);
        way.held.erase(way.held.begin());
    }
}

/** Until a frame comes, or is due, or a signal comes: those are open here only. */
void wire::sleep(net_time now)
{
    net_time until = NET_TIME_NEVER;
    for (const line *way : {&forth_, &back_}) {
        if (!way->held.empty()) until = std::min(until, way->held.begin()->first);
    }
    const net_duration rest = std::max(until - now, net_duration::zero());
    const timespec timeout{.tv_sec = rest / std::chrono::seconds(1), .tv_nsec = rest.count() % 1000000000};
    sigset_t open_signals;
    sigemptyset(&open_signals);
    const int ready =
        ppoll(polled_.data(), polled_.size(), until == NET_TIME_NEVER ? nullptr : &timeout, &open_signals);
    if (ready == -1 && errno != EINTR) die("ppoll", "taps");
    if (ready <= 0) {
        for (pollfd &p : polled_) {
            p.revents = 0;
        }
    }
}

void wire::run()
{
    while (!ended) {
        sleep(net_clock_system().now());
        const net_time now = net_clock_system().now();
        for (size_t i = 0; i < taps_.size(); i++) {
            if (polled_[i].revents) read(taps_[i], now);
        }
        release(forth_, now);
        release(back_, now);
    }
}

void wire::print() const
{
    for (const line *way : {&forth_, &back_}) {
        const sim_wire_stats &stats = way->stats;
        const std::array<std::pair<const char *, uint64_t>, 6> counts = {{{"frames", stats.sent},
                                                                          {"bytes", stats.bytes},
                                                                          {"lost", stats.lost},
                                                                          {"queue_full", stats.queue_full},
                                                                          {"reordered", stats.reordered},
                                                                          {"duplicated", stats.duplicated}}};
        std::printf("%s", way->name);
        for (const auto &[name, count] : counts) {
            std::printf(" %s=%llu", name, static_cast<unsigned long long>(count));
        }
        std::printf("\n");
    }
}

/** Signals are blocked but in ppoll(2): none is missed between the look at `ended` and the sleep. */
void catch_signals()
{
    sigset_t blocked;
    sigemptyset(&blocked);
    struct sigaction action {
    };
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        sigaddset(&blocked, signal);
        sigaction(signal, &action, nullptr);
    }
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
}

} // namespace

int main(int argc, char *argv[])
{
    wire w;
    for (int opt = 0; (opt = getopt_long(argc, argv, "", OPTIONS.data(), nullptr)) != -1;) {
        w.configure(opt, optarg);
    }
    if (argc - optind != 2) w.configure(0, nullptr);
    catch_signals();
    prctl(PR_SET_TIMERSLACK, 1UL); /* sleep as exactly as the machine can */
    w.open(argv[optind], argv[optind + 1]);
    std::printf("ready\n");
    std::fflush(stdout);
    w.run();
    w.print();
    return EXIT_SUCCESS;
}
