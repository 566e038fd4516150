// SPDX-License-Identifier: GPL-3.0-or-later
// What the parts of the emulator tell each other: who runs just now, and what went wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/emulated/emulator.h"

namespace serp::kernels::emulator {

/// The thread that runs, for the memory checker. Blocks are numbered over the whole program, from 1.
struct Running {
  bool inKernel = false, checked = false;
  std::uint32_t block = 0, firstBlock = 1;  // serial of this block, and of the first of its launch
  std::uint32_t epoch = 0;                  // barriers this block has passed
  std::uint32_t warpTime = 0;               // when this lane last took part in a syncWarp
  unsigned thread = 0;
  std::int64_t blockIndex = 0;
  std::size_t stackLow = 0;
  const void* kernel = nullptr;
};
extern Running running;

/// Set while the emulator itself works on a kernel's stack, where the clock must not interrupt it.
extern volatile bool inRuntime;

/// False when enough has been said of this launch, or this: `place` tells repetitions apart.
bool worthSaying(std::uint64_t place);
/// Keeps a sentence, with kernel, block and thread added.
void report(const std::string& what);
inline void report(const std::string& what, std::uint64_t place) {
  if (worthSaying(place)) report(what);
}
/// True when the launch has run for too long.
bool outOfTime();
/// The name of the function that holds an instruction, "?" where the program has no symbols.
std::string functionAt(const void* code);
/// Ends the launch; the running thread is abandoned. Only from a kernel.
[[noreturn]] void stopLaunch();

/// Makes the block's shared memory anew: `bytes` of dynamic memory, no arrays.
void resetShared(std::int64_t bytes);
/// Of the checker: one access by the running thread, or by host code between launches.
void access(const void* memory, std::size_t bytes, bool write, const void* code);
/// Marks a destination of an asynchronous copy as not there yet (false), or as written by the running thread (true).
void asyncArrival(void* shared, std::size_t bytes, bool landed, const void* code);

}  // namespace serp::kernels::emulator
