/*
 * kernel_side.hpp: the kernel's end of a tap or tun device: whether it is there, and making it when it is not.
 */
#pragma once

#include "options.hpp"

namespace app
{

enum class kernel_side {
    error, /* it is not there and cannot be made; logged */
    found, /* it was there before */
    made,  /* it is there now; kernel_side_release() lets it go with the program */
};

/**
 * Looks for the interface of a tap or tun device; makes it if it is missing and gives it the gateway's address, so
 * that the kernel is the neighbour the stack talks to.
 */
kernel_side kernel_side_prepare(const common_options &options);
/** The interface that was made shall vanish when @p fd, the driver's descriptor, is closed; at once if that is -1. */
void kernel_side_release(const common_options &options, int fd);

} // namespace app
