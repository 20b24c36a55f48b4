/*
 * scheduler.cpp: programs that block, one at a time.
 *
 * Each program has a thread, but only one thread runs at a time: `running_` says which. A blocking call ends in
 * wait(), which drops the stack's lock and returns control to the world; wake() only notes who may run. On the world's
 * own thread (a test that calls sock_recv() itself) waiting means stepping the world.
 */
#include "sim_internal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace microps
{

sim_scheduler::~sim_scheduler() = default;

/* Sleeping and waking */

void sim_scheduler::wait(net_stack &net, sched_waiter &waiter, net_time deadline)
{
    sim_sleeper self{.program = running_, .net = &net, .waiter = &waiter, .deadline = deadline, .since = world_.now()};
    sleepers_.push_back(&self);
    {
        net_unguard unlocked(net);
        if (self.program) {
            suspend(self);
        } else {
            drive(self);
        }
    }
    std::erase(sleepers_, &self);
}

void sim_scheduler::wake(net_stack &, sched_waiter &waiter)
{
    for (sim_sleeper *sleeper : sleepers_) {
        if (sleeper->waiter == &waiter) make_runnable(*sleeper);
    }
}

int sim_scheduler::sleep(net_time deadline)
{
    sim_sleeper self{
        .program = running_, .net = nullptr, .waiter = nullptr, .deadline = deadline, .since = world_.now()};
    const net_stack &net = self.program->host->stack_;
    if (net.interrupted) return net_error(EINTR);
    sleepers_.push_back(&self);
    suspend(self);
    std::erase(sleepers_, &self);
    return net.interrupted ? net_error(EINTR) : 0;
}

void sim_scheduler::make_runnable(sim_sleeper &sleeper)
{
    if (sleeper.woken) return;
    sleeper.woken = true;
    if (sleeper.program) runnable_.push_back(sleeper.program);
}

/** The world's own thread waits by stepping the world. */
void sim_scheduler::drive(sim_sleeper &self)
{
    while (!self.woken) {
        if (world_.step(self.deadline)) continue;
        if (self.deadline != NET_TIME_NEVER) return world_.set_clock(self.deadline);
        std::fprintf(stderr, "sim_world: nothing can happen any more, and these sleep:\n%s", sleepers().c_str());
        break_deadlock();
    }
}

net_time sim_scheduler::next_deadline() const
{
    net_time next = NET_TIME_NEVER;
    for (const sim_sleeper *sleeper : sleepers_) {
        if (!sleeper->woken) next = std::min(next, sleeper->deadline);
    }
    return next;
}

void sim_scheduler::wake_expired(net_time now)
{
    for (sim_sleeper *sleeper : sleepers_) {
        if (sleeper->deadline <= now) make_runnable(*sleeper);
    }
}

bool sim_scheduler::break_deadlock()
{
    for (sim_sleeper *sleeper : sleepers_) {
        if (sleeper->woken || !sleeper->waiter || (sleeper->program && sleeper->program->daemon)) continue;
        sleeper->waiter->error = EDEADLK;
        make_runnable(*sleeper);
        return true;
    }
    return false;
}

/* Switching threads */

void sim_scheduler::suspend(sim_sleeper &self)
{
    sim_program &program = *self.program;
    std::unique_lock<std::mutex> lock(mutex_);
    running_ = nullptr;
    returned_.notify_one();
    program.resumed.wait(lock, [&] { return running_ == &program; });
}

void sim_scheduler::resume(sim_program &program)
{
    {
        std::unique_lock<std::mutex> lock(mutex_);
        running_ = &program;
        program.resumed.notify_one();
        returned_.wait(lock, [&] { return running_ == nullptr; });
    }
    if (!program.done) return;
    program.thread.join();
    std::erase_if(programs_, [&](const std::unique_ptr<sim_program> &p) { return p.get() == &program; });
}

void sim_scheduler::program_main(sim_program &program)
{
    {
        std::unique_lock<std::mutex> lock(mutex_);
        program.resumed.wait(lock, [&] { return running_ == &program; });
    }
    program.body();
    std::unique_lock<std::mutex> lock(mutex_);
    program.done = true;
    running_ = nullptr;
    returned_.notify_one();
}

bool sim_scheduler::run_one()
{
    if (runnable_.empty()) return false;
    sim_program &program = *runnable_.front();
    runnable_.pop_front();
    resume(program);
    return true;
}

/* Programs */

void sim_scheduler::spawn(sim_host &host, std::string name, std::function<void()> body, bool daemon)
{
    programs_.push_back(std::make_unique<sim_program>());
    sim_program &program = *programs_.back();
    program.host = &host;
    program.name = std::move(name);
    program.body = std::move(body);
    program.daemon = daemon;
    program.thread = std::thread([this, &program] { program_main(program); });
    runnable_.push_back(&program);
}

void sim_scheduler::interrupt(sim_host &host)
{
    for (sim_sleeper *sleeper : sleepers_) {
        if (!sleeper->waiter && sleeper->program->host == &host) make_runnable(*sleeper);
    }
}

void sim_scheduler::finish(sim_host &host)
{
    while (busy(host)) {
        for (sim_sleeper *sleeper : sleepers_) {
            if (!sleeper->program || sleeper->program->host != &host) continue;
            if (sleeper->waiter) sleeper->waiter->error = EINTR;
            make_runnable(*sleeper);
        }
        const auto next =
            std::find_if(runnable_.begin(), runnable_.end(), [&](sim_program *p) { return p->host == &host; });
        if (next == runnable_.end()) return;
        sim_program &program = **next;
        runnable_.erase(next);
        resume(program);
    }
}

bool sim_scheduler::busy(const sim_host &host) const
{
    return std::any_of(programs_.begin(), programs_.end(), [&](const auto &p) { return p->host == &host; });
}

bool sim_scheduler::idle() const
{
    return std::all_of(programs_.begin(), programs_.end(), [](const auto &p) { return p->daemon; });
}

std::string sim_scheduler::sleepers() const
{
    std::string text;
    for (const sim_sleeper *s : sleepers_) {
        const std::string who = s->program ? s->program->host->name() + "/" + s->program->name : "the test itself";
        char line[160];
        std::snprintf(line, sizeof(line), "  %s in %s since %.6f s%s\n", who.c_str(),
                      s->waiter ? s->waiter->caller : "sleep",
                      std::chrono::duration<double>(s->since - sim_clock::START).count(),
                      s->deadline == NET_TIME_NEVER ? "" : ", with a deadline");
        text += line;
    }
    return text;
}

/* The log */

sim_log::sim_log(sim_world &world, sim_scheduler &scheduler, log_level level)
    : world_(world), scheduler_(scheduler), before_(log_get_level())
{
    log_set_level(level);
    log_set_sink(this);
}

sim_log::~sim_log()
{
    log_set_sink(nullptr);
    log_set_level(before_);
}

std::chrono::system_clock::time_point sim_log::now() { return world_.clock().wall(); }

void sim_log::write(std::string_view line)
{
    const sim_host *host = scheduler_.current_host();
    std::string text = host ? host->name() + ": " : std::string();
    text += line;
    std::fwrite(text.data(), 1, text.size(), stderr);
}

} // namespace microps
