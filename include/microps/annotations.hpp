/*
 * annotations.hpp: who must hold the stack's lock, as clang's thread-safety analysis checks it.
 *
 * One role, `net_locked`, stands for "this thread holds the lock of the stack it works on". One role cannot tell two
 * stacks apart; net_assert_locked() (stack.hpp) checks that part at run time.
 */
#pragma once

#if defined(__clang__)
#define MICROPS_ANNOTATE(x) __attribute__((x))
#else
#define MICROPS_ANNOTATE(x)
#endif

#define MICROPS_CAPABILITY(name) MICROPS_ANNOTATE(capability(name))
#define MICROPS_SCOPED_CAPABILITY MICROPS_ANNOTATE(scoped_lockable)
#define MICROPS_GUARDED_BY(role) MICROPS_ANNOTATE(guarded_by(role))
#define MICROPS_REQUIRES(role) MICROPS_ANNOTATE(requires_capability(role))
#define MICROPS_EXCLUDES(role) MICROPS_ANNOTATE(locks_excluded(role))
#define MICROPS_ACQUIRE(...) MICROPS_ANNOTATE(acquire_capability(__VA_ARGS__))
#define MICROPS_RELEASE(...) MICROPS_ANNOTATE(release_capability(__VA_ARGS__))
#define MICROPS_ASSERT_HELD(role) MICROPS_ANNOTATE(assert_capability(role))
#define MICROPS_NO_ANALYSIS MICROPS_ANNOTATE(no_thread_safety_analysis)

namespace microps
{

struct MICROPS_CAPABILITY("role") net_lock_role {
};

/** The lock of the stack that the current function works on. */
inline constexpr net_lock_role net_locked{};

} // namespace microps
