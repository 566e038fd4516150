// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU kernels as one table of function pointers, and the question every op asks first: where do these tensors live?
//
// Two tables exist: the real one (kernels/cuda.h), and in tests the same sources emulated on the CPU, so that the code which drives a
// card runs where there is none.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "kernels/adamw.h"
#include "kernels/causal_conv1d.h"
#include "kernels/cross_entropy.h"
#include "kernels/norm.h"
#include "kernels/routing.h"
#include "kernels/selective_scan.h"

namespace serp::ops {

/// kernels/cuda.h, function by function, with the stream (a cudaStream_t) before the arguments. Pointers to device memory.
struct DeviceKernels {
  using Status = kernels::Status;
  using I = std::int64_t;
  I (*scanCheckpointCount)(const kernels::ScanShape&) noexcept;
  I (*scanBackwardWorkspace)(const kernels::ScanShape&) noexcept;
  Status (*scanForward)(void*, const kernels::ScanShape&, const kernels::ScanInput&, const kernels::ScanOutput&) noexcept;
  Status (*scanBackward)(void*, const kernels::ScanShape&, const kernels::ScanInput&, const float* checkpoints,
                         const kernels::ScanGradients&, float* workspace) noexcept;
  Status (*scanStep)(void*, const kernels::ScanShape&, const kernels::ScanInput&, float* state, float* y, I yStride) noexcept;
  I (*convBackwardWorkspace)(const kernels::ConvShape&) noexcept;
  Status (*convForward)(void*, const kernels::ConvShape&, const kernels::ConvInput&, float* out, I outStride) noexcept;
  Status (*convBackward)(void*, const kernels::ConvShape&, const kernels::ConvInput&, const kernels::ConvGradients&, float* workspace) noexcept;
  Status (*convStep)(void*, const kernels::ConvShape&, const kernels::ConvInput&, float* window, float* out, I outStride) noexcept;
  I (*normBackwardWorkspace)(const kernels::NormShape&) noexcept;
  Status (*normForward)(void*, const kernels::NormShape&, const float* x, I xStride, const float* weight, const float* bias, float* y,
                        I yStride, float* stats) noexcept;
  Status (*normResidualForward)(void*, const kernels::NormShape&, const float* x, I xStride, const float* residual, I residualStride,
                                float* sum, I sumStride, const float* weight, const float* bias, float* y, I yStride, float* stats) noexcept;
  Status (*normBackward)(void*, const kernels::NormShape&, const float* x, I xStride, const float* weight, const float* stats,
                         const float* dy, I dyStride, const float* dxAdd, float* dx, I dxStride, float* dWeight, float* dBias,
                         float* workspace) noexcept;
  Status (*crossEntropy)(void*, I rows, I vocab, const float* logits, I stride, const I* target, const kernels::CrossEntropyOutput&) noexcept;
  Status (*route)(void*, const kernels::RouteShape&, const float* logits, I stride, const kernels::RouteOutput&) noexcept;
  I (*routeMeanProbabilityWorkspace)(I tokens, I experts) noexcept;
  Status (*routeMeanProbability)(void*, I tokens, I experts, const float* probabilities, float* mean, float* workspace) noexcept;
  Status (*routeBackward)(void*, I tokens, I experts, I topK, const float* probabilities, const std::int32_t* expert, const float* dGate,
                          const float* columnGrad, const float* logSumExp, float zScale, float* dLogits) noexcept;
  Status (*gatherRows)(void*, const float* x, I xStride, I width, const std::int32_t* tokenOfSlot, I slots, float* rows) noexcept;
  Status (*combineRows)(void*, const float* rows, I width, const std::int32_t* slotOfChoice, const float* weight, I tokens, I topK,
                        float* y, I yStride) noexcept;
  Status (*combineRowsBackward)(void*, const float* rows, I width, const std::int32_t* tokenOfSlot, const std::int32_t* choiceOfSlot,
                                const std::int32_t* slotOfChoice, const float* weight, I tokens, I topK, I slots, const float* dy,
                                I dyStride, float* dRows, float* dWeight) noexcept;
  Status (*capacityPlaces)(void*, I tokens, I experts, I topK, I capacity, const kernels::RouteOutput& routed, std::int32_t* placeOfChoice,
                           std::int32_t* tokenOfPlace, std::int32_t* choiceOfPlace) noexcept;
  /// Rows without gaps; `kind` counts as kernels' and ops' Activation do. `up`, dh and dUp may be null.
  Status (*activate)(void*, I rows, I width, int kind, const float* h, const float* up, float* out) noexcept;
  Status (*activateBackward)(void*, I rows, I width, int kind, const float* h, const float* up, const float* dOut, float* dh, float* dUp) noexcept;
  Status (*ropeAngles)(void*, I length, I width, double base, I first, float* cosines, float* sines) noexcept;
  /// qkv [B, T, heads, 3, width]; parts [B, heads, T, width], in the backward with (batch, head, time) strides each.
  Status (*splitHeads)(void*, I batch, I length, I heads, I width, const float* qkv, const float* cosines, const float* sines, float* q,
                       float* k, float* v) noexcept;
  Status (*splitHeadsBackward)(void*, I batch, I length, I heads, I width, const float* const parts[3], const I strides[3][3],
                               const float* cosines, const float* sines, float* dqkv) noexcept;
  Status (*adamw)(void*, I count, float* param, float* grad, float* m, float* v, const kernels::AdamWSettings&, bool zeroGrad) noexcept;
  I (*sumOfSquaresWorkspace)(I count) noexcept;
  Status (*sumOfSquares)(void*, I count, const float* x, double* workspace, double* total) noexcept;
};

namespace detail {
inline std::atomic<const DeviceKernels*> gEmulated{nullptr};
}

/// Where the kernels of an op run.
struct Place {
  at::Device device = at::kCPU;
  bool gpu = false;   ///< by the table below; else by kernels/cpu
};

/// That of a tensor. While a table is emulated, tensors of the CPU count as a card's.
inline Place placeOf(const at::Tensor& t) {
  const at::Device device = t.device();
  return {device, device.is_cuda() || detail::gEmulated.load(std::memory_order_relaxed) != nullptr};
}

/// The table in use.
const DeviceKernels& deviceKernels();
/// The stream that goes with it: LibTorch's for the calling thread.
void* deviceStream();

/// For tests: from here on tensors of the CPU take a card's path through `kernels`, whose pointers may be host memory; null ends it. Not
/// while ops run.
void emulateDevice(const DeviceKernels* kernels);

/// The values of a tensor of at most a few numbers, as doubles. Waits for the card, so it is for what a step records; counted by waits().
std::vector<double> readBack(const at::Tensor& t);
/// A tensor on the host; waits for the card where it is not there already, and counts it.
at::Tensor onHost(const at::Tensor& t);
/// How often this process has waited for a card through the two above. A step that did not can be recorded as a graph.
std::int64_t waits();

}  // namespace serp::ops
