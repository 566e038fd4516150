// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU kernels on a card: scan, convolution, dispatch, norm, cross entropy and AdamW at the sizes of a real model,
// as time, bytes per second and share of the card's own copy speed, measured in the same run. Says so where no card is.
// What the rows touch is larger than the cache of any card, so nothing has to be rotated.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <vector>

#include "kernels/cuda_memory.h"

namespace {

using namespace serp::kernels;
using cuda::DType;

void must(Status s, const char* what) {
  if (s == Status::Ok) return;
  std::fprintf(stderr, "%s: %s\n", what, statusText(s));
  std::exit(1);
}

/// Device memory until the row is done.
class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() {
    for (void* p : all_) cuda::release(p);
  }
  template <class T = float>
  T* room(std::int64_t count, int each = sizeof(T)) {
    void* p = nullptr;
    must(cuda::allocate(count * each, each, &p), "device memory");
    all_.push_back(p);
    return static_cast<T*>(p);
  }
  template <class T>
  T* put(const std::vector<T>& x) {
    T* p = room<T>(static_cast<std::int64_t>(x.size()));
    must(cuda::copyIn(p, x.data(), static_cast<std::int64_t>(x.size() * sizeof(T))), "copy");
    return p;
  }
  /// Repeatable numbers in [low, high), stored as `type`.
  float* noise(std::int64_t count, DType type, float low, float high) {
    std::vector<float> x(static_cast<std::size_t>(count));
    for (float& v : x) {
      seed_ = seed_ * 6364136223846793005ull + 1442695040888963407ull;
      v = low + (high - low) * static_cast<float>(seed_ >> 40) * 0x1p-24f;
    }
    float* wide = put(x);
    if (type == DType::Float32) return wide;
    auto* half = room<cuda::Bf16>(count);
    must(cuda::writeShadow(count, wide, half, {}), "rounding");
    must(cuda::wait({}), "rounding");
    cuda::release(wide);
    all_.erase(std::find(all_.begin(), all_.end(), static_cast<void*>(wide)));
    return reinterpret_cast<float*>(half);
  }

 private:
  std::vector<void*> all_;
  std::uint64_t seed_ = 7;
};

double copySpeed = 0;  // bytes read and written per second

/// Median of 50 runs after three, in milliseconds.
double median(const std::function<Status()>& work) {
  struct Context {
    const std::function<Status()>* work;
    Status status;
  } context{&work, Status::Ok};
  std::vector<double> ms(53);
  for (double& m : ms) {
    must(cuda::timeOf(
             [](void* c) {
               auto* self = static_cast<Context*>(c);
               self->status = (*self->work)();
             },
             &context, &m),
         "timing");
    must(context.status, "kernel");
  }
  std::sort(ms.begin() + 3, ms.end());
  return ms[28];
}

/// One line: `bytes` is what the operation must read and write at least, `elements` what the rate per element counts.
void row(const char* id, const char* what, double bytes, double elements, const std::function<Status()>& work) {
  const double ms = median(work), speed = bytes / ms * 1e3;
  std::printf("%-4s %-52s %10.1f us %9.2f ps/element %8.2f TB/s", id, what, ms * 1e3, ms * 1e9 / elements,
              speed / 1e12);
  if (copySpeed > 0) std::printf(" %6.1f %% of copy", 100 * speed / copySpeed);
  std::printf("\n");
}

const char* typeName(DType t) {
  return t == DType::Float32 ? "fp32" : "bf16";
}
double sizeOf(DType t) {
  return t == DType::Float32 ? 4 : 2;
}

