/* driver/loopback.h: the device of this name, in the original's dialect. */
#pragma once

#include "../net.h"
#include "microps/driver/loopback.hpp"
