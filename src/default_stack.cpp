/*
 * default_stack.cpp: the stack of programs that want one and no more.
 */
#include "microps/default_stack.hpp"

#include <memory>

namespace microps
{

net_stack &net_default()
{
    /* Made when first asked for; never destroyed, for a thread may still be in it when the process ends. */
    static net_stack &net = *std::make_unique<net_stack>().release();
    return net;
}

} // namespace microps
