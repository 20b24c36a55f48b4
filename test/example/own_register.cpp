/* What a sample program has besides the library's own: the congestion control of docs/simulation.md. */
#include "fixed_window.hpp"
#include "setup.hpp"

void app::own_register(microps::net_stack &net) { fixed_window_register(net); }
