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

std::int64_t scanCheckpointCount(const ScanShape&) noexcept {
  return 0;
}
std::int64_t scanBackwardWorkspace(const ScanShape&) noexcept {
  return 0;
}
std::int64_t convBackwardWorkspace(const ConvShape&) noexcept {
  return 0;
}
std::int64_t normBackwardWorkspace(const NormShape&) noexcept {
  return 0;
}
std::int64_t routeMeanProbabilityWorkspace(std::int64_t, std::int64_t) noexcept {
  return 0;
}
std::int64_t sumOfSquaresWorkspace(std::int64_t) noexcept {
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
Status wait(Stream) noexcept {
  return Status::NoDevice;
}
Status timeOf(void (*)(void*), void*, double*) noexcept {
  return Status::NoDevice;
}
const char* deviceName() noexcept {
  return "";
}

Status scanForward(const ScanShape&, const ScanInput&, const ScanOutput&, Stream) noexcept {
  return Status::NoDevice;
}
Status scanBackward(const ScanShape&, const ScanInput&, const float*, const ScanGradients&, float*, Stream) noexcept {
  return Status::NoDevice;
}
Status scanStep(const ScanShape&, const ScanInput&, float*, float*, std::int64_t, Stream) noexcept {
  return Status::NoDevice;
}
Status convForward(const ConvShape&, const ConvInput&, float*, std::int64_t, Stream) noexcept {
  return Status::NoDevice;
}
Status convBackward(const ConvShape&, const ConvInput&, const ConvGradients&, float*, Stream) noexcept {
  return Status::NoDevice;
}
Status convStep(const ConvShape&, const ConvInput&, float*, float*, std::int64_t, Stream) noexcept {
  return Status::NoDevice;
}
Status normForward(const NormShape&, const float*, std::int64_t, const float*, const float*, float*, std::int64_t,
                   float*, Stream) noexcept {
  return Status::NoDevice;
}
Status normBackward(const NormShape&, const float*, std::int64_t, const float*, const float*, const float*,
                    std::int64_t, const float*, float*, std::int64_t, float*, float*, float*, Stream) noexcept {
  return Status::NoDevice;
}
Status crossEntropy(std::int64_t, std::int64_t, const float*, std::int64_t, const std::int64_t*,
                    const CrossEntropyOutput&, Stream) noexcept {
  return Status::NoDevice;
}
Status route(const RouteShape&, const float*, std::int64_t, const RouteOutput&, Stream) noexcept {
  return Status::NoDevice;
}
Status routeMeanProbability(std::int64_t, std::int64_t, const float*, float*, float*, Stream) noexcept {
  return Status::NoDevice;
}
Status routeBackward(std::int64_t, std::int64_t, std::int64_t, const float*, const std::int32_t*, const float*,
                     const float*, const float*, float, float*, Stream) noexcept {
  return Status::NoDevice;
}
Status gatherRows(const float*, std::int64_t, std::int64_t, const std::int32_t*, std::int64_t, float*,
                  Stream) noexcept {
  return Status::NoDevice;
}
Status combineRows(const float*, std::int64_t, const std::int32_t*, const float*, std::int64_t, std::int64_t, float*,
                   std::int64_t, Stream) noexcept {
  return Status::NoDevice;
}
Status combineRowsBackward(const float*, std::int64_t, const std::int32_t*, const std::int32_t*, const std::int32_t*,
                           const float*, std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t, float*,
                           float*, Stream) noexcept {
  return Status::NoDevice;
}
Status adamw(std::int64_t, float*, float*, float*, float*, const AdamWSettings&, bool, Stream) noexcept {
  return Status::NoDevice;
}
Status sumOfSquares(std::int64_t, const float*, double*, double*, Stream) noexcept {
  return Status::NoDevice;
}

}  // namespace serp::kernels::cuda
