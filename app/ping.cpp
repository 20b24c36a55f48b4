/*
 * ping.cpp: ICMP Echo to a host, with output and exit status like iputils' ping.
 *
 * One thread: it sends when the interval is over, and until then waits in sock_poll() for answers. A ping socket
 * (SOCK_DGRAM, IPPROTO_ICMP) fills in identifier and checksum, and gets the answers to its own identifier only.
 */
#include "setup.hpp"

#include "microps/icmp.hpp"
#include "microps/log.hpp"
#include "microps/microps.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

using namespace microps;
using std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

static constexpr size_t DATA_SIZE_MAX = 65507; /* 65535 without the headers of IP and ICMP */
static constexpr size_t SEQUENCE_NUMBERS = 65536;
static constexpr int EXIT_NO_ANSWER = 1;
static constexpr int EXIT_TROUBLE = 2;

namespace
{

struct settings {
    uint64_t count = 0; /* 0: until Ctrl-C */
    double interval = 1;
    uint64_t size = 56;
    double timeout = 10;
    uint64_t ttl = 0; /* 0: the stack's own */
    bool quiet = false;
};

/** One Echo. */
struct probe {
    steady_clock::time_point sent{};
    bool answered = false;
};

struct pinger {
    const settings &set;
    int soc;
    std::string dst;
    std::vector<probe> probes = std::vector<probe>(SEQUENCE_NUMBERS); /* by sequence number */
    std::vector<uint8_t> buffer = std::vector<uint8_t>(sizeof(icmp_hdr) + DATA_SIZE_MAX);
    steady_clock::time_point begin = steady_clock::now();

    uint64_t transmitted = 0;
    uint64_t received = 0;
    uint64_t duplicates = 0;
    uint64_t errors = 0;
    double rtt_min = 0; /* milliseconds */
    double rtt_max = 0;
    double rtt_sum = 0;
    double rtt_sum_of_squares = 0;
};

} // namespace

static uint8_t pattern(size_t i) { return static_cast<uint8_t>(i); }

/** What an errno value says about the way to the destination; null if it says nothing about it. */
static const char *unreachable_text(int error)
{
    switch (error) {
    case EHOSTUNREACH:
        return "Destination Host Unreachable";
    case ENETUNREACH:
        return "Destination Net Unreachable";
    case ECONNREFUSED:
        return "Destination Port Unreachable";
    case ENOPROTOOPT:
        return "Destination Protocol Unreachable";
    case EMSGSIZE:
        return "Message too long";
    default:
        return nullptr;
    }
}

/** Counts and prints an error about the last Echo. Returns false if it is none that ping can go on with. */
static bool report_error(pinger &ping, int error)
{
    if (error == EAGAIN || error == EINTR) return true;
    const char *text = unreachable_text(error);
    if (!text) {
        errorf("ping socket: %s", std::strerror(error));
        return false;
    }
    ping.errors++;
    if (!ping.set.quiet)
        std::printf("To %s icmp_seq=%u %s\n", ping.dst.c_str(), static_cast<unsigned>(ping.transmitted & 0xffff), text);
    return true;
}

/** Returns false when sending makes no sense. */
static bool send_probe(pinger &ping)
{
    ping.transmitted++;
    const auto seq = static_cast<uint16_t>(ping.transmitted);
    const auto message = std::span(ping.buffer).first(sizeof(icmp_hdr) + ping.set.size);
    const icmp_hdr hdr{.type = ICMP_TYPE_ECHO, .code = 0, .sum = {}, .values = seq};
    std::memcpy(message.data(), &hdr, sizeof(hdr));
    for (size_t i = sizeof(hdr); i < message.size(); i++) {
        message[i] = pattern(i - sizeof(hdr));
    }
    ping.probes[seq] = {.sent = steady_clock::now()};
    return sock_send(ping.soc, message.data(), message.size()) != -1 || report_error(ping, errno);
}

/** The TTL that came with a message. */
static std::optional<int> message_ttl(msghdr &msg)
{
    for (cmsghdr *control = CMSG_FIRSTHDR(&msg); control; control = CMSG_NXTHDR(&msg, control)) {
        if (control->cmsg_level != IPPROTO_IP || control->cmsg_type != IP_TTL) continue;
        int ttl = 0;
        std::memcpy(&ttl, CMSG_DATA(control), sizeof(ttl));
        return ttl;
    }
    return {};
}

static void count_rtt(pinger &ping, double rtt)
{
    ping.rtt_min = ping.received == 0 ? rtt : std::min(ping.rtt_min, rtt);
    ping.rtt_max = std::max(ping.rtt_max, rtt);
    ping.rtt_sum += rtt;
    ping.rtt_sum_of_squares += rtt * rtt;
    ping.received++;
}

