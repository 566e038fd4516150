// SPDX-License-Identifier: GPL-3.0-or-later
// What every op asks of a tensor before it hands pointers to a kernel.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/error.h"
#include "engine/ops/device_kernels.h"

namespace serp::ops {

/// float32 on the CPU or a card with unit stride in the last axis; anything else is our bug.
inline void checkRows(const at::Tensor& t, const char* name) {
  SERP_CHECK(t.defined() && (t.device().is_cpu() || t.device().is_cuda()) && t.scalar_type() == at::kFloat,
             std::string(name) + " must be float32 on the CPU or a CUDA device");
  SERP_CHECK(t.dim() == 0 || t.size(-1) <= 1 || t.stride(-1) == 1, std::string(name) + " must be contiguous in its last axis");
}

inline const float* data(const at::Tensor& t) { return t.defined() ? t.const_data_ptr<float>() : nullptr; }
inline float* out(const at::Tensor& t) { return t.defined() ? t.mutable_data_ptr<float>() : nullptr; }

/// Uninitialised float32 on the CPU.
inline at::Tensor scratch(at::IntArrayRef sizes) { return at::empty(sizes, at::TensorOptions().dtype(at::kFloat)); }
/// Uninitialised, where the kernels of an op run.
inline at::Tensor scratch(const Place& place, at::IntArrayRef sizes, at::ScalarType type = at::kFloat) {
  return at::empty(sizes, at::TensorOptions().dtype(type).device(place.device));
}

/// LibTorch's autograd functions take a tensor that may be absent as an optional, never as an undefined tensor.
using MaybeTensor = std::optional<at::Tensor>;
inline MaybeTensor maybe(const at::Tensor& t) { return t.defined() ? MaybeTensor(t) : std::nullopt; }
inline at::Tensor orUndefined(const MaybeTensor& t) { return t.value_or(at::Tensor()); }

}  // namespace serp::ops
