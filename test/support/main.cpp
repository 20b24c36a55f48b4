/*
 * main.cpp: runs the tests; MICROPS_LOG=debug shows the stacks' logs.
 */
#include "microps/log.hpp"

#include <cstdlib>
#include <gtest/gtest.h>

int main(int argc, char *argv[])
{
    ::testing::InitGoogleTest(&argc, argv);
    microps::log_level level = microps::log_level::off;
    if (const char *text = std::getenv("MICROPS_LOG"); text && !microps::log_level_parse(text, level)) {
        std::fprintf(stderr, "MICROPS_LOG=%s: use off, error, warn, info or debug\n", text);
        return 2;
    }
    microps::log_set_level(level);
    return RUN_ALL_TESTS();
}
