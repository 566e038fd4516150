// SPDX-License-Identifier: GPL-3.0-or-later
// The plain linear recurrence as a differentiable op.
#pragma once

#include <ATen/core/Tensor.h>

namespace serp::ops {

/// y[t] = a[t] y[t-1] + b[t] along the second axis, channel by channel. b [B, T, D]; a like b, or [D] for every token alike; first [B, D]
/// stands before the first token (undefined: zeros; no gradient leads there). Returns [B, T, D].
at::Tensor recurrence(const at::Tensor& a, const at::Tensor& b, const at::Tensor& first);
/// The same token by token in LibTorch's operations: what recurrence() is compared with, and what runs where the weights lie on a card.
at::Tensor recurrencePlain(const at::Tensor& a, const at::Tensor& b, const at::Tensor& first);

}  // namespace serp::ops
