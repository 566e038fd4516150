// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel tests share: repeatable numbers, one data row per instruction set, and a parallel-for on plain
// threads.
#pragma once

#include <QTest>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

#include "kernels/common.h"
#include "tests/support/oracle.h"

namespace serp::test {

using kernels::Isa;

inline constexpr Isa kEveryIsa[] = {Isa::Portable, Isa::Avx2, Isa::Avx512};

inline std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

/// Repeatable numbers in [low, high).
inline std::vector<float> numbers(std::int64_t count, std::uint64_t seed, float low = -1, float high = 1) {
  std::vector<float> out(size(count));
  seed = (seed + 1) * 0x9e3779b97f4a7c15ull;
  for (float& x : out) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    x = low + (high - low) * static_cast<float>(static_cast<double>(seed >> 11) * 0x1.0p-53);
  }
  return out;
}

/// The same rows with `stride` numbers each instead of `width`; the gaps hold a number that would be noticed.
inline std::vector<float> spread(const std::vector<float>& rows, std::int64_t width, std::int64_t stride,
                                 float gap = 1e30f) {
  std::vector<float> out(rows.size() / size(width) * size(stride), gap);
  for (std::size_t i = 0; i < rows.size(); ++i) out[i / size(width) * size(stride) + i % size(width)] = rows[i];
  return out;
}
inline std::vector<float> packed(const std::vector<float>& rows, std::int64_t width, std::int64_t stride) {
  std::vector<float> out(rows.size() / size(stride) * size(width));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = rows[i / size(width) * size(stride) + i % size(width)];
  return out;
}

/// A ParallelFor on fresh threads: pieces of equal size, at least `grain` each.
inline kernels::ParallelFor threads(int count) {
  kernels::ParallelFor p;
  static thread_local int wanted;
  wanted = count;
  p.threads = count;
  p.context = &wanted;
  p.run = [](void* context, std::int64_t n, std::int64_t grain, kernels::ParallelFor::Body body, void* bodyContext) {
    const std::int64_t pieces =
        std::min<std::int64_t>(*static_cast<int*>(context), std::max<std::int64_t>(1, n / grain));
    std::vector<std::thread> running;
    for (std::int64_t i = 0; i < pieces; ++i)
      running.emplace_back([=] { body(bodyContext, n * i / pieces, n * (i + 1) / pieces); });
    for (std::thread& t : running) t.join();
  };
  return p;
}

inline void addIsaRows() {
  QTest::addColumn<int>("isa");
  for (const Isa isa : kEveryIsa) QTest::newRow(kernels::isaName(isa)) << static_cast<int>(isa);
}

}  // namespace serp::test

/// Inside a test function with the column "isa".
#define SERP_USE_ISA()                                                                                                 \
  QFETCH(int, isa);                                                                                                    \
  if (!serp::kernels::isaAvailable(static_cast<serp::kernels::Isa>(isa))) QSKIP("this CPU lacks the instruction set"); \
  QCOMPARE(serp::kernels::forceIsa(static_cast<serp::kernels::Isa>(isa)), serp::kernels::Status::Ok)

#define SERP_AGREES(got, want, tol, name)                                                                      \
  do {                                                                                                         \
    const double serpWorst = serp::test::disagreement(got, want);                                              \
    QVERIFY2(serpWorst <= (tol), qPrintable(QString("%1 disagrees by %2").arg(QString(name)).arg(serpWorst))); \
  } while (false)
