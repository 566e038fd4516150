// SPDX-License-Identifier: GPL-3.0-or-later
// Measures the roofs: a copy of the working set here, multiply-adds by kernels/roof.h.
#include "tests/benchmarks/roof.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <map>
#include <vector>

#include "kernels/roof.h"

namespace serp::bench {
namespace {

using kernels::Isa;

double threadSeconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

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
  if (best == 0 && kernels::forceIsa(isa) == kernels::Status::Ok) best = kernels::measureRoof(kernels::serial()).flops / 2;
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
