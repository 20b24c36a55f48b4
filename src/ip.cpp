#include "microps/ip.hpp"
namespace microps { void ip_init(net_stack &) {} }
