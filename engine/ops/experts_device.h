// SPDX-License-Identifier: GPL-3.0-or-later
// The expert feed-forwards of experts.h on a card.
#pragma once

#include "engine/ops/activation.h"
#include "engine/ops/routing.h"

namespace serp::ops {

/// experts() for an assignment that lies on a card. With a capacity every expert has room for the most it may get, [E, C, d], so that all
/// shapes are known beforehand and nothing waits; a few tokens without a capacity (decoding) take their experts' weights to themselves;
/// many of them wait once for the number that each expert got.
at::Tensor expertsThere(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& w1, const at::Tensor& w3, const at::Tensor& w2,
                        const Assignment& assignment, Activation activation);

/// a b for every matrix of two batches [n, r, k] [n, k, c], in the precision of the run. float32 in and out.
at::Tensor batchedProduct(const at::Tensor& a, const at::Tensor& b);

}  // namespace serp::ops