void scan(const ScanShape& s, DType type) {
  Memory m;
  const std::int64_t wide = s.batch * s.length * s.channels, narrow = s.batch * s.length * s.states,
                     state = s.channels * s.states;
  std::vector<float> A;
  for (std::int64_t i = 0; i < state; ++i) A.push_back(-static_cast<float>(i % s.states + 1));
  ScanInput in;
  in.u = m.noise(wide, type, -1, 1), in.delta = m.noise(wide, type, -1, 1), in.z = m.noise(wide, type, -2, 2);
  in.B = m.noise(narrow, type, -1, 1), in.C = m.noise(narrow, type, -1, 1), in.A = m.put(A);
  in.D = m.noise(s.channels, DType::Float32, 0, 1), in.deltaBias = m.noise(s.channels, DType::Float32, -6, -2);
  in.uStride = in.deltaStride = in.zStride = s.channels, in.bStride = in.cStride = s.states;
  const auto like = [&](std::int64_t count) { return m.room<float>(count, static_cast<int>(sizeOf(type))); };
  ScanOutput out{like(wide), s.channels, nullptr, m.room(cuda::scanCheckpointCount(s))};
  ScanGradients g;
  g.dy = m.noise(wide, type, -1, 1), g.du = like(wide), g.dDelta = like(wide), g.dz = like(wide);
  g.dB = like(narrow), g.dC = like(narrow), g.dA = m.room(state), g.dD = m.room(s.channels),
  g.dDeltaBias = m.room(s.channels);
  g.dyStride = g.duStride = g.dDeltaStride = g.dzStride = s.channels, g.dbStride = g.dcStride = s.states;
  float* workspace = m.room(cuda::scanBackwardWorkspace(s));
  char name[80];
  const auto say = [&](const char* what) {
    std::snprintf(name, sizeof name, "scan %s %s B%ld L%ld D%ld N%ld", what, typeName(type), long(s.batch),
                  long(s.length), long(s.channels), long(s.states));
    return name;
  };
  const double n = static_cast<double>(wide);
  row("G1", say("forward"), 4 * sizeOf(type) * n, n, [&] { return cuda::scanForward(s, in, out, {}, type); });
  row("G2", say("backward"), 7 * sizeOf(type) * n, n,
      [&] { return cuda::scanBackward(s, in, out.checkpoints, g, workspace, {}, type); });
  std::vector<float> first(static_cast<std::size_t>(state)), again(first.size());
  bool same = true;
  for (int i = 0; i < 10; ++i) {
    must(cuda::scanBackward(s, in, out.checkpoints, g, workspace, {}, type), "scan");
    must(cuda::copyOut(again.data(), g.dA, state * 4), "copy");
    if (i == 0) first = again;
    same &= std::memcmp(first.data(), again.data(), first.size() * 4) == 0;
  }
  std::printf("G3   the same bits of dA in ten runs: %s\n", same ? "yes" : "NO");
}

void conv(const ConvShape& s, DType type) {
  Memory m;
  const std::int64_t wide = s.batch * s.length * s.channels;
  ConvInput in;
  in.x = m.noise(wide, type, -1, 1), in.weight = m.noise(s.channels * s.width, DType::Float32, -1, 1),
  in.bias = m.noise(s.channels, DType::Float32, -1, 1), in.xStride = s.channels;
  float *out = m.noise(wide, type, 0, 1), *dOut = m.noise(wide, type, -1, 1), *dx = m.noise(wide, type, 0, 1);
  const ConvGradients g{dOut, s.channels, dx, s.channels, m.room(s.channels * s.width), m.room(s.channels), nullptr};
  float* workspace = m.room(cuda::convBackwardWorkspace(s));
  const double n = static_cast<double>(wide), each = sizeOf(type);
  const bool half = type == DType::BFloat16;
  row("G5", half ? "convolution forward bf16" : "convolution forward fp32", 2 * each * n, n,
      [&] { return cuda::convForward(s, in, out, s.channels, {}, type); });
  row("G5", half ? "convolution backward bf16" : "convolution backward fp32", 3 * each * n, n,
      [&] { return cuda::convBackward(s, in, g, workspace, {}, type); });
}

void dispatch(std::int64_t tokens, std::int64_t width, std::int64_t experts, DType type) {
  Memory m;
  const RouteShape s{tokens, experts, 1, 0, 0};
  const float* logits = m.noise(tokens * experts, DType::Float32, -1, 1);
  const RouteOutput o{m.room(tokens * experts),          m.room<std::int32_t>(tokens),  m.room(tokens),
                      m.room<std::int32_t>(tokens),      m.room<std::int32_t>(tokens),  m.room<std::int32_t>(tokens),
                      m.room<std::int64_t>(experts + 1), m.room<std::int64_t>(experts), m.room(tokens)};
  const float* x = m.noise(tokens * width, type, -1, 1);
  float *rows = m.noise(tokens * width, type, 0, 1), *y = m.noise(tokens * width, type, 0, 1),
        *dWeight = m.room(tokens);
  const double n = static_cast<double>(tokens * width), each = sizeOf(type);
  char name[80];
  std::snprintf(name, sizeof name, "route T%ld E%ld", long(tokens), long(experts));
  row("G8", name, 8.0 * static_cast<double>(tokens * experts), static_cast<double>(tokens),
      [&] { return cuda::route(s, logits, experts, o, {}); });
  std::snprintf(name, sizeof name, "gather and combine, there and back, d%ld %s", long(width), typeName(type));
  row("G8", name, 9 * each * n, n, [&] {
    Status status = cuda::gatherRows(x, width, width, o.tokenOfSlot, tokens, rows, {}, type);
    if (status == Status::Ok)
      status = cuda::combineRows(rows, width, o.slotOfChoice, o.gate, tokens, 1, y, width, {}, type);
    if (status == Status::Ok)
      status = cuda::combineRowsBackward(rows, width, o.tokenOfSlot, o.choiceOfSlot, o.slotOfChoice, o.gate, tokens, 1,
                                         tokens, x, width, y, dWeight, {}, type);
    return status == Status::Ok ? cuda::combineRows(y, width, o.slotOfChoice, nullptr, tokens, 1, rows, width, {}, type)
                                : status;
  });
}

