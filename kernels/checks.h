// SPDX-License-Identifier: GPL-3.0-or-later
// What every public kernel asks of its arguments before any work is done; the CPU and the GPU entry points share it.
#pragma once

#include "kernels/causal_conv1d.h"
#include "kernels/norm.h"
#include "kernels/routing.h"
#include "kernels/selective_scan.h"

namespace serp::kernels {

inline constexpr std::int64_t kMaxStates = 256;
inline constexpr std::int64_t kMaxTaps = 16;
inline constexpr std::int64_t kMaxExperts = 4096;  ///< of one layer, everywhere

inline bool nothing(const ScanShape& s) {
  return s.batch == 0 || s.length == 0 || s.channels == 0;
}
inline bool nothing(const ConvShape& s) {
  return s.batch == 0 || s.length == 0 || s.channels == 0;
}
inline bool nothing(const NormShape& s) {
  return s.rows == 0 || s.width == 0;
}

inline Status check(const ScanShape& s, const ScanInput& in) {
  if (s.batch < 0 || s.length < 0 || s.channels < 0 || s.states < 1 || s.states > kMaxStates) return Status::BadShape;
  if (nothing(s)) return Status::Ok;
  if (!in.u || !in.delta || !in.A || !in.B || !in.C) return Status::BadArgument;
  if (in.uStride < s.channels || in.deltaStride < s.channels || in.bStride < s.states || in.cStride < s.states ||
      (in.z && in.zStride < s.channels))
    return Status::BadArgument;
  return Status::Ok;
}

inline Status check(const ScanShape& s, const ScanInput& in, const ScanGradients& g) {
  const bool good = g.dy && g.dyStride >= s.channels && (!g.du || g.duStride >= s.channels) &&
                    (!g.dDelta || g.dDeltaStride >= s.channels) && (!g.dz || (in.z && g.dzStride >= s.channels)) &&
                    (!g.dB || g.dbStride >= s.states) && (!g.dC || g.dcStride >= s.states);
  return good ? Status::Ok : Status::BadArgument;
}

inline Status check(const ConvShape& s, const ConvInput& in) {
  if (s.batch < 0 || s.length < 0 || s.channels < 0 || s.width < 1 || s.width > kMaxTaps) return Status::BadShape;
  if (nothing(s)) return Status::Ok;
  return in.x && in.weight && in.xStride >= s.channels ? Status::Ok : Status::BadArgument;
}

inline Status check(const NormShape& s, const float* x, std::int64_t stride) {
  if (s.rows < 0 || s.width < 0) return Status::BadShape;
  if (nothing(s)) return Status::Ok;
  return !x || stride < s.width ? Status::BadArgument : Status::Ok;
}

inline Status check(const RouteShape& s, const float* logits, std::int64_t stride, const RouteOutput& o) {
  if (s.tokens < 0 || s.experts < 1 || s.experts > kMaxExperts || s.topK < 1 || s.topK > s.experts || s.capacity < 0)
    return Status::BadShape;
  if (s.groupSize < 0 || (s.groupSize > 0 && s.tokens % s.groupSize != 0)) return Status::BadShape;
  if (s.tokens > INT32_MAX / s.topK) return Status::BadShape;  // slots are 32-bit
  if (!o.offsets || !o.assigned) return Status::BadArgument;
  if (s.tokens == 0) return Status::Ok;
  const bool complete = logits && o.probabilities && o.expert && o.slotOfChoice && o.tokenOfSlot && o.choiceOfSlot;
  return complete && stride >= s.experts ? Status::Ok : Status::BadArgument;
}

inline Status checkRows(std::int64_t width, std::int64_t tokens, std::int64_t topK, std::int64_t slots) {
  return width < 0 || tokens < 0 || topK < 1 || slots < 0 ? Status::BadShape : Status::Ok;
}

}  // namespace serp::kernels
