/*
 * bulk.cpp: bench_bulk: one TCP transfer through the kernel's stack or through ours, and how fast it was.
 *
 * Both stacks are driven by the same loops, through a table of calls; so with `--device pcap:TAP` on a tap that the
 * kernel has no address on, they meet the same wire. With a time limit the receiver measures (what its application got,
 * from the accept on) and then resets the connection; with a number of bytes both ends measure up to the peer's end.
 */
#include "options.hpp"
#include "setup.hpp"

#include "microps/log.hpp"
#include "microps/microps.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/tcp.h>
#include <unistd.h>

using namespace microps;
using seconds = std::chrono::duration<double>;

namespace
{

constexpr size_t BUFFER_SIZE = 131072;
constexpr auto TURN =
    std::chrono::milliseconds(100); /* a call that blocks returns after so long, to look at the time */

/** The calls of one stack. */
struct stack_calls {
    int (*open)(int domain, int type, int protocol);
    int (*bind)(int soc, const sockaddr *addr, socklen_t size);
    int (*listen)(int soc, int backlog);
    int (*accept)(int soc);
    int (*connect)(int soc, const sockaddr *addr, socklen_t size);
    ssize_t (*send)(int soc, const void *data, size_t size);
    ssize_t (*recv)(int soc, void *data, size_t size);
    int (*shutdown)(int soc, int how);
    int (*setsockopt)(int soc, int level, int name, const void *value, socklen_t size);
    int (*getsockopt)(int soc, int level, int name, void *value, socklen_t *size);
    int (*close)(int soc);
};

constexpr stack_calls KERNEL = {
    .open = [](int domain, int type, int protocol) { return ::socket(domain, type, protocol); },
    .bind = [](int soc, const sockaddr *addr, socklen_t size) { return ::bind(soc, addr, size); },
    .listen = [](int soc, int backlog) { return ::listen(soc, backlog); },
    .accept = [](int soc) { return ::accept(soc, nullptr, nullptr); },
    .connect = [](int soc, const sockaddr *addr, socklen_t size) { return ::connect(soc, addr, size); },
    .send = [](int soc, const void *data, size_t size) { return ::send(soc, data, size, MSG_NOSIGNAL); },
    .recv = [](int soc, void *data, size_t size) { return ::recv(soc, data, size, 0); },
    .shutdown = [](int soc, int how) { return ::shutdown(soc, how); },
    .setsockopt = [](int soc, int level, int name, const void *value,
                     socklen_t size) { return ::setsockopt(soc, level, name, value, size); },
    .getsockopt = [](int soc, int level, int name, void *value,
                     socklen_t *size) { return ::getsockopt(soc, level, name, value, size); },
    .close = [](int soc) { return ::close(soc); },
};

constexpr stack_calls MICROPS = {
    .open = [](int domain, int type, int protocol) { return sock_open(domain, type, protocol); },
    .bind = [](int soc, const sockaddr *addr, socklen_t size) { return sock_bind(soc, addr, size); },
    .listen = [](int soc, int backlog) { return sock_listen(soc, backlog); },
    .accept = [](int soc) { return sock_accept(soc, nullptr, nullptr); },
    .connect = [](int soc, const sockaddr *addr, socklen_t size) { return sock_connect(soc, addr, size); },
    .send = [](int soc, const void *data, size_t size) { return sock_send(soc, data, size); },
    .recv = [](int soc, void *data, size_t size) { return sock_recv(soc, data, size); },
    .shutdown = [](int soc, int how) { return sock_shutdown(soc, how); },
    .setsockopt = [](int soc, int level, int name, const void *value,
                     socklen_t size) { return sock_setsockopt(soc, level, name, value, size); },
    .getsockopt = [](int soc, int level, int name, void *value,
                     socklen_t *size) { return sock_getsockopt(soc, level, name, value, size); },
    .close = [](int soc) { return sock_close(soc); },
};

struct plan {
    const stack_calls *calls = &MICROPS;
    std::string congestion{};
    double time = 0; /* seconds; 0: as long as it takes */
    double skip = 0; /* seconds at the beginning that do not count */
    uint64_t bytes = 0;

