// SPDX-License-Identifier: GPL-3.0-or-later
// Causal attention over whole sequences, straight from the fused projection.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace serp::ops {

struct AttentionOptions {
  std::int64_t heads = 1;
  double ropeBase = 0;       ///< 0: no rotation; else as in ops::splitHeads
  std::int64_t window = 0;   ///< keys a query sees, itself included; 0: all before it
};

/// Whether attention() can do it: on the CPU, heads no wider than kernels::kAttentionWidth.
bool attentionFits(const at::Tensor& qkv, const AttentionOptions& options);

/// qkv [B, T, 3d], rows grouped by head and in each head q, then k, then v → [B, T, d], differentiable, in the run's precision.
at::Tensor attention(const at::Tensor& qkv, const AttentionOptions& options);

}  // namespace serp::ops
