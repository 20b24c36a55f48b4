/*
 * main.cpp: runs the tests; MICROPS_LOG=debug shows the stacks' logs.
 *
 *   --file FILE          runs the tests of one source file
 *   --complete FILE...   runs nothing, and fails if a test is in none of these files, or a file has no test
 */
#include "microps/log.hpp"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace
{

struct located {
    std::string test; /* as a filter */
    std::string file; /* without its folder */
};

std::vector<located> all_tests()
{
    std::vector<located> tests;
    const auto &all = *::testing::UnitTest::GetInstance();
    for (int i = 0; i < all.total_test_suite_count(); i++) {
        const auto &suite = *all.GetTestSuite(i);
        for (int j = 0; j < suite.total_test_count(); j++) {
            const auto &info = *suite.GetTestInfo(j);
            const std::string path = info.file();
            tests.push_back({std::string(suite.name()) + "." + info.name(), path.substr(path.rfind('/') + 1)});
        }
    }
    return tests;
}

int run_file(std::string_view file)
{
    std::string filter;
    for (const auto &each : all_tests()) {
        if (each.file == file) filter += each.test + ":";
    }
    if (filter.empty()) {
        std::fprintf(stderr, "%s: there are no tests in it\n", std::string(file).c_str());
        return 2;
    }
    ::testing::GTEST_FLAG(filter) = filter;
    return RUN_ALL_TESTS();
}

int check_complete(const std::vector<std::string> &files)
{
    const auto tests = all_tests();
    size_t found = 0;
    for (const auto &file : files) {
        const auto here =
            std::count_if(tests.begin(), tests.end(), [&](const auto &each) { return each.file == file; });
        if (here == 0) std::printf("%s: there are no tests in it\n", file.c_str());
        found += static_cast<size_t>(here);
    }
    for (const auto &each : tests) {
        if (std::find(files.begin(), files.end(), each.file) == files.end()) {
            std::printf("%s is in %s, which is not run\n", each.test.c_str(), each.file.c_str());
        }
    }
    std::printf("%zu tests, %zu of them in %zu files\n", tests.size(), found, files.size());
    return found == tests.size() && !tests.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace

int main(int argc, char *argv[])
{
    ::testing::InitGoogleTest(&argc, argv);
    microps::log_level level = microps::log_level::off;
    if (const char *text = std::getenv("MICROPS_LOG"); text && !microps::log_level_parse(text, level)) {
        std::fprintf(stderr, "MICROPS_LOG=%s: use off, error, warn, info or debug\n", text);
        return 2;
    }
    microps::log_set_level(level);
    const std::vector<std::string> args(argv + 1, argv + argc);
    if (args.size() == 2 && args[0] == "--file") return run_file(args[1]);
    if (args.size() > 1 && args[0] == "--complete") return check_complete({args.begin() + 1, args.end()});
    return RUN_ALL_TESTS();
}
