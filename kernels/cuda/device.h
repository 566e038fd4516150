// SPDX-License-Identifier: GPL-3.0-or-later
// All that a .cu file of ours may use of the device, in two meanings: CUDA's, and the CPU emulation's for tests.
//
// Rules for kernels: one-dimensional grids and blocks; blocks are multiples of 32 and whole warps reach every shuffle;
// shared memory comes from dynShared() or SERP_SHARED and counts as uninitialised; no atomics, no global variables, no
// waiting for another block, no same-value writes of several threads.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/checks.h"
#include "kernels/cuda.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#define SERP_KERNEL __global__ void
/// A kernel for blocks of `threads`, of which at least `blocks` are to fit on a multiprocessor.
#define SERP_KERNEL_OF(threads, blocks) __global__ void __launch_bounds__(threads, blocks)
#define SERP_FN __device__ __forceinline__
/// Before a loop over a register array: its indices must be constants.
#define SERP_UNROLL _Pragma("unroll")
/// Before a loop that would otherwise keep too many loads, and their registers, in flight.
#define SERP_UNROLL_BY_4 _Pragma("unroll 4")
/// A shared array of the block, of a size known when compiling, aligned for 16-byte accesses.
#define SERP_SHARED(T, name, count) __shared__ __align__(16) T name[count]
#else
#include <bit>
#include <tuple>
#include <utility>

#include "kernels/emulated/emulator.h"

#define SERP_KERNEL void
#define SERP_KERNEL_OF(threads, blocks) void
#define SERP_FN inline
#define SERP_UNROLL
#define SERP_UNROLL_BY_4
#define SERP_SHARED(T, name, count)                                           \
  T(&name)                                                                    \
  [count] = *static_cast<T(*)[count]>(::serp::kernels::emulator::sharedArray( \
      [] {                                                                    \
        static const char key = 0;                                            \
        return &key;                                                          \
      }(),                                                                    \
      sizeof(T) * (count)))
#endif

namespace serp::kernels::SERP_GPU {

struct Launch {
  std::int64_t blocks = 0;
  int threads = 0;
  std::int64_t sharedBytes = 0;
  Stream stream{};
};

#ifdef __CUDACC__

SERP_FN unsigned threadX() {
  return threadIdx.x;
}
SERP_FN std::int64_t blockX() {
  return blockIdx.x;
}
SERP_FN void syncThreads() {
  __syncthreads();
}
/// Orders the accesses of the lanes of a warp.
SERP_FN void syncWarp(unsigned members = 0xffffffffu) {
  __syncwarp(members);
}
template <class T>
SERP_FN T shuffleXor(T value, unsigned mask, unsigned members = 0xffffffffu) {
  return __shfl_xor_sync(members, value, mask);
}
template <class T>
SERP_FN T fromLane(T value, unsigned lane, unsigned members = 0xffffffffu) {
  return __shfl_sync(members, value, static_cast<int>(lane));
}
SERP_FN unsigned ballot(bool predicate, unsigned members = 0xffffffffu) {
  return __ballot_sync(members, predicate);
}
SERP_FN int bitsSet(unsigned mask) {
  return __popc(mask);
}
SERP_FN int lowestBit(unsigned mask) {
  return __ffs(static_cast<int>(mask)) - 1;
}
/// Asynchronous copy of 16 bytes into shared memory; it counts as arrived only after waitCopies() and a barrier.
SERP_FN void copyAsync16(void* shared, const void* global) {
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))),
      "l"(global)
      : "memory");
}
SERP_FN void commitCopies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int kGroups>
SERP_FN void waitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
}
/// 2^x to 2 ulp; results below the normal numbers are 0.
SERP_FN float fastExp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
/// Stores 8 or 16 bytes of registers as one; the compiler would split it where it likes.
SERP_FN void storeWords(void* to, const unsigned (&w)[4]) {
  asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(to)), "r"(w[0]), "r"(w[1]),
               "r"(w[2]), "r"(w[3])
               : "memory");
}
SERP_FN void storeWords(void* to, const unsigned (&w)[2]) {
  asm volatile("st.global.v2.b32 [%0], {%1, %2};" ::"l"(__cvta_generic_to_global(to)), "r"(w[0]), "r"(w[1]) : "memory");
}
SERP_FN float toFloat(Bf16 x) {
  return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}
