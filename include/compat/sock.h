/*
 * sock.h: sockets in the original's dialect. Types and numbers are POSIX'; address lengths may be int or socklen_t.
 */
#pragma once

#include "ip.h"
#include "microps/sock.hpp"

/* So that `addr.sin_addr = INADDR_ANY` is right, which with POSIX' plain number would not compile. */
#undef INADDR_ANY
#define INADDR_ANY ::microps::IP_ADDR_ANY
