// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels of this floor on an NVIDIA GPU: the same shapes and argument structs as on the CPU, pointers to device
// memory, and a stream instead of threads. Formulas, layouts and meanings stand in the headers included here.
//
// Every function but the sizes launches and returns at once; Status::NoDevice means that this build has no CUDA or this
// machine no usable driver, Status::LaunchFailed that the driver refused. Workspaces are asked for and passed in;
// nothing is allocated here. Accumulation in float32. Determinism: no atomics; every sum has an order that
// depends on the shape only, so the same inputs give the same bits on the same card. Checked by
// tests/kernels/gpu_*.cpp, which run on a card, or the same sources on a CPU.
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
/// Activations: u, delta, B, C, z, y and their gradients.
Status scanForward(const ScanShape&, const ScanInput&, const ScanOutput&, Stream, DType = DType::Float32) noexcept;
Status scanBackward(const ScanShape&, const ScanInput&, const float* checkpoints, const ScanGradients&,
                    float* workspace, Stream, DType = DType::Float32) noexcept;
Status scanStep(const ScanShape&, const ScanInput&, float* state, float* y, std::int64_t yStride, Stream,
                DType = DType::Float32) noexcept;

std::int64_t convBackwardWorkspace(const ConvShape&) noexcept;  ///< floats
/// Activations: x, out and their gradients; `previous` and the window of convStep are states.
Status convForward(const ConvShape&, const ConvInput&, float* out, std::int64_t outStride, Stream,
                   DType = DType::Float32) noexcept;
Status convBackward(const ConvShape&, const ConvInput&, const ConvGradients&, float* workspace, Stream,
                    DType = DType::Float32) noexcept;
Status convStep(const ConvShape&, const ConvInput&, float* window, float* out, std::int64_t outStride, Stream,
                DType = DType::Float32) noexcept;

std::int64_t normBackwardWorkspace(const NormShape&) noexcept;  ///< floats
/// Activations: x, y, dy, dxAdd, dx, residual, sum.
Status normForward(const NormShape&, const float* x, std::int64_t xStride, const float* weight, const float* bias,
                   float* y, std::int64_t yStride, float* stats, Stream, DType = DType::Float32) noexcept;
/// sum = x + residual, y = norm(sum). `sum` may be `x` or `residual`; it is the x of normBackward, whose dx is the
/// gradient of both.
Status normResidualForward(const NormShape&, const float* x, std::int64_t xStride, const float* residual,
                           std::int64_t residualStride, float* sum, std::int64_t sumStride, const float* weight,
                           const float* bias, float* y, std::int64_t yStride, float* stats, Stream,
                           DType = DType::Float32) noexcept;
Status normBackward(const NormShape&, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                    const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx, std::int64_t dxStride,
                    float* dWeight, float* dBias, float* workspace, Stream, DType = DType::Float32) noexcept;

/// A target >= vocab cannot be reported from a running kernel: it makes its own loss and gradient row NaN. Activations:
/// logits, dLogits.
Status crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride,
                    const std::int64_t* target, const CrossEntropyOutput&, Stream, DType = DType::Float32) noexcept;

/// All fields of RouteOutput but gate and logSumExp are needed. No workspace: the counts live in `probabilities` until
/// those are written, last; logits may not lie there.
Status route(const RouteShape&, const float* logits, std::int64_t logitStride, const RouteOutput&, Stream) noexcept;
std::int64_t routeMeanProbabilityWorkspace(std::int64_t tokens, std::int64_t experts) noexcept;  ///< floats
Status routeMeanProbability(std::int64_t tokens, std::int64_t experts, const float* probabilities,
                            float* meanProbability, float* workspace, Stream) noexcept;
Status routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                     const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp,
                     float zScale, float* dLogits, Stream) noexcept;
/// Activations: x, rows, y, dy, dRows.
Status gatherRows(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot,
                  std::int64_t slots, float* rows, Stream, DType = DType::Float32) noexcept;
Status combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                   std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride, Stream,
                   DType = DType::Float32) noexcept;
Status combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* tokenOfSlot,
                           const std::int32_t* choiceOfSlot, const std::int32_t* slotOfChoice, const float* weight,
                           std::int64_t tokens, std::int64_t topK, std::int64_t slots, const float* dy,
                           std::int64_t dyStride, float* dRows, float* dWeight, Stream,
                           DType = DType::Float32) noexcept;
/// Slots of static shape, `capacity` places per expert, so that all experts are one batched product: place e * capacity
/// + i is the i-th slot of expert e, or empty (-1). The three results stand for slotOfChoice, tokenOfSlot and
/// choiceOfSlot in the functions above, with experts * capacity slots: rows are then [E, capacity, width], empty ones
/// zero. Slots past an expert's capacity are dropped. Reads offsets, expert, slotOfChoice, tokenOfSlot and choiceOfSlot
/// of `routed`.
Status capacityPlaces(std::int64_t tokens, std::int64_t experts, std::int64_t topK, std::int64_t capacity,
                      const RouteOutput& routed, std::int32_t* placeOfChoice, std::int32_t* tokenOfPlace,
                      std::int32_t* choiceOfPlace, Stream) noexcept;

