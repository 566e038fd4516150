// SPDX-License-Identifier: GPL-3.0-or-later
// Initial values of parameters, each from its own stream of the seed: the same seed gives the same bits in whatever order blocks
// are built.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace serp {

/// `prefix` + name selects the stream. float32 on the CPU. Thread-safe.
class Initialiser {
 public:
  Initialiser(std::uint64_t seed, bool paper) : seed_(seed), paper_(paper) {}
  /// True: the paper's truncated normal for linear layers and embeddings (paper.md §1.3); false: N(0, 0.02) embeddings.
  bool paper() const { return paper_; }

  /// Normal with sigma = sqrt(scale / fanIn) cut at ±2*scale (an absolute cut, as the paper's code has it). Paper.md §1.3.
  at::Tensor truncated(const std::string& name, at::IntArrayRef sizes, double scale, double fanIn) const;
  at::Tensor uniform(const std::string& name, at::IntArrayRef sizes, double low, double high) const;
  at::Tensor normal(const std::string& name, at::IntArrayRef sizes, double sigma) const;
  at::Tensor constant(at::IntArrayRef sizes, double value) const;

 private:
  at::Generator stream(const std::string& name) const;
  std::uint64_t seed_;
  bool paper_;
};

/// 64 well-mixed bits from a seed and a name (FNV-1a, then splitmix64).
std::uint64_t mixSeed(std::uint64_t seed, const std::string& name);

}  // namespace serp
