// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products without gradients, by our kernel where it is at least as fast as LibTorch's.
#pragma once

#include <ATen/core/Tensor.h>

namespace serp::ops {

/// float32 everywhere, or bfloat16 operands with float32 sums and results. Weights and activations stay float32 in either case. Set
/// once per run by the trainer; read by the products below.
enum class Precision { Float32, Bfloat16 };
void setPrecision(Precision precision);
Precision precision();

struct ProductOptions {
  bool accumulate = false;  ///< result += instead of result =
  bool relu = false;        ///< of the whole
  bool wide = false;        ///< float32 whatever the run's precision
  at::Tensor bias;          ///< [N] or undefined
};

/// a b for matrices, float32 in and out. `result` may have rows apart and must not overlap a or b.
void multiply(const at::Tensor& result, const at::Tensor& a, const at::Tensor& b, const ProductOptions& options = {});
at::Tensor product(const at::Tensor& a, const at::Tensor& b, const ProductOptions& options = {});

}  // namespace serp::ops
