/*
 * log_test.cpp: the original's line format, levels, and the sink.
 */
#include "microps/log.hpp"

#include <array>
#include <ctime>
#include <gtest/gtest.h>
#include <string>

namespace microps
{

namespace
{

class string_sink final : public log_sink
{
public:
    std::chrono::system_clock::time_point now() override
    {
        std::tm tm{};
        tm.tm_year = 122;
        tm.tm_mon = 1;
        tm.tm_mday = 7;
        tm.tm_hour = 13;
        tm.tm_min = 4;
        tm.tm_sec = 9;
        tm.tm_isdst = -1;
        return std::chrono::system_clock::from_time_t(std::mktime(&tm)) + std::chrono::milliseconds(87);
    }
    void write(std::string_view line) override { text += line; }

    std::string text;
};

struct Log : ::testing::Test {
    Log()
    {
        log_set_sink(&sink);
        log_set_level(log_level::debug);
    }
    ~Log() override
    {
        log_set_sink(nullptr);
        log_set_level(before);
    }

    log_level before = log_get_level();
    string_sink sink;
};

int calls = 0;
int counted() { return ++calls; }

} // namespace

/* A line has the time, the level, the function, the message and the place in the source, as in the C original. */
TEST_F(Log, LineHasTheOriginalsFormat)
{
    lprintf(log_level::info, "src/ip.cpp", 123, "ip_init", "number %d, text %s", 5, "five");
    EXPECT_EQ(sink.text, "13:04:09.087 [I] ip_init: number 5, text five (src/ip.cpp:123)\n");
}

/* The letters of the levels are E, W, I and D. */
TEST_F(Log, EveryLevelHasItsLetter)
{
    errorf("a");
    warnf("b");
    infof("c");
    debugf("d");
    for (const char *part : {"[E] TestBody: a (", "[W] TestBody: b (", "[I] TestBody: c (", "[D] TestBody: d ("}) {
        EXPECT_NE(sink.text.find(part), std::string::npos) << part << " in " << sink.text;
    }
}

/* The file's name does not tell where the project was built. */
TEST_F(Log, FileIsNamedFromTheProjectsRoot)
{
    errorf("here");
    EXPECT_NE(sink.text.find("(test/unit/log_test.cpp:"), std::string::npos) << sink.text;
}

/* The arguments of a line that is not written are not evaluated, so that the log costs nothing when it is off. */
TEST_F(Log, DisabledLineIsNotWrittenAndEvaluatesNothing)
{
    log_set_level(log_level::warn);
    calls = 0;
    infof("%d", counted());
    debugf("%d", counted());
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(sink.text, "");
    warnf("%d", counted());
    EXPECT_EQ(calls, 1);
    log_set_level(log_level::off);
    errorf("%d", counted());
    EXPECT_EQ(calls, 1);
}

/* A message that is too long is cut; the end of the line, with file and number, is still there. */
TEST_F(Log, OverlongLineIsCutButComplete)
{
    const std::string text(5000, 'x');
    errorf("%s", text.c_str());
    EXPECT_LT(sink.text.size(), 1300u);
    EXPECT_EQ(sink.text.back(), '\n');
    EXPECT_NE(sink.text.find("(test/unit/log_test.cpp:"), std::string::npos);
}

/* Levels have the names that --log and MICROPS_LOG accept. */
TEST_F(Log, LevelsAreParsedByName)
{
    log_level level = log_level::warn;
    EXPECT_TRUE(log_level_parse("debug", level));
    EXPECT_EQ(level, log_level::debug);
    EXPECT_TRUE(log_level_parse("off", level));
    EXPECT_EQ(level, log_level::off);
    EXPECT_FALSE(log_level_parse("loud", level));
    EXPECT_FALSE(log_level_parse("", level));
    EXPECT_EQ(level, log_level::off);
}

/* A dumped header is written without a prefix, so that grep tells it from lines. */
TEST_F(Log, DumpIsWrittenAsItIs)
{
    log_dump("  a: 1\n  b: 2\n");
    EXPECT_EQ(sink.text, "  a: 1\n  b: 2\n");
}

/* A hex dump has the C original's form: offset, sixteen bytes, and the same as text. */
TEST_F(Log, HexdumpShowsOffsetsBytesAndText)
{
    std::array<uint8_t, 18> bytes{};
    for (size_t i = 0; i < bytes.size(); i++) {
        bytes[i] = static_cast<uint8_t>(0x3e + i);
    }
    hexdump_log(bytes);
    EXPECT_EQ(sink.text, "+------+-------------------------------------------------+------------------+\n"
                         "| 0000 | 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d | >?@ABCDEFGHIJKLM |\n"
                         "| 0010 | 4e 4f                                           | NO               |\n"
                         "+------+-------------------------------------------------+------------------+\n");
}

} // namespace microps
