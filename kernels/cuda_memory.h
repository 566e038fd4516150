// SPDX-License-Identifier: GPL-3.0-or-later
// Plain device memory and a clock, for tests and benchmarks: the same program runs on a card and under the emulation.
// The engine has its memory from LibTorch. Without a device everything answers NoDevice.
#pragma once

#include "kernels/cuda.h"

namespace serp::kernels::SERP_GPU {

/// Uninitialised memory, aligned to 256 bytes; `element` is the size of one element (the emulation checks by it).
Status allocate(std::int64_t bytes, int element, void** memory) noexcept;
/// Null is allowed. Waits for what still runs.
void release(void* memory) noexcept;
/// Copies and waits until it is done.
Status copyIn(void* device, const void* host, std::int64_t bytes) noexcept;
Status copyOut(void* host, const void* device, std::int64_t bytes) noexcept;
/// Returns at once.
Status copyOnDevice(void* to, const void* from, std::int64_t bytes, Stream) noexcept;
/// Waits for all work of a stream; the first error of a kernel comes out here.
Status wait(Stream) noexcept;

/// Milliseconds of device time that `work(context)` takes on the default stream, in `ms`. NoDevice under the emulation.
Status timeOf(void (*work)(void* context), void* context, double* ms) noexcept;
/// The name of the first card, static storage; "" without one.
const char* deviceName() noexcept;

}  // namespace serp::kernels::SERP_GPU
