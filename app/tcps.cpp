/*
 * tcps.cpp: a TCP echo server (RFC 862): whatever a client sends comes back, until the client closes.
 *
 * One thread serves all clients: no socket blocks, and sock_poll() tells which of them has something to do. A client
 * that does not take its echo is not read either: it costs one buffer, and TCP's window stops it.
 */
#include "setup.hpp"

#include "microps/log.hpp"
#include "microps/microps.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

using namespace microps;

static constexpr size_t BUFFER_SIZE = 65536;

namespace
{

struct client {
    int soc;
    std::vector<uint8_t> echo{}; /* what it has not taken yet */
};

struct server {
    int soc;
    bool full = false; /* out of sockets: nobody is accepted until a client goes */
    std::vector<client> clients{};
    std::vector<uint8_t> buffer = std::vector<uint8_t>(BUFFER_SIZE);
};

} // namespace

static int server_listen(int soc, const sockaddr &local)
{
    if (sock_bind(soc, &local, sizeof(local)) == -1) {
        errorf("sock_bind() failure: %s, addr=%s", std::strerror(errno), app::sockaddr_str(local).c_str());
        return -1;
    }
    if (sock_listen(soc, SOMAXCONN) == -1) {
        errorf("sock_listen() failure: %s", std::strerror(errno));
        return -1;
    }
    return 0;
}

static void server_accept(server &srv)
{
    sockaddr foreign{};
    socklen_t length = sizeof(foreign);
    for (;;) {
        const int soc = sock_accept4(srv.soc, &foreign, &length, SOCK_NONBLOCK);
        if (soc == -1) break;
        infof("connection accepted, foreign=%s", app::sockaddr_str(foreign).c_str());
        srv.clients.push_back({.soc = soc});
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    warnf("sock_accept() failure: %s", std::strerror(errno));
    srv.full = true;
}

/** Sends what the client takes now; the rest waits in its echo. Returns false when the connection is over. */
static bool client_send(client &cli, std::span<const uint8_t> data)
{
    const ssize_t sent = sock_send(cli.soc, data.data(), data.size());
    if (sent == -1 && errno != EAGAIN && errno != EINTR) return false;
    const auto rest = data.subspan(sent == -1 ? 0 : static_cast<size_t>(sent));
    cli.echo = std::vector<uint8_t>(rest.begin(), rest.end());
    return true;
}

/** Reads what is there and sends it back. Returns false when the connection is over. */
static bool client_receive(client &cli, std::span<uint8_t> buffer)
{
    const ssize_t received = sock_recv(cli.soc, buffer.data(), buffer.size());
    if (received == -1) return errno == EAGAIN || errno == EINTR;
    if (received == 0) return false;
    const auto data = buffer.first(static_cast<size_t>(received));
    infof("%zu bytes received", data.size());
    if (log_enabled(log_level::debug)) hexdump_log(data);
    return client_send(cli, data);
}

/** What to wait for: the listener first, then the clients in their order. */
static void server_interests(const server &srv, std::vector<pollfd> &fds)
{
    fds.clear();
    fds.push_back({.fd = srv.full ? -1 : srv.soc, .events = POLLIN, .revents = 0});
    for (const client &cli : srv.clients) {
        const short events = cli.echo.empty() ? POLLIN : POLLOUT;
        fds.push_back({.fd = cli.soc, .events = events, .revents = 0});
    }
}

/** Does what sock_poll() found to do. */
static void server_turn(server &srv, std::span<const pollfd> fds)
{
    for (size_t i = srv.clients.size(); i > 0; i--) {
        client &cli = srv.clients[i - 1];
        if (fds[i].revents == 0) continue;
        if (cli.echo.empty() ? client_receive(cli, srv.buffer) : client_send(cli, cli.echo)) continue;
        debugf("connection closed");
        sock_close(cli.soc);
        srv.clients.erase(srv.clients.begin() + static_cast<ptrdiff_t>(i - 1));
        srv.full = false;
    }
    if (fds[0].revents) server_accept(srv);
}

/** Serves until a signal comes. */
static int serve(int soc)
{
    server srv{.soc = soc};
    std::vector<pollfd> fds;
    do {
        server_interests(srv, fds);
        if (sock_poll(fds.data(), fds.size(), -1) == -1) break;
        server_turn(srv, fds);
    } while (!app::terminated());
    if (!app::terminated()) errorf("sock_poll() failure: %s", std::strerror(errno));
    for (const client &cli : srv.clients) {
        sock_close(cli.soc);
    }
    return app::terminated() ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
    app::common_options options;
    const app::program prog = {
        .arguments = "[addr] port",
        .purpose = "TCP echo server: serves any number of clients until Ctrl-C.",
        .arguments_min = 1,
        .arguments_max = 2,
    };
    const sockaddr local = app::local_argument(app::options_parse(argc, argv, prog, options));
    if (app::setup(options) == -1) return app::shut_down(EXIT_FAILURE);

    const int soc = sock_open(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (soc == -1) errorf("sock_open() failure: %s", std::strerror(errno));
    const int status = soc != -1 && server_listen(soc, local) == 0 ? serve(soc) : EXIT_FAILURE;
    sock_close(soc);
    return app::shut_down(status);
}
