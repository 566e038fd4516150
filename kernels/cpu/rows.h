// SPDX-License-Identifier: GPL-3.0-or-later
// Walking a row in vectors; shared by the kernels that treat rows independently.
#pragma once

#include "kernels/cpu/table.h"
#include "kernels/cpu/vec.h"

namespace serp::kernels::SERP_ISA {

inline constexpr std::int64_t kRowGrain = 16;

/// f(offset, lanes) over a row of `width`; only the last call has fewer than kWidth lanes.
template <class F>
inline void each(std::int64_t width, const F& f) {
  std::int64_t c = 0;
  for (; c + kWidth <= width; c += kWidth) f(c, kWidth);
  if (c < width) f(c, static_cast<int>(width - c));
}

inline void setZero(float* p, std::int64_t count) {
  std::memset(p, 0, static_cast<std::size_t>(count) * sizeof(float));
}

}  // namespace serp::kernels::SERP_ISA
