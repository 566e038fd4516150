// SPDX-License-Identifier: GPL-3.0-or-later
// Tallies of every expert layer over a window of steps, and the routing of single texts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/api/telemetry.h"
#include "engine/model/step_context.h"

namespace serp {

class LanguageModel;
class Tokenizer;

/// Sums decisions until takeFrame(). Called on the runner's thread only.
class RoutingProbe final : public RoutingObserver {
 public:
  /// Labels in the order in which layers report: "moe 1" for path "blocks.1.mixer".
  void nameLayers(const LanguageModel& model);
  void routed(const std::string& path, const ops::Assignment& assignment, double capacityFactor, float balance, float z) override;
  /// Adds up on the card; what it has there is fetched by takeFrame().
  void routedThere(const std::string& path, const ops::Assignment& assignment, double capacityFactor, const at::Tensor& balance,
                   const at::Tensor& z) override;
  bool wantsTables() const override { return detailed_; }
  void repeated() override;
  /// Call once per training step, before its forward; `detailed` measures entropy too (once per window is enough).
  void beginStep(bool detailed);
  int steps() const { return steps_; }
  bool empty() const { return layers_.empty(); }
  /// The window's sums so far; starts a new window.
  RoutingFrame takeFrame(std::int64_t step);

 private:
  struct Tally {
    RoutingLayer layer;
    std::vector<double> probability;
    int seen = 0, seenEntropy = 0;
    double entropy = 0;
    // Sums on a card since the last frame: counts as in Assignment [2E + 1], balance and z-loss [2].
    at::Tensor counts, losses;
  };
  void fetch(Tally& t);
  Tally& tally(const std::string& path, const ops::Assignment& assignment);
  std::vector<Tally> layers_;
  std::vector<std::pair<std::string, std::string>> labels_;
  int steps_ = 0;
  bool detailed_ = false;
};

/// Runs `tokens` through the model without capacity and reports where each went. Blocks for one forward pass. `tally`, where given,
/// counts the same decisions; its layers then stand in the order of RoutedText's.
std::shared_ptr<const RoutedText> routeText(LanguageModel& model, const Tokenizer& tokenizer, const std::vector<std::int32_t>& tokens,
                                            const std::vector<std::uint8_t>& labels, const std::vector<std::string>& labelNames,
                                            RoutingProbe* tally = nullptr);

}  // namespace serp
