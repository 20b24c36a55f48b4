/*
 * udps.cpp: a UDP echo server (RFC 862): every datagram goes back to its sender.
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

static constexpr size_t DATAGRAM_SIZE_MAX = 65535;

/** Serves until a signal comes. */
static int serve(int soc)
{
    std::vector<uint8_t> buffer(DATAGRAM_SIZE_MAX);
    for (;;) {
        sockaddr foreign{};
        socklen_t length = sizeof(foreign);
        const ssize_t received = sock_recvfrom(soc, buffer.data(), buffer.size(), &foreign, &length);
        if (received == -1) {
            if (app::terminated()) return EXIT_SUCCESS;
            errorf("sock_recvfrom() failure: %s", std::strerror(errno));
            return EXIT_FAILURE;
        }
        const auto datagram = std::span(buffer).first(static_cast<size_t>(received));
        infof("%zu bytes data from %s", datagram.size(), app::sockaddr_str(foreign).c_str());
        if (log_enabled(log_level::debug)) hexdump_log(datagram);
        if (sock_sendto(soc, datagram.data(), datagram.size(), &foreign, length) == -1)
            warnf("sock_sendto() failure: %s, foreign=%s", std::strerror(errno), app::sockaddr_str(foreign).c_str());
    }
}

int main(int argc, char *argv[])
{
    app::common_options options;
    const app::program prog = {
        .arguments = "[addr] port",
        .purpose = "UDP echo server: serves until Ctrl-C.",
        .arguments_min = 1,
        .arguments_max = 2,
    };
    const sockaddr local = app::local_argument(app::options_parse(argc, argv, prog, options));
    if (app::setup(options) == -1) return app::shut_down(EXIT_FAILURE);

    int status = EXIT_FAILURE;
    const int soc = sock_open(AF_INET, SOCK_DGRAM, 0);
    if (soc == -1) {
        errorf("sock_open() failure: %s", std::strerror(errno));
    } else if (sock_bind(soc, &local, sizeof(local)) == -1) {
        errorf("sock_bind() failure: %s, addr=%s", std::strerror(errno), app::sockaddr_str(local).c_str());
    } else {
        status = serve(soc);
    }
    sock_close(soc);
    return app::shut_down(status);
}
