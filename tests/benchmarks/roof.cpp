// SPDX-License-Identifier: GPL-3.0-or-later
// Measures the roofs: a copy loop of memcpy, and chains of multiply-adds that are independent of each other.
#include "tests/benchmarks/roof.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <map>
#include <vector>

namespace serp::bench {
namespace {

using kernels::Isa;

double threadSeconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

constexpr int kChains = 10;  // enough to hide the latency, few enough for the registers
constexpr int kRounds = 200000;

typedef float Vec4 __attribute__((vector_size(16)));
typedef float Vec8 __attribute__((vector_size(32)));
typedef float Vec16 __attribute__((vector_size(64)));

// A macro, because an inlined function would lose the target it is compiled for. The chains start from different
// numbers, or the compiler would keep one of them.
#define SERP_CHAINS(Vec)                                                                                            \
  Vec sum[kChains];                                                                                                 \
  for (int i = 0; i < kChains; ++i) sum[i] = Vec{} + out[i];                                                        \
  for (int round = 0; round < kRounds; ++round) _Pragma("GCC unroll 10") for (Vec & v : sum) v = v * factor + 0.5f; \
  for (const Vec& v : sum) out[0] += v[0]

__attribute__((noinline)) void run4(float* out, float factor) {
  SERP_CHAINS(Vec4);
}
#if defined(__x86_64__)
__attribute__((noinline, target("avx2,fma"))) void run8(float* out, float factor) {
  SERP_CHAINS(Vec8);
}
__attribute__((noinline, target("avx512f"))) void run16(float* out, float factor) {
  SERP_CHAINS(Vec16);
}
#endif

}  // namespace

double copiedBytesPerSecond(std::size_t workingSet) {
  static std::map<std::size_t, double> known;
  const std::size_t half = std::max<std::size_t>(4096, workingSet / 2);
  double& best = known[half];
  if (best > 0) return best;
  std::vector<char> from(half, 1), to(half, 2);
  const std::size_t repeats = std::max<std::size_t>(1, (std::size_t{64} << 20) / half);
  for (int trial = 0; trial < 7; ++trial) {
    const double start = threadSeconds();
    for (std::size_t i = 0; i < repeats; ++i) {
      std::memcpy(to.data(), from.data(), half);
      benchmark::ClobberMemory();
    }
    best = std::max(best, static_cast<double>(2 * half * repeats) / (threadSeconds() - start));
  }
  return best;
}

double multiplyAddsPerSecond(Isa isa) {
  static std::map<Isa, double> known;
  double& best = known[isa];
  if (best > 0) return best;
  for (int trial = 0; trial < 7; ++trial) {
    float out[kChains], factor = 0.5f;
    for (int i = 0; i < kChains; ++i) out[i] = static_cast<float>(i);
    benchmark::DoNotOptimize(factor);
    const double start = threadSeconds();
    int lanes = 4;
#if defined(__x86_64__)
    if (isa == Isa::Avx512)
      run16(out, factor), lanes = 16;
    else if (isa == Isa::Avx2)
      run8(out, factor), lanes = 8;
    else
#endif
      run4(out, factor);
    benchmark::DoNotOptimize(out[0]);
    best = std::max(best, static_cast<double>(kRounds) * kChains * lanes / (threadSeconds() - start));
  }
  return best;
}

void report(benchmark::State& state, std::int64_t items, const Cost& perItem, std::size_t workingSet, Isa isa) {
  const double done = static_cast<double>(items) * static_cast<double>(state.iterations());
  const double seconds =
      std::max(perItem.bytes / copiedBytesPerSecond(workingSet), perItem.instructions / multiplyAddsPerSecond(isa));
  state.SetItemsProcessed(items * static_cast<std::int64_t>(state.iterations()));
  state.SetBytesProcessed(static_cast<std::int64_t>(done * perItem.bytes));
  state.counters["of_roof"] = benchmark::Counter(done * seconds, benchmark::Counter::kIsRate);
}

bool use(benchmark::State& state, Isa isa) {
  if (kernels::forceIsa(isa) == kernels::Status::Ok) return true;
  state.SkipWithError("not on this machine");
  return false;
}

}  // namespace serp::bench
