// SPDX-License-Identifier: GPL-3.0-or-later
// Micro-benchmarks of the kernel floor on one thread, each beside its roof: see roof.h.
//
//   bench_kernels --benchmark_filter=scan
// Rates are per CPU second of the thread. An element of the scan is one state of one channel at one token.
#include <string>

#include "tests/benchmarks/roof.h"

int main(int argc, char** argv) {
  using namespace serp;
  kernels::Isa best = kernels::Isa::Portable;
  for (const kernels::Isa isa : {kernels::Isa::Avx2, kernels::Isa::Avx512})
    if (kernels::isaAvailable(isa)) best = isa;
  bench::registerRows();  // before the scans, which change the instruction set in use
  bench::registerScans();
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("kernels", kernels::isaName(kernels::activeIsa()));
  benchmark::AddCustomContext("multiply_adds_per_second",
                              std::to_string(bench::multiplyAddsPerSecond(best) * 1e-9) + "e9");
  benchmark::AddCustomContext("copy_1MB_bytes_per_second",
                              std::to_string(bench::copiedBytesPerSecond(1 << 20) * 1e-9) + "e9");
  benchmark::AddCustomContext("copy_256MB_bytes_per_second",
                              std::to_string(bench::copiedBytesPerSecond(1 << 28) * 1e-9) + "e9");
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
