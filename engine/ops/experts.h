// SPDX-License-Identifier: GPL-3.0-or-later
// Expert feed-forwards over an assignment: gather, one product per expert, combine, with a hand-written backward.
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/ops/activation.h"
#include "engine/ops/routing.h"

namespace serp::ops {

/// y[t] = sum_j gate[t,j] FFN_e(x[t]) over kept choices; FFN_e(x) = act(x W1[e]) W2[e], or (act(x W1[e]) * (x W3[e])) W2[e].
/// x [T, d], gate [T, k], w1 and w3 [E, d, f] (w3 undefined = not gated), w2 [E, f, o]. Returns [T, o]; a token with no kept
/// choice gets 0.
at::Tensor experts(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& w1, const at::Tensor& w3, const at::Tensor& w2,
                   const Assignment& assignment, Activation activation);

}  // namespace serp::ops
