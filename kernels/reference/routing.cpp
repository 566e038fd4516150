// SPDX-License-Identifier: GPL-3.0-or-later
// Routing with a softmax in doubles; choice and positions share the one ordered definition.
#include "kernels/routing.h"

#include <algorithm>
#include <cmath>

namespace serp::kernels {
namespace detail {
void assignSlots(const RouteShape&, const RouteOutput&, std::int64_t* used);
void chooseAll(const RouteShape&, const RouteOutput&, const ParallelFor&);
}  // namespace detail

namespace reference {

Status route(const RouteShape& s, const float* logits, std::int64_t stride, const RouteOutput& o) noexcept {
  if (s.experts > 4096) return Status::BadShape;
  for (std::int64_t t = 0; t < s.tokens; ++t) {
    const float* row = logits + t * stride;
    const double top = *std::max_element(row, row + s.experts);
    double sum = 0;
    for (std::int64_t e = 0; e < s.experts; ++e) sum += std::exp(row[e] - top);
    for (std::int64_t e = 0; e < s.experts; ++e)
      o.probabilities[t * s.experts + e] = static_cast<float>(std::exp(row[e] - top) / sum);
    if (o.logSumExp) o.logSumExp[t] = static_cast<float>(top + std::log(sum));
  }
  detail::chooseAll(s, o, serial());
  std::int64_t used[4096];
  detail::assignSlots(s, o, used);
  return Status::Ok;
}

}  // namespace reference
}  // namespace serp::kernels
