// SPDX-License-Identifier: GPL-3.0-or-later
// One table of calls: each names its outputs, its fast kernel and its plain one; the mode is decided in one place, both().
#include "engine/ops/kernel_calls.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <vector>

#include "engine/base/error.h"
#include "engine/ops/device_calls.h"
#include "engine/ops/parallel.h"
#include "engine/ops/profile.h"
#include "engine/ops/tensors.h"
#include "kernels/reference/plain.h"

namespace serp::ops {
namespace {

using kernels::Status;

std::atomic<KernelMode> gMode{KernelMode::Fast};

/// An output, or what is read and written: `rows` of `width` floats, `stride` apart, in `pieces` of a row that lie `pieceStride`
/// apart. Null: not wanted.
struct Region {
  const char* name;
  float* data;
  std::int64_t rows, width, stride, pieces = 1, pieceStride = 0;
};

/// f(first float, which one it is) for every run of `width` floats.
template <class F>
void eachRun(const Region& r, const F& f) {
  if (r.data == nullptr) return;
  for (std::int64_t i = 0; i < r.rows; ++i)
    for (std::int64_t p = 0; p < r.pieces; ++p) f(r.data + i * r.stride + p * r.pieceStride, i * r.pieces + p);
}

std::vector<float> read(const Region& r) {
  std::vector<float> values;
  values.reserve(r.data == nullptr ? 0 : static_cast<std::size_t>(r.rows * r.pieces * r.width));
  eachRun(r, [&](const float* run, std::int64_t) { values.insert(values.end(), run, run + r.width); });
  return values;
}

void write(const Region& r, const std::vector<float>& values) {
  eachRun(r, [&](float* run, std::int64_t which) { std::copy_n(values.begin() + which * r.width, r.width, run); });
}

/// Runs what the mode asks for. The plain path starts from the same bytes as the fast one, also where an output is an input.
template <class Fast, class Plain>
void both(const char* kernel, std::initializer_list<Region> outputs, const Fast& fast, const Plain& plain,
          double tolerance = kKernelTolerance) {
  const KernelMode mode = gMode.load(std::memory_order_relaxed);
  if (mode == KernelMode::Fast) return require(fast(), kernel);
  if (mode == KernelMode::Reference) return require(plain(), kernel);
  std::vector<std::vector<float>> before, got;
  for (const Region& r : outputs) before.push_back(read(r));
  require(fast(), kernel);
  std::size_t i = 0;
  for (const Region& r : outputs) {
    got.push_back(read(r));
    write(r, before[i++]);
  }
  require(plain(), kernel);
  i = 0;
  for (const Region& r : outputs) {
    const std::vector<float> want = read(r);
    write(r, got[i]);
    compareKernels(kernel, r.name, got[i++], want, tolerance);
  }
}

constexpr double kFloat = sizeof(float);

double elements(const kernels::ScanShape& s) { return static_cast<double>(s.batch * s.length * s.channels); }
double elements(const kernels::ConvShape& s) { return static_cast<double>(s.batch * s.length * s.channels); }
double elements(const kernels::NormShape& s) { return static_cast<double>(s.rows * s.width); }
/// Pairs of a query and a key it sees.
double pairs(const kernels::AttentionShape& s) {
  const auto T = static_cast<double>(s.length), w = static_cast<double>(s.window > 0 && s.window < s.length ? s.window : s.length);
  return static_cast<double>(s.batch * s.heads) * (w * (w + 1) / 2 + (T - w) * w);
}

std::vector<float> workspace(std::int64_t floats) { return std::vector<float>(static_cast<std::size_t>(floats)); }

}  // namespace

KernelMode kernelModeByName(const std::string& name) {
  if (name == "reference") return KernelMode::Reference;
  if (name == "check") return KernelMode::Check;
  SERP_CHECK(name == "fast", "unknown kernel mode " + name);
  return KernelMode::Fast;
}

void setKernelMode(KernelMode mode) {
  forgetChecks();
  gMode.store(mode);
}
KernelMode kernelMode() { return gMode.load(); }

namespace run {

std::int64_t scanCheckpointCount(const Place& place, const kernels::ScanShape& s) {
  return place.gpu ? deviceKernels().scanCheckpointCount(s) : kernels::scanCheckpointCount(s);
}

void scanForward(const Place& place, const kernels::ScanShape& s, const kernels::ScanInput& in, const kernels::ScanOutput& o) {
  if (place.gpu) return gpu::scanForward(s, in, o);
  const Timer timer("selective_scan", {0, elements(s) * static_cast<double>(s.states), elements(s) * 4 * kFloat});
  const auto parallel = torchParallel();
  both("selective_scan", {{"y", o.y, s.batch * s.length, s.channels, o.yStride},
                          {"last_state", o.lastState, s.batch, s.channels * s.states, s.channels * s.states}},
       [&] { return kernels::scanForward(s, in, o, parallel); }, [&] { return kernels::reference::scanForward(s, in, o); });
}

void scanBackward(const Place& place, const kernels::ScanShape& s, const kernels::ScanInput& in, const float* checkpoints,
                  const kernels::ScanGradients& g) {
  if (place.gpu) return gpu::scanBackward(place, s, in, checkpoints, g);
  const Timer timer("selective_scan backward", {0, elements(s) * static_cast<double>(s.states), elements(s) * 7 * kFloat});
  const auto parallel = torchParallel();
  const std::int64_t rows = s.batch * s.length, D = s.channels, N = s.states;
  both("selective_scan backward",
       {{"du", g.du, rows, D, g.duStride}, {"ddelta", g.dDelta, rows, D, g.dDeltaStride}, {"dB", g.dB, rows, N, g.dbStride},
        {"dC", g.dC, rows, N, g.dcStride}, {"dz", g.dz, rows, D, g.dzStride}, {"dA", g.dA, D, N, N}, {"dD", g.dD, 1, D, D},
        {"ddelta_bias", g.dDeltaBias, 1, D, D}, {"dh0", g.dh0, s.batch, D * N, D * N}},
       [&] {
         const at::Tensor work = scratch({kernels::scanBackwardWorkspace(s, parallel.threads)});
         return kernels::scanBackward(s, in, checkpoints, g, out(work), parallel);
       },
       [&] { return kernels::reference::scanBackward(s, in, g); });
}

void scanStep(const Place& place, const kernels::ScanShape& s, const kernels::ScanInput& in, float* state, float* y, std::int64_t yStride) {
  if (place.gpu) return gpu::scanStep(s, in, state, y, yStride);
  const Timer timer("selective_scan step", {0, elements(s) * static_cast<double>(s.states), elements(s) * 2 * static_cast<double>(s.states) * kFloat});
  const auto parallel = torchParallel();
  const std::int64_t size = s.channels * s.states;
  both("selective_scan step", {{"y", y, s.batch, s.channels, yStride}, {"state", state, s.batch, size, size}},
       [&] { return kernels::scanStep(s, in, state, y, yStride, parallel); },
       [&] {
         kernels::ScanInput from = in;
         from.h0 = state;
         kernels::ScanOutput o;
         o.y = y;
         o.yStride = yStride;
         o.lastState = state;  // a channel's states are read before they are written
         return kernels::reference::scanForward(s, from, o);
       });
}

void convForward(const Place& place, const kernels::ConvShape& s, const kernels::ConvInput& in, float* y, std::int64_t stride) {
  if (place.gpu) return gpu::convForward(s, in, y, stride);
  const Timer timer("causal_conv1d", {0, elements(s), elements(s) * 2 * kFloat});
  const auto parallel = torchParallel();
  both("causal_conv1d", {{"out", y, s.batch * s.length, s.channels, stride}},
       [&] { return kernels::convForward(s, in, y, stride, parallel); },
       [&] { return kernels::reference::convForward(s, in, y, stride); });
}

void convBackward(const Place& place, const kernels::ConvShape& s, const kernels::ConvInput& in, const kernels::ConvGradients& g) {
  if (place.gpu) return gpu::convBackward(place, s, in, g);
  const Timer timer("causal_conv1d backward", {0, elements(s), elements(s) * 3 * kFloat});
  const auto parallel = torchParallel();
  const std::int64_t before = (s.width - 1) * s.channels;
  both("causal_conv1d backward",
       {{"dx", g.dx, s.batch * s.length, s.channels, g.dxStride}, {"dweight", g.dWeight, s.channels, s.width, s.width},
        {"dbias", g.dBias, 1, s.channels, s.channels}, {"dprevious", g.dPrevious, s.batch, before, before}},
       [&] {
         const at::Tensor work = scratch({kernels::convBackwardWorkspace(s, parallel.threads)});
         return kernels::convBackward(s, in, g, out(work), parallel);
       },
       [&] { return kernels::reference::convBackward(s, in, g); });
}

void convStep(const Place& place, const kernels::ConvShape& s, const kernels::ConvInput& in, float* window, float* y, std::int64_t stride) {
  if (place.gpu) return gpu::convStep(s, in, window, y, stride);
  const auto parallel = torchParallel();
  if (gMode.load(std::memory_order_relaxed) != KernelMode::Fast) {  // the window only moves; the sum is what can differ
    kernels::ConvInput from = in;
    from.previous = s.width > 1 ? window : nullptr;
    std::vector<float> want = workspace(s.batch * s.channels);
    require(kernels::reference::convForward(s, from, want.data(), s.channels), "causal_conv1d step");
    require(kernels::convStep(s, in, window, y, stride, parallel), "causal_conv1d step");
    const Region region{"out", y, s.batch, s.channels, stride};
    if (gMode.load() == KernelMode::Reference) return write(region, want);
    return compareKernels("causal_conv1d step", region.name, read(region), want);
  }
  require(kernels::convStep(s, in, window, y, stride, parallel), "causal_conv1d step");
}

Region heads(const char* name, const kernels::AttentionShape& s, const kernels::MutableHeadsView& v, std::int64_t count) {
  return {name, v.data, s.batch * s.length, s.width, v.tokenStride, count, v.headStride};
}

/// A query that sees one key gives it everything whatever the score: the gradients of both are 0, and only rounding would be compared.
bool alone(const kernels::AttentionShape& s) { return s.length == 1 || s.window == 1; }
Status noScoreGradients(const kernels::AttentionShape& s, const kernels::AttentionGradients& g) {
  for (const Region& r : {heads("dq", s, g.dq, s.heads), heads("dk", s, g.dk, s.keyHeads)})
    eachRun(r, [&](float* run, std::int64_t) { std::fill_n(run, r.width, 0.0f); });
  return Status::Ok;
}

void attentionForward(const kernels::AttentionShape& s, const kernels::AttentionInput& in, const kernels::AttentionOutput& o) {
  const Timer timer(s.narrow ? "attention bfloat16" : "attention", {pairs(s) * 4 * static_cast<double>(s.width), pairs(s), 0});
  const auto parallel = torchParallel();
  both("attention", {heads("y", s, o.y, s.heads), {"log-sum", o.logSum, 1, s.batch * s.heads * s.length, 0}},
       [&] {
         const at::Tensor work = scratch({kernels::attentionForwardWorkspace(s, parallel.threads)});
         return kernels::attentionForward(s, in, o, out(work), parallel);
       },
       [&] { return kernels::reference::attentionForward(s, in, o); }, s.narrow ? kNarrowTolerance : kKernelTolerance);
}

void attentionBackward(const kernels::AttentionShape& s, const kernels::AttentionInput& in, const kernels::AttentionGradients& g) {
  const Timer timer(s.narrow ? "attention backward bfloat16" : "attention backward", {pairs(s) * 10 * static_cast<double>(s.width), pairs(s), 0});
  const auto parallel = torchParallel();
  both("attention backward", {heads("dq", s, g.dq, s.heads), heads("dk", s, g.dk, s.keyHeads), heads("dv", s, g.dv, s.keyHeads)},
       [&] {
         const at::Tensor work = scratch({kernels::attentionBackwardWorkspace(s, parallel.threads)});
         const Status status = kernels::attentionBackward(s, in, g, out(work), parallel);
         return alone(s) ? noScoreGradients(s, g) : status;
       },
       [&] {
         const Status status = kernels::reference::attentionBackward(s, in, g);
         return alone(s) ? noScoreGradients(s, g) : status;
       }, s.narrow ? kNarrowTolerance : kKernelTolerance);
}

void normForward(const Place& place, const kernels::NormShape& s, const float* x, const float* weight, const float* bias, float* y,
                 float* stats) {
  if (place.gpu) return gpu::normForward(s, x, weight, bias, y, stats);
  const Timer timer("norm", {0, 0, elements(s) * 2 * kFloat});
  const auto parallel = torchParallel();
  both("norm", {{"y", y, s.rows, s.width, s.width}, {"statistics", stats, s.rows, 2, 2}},
       [&] { return kernels::normForward(s, x, s.width, weight, bias, y, s.width, stats, parallel); },
       [&] { return kernels::reference::normForward(s, x, s.width, weight, bias, y, s.width, stats); });
}

void normBackward(const Place& place, const kernels::NormShape& s, const float* x, const float* weight, const float* stats, const float* dy,
                  const float* dxAdd, float* dx, float* dWeight, float* dBias) {
  if (place.gpu) return gpu::normBackward(place, s, x, weight, stats, dy, dxAdd, dx, dWeight, dBias);
  const Timer timer("norm backward", {0, 0, elements(s) * (dxAdd ? 4 : 3) * kFloat});
  const auto parallel = torchParallel();
  both("norm backward", {{"dx", dx, s.rows, s.width, s.width}, {"dweight", dWeight, 1, s.width, s.width}, {"dbias", dBias, 1, s.width, s.width}},
       [&] {
         const at::Tensor work = scratch({kernels::normBackwardWorkspace(s, parallel.threads)});
         return kernels::normBackward(s, x, s.width, weight, stats, dy, s.width, dxAdd, dx, s.width, dWeight, dBias, out(work), parallel);
       },
       [&] {
         kernels::reference::normBackwardAdding(s, x, s.width, weight, stats, dy, s.width, dxAdd, dx, s.width, dWeight, dBias);
         return Status::Ok;
       });
}

bool crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride, const std::int64_t* target,
                  const kernels::CrossEntropyOutput& o) {
  const Timer timer("cross_entropy", {0, static_cast<double>(rows * vocab), static_cast<double>(rows * vocab) * 2 * kFloat});
  if (std::any_of(target, target + rows, [&](std::int64_t t) { return t >= vocab; })) return false;
  const auto parallel = torchParallel();
  // The gradient may lie where the logits do, so they count as an output: restored for the plain path.
  both("cross_entropy", {{"loss", o.loss, 1, rows, rows}, {"dlogits", o.dLogits, rows, vocab, o.dStride}},
       [&] { return kernels::crossEntropy(rows, vocab, logits, stride, target, o, parallel); },
       [&] { return kernels::reference::crossEntropy(rows, vocab, logits, stride, target, o); });
  return true;
}

void route(const kernels::RouteShape& s, const float* logits, const kernels::RouteOutput& o) {
  const Timer timer("route", {0, static_cast<double>(s.tokens * s.experts), static_cast<double>(s.tokens * s.experts) * 2 * kFloat});
  const auto parallel = torchParallel();
  const std::int64_t choices = s.tokens * s.topK;
  both("route", {{"probabilities", o.probabilities, s.tokens, s.experts, s.experts}, {"gate", o.gate, 1, choices, choices},
                 {"log-sum-exp", o.logSumExp, 1, s.tokens, s.tokens}},
       [&] {
         const at::Tensor work = scratch({kernels::routeWorkspace(s, parallel.threads) / 4 + 4});
         return kernels::route(s, logits, s.experts, o, out(work), parallel);
       },
       [&] {
         std::vector<std::int32_t> slots;
         if (kernelMode() == KernelMode::Check) slots.assign(o.slotOfChoice, o.slotOfChoice + choices);
         const Status status = kernels::reference::route(s, logits, s.experts, o);
         if (!std::equal(slots.begin(), slots.end(), o.slotOfChoice))
           throw Error(ExitCode::Internal, "[route] the fast kernel sends tokens elsewhere than the plain one");
         return status;
       });
}

void routeBackward(const Place& place, std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                   const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp, float zScale, float* dLogits) {
  if (place.gpu) return gpu::routeBackward(tokens, experts, topK, probabilities, expert, dGate, columnGrad, logSumExp, zScale, dLogits);
  const Timer timer("route backward", {0, 0, static_cast<double>(tokens * experts) * 2 * kFloat});
  const auto parallel = torchParallel();
  both("route backward", {{"dlogits", dLogits, tokens, experts, experts}},
       [&] {
         return kernels::routeBackward(tokens, experts, topK, probabilities, expert, dGate, columnGrad, logSumExp, zScale, dLogits, parallel);
       },
       [&] {
         kernels::reference::routeBackward(tokens, experts, topK, probabilities, expert, dGate, columnGrad, logSumExp, zScale, dLogits);
         return Status::Ok;
       });
}

void combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens,
                 std::int64_t topK, float* y) {
  const Timer timer("combine", {0, 0, static_cast<double>(tokens * (topK + 1) * width) * kFloat});
  const auto parallel = torchParallel();
  both("combine", {{"y", y, tokens, width, width}},
       [&] { return kernels::combineRows(rows, width, slotOfChoice, weight, tokens, topK, y, width, parallel); },
       [&] {
         kernels::reference::combineRows(rows, width, slotOfChoice, weight, tokens, topK, y, width);
         return Status::Ok;
       });
}

void combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* tokenOfSlot, const std::int32_t* choiceOfSlot,
                         const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens, std::int64_t topK,
                         std::int64_t slots, const float* dy, float* dRows, float* dWeight) {
  const Timer timer("combine backward", {0, 0, static_cast<double>((tokens + 2 * slots) * width) * kFloat});
  const auto parallel = torchParallel();
  both("combine backward", {{"drows", dRows, slots, width, width}, {"dweight", dWeight, 1, tokens * topK, tokens * topK}},
       [&] {
         return kernels::combineRowsBackward(rows, width, tokenOfSlot, choiceOfSlot, slotOfChoice, weight, tokens, topK, slots, dy, width,
                                             dRows, dWeight, parallel);
       },
       [&] {
         if (dWeight != nullptr) std::fill_n(dWeight, tokens * topK, 0.0f);
         kernels::reference::combineRowsBackward(rows, width, choiceOfSlot, weight, topK, slots, dy, width, dRows, dWeight);
         return Status::Ok;
       });
}

void adamw(const Place& place, std::int64_t count, float* param, float* grad, float* m, float* v, const kernels::AdamWSettings& s) {
  if (place.gpu) return gpu::adamw(count, param, grad, m, v, s);
  const Timer timer("adamw", {0, 0, static_cast<double>(count) * 7 * kFloat});
  const auto parallel = torchParallel();
  both("adamw", {{"parameters", param, 1, count, count}, {"first moments", m, 1, count, count}, {"second moments", v, 1, count, count}},
       [&] { return kernels::adamw(count, param, grad, m, v, s, false, parallel); },
       [&] { return kernels::reference::adamw(count, param, grad, m, v, s); });
}

}  // namespace run
}  // namespace serp::ops
