/* driver/loopback.h: the device of this name, in the original's dialect. */
#pragma once

#include "microps/driver/loopback.hpp"
#include "../net.h"
