/* driver/ether_tap.h: the device of this name, in the original's dialect. */
#pragma once

#include "microps/driver/ether_tap.hpp"
#include "../net.h"
