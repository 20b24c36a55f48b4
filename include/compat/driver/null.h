/* driver/null.h: the device of this name, in the original's dialect. */
#pragma once

#include "../net.h"
#include "microps/driver/null.hpp"
