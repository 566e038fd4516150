// SPDX-License-Identifier: GPL-3.0-or-later
// The public scan and convolution: arguments checked here, work done by the active table or the plain loops.
#include <algorithm>

#include "kernels/cpu/table.h"

namespace serp::kernels {

std::int64_t scanCheckpointCount(const ScanShape& s) noexcept {
  return s.batch * scanChunks(s.length) * ((s.channels + kScanGroup - 1) / kScanGroup * kScanGroup) * s.states;
}

std::int64_t scanBackwardWorkspace(const ScanShape& s, int threads) noexcept {
  const std::int64_t splits = scanSplits(s.batch, s.channels, threads),
                     wide = (s.channels + kScanGroup - 1) / kScanGroup * kScanGroup;
  const std::int64_t align = 16, transposedA = wide * s.states, carries = s.batch * wide * (2 * s.states + 2);
  const std::int64_t partials = splits > 1 ? 2 * splits * s.batch * s.length * s.states : 0;
  return align + transposedA + carries + s.batch * splits * 2 * kScanChunk * s.states * kScanGroup + partials;
}

Status scanForward(const ScanShape& s, const ScanInput& in, const ScanOutput& out, const ParallelFor& p) noexcept {
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!out.y || out.yStride < s.channels) return Status::BadArgument;
  if (useReference()) return reference::scanForward(s, in, out);
  activeTable().scanForward(s, in, out, p);
  return Status::Ok;
}

Status scanBackward(const ScanShape& s, const ScanInput& in, const float* checkpoints, const ScanGradients& g,
                    float* workspace, const ParallelFor& p) noexcept {
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (const Status status = check(s, in, g); status != Status::Ok) return status;
  if (useReference()) return reference::scanBackward(s, in, g);
  if (!checkpoints || !workspace) return Status::BadArgument;
  activeTable().scanBackward(s, in, checkpoints, g, workspace, p);
  return Status::Ok;
}

Status scanStep(const ScanShape& s, const ScanInput& in, float* state, float* y, std::int64_t yStride,
                const ParallelFor& p) noexcept {
  if (s.length != 1) return Status::BadShape;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!state || !y || yStride < s.channels) return Status::BadArgument;
  if (useReference()) {
    ScanInput from = in;
    from.h0 = state;
    ScanOutput out;
    out.y = y, out.yStride = yStride, out.lastState = state;  // a channel's states are read before they are written
    return reference::scanForward(s, from, out);
  }
  activeTable().scanStep(s, in, state, y, yStride, p);
  return Status::Ok;
}

std::int64_t convBackwardWorkspace(const ConvShape& s, int) noexcept {
  return s.batch * s.channels * (s.width + 1);
}

Status convForward(const ConvShape& s, const ConvInput& in, float* out, std::int64_t stride,
                   const ParallelFor& p) noexcept {
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!out || stride < s.channels) return Status::BadArgument;
  if (useReference()) return reference::convForward(s, in, out, stride);
  activeTable().convForward(s, in, out, stride, p);
  return Status::Ok;
}

Status convBackward(const ConvShape& s, const ConvInput& in, const ConvGradients& g, float* workspace,
                    const ParallelFor& p) noexcept {
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!g.dOut || g.dOutStride < s.channels || (g.dx && g.dxStride < s.channels)) return Status::BadArgument;
  if (useReference()) return reference::convBackward(s, in, g);
  if (!workspace) return Status::BadArgument;
  activeTable().convBackward(s, in, g, workspace, p);
  return Status::Ok;
}

Status convStep(const ConvShape& s, const ConvInput& in, float* window, float* out, std::int64_t stride,
                const ParallelFor& p) noexcept {
  if (s.length != 1) return Status::BadShape;
  if (s.width > 1 && !window) return Status::BadArgument;
  ConvInput from = in;
  from.previous = s.width > 1 ? window : nullptr;
  if (const Status status = convForward(s, from, out, stride, p); status != Status::Ok || nothing(s)) return status;
  const std::int64_t keep = s.width - 1;
  for (std::int64_t b = 0; b < s.batch && keep > 0; ++b) {
    float* w = window + b * keep * s.channels;
    std::copy(w + s.channels, w + keep * s.channels, w);
    // What lies before a reset must stay unseen by the tokens after this one as well.
    if (in.reset && in.reset[b]) std::fill(w, w + (keep - 1) * s.channels, 0.0f);
    std::copy(in.x + b * in.xStride, in.x + b * in.xStride + s.channels, w + (keep - 1) * s.channels);
  }
  return Status::Ok;
}

}  // namespace serp::kernels
