/*
 * tcpc.cpp: a TCP client: standard input goes to the peer, what the peer sends goes to standard output.
 *
 * Two threads, one for each direction. The end of the input closes our direction only (half close); the program ends
 * when the peer has ended too, so every byte arrives both ways. A person at a terminal, who would have to end the input
 * by hand, is done when the peer is.
 */
#include "client.hpp"
#include "setup.hpp"
#include "stdio.hpp"

#include "microps/log.hpp"
#include "microps/microps.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <thread>
#include <vector>

using namespace microps;

static constexpr size_t BUFFER_SIZE = 65536;

/** Standard input to the peer, then half close. */
static void send_input(int soc)
{
    std::vector<uint8_t> buffer(BUFFER_SIZE);
    for (;;) {
        const ssize_t length = app::stdin_read(buffer);
        if (length == -1) {
            if (errno != ECANCELED) errorf("read: %s", std::strerror(errno));
            return;
        }
        if (length == 0) break;
        /* A connection that breaks is reported by sock_recv(). */
        if (sock_send(soc, buffer.data(), static_cast<size_t>(length)) == -1) return;
    }
    sock_shutdown(soc, SHUT_WR);
}

/** The peer to standard output, to the peer's end. Returns 0, or -1 (logged, unless Ctrl-C was the reason). */
static int receive_output(int soc)
{
    std::vector<uint8_t> buffer(BUFFER_SIZE);
    for (;;) {
        const ssize_t length = sock_recv(soc, buffer.data(), buffer.size());
        if (length == -1) {
            if (!app::terminated()) errorf("sock_recv() failure: %s", std::strerror(errno));
            return -1;
        }
        if (length == 0) break;
        if (app::stdout_write(std::span(buffer).first(static_cast<size_t>(length))) == -1) {
            if (errno != ECANCELED) errorf("write: %s", std::strerror(errno));
            return -1;
        }
    }
    debugf("connection closed");
    return 0;
}

/** Both directions at once. Returns 0, or -1 when the connection broke. */
static int converse(int soc)
{
    std::thread sender([soc] { send_input(soc); });
    const int result = receive_output(soc);
    if (result == -1 || app::stdin_is_terminal()) {
        app::stdio_cancel();
        sock_shutdown(soc, SHUT_RDWR); /* a send that sleeps returns */
    }
    sender.join();
    return result;
}

static int talk(int soc, const sockaddr &foreign)
{
    if (sock_connect(soc, &foreign, sizeof(foreign)) == -1) {
        if (!app::terminated())
            errorf("sock_connect() failure: %s, foreign=%s", std::strerror(errno), app::sockaddr_str(foreign).c_str());
        return -1;
    }
    infof("connection established");
    return converse(soc);
}

int main(int argc, char *argv[])
{
    app::common_options options;
    app::client_options client;
    const app::program prog = {
        .arguments = app::CLIENT_ARGUMENTS,
        .purpose = "TCP client: copies standard input to the peer and the peer to standard output.",
        .arguments_min = 1,
        .arguments_max = 1,
        .short_options = app::CLIENT_OPTIONS,
        .short_help = app::CLIENT_HELP,
        .option = [&client](int option, const char *value) { client.take(option, value); },
    };
    const sockaddr foreign = app::foreign_argument(app::options_parse(argc, argv, prog, options).front());
    if (app::setup(options) == -1) return app::shut_down(EXIT_FAILURE);

    const int soc = app::client_socket(SOCK_STREAM, client);
    const int result = soc != -1 ? talk(soc, foreign) : -1;
    sock_close(soc);
    return app::shut_down(result == 0 || app::terminated() ? EXIT_SUCCESS : EXIT_FAILURE);
}
