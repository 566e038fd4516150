// SPDX-License-Identifier: GPL-3.0-or-later
// Times the chains and a copy on every thread of the caller.
#include "kernels/roof.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>

#include "kernels/cpu/table.h"

namespace serp::kernels {
namespace {

constexpr int kTries = 5;
constexpr std::size_t kCopied = std::size_t{32} << 20;  // bytes of each thread's half: past any cache share

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// work(piece) does some number of operations on every thread; operations per second of the best try.
template <class Work>
double rate(const ParallelFor& parallel, const Work& work) {
  const std::int64_t pieces = std::max(1, parallel.threads);
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    std::int64_t done[256] = {};
    const double start = now();
    parallel(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) done[p % 256] = work(p);
    });
    const double seconds = now() - start;
    double sum = 0;
    for (const std::int64_t d : done) sum += static_cast<double>(d);
    if (seconds > 0) best = std::max(best, sum / seconds);
  }
  return best;
}

volatile float gSink = 0;  // what the chains end in, so that none is left out

template <class Chain>
std::int64_t run(const Chain& chain) {
  float out[4] = {0.25f, 0.125f, 0.5f, 0.75f};
  const std::int64_t done = chain(out);
  gSink = out[0];
  return done;
}

}  // namespace

Roof measureRoof(const ParallelFor& parallel) noexcept {
  Roof roof;
  roof.flops = 2 * rate(parallel, [](std::int64_t) {
    return run([](float* out) { return activeTable().roofChain(false, 200000, out); });
  });
  roof.narrowFlops = roof.flops;
  if (narrowIsFast())
    roof.narrowFlops = 2 * rate(parallel, [](std::int64_t) {
      return run([](float* out) { return activeNarrowTable().roofChain(200000, out); });
    });
  roof.exponentials = rate(parallel, [](std::int64_t) {
    return run([](float* out) { return activeTable().roofChain(true, 20000, out); });
  });
  const auto pieces = static_cast<std::size_t>(std::max(1, parallel.threads));
  const std::unique_ptr<char[]> room(new (std::nothrow) char[pieces * 2 * kCopied]);
  if (room) {
    std::memset(room.get(), 1, pieces * 2 * kCopied);
    roof.bytes = rate(parallel, [&](std::int64_t p) {
      char* to = room.get() + static_cast<std::size_t>(p) * 2 * kCopied;
      std::memcpy(to, to + kCopied, kCopied);
      gSink = static_cast<float>(to[1]);
      return static_cast<std::int64_t>(2 * kCopied);
    });
  }
  return roof;
}

}  // namespace serp::kernels