/** iputils gives a round-trip time three significant digits. */
static std::string rtt_str(double rtt)
{
    std::array<char, 32> text{};
    const int digits = rtt >= 100 ? 0 : rtt >= 10 ? 1 : rtt >= 1 ? 2 : 3;
    std::snprintf(text.data(), text.size(), "%.*f", digits, rtt);
    return text.data();
}

/** Counts and prints one Echo Reply. */
static void take_reply(pinger &ping, std::span<const uint8_t> message, const sockaddr &from, std::optional<int> ttl)
{
    icmp_hdr hdr;
    if (message.size() < sizeof(hdr)) return;
    std::memcpy(&hdr, message.data(), sizeof(hdr));
    const auto data = message.subspan(sizeof(hdr));
    const auto seq = static_cast<uint16_t>(hdr.values);
    probe &sent = ping.probes[seq];
    if (sent.sent == steady_clock::time_point{}) return;

    const bool duplicate = std::exchange(sent.answered, true);
    const double rtt = milliseconds(steady_clock::now() - sent.sent).count();
    if (duplicate) {
        ping.duplicates++;
    } else {
        count_rtt(ping, rtt);
    }
    if (ping.set.quiet) return;

    const std::string addr = app::sockaddr_str(from);
    std::printf("%zu bytes from %s: icmp_seq=%u", message.size(), addr.substr(0, addr.find(':')).c_str(), seq);
    if (ttl) std::printf(" ttl=%d", *ttl);
    std::printf(" time=%s ms%s", rtt_str(rtt).c_str(), duplicate ? " (DUP!)" : "");
    if (data.size() < ping.set.size) std::printf(" (truncated)");
    size_t i = 0;
    while (i < data.size() && data[i] == pattern(i))
        i++;
    if (i < data.size()) std::printf(" (wrong data byte #%zu should be 0x%x but was 0x%x)", i, pattern(i), data[i]);
    std::putchar('\n');
}

/** Takes all answers that are there. Returns false when the socket does not work. */
static bool receive_replies(pinger &ping)
{
    for (;;) {
        sockaddr from{};
        alignas(cmsghdr) std::array<char, 128> control{};
        iovec iov{.iov_base = ping.buffer.data(), .iov_len = ping.buffer.size()};
        msghdr msg{};
        msg.msg_name = &from;
        msg.msg_namelen = sizeof(from);
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        msg.msg_control = control.data();
        msg.msg_controllen = control.size();
        const ssize_t length = sock_recvmsg(ping.soc, &msg, MSG_DONTWAIT);
        if (length == -1 && (errno == EAGAIN || errno == EINTR)) return true;
        if (length == -1) {
            if (!report_error(ping, errno)) return false;
            continue;
        }
        take_reply(ping, std::span(ping.buffer).first(static_cast<size_t>(length)), from, message_ttl(msg));
    }
}

/**
 * When the wait for the last answers ends: if there were answers, after two round trips, but not before a second has
 * passed: a busy machine loses no packet. Else after the timeout.
 */
static steady_clock::time_point last_deadline(const pinger &ping, steady_clock::time_point last_sent)
{
    const double patience = ping.received > 0 ? std::max(2 * ping.rtt_max, 1000.0) : ping.set.timeout * 1000;
    return last_sent + std::chrono::duration_cast<steady_clock::duration>(milliseconds(patience));
}

/** Sends and receives until all is done or Ctrl-C. Returns false when that failed. */
static bool ping_run(pinger &ping)
{
    const auto interval = std::chrono::duration_cast<steady_clock::duration>(milliseconds(ping.set.interval * 1000));
    auto next = steady_clock::now();
    auto last_sent = next;
    while (!app::terminated()) {
        const bool all_sent = ping.set.count > 0 && ping.transmitted == ping.set.count;
        if (all_sent && ping.received + ping.errors >= ping.transmitted) return true;
        const auto deadline = all_sent ? last_deadline(ping, last_sent) : next;
        const auto now = steady_clock::now();
        if (now >= deadline) {
            if (all_sent) return true;
            if (!send_probe(ping)) return false;
            last_sent = now;
            next = std::max(next + interval, now);
            continue;
        }
        std::fflush(stdout);
        pollfd fds{.fd = ping.soc, .events = POLLIN, .revents = 0};
        const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
        const int ready = sock_poll(&fds, 1, static_cast<int>(std::min<int64_t>(timeout, 3600 * 1000)));
        if (ready == -1 && errno != EINTR) return report_error(ping, errno);
        if (ready > 0 && !receive_replies(ping)) return false;
    }
    return true;
}

