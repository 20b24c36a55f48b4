/*
 * datagram.hpp: what UDP and ping sockets have in common: a bounded queue of received datagrams, a peer, a pending
 * error, and calls that wait for a datagram.
 *
 * They differ in what identifies the PCB of a received datagram (a port, an Echo identifier), and in bind and send. A
 * PCB that is closed while a call sleeps on it stays in the state "closing" until its socket releases it.
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/stack.hpp"
#include "sock_endpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <span>
#include <sys/types.h>
#include <vector>

namespace microps
{

/** A datagram in a receive queue. */
struct datagram {
    ip_received about{};
    std::vector<uint8_t> data{};
};

/** Received datagrams, oldest first. The bound is in bytes and includes the overhead of each datagram. */
class datagram_queue
{
public:
    /** Appends a datagram. Returns false if the queue would exceed @p limit bytes. */
    [[nodiscard]] bool push(datagram &&received, size_t limit);
    [[nodiscard]] const datagram &front() const { return datagrams_.front(); }
    void pop();
    void clear();

    [[nodiscard]] bool empty() const { return datagrams_.empty(); }
    [[nodiscard]] size_t bytes() const { return bytes_; }

private:
    static size_t cost(const datagram &received) { return sizeof(datagram) + received.data.size(); }

    std::deque<datagram> datagrams_{};
    size_t bytes_ = 0;
};

/** States as in the original; a free PCB does not exist. */
enum class datagram_state { open = 1, closing = 2 };

struct datagram_pcb;
/** Owns the PCBs of a layer. */
using datagram_pcb_list = std::list<std::unique_ptr<datagram_pcb>>;

struct datagram_pcb : sock_endpoint {
    datagram_pcb(net_stack &net_, datagram_pcb_list &owner) : sock_endpoint(net_), pcbs(owner) {}

    int connect(net_guard &guard, const ip_endpoint &peer, int flags, net_time deadline) override
        MICROPS_REQUIRES(net_locked);
    int disconnect() override MICROPS_REQUIRES(net_locked);
    ssize_t receive(net_guard &guard, std::span<uint8_t> data, ip_received *from, int flags, net_time deadline) override
        MICROPS_REQUIRES(net_locked);
    int shutdown(int how) override MICROPS_REQUIRES(net_locked);
    int close(net_guard &guard) override MICROPS_REQUIRES(net_locked);
    void release() override MICROPS_REQUIRES(net_locked);
    [[nodiscard]] short poll() const override MICROPS_REQUIRES(net_locked);
    [[nodiscard]] bool has_peer() const override MICROPS_REQUIRES(net_locked) { return connected; }
    [[nodiscard]] ssize_t pending() const override MICROPS_REQUIRES(net_locked);

    /** Gives a PCB without local port (or identifier) a free one. Returns 0, or -1: EAGAIN. */
    virtual int port_assign() MICROPS_REQUIRES(net_locked) = 0;
    /** Removes the PCB from the table in which input finds it, and sets its port to 0. */
    virtual void port_detach() MICROPS_REQUIRES(net_locked) = 0;

    datagram_pcb_list &pcbs;
    datagram_pcb_list::iterator self{}; /* its position in `pcbs` */
    datagram_state state = datagram_state::open;
    bool connected = false;
    bool addr_bound = false; /* the user has bound local.addr, so disconnect() keeps it */
    bool port_bound = false; /* the same for local.port */
    bool read_shut = false;
    bool write_shut = false;
    datagram_queue queue{};
};

/** A new PCB in the list of its layer, or null with errno EMFILE if there are @p max already. */
template <typename T>
T *datagram_pcb_alloc(net_stack &net, datagram_pcb_list &pcbs, size_t max)
{
    if (pcbs.size() >= max) {
        net_error(EMFILE);
        return nullptr;
    }
    auto owned = std::make_unique<T>(net, pcbs);
    T *pcb = owned.get();
    pcb->self = pcbs.insert(pcbs.end(), std::move(owned));
    return pcb;
}

/** Notes that the user has bound the PCB to @p addr (or "any") and to a port. */
void datagram_bound(datagram_pcb &pcb, ip_addr_t addr) MICROPS_REQUIRES(net_locked);
/** Queues a copy of @p data and wakes waiting calls. Returns false if the queue would exceed @p limit bytes. */
[[nodiscard]] bool datagram_deliver(datagram_pcb &pcb, const ip_rx &rx, be16 port, std::span<const uint8_t> data,
                                    size_t limit) MICROPS_REQUIRES(net_locked);
/**
 * Takes an ICMP error about a datagram of the PCB, whose errno is @p reason: learns the path MTU from it. Returns false
 * if nothing of ours can have caused it.
 */
[[nodiscard]] bool datagram_take_error(const datagram_pcb &pcb, const ip_error &error, int reason)
    MICROPS_REQUIRES(net_locked);
/** Sets the pending error, which the next call returns, and wakes waiting calls. */
void datagram_fail(datagram_pcb &pcb, int error) MICROPS_REQUIRES(net_locked);

/** For sock_open(): a ping socket's endpoint, as udp_open() makes that of a UDP socket. */
sock_endpoint *icmp_open(net_stack &net) MICROPS_REQUIRES(net_locked);

} // namespace microps
