// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU kernels of a build without CUDA: every one answers that there is no device, and needs no workspace.
#include "kernels/cuda_memory.h"

namespace serp::kernels::cuda {

bool compiled() noexcept {
  return false;
}
int deviceCount() noexcept {
  return 0;
}

Status allocate(std::int64_t, int, void**) noexcept {
  return Status::NoDevice;
}
void release(void*) noexcept {}
Status copyIn(void*, const void*, std::int64_t) noexcept {
  return Status::NoDevice;
}
Status copyOut(void*, const void*, std::int64_t) noexcept {
  return Status::NoDevice;
}
Status copyOnDevice(void*, const void*, std::int64_t, Stream) noexcept {
  return Status::NoDevice;
}
Status wait(Stream) noexcept {
  return Status::NoDevice;
}
Status timeOf(void (*)(void*), void*, double*) noexcept {
  return Status::NoDevice;
}
const char* deviceName() noexcept {
  return "";
}

std::int64_t scanCheckpointCount(const ScanShape&) noexcept {
  return 0;
}
std::int64_t scanBackwardWorkspace(const ScanShape&) noexcept {
  return 0;
}
Status scanForward(const ScanShape&, const ScanInput&, const ScanOutput&, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status scanBackward(const ScanShape&, const ScanInput&, const float*, const ScanGradients&, float*, Stream,
                    DType) noexcept {
  return Status::NoDevice;
}
Status scanStep(const ScanShape&, const ScanInput&, float*, float*, std::int64_t, Stream, DType) noexcept {
  return Status::NoDevice;
}
std::int64_t convBackwardWorkspace(const ConvShape&) noexcept {
  return 0;
}
Status convForward(const ConvShape&, const ConvInput&, float*, std::int64_t, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status convBackward(const ConvShape&, const ConvInput&, const ConvGradients&, float*, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status convStep(const ConvShape&, const ConvInput&, float*, float*, std::int64_t, Stream, DType) noexcept {
  return Status::NoDevice;
}
std::int64_t normBackwardWorkspace(const NormShape&) noexcept {
  return 0;
}
Status normForward(const NormShape&, const float*, std::int64_t, const float*, const float*, float*, std::int64_t,
                   float*, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status normResidualForward(const NormShape&, const float*, std::int64_t, const float*, std::int64_t, float*,
                           std::int64_t, const float*, const float*, float*, std::int64_t, float*, Stream,
                           DType) noexcept {
  return Status::NoDevice;
}
Status normBackward(const NormShape&, const float*, std::int64_t, const float*, const float*, const float*,
                    std::int64_t, const float*, float*, std::int64_t, float*, float*, float*, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status crossEntropy(std::int64_t, std::int64_t, const float*, std::int64_t, const std::int64_t*,
                    const CrossEntropyOutput&, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status route(const RouteShape&, const float*, std::int64_t, const RouteOutput&, Stream) noexcept {
  return Status::NoDevice;
}
std::int64_t routeMeanProbabilityWorkspace(std::int64_t, std::int64_t) noexcept {
  return 0;
}
Status routeMeanProbability(std::int64_t, std::int64_t, const float*, float*, float*, Stream) noexcept {
  return Status::NoDevice;
}
Status routeBackward(std::int64_t, std::int64_t, std::int64_t, const float*, const std::int32_t*, const float*,
                     const float*, const float*, float, float*, Stream) noexcept {
  return Status::NoDevice;
}
Status gatherRows(const float*, std::int64_t, std::int64_t, const std::int32_t*, std::int64_t, float*, Stream,
                  DType) noexcept {
  return Status::NoDevice;
}
Status combineRows(const float*, std::int64_t, const std::int32_t*, const float*, std::int64_t, std::int64_t, float*,
                   std::int64_t, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status combineRowsBackward(const float*, std::int64_t, const std::int32_t*, const std::int32_t*, const std::int32_t*,
                           const float*, std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t, float*,
                           float*, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status capacityPlaces(std::int64_t, std::int64_t, std::int64_t, std::int64_t, const RouteOutput&, std::int32_t*,
                      std::int32_t*, std::int32_t*, Stream) noexcept {
  return Status::NoDevice;
}
Status activate(const ActivationRows&, Activation, float*, std::int64_t, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status activateBackward(const ActivationRows&, Activation, const float*, std::int64_t, float*, std::int64_t, float*,
                        std::int64_t, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status ropeAngles(std::int64_t, std::int64_t, double, std::int64_t, const std::int64_t*, float*, float*,
                  Stream) noexcept {
  return Status::NoDevice;
}
Status splitHeads(const HeadsShape&, const float*, const float*, const float*, float*, float*, float*, Stream,
                  DType) noexcept {
  return Status::NoDevice;
}
Status splitHeadsBackward(const HeadsShape&, const HeadsView&, const HeadsView&, const HeadsView&, const float*,
                          const float*, float*, Stream, DType) noexcept {
  return Status::NoDevice;
}
std::int64_t columnSumWorkspace(std::int64_t, std::int64_t) noexcept {
  return 0;
}
Status columnSum(std::int64_t, std::int64_t, const float*, std::int64_t, float*, float*, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status embeddingForward(std::int64_t, std::int64_t, std::int64_t, const std::int64_t*, const float*, float, float*,
                        std::int64_t, Stream, DType) noexcept {
  return Status::NoDevice;
}
std::int64_t embeddingBackwardWorkspace(std::int64_t, std::int64_t) noexcept {
  return 0;
}
Status embeddingBackward(std::int64_t, std::int64_t, std::int64_t, const std::int64_t*, const float*, std::int64_t,
                         float, bool, float*, float*, Stream, DType) noexcept {
  return Status::NoDevice;
}
Status adamw(std::int64_t, float*, float*, float*, float*, const AdamWSettings&, bool, Stream, Bf16*) noexcept {
  return Status::NoDevice;
}
Status adamwPrepare(const AdamWSettings&, const float*, const double*, float, std::int64_t*, float*, float*,
                    Stream) noexcept {
  return Status::NoDevice;
}
Status adamwApply(std::int64_t, float*, float*, float*, float*, const float*, float, bool, Bf16*, Stream) noexcept {
  return Status::NoDevice;
}
Status writeShadow(std::int64_t, const float*, Bf16*, Stream) noexcept {
  return Status::NoDevice;
}
std::int64_t sumOfSquaresWorkspace(std::int64_t) noexcept {
  return 0;
}
Status sumOfSquares(std::int64_t, const float*, double*, double*, Stream) noexcept {
  return Status::NoDevice;
}

}  // namespace serp::kernels::cuda