static void print_statistics(const pinger &ping)
{
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - ping.begin).count();
    std::printf("\n--- %s ping statistics ---\n%" PRIu64 " packets transmitted, %" PRIu64 " received", ping.dst.c_str(),
                ping.transmitted, ping.received);
    if (ping.duplicates > 0) std::printf(", +%" PRIu64 " duplicates", ping.duplicates);
    if (ping.errors > 0) std::printf(", +%" PRIu64 " errors", ping.errors);
    const auto lost = static_cast<double>(ping.transmitted - ping.received);
    const double loss = ping.transmitted > 0 ? 100 * lost / static_cast<double>(ping.transmitted) : 0;
    std::printf(", %.4g%% packet loss, time %lldms\n", loss, static_cast<long long>(time));
    if (ping.received > 0) {
        const auto n = static_cast<double>(ping.received);
        const double mean = ping.rtt_sum / n;
        const double mdev = std::sqrt(std::max(ping.rtt_sum_of_squares / n - mean * mean, 0.0));
        std::printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", ping.rtt_min, mean, ping.rtt_max, mdev);
    }
    std::fflush(stdout);
}

static int ping_open(const settings &set, const sockaddr &dst)
{
    const int soc = sock_open(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    if (soc == -1) {
        errorf("sock_open() failure: %s", std::strerror(errno));
        return -1;
    }
    const int on = 1;
    const int ttl = static_cast<int>(set.ttl);
    const bool ready = sock_setsockopt(soc, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)) == 0 &&
                       (ttl == 0 || sock_setsockopt(soc, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) == 0) &&
                       sock_connect(soc, &dst, sizeof(dst)) == 0;
    if (ready) return soc;
    errorf("ping socket: %s", std::strerror(errno));
    sock_close(soc);
    return -1;
}

static int ping(const settings &set, const char *dst_text, const sockaddr &dst)
{
    const int soc = ping_open(set, dst);
    if (soc == -1) return EXIT_TROUBLE;
    std::printf("PING %s (%s) %" PRIu64 "(%" PRIu64 ") bytes of data.\n", dst_text, dst_text, set.size,
                set.size + sizeof(icmp_hdr) + IP_HDR_SIZE_MIN);
    pinger state{.set = set, .soc = soc, .dst = dst_text};
    const bool worked = ping_run(state);
    print_statistics(state);
    sock_close(soc);
    if (!worked) return EXIT_TROUBLE;
    return state.received > 0 ? EXIT_SUCCESS : EXIT_NO_ANSWER;
}

static void take_option(settings &set, int option, const char *value)
{
    const auto check = [&](bool right, const char *advice) {
        if (!right) app::options_fail("-%c %s: type %s", option, value ? value : "", advice);
    };
    switch (option) {
    case 'c':
        return check(app::number_parse(value, 1, UINT64_MAX, set.count), "how many to send, such as -c 3");
    case 'i':
        return check(app::decimal_parse(value, 0.001, 3600, set.interval), "seconds, 0.001 to 3600, such as -i 1");
    case 's':
        return check(app::number_parse(value, 0, DATA_SIZE_MAX, set.size), "bytes of data, 0 to 65507, such as -s 56");
    case 'W':
        return check(app::decimal_parse(value, 0, 3600, set.timeout), "seconds, 0 to 3600, such as -W 10");
    case 't':
        return check(app::number_parse(value, 1, 255, set.ttl), "a time to live, 1 to 255, such as -t 64");
    default:
        set.quiet = true;
    }
}

int main(int argc, char *argv[])
{
    app::common_options options;
    settings set;
    const app::program prog = {
        .arguments = "[-c count] [-i interval] [-s size] [-W timeout] [-t ttl] [-q] destination",
        .purpose = "Sends ICMP Echo and reports the answers. Exit status: 0 answers came, 1 none came, 2 trouble.",
        .arguments_min = 1,
        .arguments_max = 1,
        .short_options = "c:i:s:W:t:q",
        .short_help = "  -c count         how many to send                               (default: until Ctrl-C)\n"
                      "  -i interval      seconds from one to the next                   (default 1)\n"
                      "  -s size          bytes of data                                  (default 56)\n"
                      "  -W timeout       seconds to wait for the first answer           (default 10)\n"
                      "  -t ttl           time to live                                   (default 255)\n"
                      "  -q               only the statistics\n",
        .option = [&set](int option, const char *value) { take_option(set, option, value); },
    };
    const char *dst_text = app::options_parse(argc, argv, prog, options).front();
    const sockaddr dst = app::addr_port_argument(dst_text, nullptr);
    if (app::setup(options) == -1) return app::shut_down(EXIT_TROUBLE);
    return app::shut_down(ping(set, dst_text, dst));
}
