/*
 * tcp_peer_app.cpp: the application above the stack that tcp_peer talks to: socket calls that never block.
 */
#include "microps/sim/tcp_peer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace microps
{

/** Ends each call: the stack sends what it has to send, and the script's clock for within() starts anew. */
ssize_t tcp_peer::app_result(ssize_t result)
{
    app_errno_ = result == -1 ? errno : 0;
    world_.settle();
    step_done();
    return result;
}

void tcp_peer::open_app(tcp_peer_start start)
{
    net_stack &net = host_.net();
    world_.settle();
    if (start == tcp_peer_start::idle) return;
    const int id = sock_open(net, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (start == tcp_peer_start::connecting) {
        app_ = id;
        const sockaddr_in peer = sockaddr_from_endpoint(peer_endpoint());
        app_result(sock_connect(net, id, sockaddr_of(peer), sizeof(peer)));
        return;
    }
    listener_ = id;
    const sockaddr_in local = sockaddr_from_endpoint({IP_ADDR_ANY, stack_port});
    if (app_result(sock_bind(net, id, sockaddr_of(local), sizeof(local))) == -1 ||
        app_result(sock_listen(net, id, options_.backlog)) == -1) {
        fail({}, "the application cannot listen");
        return;
    }
    if (start == tcp_peer_start::connected) establish();
}

bool tcp_peer::app_accept()
{
    const int id = static_cast<int>(app_result(sock_accept4(host_.net(), listener_, nullptr, nullptr, SOCK_NONBLOCK)));
    if (id != -1) app_ = id;
    return id != -1;
}

std::string tcp_peer::app_read(size_t limit)
{
    std::string all;
    std::array<char, 4096> part{};
    app_eof_ = false;
    while (all.size() < limit) {
        const size_t want = std::min(part.size(), limit - all.size());
        const ssize_t n = app_result(sock_recv(host_.net(), app_, part.data(), want, MSG_DONTWAIT));
        app_eof_ = n == 0;
        if (n <= 0) break;
        all.append(part.data(), static_cast<size_t>(n));
    }
    return all;
}

ssize_t tcp_peer::app_write(std::string_view text)
{
    return app_result(sock_send(host_.net(), app_, text.data(), text.size(), MSG_DONTWAIT));
}

int tcp_peer::app_shutdown(int how) { return static_cast<int>(app_result(sock_shutdown(host_.net(), app_, how))); }

int tcp_peer::app_close()
{
    const int result = static_cast<int>(app_result(sock_close(host_.net(), app_)));
    app_ = -1;
    return result;
}

int tcp_peer::app_error()
{
    int error = 0;
    socklen_t size = sizeof(error);
    app_result(sock_getsockopt(host_.net(), app_, SOL_SOCKET, SO_ERROR, &error, &size));
    return error;
}

short tcp_peer::app_poll(short events)
{
    pollfd fd{.fd = app_, .events = events, .revents = 0};
    app_result(sock_poll(host_.net(), &fd, 1, 0));
    return fd.revents;
}

} // namespace microps
