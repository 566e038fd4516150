// SPDX-License-Identifier: GPL-3.0-or-later
// Runs CUDA kernels on a CPU, for tests: blocks one after another, every thread of a block a fibre that stops at
// barriers and warp operations. Says nothing about speed.
//
// What would hang or be undefined on a card ends the launch and is kept as a sentence: see takeErrors(). Kernels that
// were compiled with SERP_CHECKED (see kernels/CMakeLists.txt) have every access to memory watched as well: races,
// bounds, uninitialised reads. One launch at a time, from one thread, not from within a kernel.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace serp::kernels::emulator {

/// A line of a kernel; filled in by default arguments at the place of the call.
struct Site {
  const char* file = "?";
  int line = 0;
};

// --- for kernels, through kernels/cuda/device.h --------------------------------------------------------------------

inline constexpr unsigned kAllLanes = 0xffffffffu;

unsigned threadX();
std::int64_t blockX();
void syncThreads(const char* file = __builtin_FILE(), int line = __builtin_LINE());
void syncWarp(unsigned members = kAllLanes, const char* file = __builtin_FILE(), int line = __builtin_LINE());
unsigned ballot(bool predicate, unsigned members = kAllLanes, const char* file = __builtin_FILE(),
                int line = __builtin_LINE());
/// Publishes a value to the lanes of `members`, waits until all of them have, and returns what lane `from` published.
std::uint64_t exchange(std::uint64_t value, unsigned from, unsigned members, Site);

template <class T>
T fromLane(T value, unsigned lane, unsigned members = kAllLanes, const char* file = __builtin_FILE(),
           int line = __builtin_LINE()) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t) && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof value);
  bits = exchange(bits, lane % 32, members, {file, line});
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
T shuffleXor(T value, unsigned mask, unsigned members = kAllLanes, const char* file = __builtin_FILE(),
             int line = __builtin_LINE()) {
  return fromLane(value, (threadX() % 32) ^ mask, members, file, line);
}

/// Dynamic shared memory of the running block; NaN, and counted as uninitialised, at the block's start.
void* sharedMemory();
/// The block's array that belongs to `key` (one per call site); a gap lies behind each.
void* sharedArray(const void* key, std::int64_t bytes);

/// Asynchronous copy of 16 bytes into shared memory: they arrive when their group is waited for, not before.
void copyAsync16(void* shared, const void* global);
void commitCopies();
/// Waits until at most `groups` of this thread's committed groups are still on their way.
void waitCopies(int groups);

// --- for launch() --------------------------------------------------------------------------------------------------

struct Grid {
  std::int64_t blocks = 0;
  int threads = 0;
  std::int64_t sharedBytes = 0;
  bool checked = false;          ///< the kernel was compiled with the memory checker
  const void* kernel = nullptr;  ///< for its name
};
using Call = void (*)(void* context);
/// Runs `call(context)` for every thread of every block. False if anything was wrong: takeErrors() says what.
bool run(const Grid&, Call call, void* context);

// --- for tests -----------------------------------------------------------------------------------------------------

/// The order in which threads and blocks run: as numbered, backwards, or, with any other number, shuffled from that
/// seed. Right kernels give the same bits.
inline constexpr unsigned kForward = 0, kReverse = ~0u;
void setOrder(unsigned seed);
/// CPU seconds after which a launch counts as endless; 60 unless set.
void setTimeout(double seconds);
/// What went wrong since the last call, one sentence each.
std::vector<std::string> takeErrors();
/// The compute capability whose limits hold is 8.6: what fits it fits all cards that we compile for.
inline constexpr std::int64_t kMostSharedBytes = 99 * 1024;
inline constexpr int kMostThreads = 1024;

/// Device memory: registered with the checker, filled with NaN, uninitialised until it is written. `element` is the
/// size of one element, the grain in which conflicts are looked for.
void* allocate(std::int64_t bytes, int element);
void release(void* memory);
/// Between host and device memory; the bytes lie in one buffer.
void copyIn(void* device, const void* host, std::int64_t bytes);
void copyOut(void* host, const void* device, std::int64_t bytes);
/// True if [memory, memory + bytes) lies in one buffer.
bool isDevice(const void* memory, std::int64_t bytes);

}  // namespace serp::kernels::emulator
