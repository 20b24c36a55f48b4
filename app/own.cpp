/*
 * own.cpp: the place for what is yours: what you register here, the sample programs have. The function is empty; link an
 * object file with one of your own in front of it, or change it.
 */
#include "setup.hpp"

namespace app
{

void own_register(microps::net_stack &) {}

} // namespace app
