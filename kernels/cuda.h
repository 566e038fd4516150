// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels of this floor on an NVIDIA GPU: the same shapes and argument structs as on the CPU, pointers to device
// memory, and a stream instead of threads. Formulas, layouts and meanings stand in the headers included here.
//
// Every function but the sizes launches and returns at once; Status::NoDevice means that this build has no CUDA or this
// machine no usable driver, Status::LaunchFailed that the driver refused. Workspaces are asked for and passed in;
// nothing is allocated here. float32 storage and accumulation. Determinism: no atomics; every sum has an order that
// depends on the shape only, so the same inputs give the same bits on the same card. Checked by
// tests/kernels/tst_emulated_*.cpp, which run the same sources on a CPU.
#pragma once

#include "kernels/adamw.h"
#include "kernels/causal_conv1d.h"
#include "kernels/cross_entropy.h"
#include "kernels/norm.h"
#include "kernels/routing.h"
#include "kernels/selective_scan.h"

// The namespace is chosen by a macro, so that the GPU build and the emulated one link into one program.
#ifndef SERP_GPU
#define SERP_GPU cuda
#endif

namespace serp::kernels::SERP_GPU {

/// A cudaStream_t; null is the default stream.
struct Stream {
  void* handle = nullptr;
};

/// How activations are stored. Every function below that takes a DType reads and writes those pointers named in its
/// comment as elements of that type, whatever their declared type; strides count elements. Parameters (A, D, weights,
/// biases), states, statistics, workspaces and sums stay float32. Results are rounded once, to nearest even.
enum class DType : std::uint8_t { Float32, BFloat16 };

/// The upper half of a float.
struct Bf16 {
  std::uint16_t bits;
};

/// True when this build holds GPU code.
bool compiled() noexcept;
/// Cards that can be used; 0 without CUDA in the build or a driver on the machine. Asked once, then remembered.
int deviceCount() noexcept;

/// Sizes in floats; checkpoints have another layout than the CPU's and serve this backward only.
std::int64_t scanCheckpointCount(const ScanShape&) noexcept;
std::int64_t scanBackwardWorkspace(const ScanShape&) noexcept;
Status scanForward(const ScanShape&, const ScanInput&, const ScanOutput&, Stream) noexcept;
Status scanBackward(const ScanShape&, const ScanInput&, const float* checkpoints, const ScanGradients&,
                    float* workspace, Stream) noexcept;
Status scanStep(const ScanShape&, const ScanInput&, float* state, float* y, std::int64_t yStride, Stream) noexcept;

std::int64_t convBackwardWorkspace(const ConvShape&) noexcept;  ///< floats
Status convForward(const ConvShape&, const ConvInput&, float* out, std::int64_t outStride, Stream) noexcept;
Status convBackward(const ConvShape&, const ConvInput&, const ConvGradients&, float* workspace, Stream) noexcept;
Status convStep(const ConvShape&, const ConvInput&, float* window, float* out, std::int64_t outStride, Stream) noexcept;

std::int64_t normBackwardWorkspace(const NormShape&) noexcept;  ///< floats
Status normForward(const NormShape&, const float* x, std::int64_t xStride, const float* weight, const float* bias,
                   float* y, std::int64_t yStride, float* stats, Stream) noexcept;
Status normBackward(const NormShape&, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                    const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx, std::int64_t dxStride,
                    float* dWeight, float* dBias, float* workspace, Stream) noexcept;

/// A target >= vocab cannot be reported from a running kernel: it makes its own loss and gradient row NaN.
Status crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride,
                    const std::int64_t* target, const CrossEntropyOutput&, Stream) noexcept;

/// All fields of RouteOutput but gate and logSumExp are needed. No workspace: the counts live in `offsets` until they
/// are summed.
Status route(const RouteShape&, const float* logits, std::int64_t logitStride, const RouteOutput&, Stream) noexcept;
std::int64_t routeMeanProbabilityWorkspace(std::int64_t tokens, std::int64_t experts) noexcept;  ///< floats
Status routeMeanProbability(std::int64_t tokens, std::int64_t experts, const float* probabilities,
                            float* meanProbability, float* workspace, Stream) noexcept;
Status routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                     const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp,
                     float zScale, float* dLogits, Stream) noexcept;
Status gatherRows(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot,
                  std::int64_t slots, float* rows, Stream) noexcept;
Status combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                   std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride, Stream) noexcept;
Status combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* tokenOfSlot,
                           const std::int32_t* choiceOfSlot, const std::int32_t* slotOfChoice, const float* weight,
                           std::int64_t tokens, std::int64_t topK, std::int64_t slots, const float* dy,
                           std::int64_t dyStride, float* dRows, float* dWeight, Stream) noexcept;

Status adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings&, bool zeroGrad,
             Stream) noexcept;
std::int64_t sumOfSquaresWorkspace(std::int64_t count) noexcept;  ///< doubles
/// *total, in device memory, becomes the sum. A non-finite element makes it non-finite.
Status sumOfSquares(std::int64_t count, const float* x, double* workspace, double* total, Stream) noexcept;

}  // namespace serp::kernels::SERP_GPU
