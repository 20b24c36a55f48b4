/* id_table_test.cpp: numbers of PCBs and sockets. */
#include "base/id_table.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace microps
{
namespace
{

constexpr size_t MAX = 4;

int insert(id_table<int> &table, int value = 0) { return table.insert(std::make_unique<int>(value), MAX); }

/* POSIX open(): a new number is the lowest that is free. */
TEST(IdTable, GivesOutTheLowestFreeNumber)
{
    id_table<int> table;
    for (int expected = 0; expected < 4; expected++) {
        EXPECT_EQ(insert(table, expected), expected);
    }
    table.erase(3);
    table.erase(1);
    EXPECT_EQ(insert(table), 1);
    EXPECT_EQ(insert(table), 3);
}

/* A table that is full refuses, and works again when a number is given back. */
TEST(IdTable, RefusesMoreThanItsLimit)
{
    id_table<int> table;
    for (size_t i = 0; i < MAX; i++) {
        EXPECT_NE(insert(table), -1);
    }
    EXPECT_EQ(insert(table), -1);
    table.erase(2);
    EXPECT_EQ(insert(table), 2);
    EXPECT_EQ(table.size(), MAX);
}

/* A number that is out of range, was never given out, or was given back, leads to nothing. */
TEST(IdTable, FindsOnlyWhatIsThere)
{
    id_table<int> table;
    insert(table, 17);
    ASSERT_NE(table.find(0), nullptr);
    EXPECT_EQ(*table.find(0), 17);
    EXPECT_EQ(table.find(1), nullptr);
    EXPECT_EQ(table.find(-1), nullptr);
    table.erase(0);
    table.erase(0);
    table.erase(99);
    EXPECT_EQ(table.find(0), nullptr);
    EXPECT_EQ(table.size(), 0u);
}

} // namespace
} // namespace microps
