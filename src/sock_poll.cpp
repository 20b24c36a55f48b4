/*
 * sock_poll.cpp: waiting for any of several sockets, level-triggered.
 *
 * The call checks its sockets under the lock and sleeps on the stack's `activity`, which every sched_wakeup() wakes.
 * The lock is held from the check to the sleep, so no event is missed.
 */
#include "sock_internal.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

namespace microps
{

namespace
{

/** The sockets of one call, held while it sleeps. */
class poll_set
{
public:
    poll_set(net_stack &net, std::span<pollfd> fds) MICROPS_REQUIRES(net_locked) : net_(net), fds_(fds)
    {
        for (const pollfd &fd : fds_) {
            sock *s = sock_get(net_, fd.fd);
            if (s) s->users++;
            socks_.push_back(s);
        }
    }
    ~poll_set() MICROPS_REQUIRES(net_locked)
    {
        for (sock *s : socks_) {
            if (s) sock_leave(net_, *s);
        }
    }
    poll_set(const poll_set &) = delete;
    poll_set &operator=(const poll_set &) = delete;

    /** Fills in all revents. Returns how many are not zero. */
    int look() MICROPS_REQUIRES(net_locked)
    {
        int ready = 0;
        for (size_t i = 0; i < fds_.size(); i++) {
            fds_[i].revents = fds_[i].fd < 0 ? short{0} : events(socks_[i], fds_[i].events);
            if (fds_[i].revents) ready++;
        }
        return ready;
    }

private:
    static short events(const sock *s, short wanted) MICROPS_REQUIRES(net_locked)
    {
        if (!s || !s->open) return POLLNVAL;
        const int unasked = POLLERR | POLLHUP | POLLNVAL; /* POSIX: reported whether wanted or not */
        return static_cast<short>(s->endpoint->poll() & (wanted | unasked));
    }

    net_stack &net_;
    std::span<pollfd> fds_;
    std::vector<sock *> socks_{};
};

} // namespace

int sock_poll(net_stack &net, pollfd *fds, nfds_t count, int timeout)
{
    net_guard guard(net);
    if (count > SOCK_MAX) return net_error(EINVAL);
    if (!fds && count > 0) return net_error(EFAULT);
    if (!net.core) return net_error(ENETDOWN);
    const net_time deadline = timeout < 0 ? NET_TIME_NEVER : net.clock.now() + std::chrono::milliseconds(timeout);
    poll_set set(net, {fds, count});
    for (;;) {
        const int ready = set.look();
        if (ready > 0 || timeout == 0) return ready;
        if (sched_sleep(net, net.activity, guard, deadline) == 0) continue;
        return errno == ETIMEDOUT ? 0 : -1;
    }
}

} // namespace microps