void rows(std::int64_t count, std::int64_t width, std::int64_t vocab, DType type) {
  Memory m;
  const NormShape s{NormKind::Rms, count, width, 1e-5f};
  float *x = m.noise(count * width, type, -1, 1), *r = m.noise(count * width, type, -1, 1),
        *y = m.noise(count * width, type, 0, 1), *stats = m.room(2 * count);
  const float* weight = m.noise(width, DType::Float32, 0, 1);
  const double n = static_cast<double>(count * width), each = sizeOf(type);
  row("G9", "RMSNorm with residual", 4 * each * n, n, [&] {
    return cuda::normResidualForward(s, x, width, r, width, r, width, weight, nullptr, y, width, stats, {}, type);
  });
  std::vector<std::int64_t> target(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < target.size(); ++i) target[i] = static_cast<std::int64_t>(i * 7919) % vocab;
  float* logits = m.noise(count * vocab, type, -5, 5);
  const CrossEntropyOutput o{m.room(count), nullptr, logits, vocab, 1.0f / static_cast<float>(count)};
  const std::int64_t* t = m.put(target);
  const double v = static_cast<double>(count * vocab);
  row("G9", "cross entropy with gradient in place", 2 * each * v, v,
      [&] { return cuda::crossEntropy(count, vocab, logits, vocab, t, o, {}, type); });
}

void optimizer(std::int64_t count) {
  Memory m;
  float *p = m.noise(count, DType::Float32, -1, 1), *g = m.noise(count, DType::Float32, -1, 1),
        *a = m.noise(count, DType::Float32, 0, 1), *b = m.noise(count, DType::Float32, 0, 1);
  auto* shadow = m.room<cuda::Bf16>(count);
  auto *parts = m.room<double>(cuda::sumOfSquaresWorkspace(count)), *total = m.room<double>(1);
  const double n = static_cast<double>(count);
  row("G10", "AdamW 130M, bf16 shadow", 30 * n, n,
      [&] { return cuda::adamw(count, p, g, a, b, {}, false, {}, shadow); });
  row("G10", "sum of squares 130M", 4 * n, n, [&] { return cuda::sumOfSquares(count, g, parts, total, {}); });
}

}  // namespace

int main() {
  if (cuda::deviceCount() == 0) {
    std::printf("%s\n", cuda::compiled() ? "No GPU, or no driver for it: the GPU rows are not measured."
                                         : "This build has no CUDA: the GPU rows are not measured.");
    return 0;
  }
  std::printf("%s\n", cuda::deviceName());
  {
    Memory m;
    const std::int64_t bytes = std::int64_t{1} << 30;
    void *from = m.room(bytes / 4), *to = m.room(bytes / 4);
    copySpeed =
        2.0 * static_cast<double>(bytes) / median([&] { return cuda::copyOnDevice(to, from, bytes, {}); }) * 1e3;
    std::printf("     copy of 1 GiB: %.2f TB/s read and written\n", copySpeed / 1e12);
  }
  for (const DType type : {DType::BFloat16, DType::Float32}) {
    for (const std::int64_t states : {8, 16, 32, 64}) scan({8, 2048, 1536, states}, type);
    scan({1, 16384, 1536, 16}, type);
    conv({8, 2048, 1536, 4}, type);
    for (const std::int64_t experts : {8, 16, 64}) dispatch(16384, 768, experts, type);
    rows(16384, 768, 50304, type);
  }
  optimizer(130'000'000);
  return 0;
}
