// SPDX-License-Identifier: GPL-3.0-or-later
// DeviceKernels filled from kernels/cuda.h, in whichever namespace SERP_GPU names: cuda in the engine, emulated in the tests.
#pragma once

#include "engine/ops/device_kernels.h"
#include "kernels/cuda.h"

namespace serp::ops::SERP_GPU {

namespace gpu = kernels::SERP_GPU;

// A function by its name, not by a pointer: arguments behind the stream keep their defaults. The stream moves to the front, because a pack
// can only be deduced at the end.
#define SERP_DEVICE_CALL(function)                                        \
  struct function##Call {                                                 \
    template <class... Arguments>                                         \
    static kernels::Status run(void* stream, Arguments... a) noexcept {   \
      return gpu::function(a..., gpu::Stream{stream});                    \
    }                                                                     \
  }
SERP_DEVICE_CALL(scanForward);
SERP_DEVICE_CALL(scanBackward);
SERP_DEVICE_CALL(scanStep);
SERP_DEVICE_CALL(convForward);
SERP_DEVICE_CALL(convBackward);
SERP_DEVICE_CALL(convStep);
SERP_DEVICE_CALL(normForward);
SERP_DEVICE_CALL(normResidualForward);
SERP_DEVICE_CALL(normBackward);
SERP_DEVICE_CALL(crossEntropy);
SERP_DEVICE_CALL(route);
SERP_DEVICE_CALL(routeMeanProbability);
SERP_DEVICE_CALL(routeBackward);
SERP_DEVICE_CALL(gatherRows);
SERP_DEVICE_CALL(combineRows);
SERP_DEVICE_CALL(combineRowsBackward);
SERP_DEVICE_CALL(capacityPlaces);
SERP_DEVICE_CALL(adamw);
SERP_DEVICE_CALL(sumOfSquares);
#undef SERP_DEVICE_CALL

inline const DeviceKernels& table() {
  static const DeviceKernels all = [] {
    DeviceKernels t{};
    t.scanCheckpointCount = [](const kernels::ScanShape& s) noexcept { return gpu::scanCheckpointCount(s); };
    t.scanBackwardWorkspace = [](const kernels::ScanShape& s) noexcept { return gpu::scanBackwardWorkspace(s); };
    t.scanForward = scanForwardCall::run;
    t.scanBackward = scanBackwardCall::run;
    t.scanStep = scanStepCall::run;
    t.convBackwardWorkspace = [](const kernels::ConvShape& s) noexcept { return gpu::convBackwardWorkspace(s); };
    t.convForward = convForwardCall::run;
    t.convBackward = convBackwardCall::run;
    t.convStep = convStepCall::run;
    t.normBackwardWorkspace = [](const kernels::NormShape& s) noexcept { return gpu::normBackwardWorkspace(s); };
    t.normForward = normForwardCall::run;
    t.normResidualForward = normResidualForwardCall::run;
    t.normBackward = normBackwardCall::run;
    t.crossEntropy = crossEntropyCall::run;
    t.route = routeCall::run;
    t.routeMeanProbabilityWorkspace = [](std::int64_t n, std::int64_t e) noexcept { return gpu::routeMeanProbabilityWorkspace(n, e); };
    t.routeMeanProbability = routeMeanProbabilityCall::run;
    t.routeBackward = routeBackwardCall::run;
    t.gatherRows = gatherRowsCall::run;
    t.combineRows = combineRowsCall::run;
    t.combineRowsBackward = combineRowsBackwardCall::run;
    t.capacityPlaces = capacityPlacesCall::run;
    t.activate = [](void* stream, std::int64_t rows, std::int64_t width, int kind, const float* h, const float* up, float* out) noexcept {
      return gpu::activate({rows, width, h, width, up, width}, static_cast<gpu::Activation>(kind), out, width, gpu::Stream{stream});
    };
    t.activateBackward = [](void* stream, std::int64_t rows, std::int64_t width, int kind, const float* h, const float* up,
                            const float* dOut, float* dh, float* dUp) noexcept {
      return gpu::activateBackward({rows, width, h, width, up, width}, static_cast<gpu::Activation>(kind), dOut, width, dh, width, dUp, width,
                                   gpu::Stream{stream});
    };
    t.ropeAngles = [](void* stream, std::int64_t length, std::int64_t width, double base, std::int64_t first, float* c, float* s) noexcept {
      return gpu::ropeAngles(length, width, base, first, nullptr, c, s, gpu::Stream{stream});
    };
    t.splitHeads = [](void* stream, std::int64_t batch, std::int64_t length, std::int64_t heads, std::int64_t width, const float* qkv,
                      const float* c, const float* s, float* q, float* k, float* v) noexcept {
      return gpu::splitHeads({batch, length, heads, width}, qkv, c, s, q, k, v, gpu::Stream{stream});
    };
    t.splitHeadsBackward = [](void* stream, std::int64_t batch, std::int64_t length, std::int64_t heads, std::int64_t width,
                              const float* const parts[3], const std::int64_t strides[3][3], const float* c, const float* s,
                              float* dqkv) noexcept {
      const auto view = [&](int i) { return gpu::HeadsView{const_cast<float*>(parts[i]), strides[i][0], strides[i][1], strides[i][2]}; };
      return gpu::splitHeadsBackward({batch, length, heads, width}, view(0), view(1), view(2), c, s, dqkv, gpu::Stream{stream});
    };
    t.adamw = adamwCall::run;
    t.sumOfSquaresWorkspace = [](std::int64_t count) noexcept { return gpu::sumOfSquaresWorkspace(count); };
    t.sumOfSquares = sumOfSquaresCall::run;
    return t;
  }();
  return all;
}

}  // namespace serp::ops::SERP_GPU
