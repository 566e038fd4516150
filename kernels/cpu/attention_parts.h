// SPDX-License-Identifier: GPL-3.0-or-later
// What attention's forward and backward share: rows of a head, their rotation, and how work and scratch are cut.
#pragma once

#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/tile.h"

namespace serp::kernels::SERP_ISA {

struct Rows {
  const float* data;
  std::int64_t stride;
};

inline std::int64_t firstKey(const AttentionShape& s, std::int64_t query) {
  return s.window > 0 && query >= s.window ? query - s.window + 1 : 0;
}

inline Rows rowsOf(const AttentionShape& s, const HeadsView& view, std::int64_t b, std::int64_t head, std::int64_t token) {
  return {view.data + (b * s.length + token) * view.tokenStride + head * view.headStride, view.tokenStride};
}

/// to = from, rotated by the angles of one position, or back by them (sign -1). May be in place.
inline void rotate(const AttentionShape& s, const AttentionInput& in, std::int64_t token, const float* from, float sign, float* to) {
  const float *cosine = in.cosine + token * s.half, *sine = in.sine + token * s.half;
  each(s.half, [&](std::int64_t i, int n) {
    const Vec a = load(from + i, n), b = load(from + s.half + i, n), c = load(cosine + i, n), w = load(sine + i, n) * splat(sign);
    store(to + i, a * c - b * w, n);
    store(to + s.half + i, b * c + a * w, n);
  });
  if (to != from)
    std::memcpy(to + 2 * s.half, from + 2 * s.half, static_cast<std::size_t>(s.width - 2 * s.half) * sizeof(float));
}

/// `count` rows from `token` on, rotated: `room` holds them, unless nothing rotates.
inline Rows rotatedRows(const AttentionShape& s, const AttentionInput& in, const HeadsView& view, std::int64_t b, std::int64_t head,
                        std::int64_t token, std::int64_t count, float* room) {
  const Rows plain = rowsOf(s, view, b, head, token);
  if (s.half == 0) return plain;
  const std::int64_t stride = headPitch(s);
  for (std::int64_t i = 0; i < count; ++i) rotate(s, in, token + i, plain.data + i * plain.stride, 1.0f, room + i * stride);
  return {room, stride};
}

inline float* aligned(float* p) {
  return p + (64 - reinterpret_cast<std::uintptr_t>(p) % 64) % 64 / sizeof(float);
}

}  // namespace serp::kernels::SERP_ISA
