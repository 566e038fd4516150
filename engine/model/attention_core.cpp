// SPDX-License-Identifier: GPL-3.0-or-later
// LibTorch's scaled dot product attention under our mask; the buffers of the decoding state.
#include "engine/model/attention_core.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <algorithm>
#include <optional>

#include "engine/base/error.h"
#include "engine/ops/device_kernels.h"
#include "engine/ops/products.h"

namespace serp {
namespace {

/// Each head of keys once for every query head that shares it.
at::Tensor shared(const at::Tensor& t, std::int64_t heads) {
  const std::int64_t B = t.size(0), K = t.size(1), T = t.size(2), w = t.size(3);
  return K == heads ? t : t.unsqueeze(2).expand({B, K, heads / K, T, w}).reshape({B, heads, T, w});
}

/// On a card the kernels that never hold the scores exist for narrow types: bfloat16 where the run's products have it.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask, bool causal) {
  const std::optional<at::Tensor> seen = mask.defined() ? std::optional(mask) : std::nullopt;
  if (ops::precision() == ops::Precision::Float32 || !ops::placeOf(q).gpu) return at::scaled_dot_product_attention(q, k, v, seen, 0.0, causal);
  const auto narrow = [](const at::Tensor& t) { return t.to(at::kBFloat16); };
  return at::scaled_dot_product_attention(narrow(q), narrow(k), narrow(v), seen, 0.0, causal).to(at::kFloat);
}

at::Tensor withinWindow(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::int64_t window) {
  const std::int64_t T = q.size(2);
  if (window <= 0 || window >= T) return attend(q, k, v, {}, true);
  const at::Tensor at = at::arange(T, q.options().dtype(at::kLong).requires_grad(false)), back = at.unsqueeze(1).sub(at.unsqueeze(0));
  return attend(q, k, v, at::logical_and(back.ge(0), back.lt(window)), false);
}

void remember(KeyValueState& s, const at::Tensor& k, const at::Tensor& v, std::int64_t window) {
  const std::int64_t T = k.size(2);
  // What no later query sees goes when the buffer is full, so that a window needs no more than twice its room.
  const std::int64_t keep = window > 0 ? std::min(s.length, window - 1) : s.length;
  if (!s.keys.defined() || s.keys.size(2) < s.length + T) {
    const std::int64_t capacity = std::max<std::int64_t>(64, 2 * (keep + T));
    const at::Tensor keys = at::empty({k.size(0), k.size(1), capacity, k.size(3)}, k.options()), values = at::empty_like(keys);
    if (keep > 0) {
      keys.narrow(2, 0, keep).copy_(s.keys.narrow(2, s.length - keep, keep));
      values.narrow(2, 0, keep).copy_(s.values.narrow(2, s.length - keep, keep));
    }
    s.keys = keys;
    s.values = values;
    s.length = keep;
  }
  s.keys.narrow(2, s.length, T).copy_(k);
  s.values.narrow(2, s.length, T).copy_(v);
  s.length += T;
  s.position += T;
}

}  // namespace

NamedTensors KeyValueState::tensors() const {
  if (!keys.defined()) return {};
  return {{"keys", keys.narrow(2, 0, length)}, {"values", values.narrow(2, 0, length)}};
}

at::Tensor causalAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::int64_t window, KeyValueState* state,
                           const std::string& path) {
  const std::int64_t H = q.size(1), T = q.size(2);
  if (state == nullptr) return withinWindow(q, shared(k, H), shared(v, H), window);
  const bool fresh = state->position == 0;
  if (!fresh && T != 1) throw Error(ExitCode::Internal, "[" + path + "] a prefill must start from an empty state");
  remember(*state, k, v, window);
  if (fresh) return withinWindow(q, shared(k, H), shared(v, H), window);
  const std::int64_t seen = window > 0 ? std::min(state->length, window) : state->length;
  const at::Tensor keys = state->keys.narrow(2, state->length - seen, seen), values = state->values.narrow(2, state->length - seen, seen);
  return attend(q, shared(keys, H), shared(values, H), {}, false);
}

}  // namespace serp
