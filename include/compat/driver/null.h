/* driver/null.h: the device of this name, in the original's dialect. */
#pragma once

#include "microps/driver/null.hpp"
#include "../net.h"
