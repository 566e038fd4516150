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
SERP_DEVICE_CALL(normBackward);
SERP_DEVICE_CALL(crossEntropy);
SERP_DEVICE_CALL(route);
SERP_DEVICE_CALL(routeMeanProbability);
SERP_DEVICE_CALL(routeBackward);
SERP_DEVICE_CALL(gatherRows);
SERP_DEVICE_CALL(combineRows);
SERP_DEVICE_CALL(combineRowsBackward);
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
    t.normBackward = normBackwardCall::run;
    t.crossEntropy = crossEntropyCall::run;
    t.route = routeCall::run;
    t.routeMeanProbabilityWorkspace = [](std::int64_t n, std::int64_t e) noexcept { return gpu::routeMeanProbabilityWorkspace(n, e); };
    t.routeMeanProbability = routeMeanProbabilityCall::run;
    t.routeBackward = routeBackwardCall::run;
    t.gatherRows = gatherRowsCall::run;
    t.combineRows = combineRowsCall::run;
    t.combineRowsBackward = combineRowsBackwardCall::run;
    t.adamw = adamwCall::run;
    t.sumOfSquaresWorkspace = [](std::int64_t count) noexcept { return gpu::sumOfSquaresWorkspace(count); };
    t.sumOfSquares = sumOfSquaresCall::run;
    return t;
  }();
  return all;
}

}  // namespace serp::ops::SERP_GPU
