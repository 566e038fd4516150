// SPDX-License-Identifier: GPL-3.0-or-later
// The matrix product as its definition reads, in doubles.
#include "kernels/matmul.h"

#include "kernels/reference/plain.h"

namespace serp::kernels::reference {

Status matmul(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
              const MatmulOptions& options) noexcept {
  const auto operand = [&](float x) { return static_cast<double>(options.narrow ? toBfloat16(x) : x); };
  for (std::int64_t m = 0; m < s.M; ++m)
    for (std::int64_t n = 0; n < s.N; ++n) {
      double total = options.accumulate ? c[m * cStride + n] : 0.0;
      for (std::int64_t k = 0; k < s.K; ++k)
        total += operand(a.data[m * a.rowStride + k * a.columnStride]) * operand(b.data[k * b.rowStride + n * b.columnStride]);
      if (options.bias) total += options.bias[n];
      if (options.relu && total < 0) total = 0;
      c[m * cStride + n] = static_cast<float>(total);
    }
  return Status::Ok;
}

float toBfloat16(float x) noexcept {
  if (x != x) return x;
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const std::uint32_t below = bits & 0xffffu;
  bits &= 0xffff0000u;
  if (below > 0x8000u || (below == 0x8000u && (bits & 0x10000u))) bits += 0x10000u;  // to the nearest, ties to even
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

}  // namespace serp::kernels::reference
