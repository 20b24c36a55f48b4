#include "microps/udp.hpp"
namespace microps { void udp_init(net_stack &) {} }
