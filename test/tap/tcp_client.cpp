/*
 * tcp_client.cpp: blocking sockets with time limits; and one loop over poll(2) that sends and receives at once.
 */
#include "tcp_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace microps
{

namespace
{

constexpr int LIMIT_MS = 10000;

sockaddr *as_sockaddr(sockaddr_in &sin) { return static_cast<sockaddr *>(static_cast<void *>(&sin)); }

short wait_for(int fd, short events)
{
    pollfd ready{.fd = fd, .events = events, .revents = 0};
    return poll(&ready, 1, LIMIT_MS) > 0 ? ready.revents : short{0};
}

uint64_t scrambled(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

} // namespace

sockaddr_in kernel_address(const char *addr, uint16_t port)
{
    sockaddr_in sin{};
    sin.sin_family = AF_INET;
    sin.sin_port = htons(port);
    inet_pton(AF_INET, addr, &sin.sin_addr);
    return sin;
}

std::vector<uint8_t> test_stream::next(size_t size)
{
    std::vector<uint8_t> bytes(size);
    for (uint8_t &byte : bytes) {
        byte = static_cast<uint8_t>(scrambled(seed_ + at_ / 8) >> 8 * (at_ % 8));
        at_++;
    }
    return bytes;
}

tcp_client tcp_client::connected_to(uint16_t port)
{
    tcp_client client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{.tv_sec = LIMIT_MS / 1000, .tv_usec = 0};
    setsockopt(client.fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)); /* connect(2) heeds it as well */
    sockaddr_in sin = kernel_address("192.0.2.2", port);
    if (connect(client.fd_, as_sockaddr(sin), sizeof(sin)) == -1) client.error_ = errno;
    return client;
}

tcp_client::tcp_client(tcp_client &&other) noexcept : fd_(std::exchange(other.fd_, -1)), error_(other.error_) {}

tcp_client::~tcp_client()
{
    if (fd_ != -1) close(fd_);
}

bool tcp_client::send(std::string_view text) const
{
    while (!text.empty()) {
        const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (n == -1) return false;
        text.remove_prefix(static_cast<size_t>(n));
    }
    return true;
}

std::string tcp_client::receive(size_t size) const
{
    std::string text;
    std::vector<char> block(65536);
    while (text.size() < size && wait_for(fd_, POLLIN) != 0) {
        const ssize_t n = recv(fd_, block.data(), std::min(block.size(), size - text.size()), 0);
        if (n <= 0) break;
        text.append(block.data(), static_cast<size_t>(n));
    }
    return text;
}

void tcp_client::end_sending() const { shutdown(fd_, SHUT_WR); }

uint64_t tcp_client::echo_stream(uint64_t size, uint64_t seed) const
{
    test_stream out(seed);
    test_stream in(seed);
    std::vector<uint8_t> pending;
    size_t sent = 0; /* of what is pending */
    std::vector<uint8_t> block(262144);
    while (in.position() < size) {
        if (sent == pending.size() && out.position() < size) {
            pending = out.next(std::min<uint64_t>(block.size(), size - out.position()));
            sent = 0;
        }
        const bool more = sent < pending.size();
        const short ready = wait_for(fd_, static_cast<short>(more ? POLLIN | POLLOUT : POLLIN));
        if (ready == 0) break;
        if (more && ready & POLLOUT) {
            const ssize_t n = ::send(fd_, &pending[sent], pending.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n == -1 && errno != EAGAIN) break;
            if (n > 0) sent += static_cast<size_t>(n);
        }
        if (ready & (POLLIN | POLLHUP | POLLERR)) {
            const ssize_t n = recv(fd_, block.data(), block.size(), MSG_DONTWAIT);
            if (n == 0 || (n == -1 && errno != EAGAIN)) break;
            if (n == -1) continue;
            const uint64_t before = in.position();
            if (!std::ranges::equal(in.next(static_cast<size_t>(n)), std::span(block).first(static_cast<size_t>(n)))) {
                return before;
            }
        }
    }
    return in.position();
}

tcp_listener::tcp_listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    sockaddr_in sin = kernel_address("192.0.2.1", 0);
    bind(fd_, as_sockaddr(sin), sizeof(sin));
    listen(fd_, 128);
}

tcp_listener::~tcp_listener() { close(fd_); }

uint16_t tcp_listener::port() const
{
    sockaddr_in sin{};
    socklen_t len = sizeof(sin);
    getsockname(fd_, as_sockaddr(sin), &len);
    return ntohs(sin.sin_port);
}

tcp_client tcp_listener::accept() const
{
    if (wait_for(fd_, POLLIN) == 0) return tcp_client(-1);
    return tcp_client(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
}

} // namespace microps
