/*
 * stdio.hpp: standard input and output for programs that copy them from and to a socket.
 *
 * The stack's sock_poll() watches sockets only, so one thread reads standard input while another one writes standard
 * output. stdio_cancel() ends both, whatever they wait for.
 */
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <sys/types.h>

namespace app
{

/** Prepares stdio_cancel(). Returns 0, or -1 with errno. */
int stdio_init();
/** Makes every stdin_read() and stdout_write(), now and later, return -1 with ECANCELED. Async-signal-safe. */
void stdio_cancel();

/** Reads what is there, waiting for the first byte. Returns the bytes read, 0 at the end of input, -1 with errno. */
ssize_t stdin_read(std::span<uint8_t> data);
/** Writes all of it. Returns 0, or -1 with errno. */
int stdout_write(std::span<const uint8_t> data);
/** Waits for @p time. Returns 0, or -1 with errno ECANCELED. */
int stdio_wait(std::chrono::nanoseconds time);
/** Whether a person types the input. */
bool stdin_is_terminal();

} // namespace app
