// SPDX-License-Identifier: GPL-3.0-or-later
// The roof over a micro-benchmark: what one thread of this machine can copy and multiply at most, measured in the same
// process, and the share of it that a kernel reaches.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>

#include "kernels/common.h"

namespace serp::bench {

/// Bytes read plus bytes written per second when a working set of this size is copied again and again. In memory beyond
/// the caches a copy also reads what it is about to overwrite; kernels that work in place do not, and may show more
/// than 1.
double copiedBytesPerSecond(std::size_t workingSet);
/// Lanes of fused multiply-adds per second with the vectors of `isa` (a multiplication and an addition where it has no
/// fused one).
double multiplyAddsPerSecond(kernels::Isa isa);

/// The least that one item can cost: bytes that must move, and vector instructions per lane, each counted as a
/// multiply-add.
struct Cost {
  double bytes = 0, instructions = 0;
};

/// Reports items per second, bytes per second, and "of_roof": the time the roof allows over the time taken (CPU time of
/// the thread).
void report(benchmark::State&, std::int64_t itemsPerIteration, const Cost& perItem, std::size_t workingSet,
            kernels::Isa isa);

/// Fails the benchmark where the CPU lacks the instruction set.
bool use(benchmark::State&, kernels::Isa isa);

void registerScans();
void registerRows();

}  // namespace serp::bench
