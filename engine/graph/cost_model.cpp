// SPDX-License-Identifier: GPL-3.0-or-later
// Parameters, FLOPs and kept bytes of the parts that blocks are made of.
#include "engine/graph/cost_model.h"

namespace serp {

Cost linearCost(std::int64_t in, std::int64_t out, bool bias) {
  Cost c;
  c.paramsTotal = c.paramsActive = in * out + (bias ? out : 0);
  c.weightsTotal = c.weightsActive = in * out;
  c.flopsPerToken = 2.0 * static_cast<double>(in) * static_cast<double>(out);
  c.activationBytesPerToken = 4.0 * static_cast<double>(in);
  return c;
}

Cost expertCost(std::int64_t in, std::int64_t out, std::int64_t experts, std::int64_t topK, std::int64_t hidden, bool gated) {
  const std::int64_t one = in * hidden * (gated ? 2 : 1) + hidden * out, router = in * experts;
  const auto k = static_cast<double>(topK), i = static_cast<double>(in), h = static_cast<double>(hidden), o = static_cast<double>(out);
  Cost c;
  c.paramsTotal = experts * one + router;
  c.paramsActive = topK * one + router;
  c.weightsTotal = experts * one;
  c.weightsActive = topK * one;
  c.flopsPerToken = k * 2.0 * static_cast<double>(one) + 2.0 * static_cast<double>(router);
  // Rows in expert order, hidden rows (two when gated), outputs, and the router's probabilities.
  c.activationBytesPerToken = 4.0 * (k * (i + h * (gated ? 3 : 1) + o) + i + static_cast<double>(experts));
  return c;
}

double averageSeen(std::int64_t context, std::int64_t window) {
  const auto T = static_cast<double>(context), w = static_cast<double>(window);
  if (window >= context) return T / 2;
  return w - w * w / (2 * T);  // a ramp up to the window, then the window
}

Cost normCost(const std::string& norm, std::int64_t width) {
  Cost c;
  c.paramsTotal = c.paramsActive = norm == "layer_norm" ? 2 * width : norm == "rms_norm" ? width : 0;
  if (norm != "none") c.activationBytesPerToken = 4.0 * static_cast<double>(width);
  return c;
}

}  // namespace serp