/// Rounds to nearest, ties to even.
SERP_FN Bf16 toBf16(float x) {
  return {__bfloat16_as_ushort(__float2bfloat16_rn(x))};
}
template <class T>
SERP_FN T* dynShared() {
  extern __shared__ __align__(16) unsigned char serpShared[];
  return reinterpret_cast<T*>(serpShared);
}

/// Ok where a card can be used; asked by every entry point before anything else.
inline Status ready() noexcept {
  return deviceCount() > 0 ? Status::Ok : Status::NoDevice;
}

template <class... Parameters, class... Arguments>
Status launch(void (*kernel)(Parameters...), const Launch& l, Arguments... arguments) noexcept {
  if (l.blocks <= 0) return Status::Ok;
  if (l.blocks > INT32_MAX) return Status::BadShape;
  const auto bytes = static_cast<int>(l.sharedBytes);
  // Beyond 48 KiB, arrays of the kernel included (none has 40), a card wants to be asked.
  if (bytes > 8 * 1024 &&
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes) != cudaSuccess)
    return Status::LaunchFailed;
  kernel<<<static_cast<unsigned>(l.blocks), static_cast<unsigned>(l.threads), static_cast<std::size_t>(bytes),
           static_cast<cudaStream_t>(l.stream.handle)>>>(static_cast<Parameters>(arguments)...);
  return cudaGetLastError() == cudaSuccess ? Status::Ok : Status::LaunchFailed;
}

#else

using emulator::ballot;
using emulator::blockX;
using emulator::commitCopies;
using emulator::copyAsync16;
using emulator::fromLane;
using emulator::shuffleXor;
using emulator::syncThreads;
using emulator::syncWarp;
using emulator::threadX;

inline int bitsSet(unsigned mask) {
  return __builtin_popcount(mask);
}
inline int lowestBit(unsigned mask) {
  return __builtin_ffs(static_cast<int>(mask)) - 1;
}
template <int kGroups>
void waitCopies() {
  emulator::waitCopies(kGroups);
}
inline float fastExp2(float x) {
  return exp2f(x);
}
inline float toFloat(Bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}
inline Bf16 toBf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (x != x) return {0x7fff};
  return {static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
template <class T>
T* dynShared() {
  return static_cast<T*>(emulator::sharedMemory());
}
inline Status ready() noexcept {
  return Status::Ok;
}

#ifdef SERP_CHECKED
inline constexpr bool kChecked = true;
#else
inline constexpr bool kChecked = false;
#endif

/// The kernel's call with its arguments; they travel as a card's parameters do, unseen by the memory checker.
template <class Kernel, class... Parameters>
struct BoundKernel {
  Kernel* kernel;
  std::tuple<Parameters...> parameters;

  [[gnu::no_sanitize("thread")]] static void call(void* self) {
    spread(static_cast<BoundKernel*>(self), std::index_sequence_for<Parameters...>{});
  }
  template <std::size_t... kIndex>
  [[gnu::no_sanitize("thread")]] static void spread(BoundKernel* bound, std::index_sequence<kIndex...>) {
    bound->kernel(std::get<kIndex>(bound->parameters)...);
  }
};

template <class... Parameters, class... Arguments>
Status launch(void (*kernel)(Parameters...), const Launch& l, Arguments... arguments) noexcept {
  BoundKernel<void(Parameters...), Parameters...> bound{kernel, {static_cast<Parameters>(arguments)...}};
  const emulator::Grid grid{l.blocks, l.threads, l.sharedBytes, kChecked, reinterpret_cast<const void*>(kernel)};
  return emulator::run(grid, bound.call, &bound) ? Status::Ok : Status::LaunchFailed;
}

#endif

SERP_FN float toFloat(float x) {
  return x;
}
SERP_FN void assign(float& to, float x) {
  to = x;
}
SERP_FN void assign(Bf16& to, float x) {
  to = toBf16(x);
}

/// Neighbouring elements that are loaded and stored as one; n * sizeof(T) is at most 16.
template <class T, int n>
struct alignas(n * sizeof(T)) Pack {
  T at[n];
};
/// Elements of 16 bytes.
template <class T>
inline constexpr int kPack = 16 / static_cast<int>(sizeof(T));

inline constexpr int kWarp = 32;

SERP_FN unsigned laneX() {
  return threadX() % kWarp;
}
/// This thread's number in the whole launch of blocks of `threads`.
SERP_FN std::int64_t globalX(int threads) {
  return blockX() * threads + threadX();
}

inline std::int64_t ceilDiv(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace serp::kernels::SERP_GPU
