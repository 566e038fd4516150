// SPDX-License-Identifier: GPL-3.0-or-later
// One way to multiply matrices: our kernel for shapes it is made for, LibTorch for the others and for other devices.
#include "engine/ops/products.h"

#include <ATen/Parallel.h>
#include <ATen/ops/add.h>
#include <ATen/ops/mm.h>

#include <atomic>
#include <vector>

#include "engine/ops/kernel_calls.h"
#include "engine/ops/parallel.h"
#include "engine/ops/profile.h"
#include "engine/ops/tensors.h"
#include "kernels/matmul.h"

namespace serp::ops {
namespace {

std::atomic<Precision> gPrecision{Precision::Float32};

bool narrow(const ProductOptions& o) { return !o.wide && gPrecision.load(std::memory_order_relaxed) == Precision::Bfloat16; }

bool oneStrideIsOne(const at::Tensor& t) { return t.stride(0) == 1 || t.stride(1) == 1; }

bool suits(const at::Tensor& result, const at::Tensor& a, const at::Tensor& b) {
  return a.device().is_cpu() && a.scalar_type() == at::kFloat && result.stride(1) == 1 &&
         oneStrideIsOne(a) && oneStrideIsOne(b);
}

/// LibTorch's product, and what comes after it one by one.
void byLibrary(const at::Tensor& result, const at::Tensor& a, const at::Tensor& b, const ProductOptions& o) {
  at::Tensor to = result;
  if (!narrow(o) && !o.accumulate) {
    at::mm_out(to, a, b);
  } else {
    const at::Tensor c = narrow(o) ? at::mm(a.to(at::kBFloat16), b.to(at::kBFloat16)).to(at::kFloat) : at::mm(a, b);
    if (o.accumulate)
      to.add_(c);
    else
      to.copy_(c);
  }
  if (o.bias.defined()) to.add_(o.bias);
  if (o.relu) to.relu_();
}

void byKernel(const at::Tensor& result, const at::Tensor& a, const at::Tensor& b, const ProductOptions& o) {
  const kernels::MatmulShape shape{a.size(0), b.size(1), a.size(1)};
  const kernels::ParallelFor parallel = at::in_parallel_region() ? kernels::serial() : torchParallel();
  kernels::MatmulOptions options;
  options.accumulate = o.accumulate;
  options.relu = o.relu;
  options.narrow = narrow(o);
  const at::Tensor bias = o.bias.defined() ? o.bias.contiguous() : o.bias;
  options.bias = data(bias);

  thread_local std::vector<float> work;  // grows to the largest product and stays
  const auto needed = static_cast<std::size_t>(kernels::matmulWorkspace(shape, parallel.threads));
  if (work.size() < needed) work.resize(needed);
  require(kernels::matmul(shape, {data(a), a.stride(0), a.stride(1)}, {data(b), b.stride(0), b.stride(1)}, out(result), result.stride(0),
                          options, work.data(), parallel),
          "matmul");
}

/// Both, compared; the kernel's result stays. bfloat16 products are held to the library's product of the rounded operands.
void compared(const at::Tensor& result, const at::Tensor& a, const at::Tensor& b, const ProductOptions& o) {
  at::Tensor want = at::empty(result.sizes(), result.options());
  if (o.accumulate) want.copy_(result);
  const auto operand = [&](const at::Tensor& t) { return narrow(o) ? t.to(at::kBFloat16).to(at::kFloat) : t; };
  ProductOptions wide = o;
  wide.wide = true;
  byLibrary(want, operand(a), operand(b), wide);
  byKernel(result, a, b, o);
  const at::Tensor got = result.contiguous();
  const auto values = [](const at::Tensor& t) { return std::span<const float>(data(t), static_cast<std::size_t>(t.numel())); };
  compareKernels("matmul", "product", values(got), values(want));
}

}  // namespace

void setPrecision(Precision p) { gPrecision.store(p); }
Precision precision() { return gPrecision.load(); }

void multiply(const at::Tensor& result, const at::Tensor& a, const at::Tensor& b, const ProductOptions& o) {
  SERP_CHECK(a.dim() == 2 && b.dim() == 2 && a.size(1) == b.size(0) && result.size(0) == a.size(0) && result.size(1) == b.size(1),
             "the sizes of a product differ");
  const auto M = static_cast<double>(a.size(0)), N = static_cast<double>(b.size(1)), K = static_cast<double>(a.size(1));
  const Timer timer(narrow(o) ? "matmul bfloat16" : "matmul", {2 * M * N * K, 0, (M * K + K * N + M * N) * 4});
  if (kernelMode() == KernelMode::Reference || !suits(result, a, b)) return byLibrary(result, a, b, o);
  if (kernelMode() == KernelMode::Check) return compared(result, a, b, o);
  byKernel(result, a, b, o);
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b, const ProductOptions& o) {
  const at::Tensor result = at::empty({a.size(0), b.size(1)}, a.options());
  multiply(result, a, b, o);
  return result;
}

}  // namespace serp::ops
