/*
 * world.cpp: the event loop: the earliest event, the clock, and the order of things that happen at the same time.
 *
 * At one moment first programs run, in the order in which they were woken; then events of wires and of the test in
 * the order in which they were scheduled; then the hosts' stacks in the order of their construction; then sleepers'
 * deadlines. Nothing here depends on the machine, so that a world with the same seed repeats itself.
 */
#include "microps/sim/world.hpp"

#include "microps/sim/host.hpp"
#include "sim_internal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace microps
{

/* So many turns at one moment mean that a stack asks for another turn for ever. */
static constexpr unsigned TURNS_AT_ONE_MOMENT_MAX = 1000000;
static constexpr size_t REPORT_FRAMES = 80;

sim_world::sim_world(uint64_t seed) : seed_(seed), random_(seed), scheduler_(std::make_unique<sim_scheduler>(*this)) {}

sim_world::~sim_world() = default;

uint64_t sim_world::derive_seed() { return random_.u64(); }

net_scheduler &sim_world::scheduler() { return *scheduler_; }

/* Events */

void sim_world::schedule(net_time at, const void *owner, std::function<void()> action)
{
    events_.emplace(std::pair(at, event_order_++), event{std::move(action), owner});
}

void sim_world::forget(const void *owner)
{
    std::erase_if(events_, [owner](const auto &entry) { return entry.second.owner == owner; });
}

void sim_world::after(net_duration span, std::function<void()> action)
{
    schedule(now() + span, nullptr, std::move(action));
}

void sim_world::set_clock(net_time at)
{
    if (at <= clock_.now_) return;
    clock_.now_ = at;
    turns_ = 0;
}

bool sim_world::take_event()
{
    const auto first = events_.begin();
    const std::function<void()> action = std::move(first->second.action);
    events_.erase(first);
    action();
    return true;
}

void sim_world::hosts_touched()
{
    for (sim_host *host : hosts_) {
        host->start();
        host->deadline_known_ = false;
    }
}

sim_host *sim_world::earliest_host()
{
    sim_host *earliest = nullptr;
    for (sim_host *host : hosts_) {
        if (!earliest || host->deadline() < earliest->deadline()) earliest = host;
    }
    return earliest;
}

bool sim_world::advance(net_time limit)
{
    if (scheduler_->run_one()) {
        hosts_touched();
        return true;
    }
    sim_host *host = earliest_host();
    const net_time host_at = host ? host->deadline() : NET_TIME_NEVER;
    const net_time event_at = events_.empty() ? NET_TIME_NEVER : events_.begin()->first.first;
    const net_time sleeper_at = scheduler_->next_deadline();
    const net_time at = std::min({host_at, event_at, sleeper_at});
    if (at == NET_TIME_NEVER || at > limit) return false;

    set_clock(at);
    if (++turns_ > TURNS_AT_ONE_MOMENT_MAX) {
        fail({}, "the world stands still: something is due again and again at this moment\n" + report());
        std::abort();
    }
    if (event_at <= at) return take_event();
    if (host_at <= at) {
        host->poll();
        return true;
    }
    scheduler_->wake_expired(now());
    return true;
}

/* What tests call */

void sim_world::assert_outside() const
{
    if (!scheduler_->in_program()) return;
    errorf("a program inside the world cannot step it: it sleeps instead (sim_world::sleep)");
    std::abort();
}

bool sim_world::step(net_time limit)
{
    assert_outside();
    hosts_touched();
    return advance(limit);
}

void sim_world::run_for(net_duration span)
{
    assert_outside();
    hosts_touched();
    const net_time end = now() + span;
    while (advance(end)) {
    }
    set_clock(end);
}

bool sim_world::run_until(const std::function<bool()> &done, net_duration limit)
{
    assert_outside();
    const net_time end = now() + limit;
    while (!done()) {
        hosts_touched(); /* done() may have called anything */
        if (advance(end)) continue;
        const std::string who = sleepers();
        if (!who.empty()) std::fprintf(stderr, "sim_world: nothing more happens, and these sleep:\n%s", who.c_str());
        return false;
    }
    return true;
}

bool sim_world::run(net_duration limit)
{
    assert_outside();
    hosts_touched();
    const net_time end = now() + limit;
    bool broken = false;
    for (;;) {
        if (advance(end)) continue;
        if (next_at() != NET_TIME_NEVER) return false; /* something is due after the limit */
        if (scheduler_->idle()) return !broken;
        broken = true;
        std::fprintf(stderr, "sim_world: nothing can happen any more, and these sleep:\n%s", sleepers().c_str());
        if (!scheduler_->break_deadlock()) return false;
    }
}

net_time sim_world::next_at()
{
    sim_host *host = earliest_host();
    const net_time event_at = events_.empty() ? NET_TIME_NEVER : events_.begin()->first.first;
    return std::min({host ? host->deadline() : NET_TIME_NEVER, event_at, scheduler_->next_deadline()});
}

int sim_world::sleep(net_duration span)
{
    if (scheduler_->in_program()) return scheduler_->sleep(now() + span);
    run_for(span);
    return 0;
}

/* Reports */

std::string sim_world::sleepers() const { return scheduler_->sleepers(); }

std::string sim_world::report() const
{
    char line[96];
    std::snprintf(line, sizeof(line), "world: seed %llu, time %.6f s, %llu frames\n",
                  static_cast<unsigned long long>(seed_), std::chrono::duration<double>(clock_.elapsed()).count(),
                  static_cast<unsigned long long>(trace_.frames()));
    return line + sleepers() + trace_.text(REPORT_FRAMES);
}

void sim_world::log(log_level level)
{
    log_.reset();
    log_ = std::make_unique<sim_log>(*this, *scheduler_, level);
}

void sim_world::on_failure(sim_failure_handler handler) { failure_handler_ = std::move(handler); }

void sim_world::fail(const sim_site &site, const std::string &text)
{
    failures_++;
    if (failure_handler_) {
        failure_handler_(site, text);
    } else {
        std::fprintf(stderr, "%s:%d: %s\n", site.file, site.line, text.c_str());
    }
}

} // namespace microps
