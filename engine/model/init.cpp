// SPDX-License-Identifier: GPL-3.0-or-later
// Seeded initial values. The truncated normal is drawn by inverting its distribution function, so no draw is rejected.
#include "engine/model/init.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/erfinv.h>
#include <ATen/ops/full.h>

#include <cmath>

namespace serp {

std::uint64_t mixSeed(std::uint64_t seed, const std::string& name) {
  std::uint64_t h = 0xcbf29ce484222325ull ^ seed;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  h += 0x9e3779b97f4a7c15ull;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
  return h ^ (h >> 31);
}

at::Generator Initialiser::stream(const std::string& name) const { return at::detail::createCPUGenerator(mixSeed(seed_, name)); }

at::Tensor Initialiser::truncated(const std::string& name, at::IntArrayRef sizes, double scale, double fanIn) const {
  const double sigma = std::sqrt(scale / fanIn), cut = 2 * scale / sigma;  // the cut in units of sigma
  const double reach = std::erf(cut / std::sqrt(2.0));
  // Inverted in double: float would clump the tails.
  at::Tensor t = at::empty(sizes, at::TensorOptions().dtype(at::kDouble));
  t.uniform_(-reach, reach, stream(name));
  return t.erfinv_().mul_(sigma * std::sqrt(2.0)).clamp_(-2 * scale, 2 * scale).to(at::kFloat);
}

at::Tensor Initialiser::uniform(const std::string& name, at::IntArrayRef sizes, double low, double high) const {
  at::Tensor t = at::empty(sizes, at::TensorOptions().dtype(at::kFloat));
  return t.uniform_(low, high, stream(name));
}

at::Tensor Initialiser::normal(const std::string& name, at::IntArrayRef sizes, double sigma) const {
  at::Tensor t = at::empty(sizes, at::TensorOptions().dtype(at::kFloat));
  return t.normal_(0, sigma, stream(name));
}

at::Tensor Initialiser::constant(at::IntArrayRef sizes, double value) const {
  return at::full(sizes, value, at::TensorOptions().dtype(at::kFloat));
}

}  // namespace serp