enum class Activation : std::uint8_t { Relu, Gelu, Silu, Relu2 };  ///< as engine/ops/activation.h names them

/// Rows of inputs of an activation: act(h), or act(h) * up where `up` is there.
struct ActivationRows {
  std::int64_t rows = 0, width = 0;
  const float* h = nullptr;
  std::int64_t hStride = 0;
  const float* up = nullptr;
  std::int64_t upStride = 0;
};
/// Activations: all pointers. Outputs may be inputs of the same stride; dh and dUp may be null.
Status activate(const ActivationRows&, Activation, float* out, std::int64_t outStride, Stream,
                DType = DType::Float32) noexcept;
Status activateBackward(const ActivationRows&, Activation, const float* dOut, std::int64_t dOutStride, float* dh,
                        std::int64_t dhStride, float* dUp, std::int64_t dUpStride, Stream,
                        DType = DType::Float32) noexcept;

struct HeadsShape {
  std::int64_t batch = 0, length = 0, heads = 1, width = 0;  ///< width of one head
};
/// [B, heads, T, width] with strides in elements; rows are dense.
struct HeadsView {
  float* at = nullptr;
  std::int64_t batch = 0, head = 0, time = 0;
};
/// cos and sin of (first + *firstOnDevice + t) * base^(-2 i / width), in double, rounded: [length, width / 2] each.
/// `firstOnDevice` may be null.
Status ropeAngles(std::int64_t length, std::int64_t width, double base, std::int64_t first,
                  const std::int64_t* firstOnDevice, float* cosines, float* sines, Stream) noexcept;
/// qkv [B, T, heads, 3, width] into q, k, v [B, heads, T, width]; pairs (i, i + width / 2) of q and k turned by the
/// angles, or not where those are null. Activations: qkv, q, k, v and their gradients.
Status splitHeads(const HeadsShape&, const float* qkv, const float* cosines, const float* sines, float* q, float* k,
                  float* v, Stream, DType = DType::Float32) noexcept;
Status splitHeadsBackward(const HeadsShape&, const HeadsView& dq, const HeadsView& dk, const HeadsView& dv,
                          const float* cosines, const float* sines, float* dqkv, Stream,
                          DType = DType::Float32) noexcept;

std::int64_t columnSumWorkspace(std::int64_t rows, std::int64_t width) noexcept;  ///< floats
/// sums[c] = sum over the rows of x[r, c], float32: the gradient of a bias. Activation: x.
Status columnSum(std::int64_t rows, std::int64_t width, const float* x, std::int64_t stride, float* sums,
                 float* workspace, Stream, DType = DType::Float32) noexcept;

/// out[i] = scale * table[tokens[i]]; NaN for a token that the table [vocab, width] does not have. Activations: table
/// (the shadow), out.
Status embeddingForward(std::int64_t count, std::int64_t vocab, std::int64_t width, const std::int64_t* tokens,
                        const float* table, float scale, float* out, std::int64_t outStride, Stream,
                        DType = DType::Float32) noexcept;
std::int64_t embeddingBackwardWorkspace(std::int64_t count, std::int64_t width) noexcept;  ///< floats
/// dTable[v] = (add: +=) scale * sum of dy[i] over the i whose token is v, in the order of i within parts of 64 of
/// them. Activation: dy. dTable [vocab, width] is float32.
Status embeddingBackward(std::int64_t count, std::int64_t vocab, std::int64_t width, const std::int64_t* tokens,
                         const float* dy, std::int64_t dyStride, float scale, bool add, float* dTable, float* workspace,
                         Stream, DType = DType::Float32) noexcept;

/// `shadow`, where given, becomes the rounded parameters.
Status adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings&, bool zeroGrad,
             Stream, Bf16* shadow = nullptr) noexcept;
inline constexpr int kAdamWFactors = 12;  ///< floats
/// The part of a step that depends on its number and on the gradient's norm, for a recorded step: ++*step, then the
/// factors of adamwApply from betas, eps and gradScale of the settings, *learningRate (null: that of the settings) and,
/// with squares, the clipping factor min(1, clip / (norm + 1e-6)) for norm = sqrt(*squares) * gradScale (clip <= 0:
/// none), left in *norm. Pointers are device memory; norm and squares may be null.
Status adamwPrepare(const AdamWSettings&, const float* learningRate, const double* squares, float clip,
                    std::int64_t* step, float* factors, float* norm, Stream) noexcept;
Status adamwApply(std::int64_t count, float* param, float* grad, float* m, float* v, const float* factors,
                  float weightDecay, bool zeroGrad, Bf16* shadow, Stream) noexcept;
Status writeShadow(std::int64_t count, const float* from, Bf16* to, Stream) noexcept;
std::int64_t sumOfSquaresWorkspace(std::int64_t count) noexcept;  ///< doubles
/// *total, in device memory, becomes the sum. A non-finite element makes it non-finite.
Status sumOfSquares(std::int64_t count, const float* x, double* workspace, double* total, Stream) noexcept;

}  // namespace serp::kernels::SERP_GPU
