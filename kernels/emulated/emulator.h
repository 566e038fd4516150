// SPDX-License-Identifier: GPL-3.0-or-later
// Runs CUDA kernels on a CPU, for tests: blocks one after another, every thread of a block a fibre that stops at
// barriers and warp operations. Says nothing about speed; a barrier that not all threads reach ends the program with a
// message.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>

namespace serp::kernels::emulator {

unsigned threadX();
std::int64_t blockX();
void syncThreads();
/// Dynamic shared memory of the running block; filled with NaN at its start.
void* sharedMemory();

/// Publishes a value to the warp, waits until all its living threads have, and returns what lane `from` published.
std::uint64_t exchange(std::uint64_t value, unsigned from);
unsigned ballot(bool predicate);

template <class T>
T fromLane(T value, unsigned lane) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(bits, lane);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
T shuffleXor(T value, unsigned mask) {
  return fromLane(value, (threadX() % 32) ^ mask);
}

/// Runs `kernel` for every thread of every block. Not from within a kernel, and from one thread at a time.
void run(std::int64_t blocks, int threads, std::int64_t sharedBytes, const std::function<void()>& kernel);

/// The order in which threads and blocks run: 0 as numbered; with any other seed blocks and lanes are shuffled and one
/// warp runs ahead of the others. Right kernels give the same bits.
void setOrder(unsigned seed);

}  // namespace serp::kernels::emulator
