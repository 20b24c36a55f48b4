/*
 * tcp_client.hpp: TCP sockets of the kernel, for tests of the sample programs: everything with an upper bound of time.
 */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <poll.h>

namespace microps
{

/** An address for the kernel's socket calls. */
sockaddr_in kernel_address(const char *addr, uint16_t port);

/** A stream of bytes that can be made, and checked, at any place: byte i is a function of i and the seed. */
class test_stream
{
public:
    explicit test_stream(uint64_t seed) : seed_(seed) {}
    /** The next @p size bytes. */
    std::vector<uint8_t> next(size_t size);
    [[nodiscard]] uint64_t position() const { return at_; }

private:
    uint64_t seed_;
    uint64_t at_ = 0;
};

/** A kernel socket that is connected, or listens. */
class tcp_client
{
public:
    /** Connects to 192.0.2.2; ok() tells whether that worked, error() why not. */
    [[nodiscard]] static tcp_client connected_to(uint16_t port);
    /** Owns a connected socket. */
    explicit tcp_client(int fd) : fd_(fd) {}
    tcp_client(tcp_client &&other) noexcept;
    ~tcp_client();
    tcp_client(const tcp_client &) = delete;
    tcp_client &operator=(const tcp_client &) = delete;

    [[nodiscard]] bool ok() const { return error_ == 0; }
    [[nodiscard]] int error() const { return error_; }
    [[nodiscard]] int fd() const { return fd_; }

    /** Sends all of it. */
    [[nodiscard]] bool send(std::string_view text) const;
    /** Receives exactly @p size bytes, or fewer when the peer ends or ten seconds pass without a byte. */
    [[nodiscard]] std::string receive(size_t size) const;
    /** Whether the peer has ended the stream, and nothing was left in it. */
    [[nodiscard]] bool at_end() const { return receive(1).empty(); }
    void end_sending() const;

    /**
     * Sends @p size bytes while it receives what comes back, which must be the same.
     * Returns how many of them came back right.
     */
    [[nodiscard]] uint64_t echo_stream(uint64_t size, uint64_t seed) const;

private:
    int fd_;
    int error_ = 0;
};

/** A kernel socket that listens at 192.0.2.1. */
class tcp_listener
{
public:
    tcp_listener();
    ~tcp_listener();
    tcp_listener(const tcp_listener &) = delete;
    tcp_listener &operator=(const tcp_listener &) = delete;

    [[nodiscard]] uint16_t port() const;
    /** Waits ten seconds at most. */
    [[nodiscard]] tcp_client accept() const;

private:
    int fd_;
};

} // namespace microps
