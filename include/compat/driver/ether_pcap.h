/* driver/ether_pcap.h: the device of this name, in the original's dialect. */
#pragma once

#include "../net.h"
#include "microps/driver/ether_pcap.hpp"
