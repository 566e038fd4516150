// SPDX-License-Identifier: GPL-3.0-or-later
// Norms of the residual stream around every block, and of its gradients.
#pragma once

#include <string>
#include <vector>

#include "engine/api/telemetry.h"
#include "engine/model/step_context.h"

namespace serp {

class LanguageModel;

/// Measures one step when asked. Runner's thread only.
class ActivationProbe final : public ActivationObserver {
 public:
  void nameBlocks(const LanguageModel& model);
  void passed(const std::string& path, const at::Tensor& update, const at::Tensor& stream) override;
  /// `squares` as Optimizer::gradientSquares(), `block` as LanguageModel::parameterBlock().
  void gradients(const std::vector<double>& squares, const std::vector<int>& block);
  ActivationFrame frame(std::int64_t step) const;

 private:
  std::vector<BlockActivity> blocks_;
};

}  // namespace serp
