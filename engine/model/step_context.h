// SPDX-License-Identifier: GPL-3.0-or-later
// What a forward pass carries besides the activations: mode, auxiliary losses, and the probes that watch routing.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/ops/routing.h"

namespace serp {

/// Sees every expert layer's decision of one forward pass; owned by the caller, called on its thread.
class RoutingObserver {
 public:
  virtual ~RoutingObserver() = default;
  /// `path` of the block, its decision, and the losses before weighting.
  virtual void routed(const std::string& path, const ops::Assignment& assignment, double capacityFactor, float balance, float z) = 0;
  /// The same where everything lies on a card. Default: fetches it, which waits, and calls the other.
  virtual void routedThere(const std::string& path, const ops::Assignment& assignment, double capacityFactor, const at::Tensor& balance,
                           const at::Tensor& z);
  /// A recorded pass is repeated: its sums on the card are made again, without a call of routedThere() for each layer.
  virtual void repeated() {}
  /// Whether routedThere() will look at more of a decision than its counts.
  virtual bool wantsTables() const { return true; }
};

/// Sees the residual stream around every block when it asks for it.
class ActivationObserver {
 public:
  virtual ~ActivationObserver() = default;
  virtual void passed(const std::string& path, const at::Tensor& update, const at::Tensor& stream) = 0;
};

/// One pass. Not shared between threads.
struct StepContext {
  bool training = false;          ///< false: expert layers take every token, whatever the capacity
  std::int64_t batch = 0;         ///< sequences in the pass
  std::int64_t length = 0;        ///< tokens per sequence
  std::uint64_t seed = 0;         ///< of this step, for router noise
  RoutingObserver* routing = nullptr;
  ActivationObserver* activations = nullptr;
  std::vector<at::Tensor> balance;   ///< weighted balance loss per expert layer, differentiable scalars
  std::vector<at::Tensor> zLoss;     ///< weighted z-loss per expert layer, where the weight is not 0
  std::vector<float> zRaw;           ///< unweighted z-loss per expert layer
  std::vector<at::Tensor> zThere;    ///< the same on a card, where nothing reads it yet
};

}  // namespace serp
