/*
 * udpc.cpp: a UDP client: each line of standard input becomes a datagram, each datagram from the peer goes to standard
 * output.
 *
 * UDP knows no end, so after the end of the input the program waits until no answer has come for a while.
 */
#include "client.hpp"
#include "setup.hpp"
#include "stdio.hpp"

#include "microps/log.hpp"
#include "microps/microps.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <span>
#include <thread>
#include <vector>

using namespace microps;
using std::chrono::steady_clock;

static constexpr size_t DATAGRAM_SIZE_MAX = 65507; /* what one IP packet can carry */

namespace
{

/** What both threads look at. */
struct conversation {
    int soc;
    std::atomic<bool> over{false};
    std::atomic<bool> failed{false};
    std::atomic<steady_clock::time_point> answered{steady_clock::now()}; /* last */
};

} // namespace

static void report(conversation &talk, const char *function)
{
    if (app::terminated() || talk.over) return;
    warnf("%s() failure: %s", function, std::strerror(errno));
    talk.failed = true;
}

/** Sends every whole line at the front of @p pending, and all of it if @p rest. Returns what remains. */
static std::span<const uint8_t> send_lines(conversation &talk, std::span<const uint8_t> pending, bool rest)
{
    while (!pending.empty()) {
        const auto newline = std::find(pending.begin(), pending.end(), '\n');
        if (newline == pending.end() && !rest) break;
        const auto length = static_cast<size_t>(newline - pending.begin()) + (newline == pending.end() ? 0 : 1);
        if (sock_send(talk.soc, pending.data(), length) == -1) report(talk, "sock_send");
        pending = pending.subspan(length);
    }
    return pending;
}

/** Standard input to the peer. A line that no datagram can hold goes in several. */
static void send_input(conversation &talk)
{
    std::vector<uint8_t> buffer(DATAGRAM_SIZE_MAX);
    size_t filled = 0;
    for (;;) {
        const ssize_t length = app::stdin_read(std::span(buffer).subspan(filled));
        if (length == -1) {
            if (errno != ECANCELED) errorf("read: %s", std::strerror(errno));
            return;
        }
        filled += static_cast<size_t>(length);
        const bool rest = length == 0 || filled == buffer.size();
        const auto remains = send_lines(talk, std::span(buffer).first(filled), rest);
        std::copy(remains.begin(), remains.end(), buffer.begin());
        filled = remains.size();
        if (length == 0) return;
    }
}

/** The peer to standard output, until the socket is closed or the program interrupted. */
static void receive_output(conversation &talk)
{
    std::vector<uint8_t> buffer(DATAGRAM_SIZE_MAX);
    while (!talk.over && !app::terminated()) {
        const ssize_t length = sock_recv(talk.soc, buffer.data(), buffer.size());
        if (length == -1) {
            report(talk, "sock_recv"); /* an ICMP error: the next datagram may fare better */
            continue;
        }
        talk.answered = steady_clock::now();
        if (app::stdout_write(std::span(buffer).first(static_cast<size_t>(length))) == 0) continue;
        if (errno != ECANCELED) errorf("write: %s", std::strerror(errno));
        talk.failed = true;
        app::stdio_cancel();
        return;
    }
}

/** Waits until no answer has come for @p patience. */
static void wait_answers(conversation &talk, steady_clock::duration patience)
{
    talk.answered = steady_clock::now();
    for (;;) {
        const auto left = talk.answered.load() + patience - steady_clock::now();
        if (left <= steady_clock::duration::zero() || app::stdio_wait(left) == -1) return;
    }
}

static int converse(int soc, const sockaddr &foreign, steady_clock::duration patience)
{
    if (sock_connect(soc, &foreign, sizeof(foreign)) == -1) {
        errorf("sock_connect() failure: %s, foreign=%s", std::strerror(errno), app::sockaddr_str(foreign).c_str());
        return -1;
    }
    conversation talk{.soc = soc};
    std::thread receiver([&talk] { receive_output(talk); });
    send_input(talk);
    wait_answers(talk, patience);
    talk.over = true;
    sock_shutdown(soc, SHUT_RDWR); /* the receiver wakes */
    receiver.join();
    return talk.failed ? -1 : 0;
}

int main(int argc, char *argv[])
{
    app::common_options options;
    app::client_options client;
    double seconds = 1;
    const std::string shorts = std::string(app::CLIENT_OPTIONS) + "w:";
    const std::string help = std::string(app::CLIENT_HELP) +
                             "  -w seconds       after the end of the input, wait this long for answers (default 1)\n";
    const app::program prog = {
        .arguments = "[-s local_addr] [-p local_port] [-w seconds] foreign_addr:port",
        .purpose = "UDP client: each line of standard input becomes a datagram; answers go to standard output.",
        .arguments_min = 1,
        .arguments_max = 1,
        .short_options = shorts.c_str(),
        .short_help = help.c_str(),
        .option =
            [&](int option, const char *value) {
                if (option != 'w') return client.take(option, value);
                if (!app::decimal_parse(value, 0, 86400, seconds))
                    app::options_fail("-w %s: type seconds, such as -w 1", value);
            },
    };
    const sockaddr foreign = app::foreign_argument(app::options_parse(argc, argv, prog, options).front());
    if (app::setup(options) == -1) return app::shut_down(EXIT_FAILURE);

    const auto patience = std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(seconds));
    const int soc = app::client_socket(SOCK_DGRAM, client);
    const int result = soc != -1 ? converse(soc, foreign, patience) : -1;
    sock_close(soc);
    return app::shut_down(result == 0 || app::terminated() ? EXIT_SUCCESS : EXIT_FAILURE);
}
