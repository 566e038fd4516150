// SPDX-License-Identifier: GPL-3.0-or-later
// The core of causal attention, over heads: grouped keys, a window, and the keys and values kept while decoding.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "engine/model/block.h"

namespace serp {

/// Keys and values seen so far, in buffers that double; with a window, those that have left it are dropped.
struct KeyValueState final : BlockState {
  at::Tensor keys, values;      // [B, K, capacity, d_head]
  std::int64_t length = 0;      ///< filled places of the buffers
  std::int64_t position = 0;    ///< tokens seen in all

  bool keepsSize() const override { return false; }
  NamedTensors tensors() const override;
};

/// softmax(q kᵀ / sqrt(d_head)) v over what each query may see: itself and the tokens before it, at most `window` in all (0 = all).
/// q [B, H, T, d_head]; k, v [B, K, T, d_head], K divides H. With `state`, k and v are remembered and q also sees what was; T > 1 only
/// from an empty state. Returns [B, H, T, d_head]. `path` names the block in errors.
at::Tensor causalAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::int64_t window, KeyValueState* state,
                           const std::string& path);

}  // namespace serp
