// SPDX-License-Identifier: GPL-3.0-or-later
// All that a .cu file of ours may use of the device, in two meanings: CUDA's, and the CPU emulation's for tests.
//
// Rules for kernels: one-dimensional grids and blocks; blocks are multiples of 32 and whole warps reach every shuffle;
// shared memory is dynamic, through dynShared(), and counts as uninitialised; no atomics, no global variables, no
// waiting for another block.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/checks.h"
#include "kernels/cuda.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>

#define SERP_KERNEL __global__ void
#define SERP_FN __device__ __forceinline__
#else
#include "kernels/emulated/emulator.h"

#define SERP_KERNEL void
#define SERP_FN inline
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
template <class T>
SERP_FN T shuffleXor(T value, unsigned mask) {
  return __shfl_xor_sync(0xffffffffu, value, mask);
}
template <class T>
SERP_FN T fromLane(T value, unsigned lane) {
  return __shfl_sync(0xffffffffu, value, static_cast<int>(lane));
}
SERP_FN unsigned ballot(bool predicate) {
  return __ballot_sync(0xffffffffu, predicate);
}
SERP_FN int bitsSet(unsigned mask) {
  return __popc(mask);
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
  if (bytes > 48 * 1024 &&
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes) != cudaSuccess)
    return Status::LaunchFailed;
  kernel<<<static_cast<unsigned>(l.blocks), static_cast<unsigned>(l.threads), static_cast<std::size_t>(bytes),
           static_cast<cudaStream_t>(l.stream.handle)>>>(static_cast<Parameters>(arguments)...);
  return cudaGetLastError() == cudaSuccess ? Status::Ok : Status::LaunchFailed;
}

#else

using emulator::ballot;
using emulator::blockX;
using emulator::fromLane;
using emulator::shuffleXor;
using emulator::syncThreads;
using emulator::threadX;

inline int bitsSet(unsigned mask) {
  return __builtin_popcount(mask);
}
template <class T>
T* dynShared() {
  return static_cast<T*>(emulator::sharedMemory());
}
inline Status ready() noexcept {
  return Status::Ok;
}

template <class... Parameters, class... Arguments>
Status launch(void (*kernel)(Parameters...), const Launch& l, Arguments... arguments) noexcept {
  const auto call = [&] { kernel(static_cast<Parameters>(arguments)...); };
  emulator::run(l.blocks, l.threads, l.sharedBytes, call);
  return Status::Ok;
}

#endif

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
