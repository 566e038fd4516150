// SPDX-License-Identifier: GPL-3.0-or-later
// The table's functions with their workspaces. Scratch that is freed here is used again only behind the work queued on the same stream.
#include "engine/ops/device_calls.h"

#include "engine/ops/parallel.h"
#include "engine/ops/tensors.h"

namespace serp::ops::gpu {

void scanForward(const kernels::ScanShape& s, const kernels::ScanInput& in, const kernels::ScanOutput& o) {
  require(deviceKernels().scanForward(deviceStream(), s, in, o), "selective_scan");
}

void scanBackward(const Place& place, const kernels::ScanShape& s, const kernels::ScanInput& in, const float* checkpoints,
                  const kernels::ScanGradients& g) {
  const at::Tensor work = scratch(place, {deviceKernels().scanBackwardWorkspace(s)});
  require(deviceKernels().scanBackward(deviceStream(), s, in, checkpoints, g, out(work)), "selective_scan backward");
}

void scanStep(const kernels::ScanShape& s, const kernels::ScanInput& in, float* state, float* y, std::int64_t yStride) {
  require(deviceKernels().scanStep(deviceStream(), s, in, state, y, yStride), "selective_scan step");
}

void convForward(const kernels::ConvShape& s, const kernels::ConvInput& in, float* y, std::int64_t stride) {
  require(deviceKernels().convForward(deviceStream(), s, in, y, stride), "causal_conv1d");
}

void convBackward(const Place& place, const kernels::ConvShape& s, const kernels::ConvInput& in, const kernels::ConvGradients& g) {
  const at::Tensor work = scratch(place, {deviceKernels().convBackwardWorkspace(s)});
  require(deviceKernels().convBackward(deviceStream(), s, in, g, out(work)), "causal_conv1d backward");
}

void convStep(const kernels::ConvShape& s, const kernels::ConvInput& in, float* window, float* y, std::int64_t stride) {
  require(deviceKernels().convStep(deviceStream(), s, in, window, y, stride), "causal_conv1d step");
}

void normForward(const kernels::NormShape& s, const float* x, const float* weight, const float* bias, float* y, float* stats) {
  require(deviceKernels().normForward(deviceStream(), s, x, s.width, weight, bias, y, s.width, stats), "norm");
}

void normResidualForward(const kernels::NormShape& s, const float* x, const float* residual, float* sum, const float* weight,
                         const float* bias, float* y, float* stats) {
  require(deviceKernels().normResidualForward(deviceStream(), s, x, s.width, residual, s.width, sum, s.width, weight, bias, y, s.width, stats),
          "norm of a sum");
}

void normBackward(const Place& place, const kernels::NormShape& s, const float* x, const float* weight, const float* stats,
                  const float* dy, const float* dxAdd, float* dx, float* dWeight, float* dBias) {
  const at::Tensor work = scratch(place, {deviceKernels().normBackwardWorkspace(s)});
  require(deviceKernels().normBackward(deviceStream(), s, x, s.width, weight, stats, dy, s.width, dxAdd, dx, s.width, dWeight, dBias, out(work)),
          "norm backward");
}

void crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride, const std::int64_t* target,
                  const kernels::CrossEntropyOutput& o) {
  require(deviceKernels().crossEntropy(deviceStream(), rows, vocab, logits, stride, target, o), "cross_entropy");
}

void route(const kernels::RouteShape& s, const float* logits, const kernels::RouteOutput& o) {
  require(deviceKernels().route(deviceStream(), s, logits, s.experts, o), "route");
}

void routeMeanProbability(const Place& place, std::int64_t tokens, std::int64_t experts, const float* probabilities, float* mean) {
  const at::Tensor work = scratch(place, {deviceKernels().routeMeanProbabilityWorkspace(tokens, experts)});
  require(deviceKernels().routeMeanProbability(deviceStream(), tokens, experts, probabilities, mean, out(work)), "route");
}

void routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities, const std::int32_t* expert,
                   const float* dGate, const float* columnGrad, const float* logSumExp, float zScale, float* dLogits) {
  require(deviceKernels().routeBackward(deviceStream(), tokens, experts, topK, probabilities, expert, dGate, columnGrad, logSumExp, zScale,
                                        dLogits),
          "route backward");
}

void gatherRows(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot, std::int64_t slots, float* rows) {
  require(deviceKernels().gatherRows(deviceStream(), x, xStride, width, tokenOfSlot, slots, rows), "gather");
}

void combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens,
                 std::int64_t topK, float* y) {
  require(deviceKernels().combineRows(deviceStream(), rows, width, slotOfChoice, weight, tokens, topK, y, width), "combine");
}

void combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* tokenOfSlot, const std::int32_t* choiceOfSlot,
                         const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens, std::int64_t topK,
                         std::int64_t slots, const float* dy, float* dRows, float* dWeight) {
  require(deviceKernels().combineRowsBackward(deviceStream(), rows, width, tokenOfSlot, choiceOfSlot, slotOfChoice, weight, tokens, topK,
                                              slots, dy, width, dRows, dWeight),
          "combine backward");
}

void capacityPlaces(std::int64_t tokens, std::int64_t experts, std::int64_t topK, std::int64_t capacity, const kernels::RouteOutput& routed,
                    std::int32_t* placeOfChoice, std::int32_t* tokenOfPlace, std::int32_t* choiceOfPlace) {
  require(deviceKernels().capacityPlaces(deviceStream(), tokens, experts, topK, capacity, routed, placeOfChoice, tokenOfPlace, choiceOfPlace),
          "places of experts");
}

void adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const kernels::AdamWSettings& s) {
  require(deviceKernels().adamw(deviceStream(), count, param, grad, m, v, s, false), "adamw");
}

void sumOfSquares(const Place& place, std::int64_t count, const float* x, double* total) {
  const at::Tensor work = scratch(place, {deviceKernels().sumOfSquaresWorkspace(count)}, at::kDouble);
  require(deviceKernels().sumOfSquares(deviceStream(), count, x, work.mutable_data_ptr<double>(), total), "sum of squares");
}

}  // namespace serp::ops::gpu
