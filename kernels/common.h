// SPDX-License-Identifier: GPL-3.0-or-later
// The whole vocabulary of the kernel floor: status, data type, device and the caller's parallel-for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace serp::kernels {

/// What a kernel answers. Kernels never throw; the caller turns a failure into a sentence.
enum class Status : std::uint8_t { Ok, BadShape, BadArgument, NoDevice, LaunchFailed };

/// A sentence for a status, static storage.
const char* statusText(Status status) noexcept;

/// Runs `body(bodyContext, begin, end)` over a partition of [0, n) into pieces of at least `grain`; returns when all are done.
/// Kernels own no threads: the engine passes torch's pool, tests pass serial(). The function may be called from one thread only.
struct ParallelFor {
  using Body = void (*)(void* bodyContext, std::int64_t begin, std::int64_t end);
  void (*run)(void* context, std::int64_t n, std::int64_t grain, Body body, void* bodyContext) = nullptr;
  void* context = nullptr;
  int threads = 1;  ///< how many pieces may run at once; reductions are split by this number, so it decides bit patterns

  template <class F>
  void operator()(std::int64_t n, std::int64_t grain, F&& body) const {
    if (n <= 0) return;
    if (run == nullptr || threads <= 1 || n <= grain) {
      body(std::int64_t{0}, n);
      return;
    }
    using Fn = std::remove_reference_t<F>;
    run(context, n, grain,
        [](void* c, std::int64_t begin, std::int64_t end) { (*static_cast<Fn*>(c))(begin, end); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }
};

/// No threads: everything runs in the calling one.
inline ParallelFor serial() noexcept { return {}; }

/// Instruction sets with a compiled kernel set, weakest first.
enum class Isa : std::uint8_t { Portable, Avx2, Avx512 };

/// The set in use: the best one of this CPU, or the one named by the environment variable SERP_KERNELS
/// (reference, portable, avx2, avx512), which exists for tests. Chosen once, thread-safe.
Isa activeIsa() noexcept;
const char* isaName(Isa isa) noexcept;
/// True when this CPU can run `isa`.
bool isaAvailable(Isa isa) noexcept;
/// For tests and benchmarks: run the following calls with `isa`. Not while kernels run in other threads.
Status forceIsa(Isa isa) noexcept;

}  // namespace serp::kernels
