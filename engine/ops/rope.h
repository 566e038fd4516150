// SPDX-License-Identifier: GPL-3.0-or-later
// Splitting a fused qkv into heads with rotary positions on the way, and back.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace serp::ops {

struct Angles {
  std::vector<float> cosines, sines;  // [T, half]
  std::int64_t half = 0;
};
/// Cosines and sines of the positions first, first + 1, ... for the pairs that rotate. base 0: none does. Every layer of a step asks for
/// the same ones: they are kept until this thread asks for others, so the reference must not outlive the op.
const Angles& rotaryAngles(std::int64_t T, std::int64_t width, double base, std::int64_t first);

/// qkv [B, T, 3d], rows grouped by head and in each head q, then k, then v → q, k, v [B, H, T, d_head], contiguous, differentiable.
/// base > 0: RoPE on q and k, pairing i with i + d_head/2, angle (first + t) * base^(-2i/d_head); an odd d_head leaves its last
/// component alone. base 0: no rotation. Source: Su et al. 2021, in the rotate-half form of the oracle attention_rope.
void splitHeads(const at::Tensor& qkv, std::int64_t heads, double base, std::int64_t first, at::Tensor& q, at::Tensor& k, at::Tensor& v);

/// One of q, k, v by itself: x [B, T, heads * d_head] → [B, heads, T, d_head], rotated as above where base > 0. Differentiable.
at::Tensor toHeads(const at::Tensor& x, std::int64_t heads, double base, std::int64_t first);
/// The same in LibTorch's operations: what toHeads() is compared with, and what runs where x lies on a card.
at::Tensor toHeadsPlain(const at::Tensor& x, std::int64_t heads, double base, std::int64_t first);

}  // namespace serp::ops
