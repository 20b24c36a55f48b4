/*
 * checksum_escape.cpp: how much damage gets past the Internet checksum.
 *
 * A flipped bit is always found. Several flips per frame are found but for about one frame in 65,536: a 16-bit sum
 * cannot do better, and so wrong bytes reach the user. This program counts them; it proves nothing about our code and
 * is not among the tests. Arguments: bits flipped per damaged frame (default 4), seeds (default 200).
 */
#include "sim/transfers.hpp"

#include <cstdio>
#include <cstdlib>

int main(int argc, char *argv[])
{
    microps::transfer_plan plan;
    plan.corrupt_bits = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 4;
    plan.corrupt_max = 0.5;
    plan.drop_max = 0;
    const uint64_t seeds = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 200;

    uint64_t frames = 0;
    uint64_t damaged = 0;
    uint64_t bytes = 0;
    uint64_t wrong = 0;
    uint64_t runs_with_wrong_bytes = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        const microps::transfer_result result = run_transfers(seed, plan);
        frames += result.frames;
        damaged += result.corrupted;
        bytes += result.bytes;
        wrong += result.wrong_bytes;
        runs_with_wrong_bytes += result.wrong_bytes > 0 ? 1 : 0;
    }
    std::printf(
        "%llu seeds, %llu frames, %llu damaged by %u flipped bits each, %llu bytes delivered, %llu of them wrong, "
        "in %llu runs\n",
        static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(frames),
        static_cast<unsigned long long>(damaged), plan.corrupt_bits, static_cast<unsigned long long>(bytes),
        static_cast<unsigned long long>(wrong), static_cast<unsigned long long>(runs_with_wrong_bytes));
    return 0;
}