    void take(int option, const char *value);
};

struct result {
    uint64_t bytes = 0;
    double time = 0;
    std::string detail{}; /* about the connection */
};

void plan::take(int option, const char *value)
{
    bool right = true;
    if (option == 'k') calls = &KERNEL;
    if (option == 'c' && value != std::string_view("default")) congestion = value;
    if (option == 't') right = app::decimal_parse(value, 0.001, 86400, time);
    if (option == 's') right = app::decimal_parse(value, 0, 86400, skip);
    if (option == 'n') right = app::number_parse(value, 1, UINT64_MAX, bytes);
    if (!right) app::options_fail("-%c %s: type a number", option, value);
}

int fail(const char *what)
{
    std::fprintf(stderr, "bench_bulk: %s: %s\n", what, std::strerror(errno));
    return -1;
}

double now() { return seconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

bool timed_out() { return errno == EAGAIN || errno == EWOULDBLOCK; }

int open_socket(const plan &p)
{
    const stack_calls &calls = *p.calls;
    const int soc = calls.open(AF_INET, SOCK_STREAM, 0);
    if (soc == -1) return fail("socket");
    const int on = 1;
    calls.setsockopt(soc, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (p.congestion.empty()) return soc;
    const auto size = static_cast<socklen_t>(p.congestion.size());
    if (calls.setsockopt(soc, IPPROTO_TCP, TCP_CONGESTION, p.congestion.data(), size) == 0) return soc;
    fail("TCP_CONGESTION");
    calls.close(soc);
    return -1;
}

void limit_turns(const plan &p, int soc)
{
    if (p.time == 0) return;
    const timeval turn{.tv_sec = 0, .tv_usec = std::chrono::microseconds(TURN).count()};
    p.calls->setsockopt(soc, SOL_SOCKET, SO_RCVTIMEO, &turn, sizeof(turn));
    p.calls->setsockopt(soc, SOL_SOCKET, SO_SNDTIMEO, &turn, sizeof(turn));
}

/** What TCP_INFO says at the end, as far as the stack answers. */
std::string describe(const plan &p, int soc)
{
    tcp_info info{};
    socklen_t size = sizeof(info);
    if (p.calls->getsockopt(soc, IPPROTO_TCP, TCP_INFO, &info, &size) == -1 || size < sizeof(info)) return "";
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(), " retrans=%u cwnd=%u ssthresh=%d mss=%u rtt_us=%u rto_us=%u reordering=%u",
                  info.tcpi_total_retrans, info.tcpi_snd_cwnd, static_cast<int>(info.tcpi_snd_ssthresh),
                  info.tcpi_snd_mss, info.tcpi_rtt, info.tcpi_rto, info.tcpi_reordering);
    return text.data();
}

/** Reads until the time is over or the peer has closed. Returns 0, or -1 when the connection broke. */
int receive(const plan &p, int soc, result &res)
{
    std::vector<char> buffer(BUFFER_SIZE);
    const double began = now();
    const double counted_from = began + p.skip;
    const double end = p.time > 0 ? counted_from + p.time : 1e300;
    for (;;) {
        const ssize_t length = p.calls->recv(soc, buffer.data(), buffer.size());
        const double at = now();
        if (at >= end || app::terminated()) break;
        if (length == 0) break;
        if (length == -1 && timed_out()) continue;
        if (length == -1) return fail("recv");
        if (at >= counted_from) res.bytes += static_cast<uint64_t>(length);
    }
    res.time = std::min(now(), end) - counted_from;
    res.detail = describe(p, soc);
    return 0;
}

/** Sends until the time is over, the peer has had enough, or all bytes are out; then waits for the peer's end. */
int send(const plan &p, int soc, result &res)
{
    const std::vector<char> buffer(BUFFER_SIZE, 'm');
    const double began = now();
    const double end = p.time > 0 ? began + p.time : 1e300;
    while ((p.bytes == 0 || res.bytes < p.bytes) && now() < end && !app::terminated()) {
        const size_t part = p.bytes == 0 ? buffer.size() : std::min<uint64_t>(buffer.size(), p.bytes - res.bytes);
        const ssize_t length = p.calls->send(soc, buffer.data(), part);
        if (length > 0) res.bytes += static_cast<uint64_t>(length);
        if (length == -1 && !timed_out()) break;
    }
    res.detail = describe(p, soc);
    if (p.bytes > 0) {
        char byte = 0;
        p.calls->shutdown(soc, SHUT_WR);
        if (p.calls->recv(soc, &byte, 1) != 0) return fail("the peer's end");
    }
    res.time = now() - began;
    return 0;
}

/** Closes; a transfer that was measured by time ends with a reset, so that nothing goes on behind it. */
void close_socket(const plan &p, int soc)
{
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (p.time > 0) p.calls->setsockopt(soc, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    p.calls->close(soc);
}

int serve(const plan &p, const sockaddr &local, result &res)
{
    const int listener = open_socket(p);
    if (listener == -1) return -1;
    if (p.calls->bind(listener, &local, sizeof(local)) == -1) return fail("bind");
    if (p.calls->listen(listener, 1) == -1) return fail("listen");
    std::printf("listening\n");
    std::fflush(stdout);
    const int soc = p.calls->accept(listener);
    if (soc == -1) return fail("accept");
    limit_turns(p, soc);
    const int status = receive(p, soc, res);
    close_socket(p, soc);
    p.calls->close(listener);
    return status;
}

int request(const plan &p, const sockaddr &foreign, result &res)
{
    const int soc = open_socket(p);
    if (soc == -1) return -1;
    if (p.calls->connect(soc, &foreign, sizeof(foreign)) == -1) return fail("connect");
    limit_turns(p, soc);
    const int status = send(p, soc, res);
    close_socket(p, soc);
    return status;
}

void print(const plan &p, const char *role, const result &res)
{
    std::printf("%s stack=%s bytes=%llu seconds=%.4f mbit=%.4f", role, p.calls == &KERNEL ? "kernel" : "microps",
                static_cast<unsigned long long>(res.bytes), res.time,
                res.time > 0 ? static_cast<double>(res.bytes) * 8e-6 / res.time : 0);
    if (p.calls == &MICROPS) {
        const net_stats &stats = net_default().stats;
        for (size_t i = static_cast<size_t>(counter::tcp_active_opens); i < stats.counters.size(); i++) {
            if (stats.counters[i] == 0) continue;
            std::printf(" %s=%llu", counter_name(static_cast<counter>(i)),
                        static_cast<unsigned long long>(stats.counters[i]));
        }
    }
    std::printf("%s\n", res.detail.c_str());
}

} // namespace

int main(int argc, char *argv[])
{
    app::common_options options;
    plan p;
    const app::program prog = {
        .arguments = "[-k] [-c CONGESTION] [-t SECONDS] [-s SECONDS] [-n BYTES] recv PORT | send ADDR:PORT",
        .purpose = "One TCP transfer in bulk: prints bytes, seconds and Mbit/s.",
        .arguments_min = 2,
        .arguments_max = 2,
        .short_options = "kc:t:s:n:",
        .short_help = "  -k               the kernel's sockets instead of our stack\n"
                      "  -c CONGESTION    congestion control by name (TCP_CONGESTION), or default\n"
                      "  -t SECONDS       so long; the receiver measures, and resets the connection\n"
                      "  -s SECONDS       of the receiver: what comes so early does not count\n"
                      "  -n BYTES         so many, and then wait for the peer's end\n",
        .option = [&p](int option, const char *value) { p.take(option, value); },
    };
    const std::vector<const char *> arguments = app::options_parse(argc, argv, prog, options);
    const std::string role = arguments[0];
    if (role != "recv" && role != "send") app::options_fail("%s: type recv or send", role.c_str());
    const sockaddr addr =
        role == "recv" ? app::addr_port_argument(nullptr, arguments[1]) : app::foreign_argument(arguments[1]);

    if (p.calls == &MICROPS && app::setup(options) == -1) return app::shut_down(EXIT_FAILURE);
    result res;
    const int status = role == "recv" ? serve(p, addr, res) : request(p, addr, res);
    if (status == 0) print(p, role.c_str(), res);
    std::fflush(stdout);
    const int code = status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    return p.calls == &MICROPS ? app::shut_down(code) : code;
}
