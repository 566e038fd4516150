// SPDX-License-Identifier: GPL-3.0-or-later
// Forward and backward pass of one batch, and the numbers that a step records about them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/corpus.h"
#include "engine/device/device.h"
#include "engine/model/language_model.h"
#include "engine/train/optimizer.h"

namespace serp {

struct PassNumbers {
  double loss = 0, total = 0, aux = 0, z = 0;   ///< cross entropy; what was differentiated; weighted balance losses; raw z-losses, mean
  std::int64_t hits = 0, counted = 0;
  std::vector<double> gradientSquares;          ///< as Optimizer::gradientSquares(); empty where the total is not finite
};

/// On the CPU a plain pass that ends early where the total is not finite. On a card everything is queued, and the host waits once, for the
/// numbers. There the pass may also be recorded as a CUDA graph after three warm-up passes and repeated: anew when a live value, a shape or
/// the number of counted targets changes, not at all for designs that ask the card for something on the way. Owned and called by one thread.
class StepPass {
 public:
  /// `meanReduction`: auxiliary losses are averaged over the layers. `graph`: record, where there is a card.
  StepPass(LanguageModel& model, Optimizer& optimizer, bool meanReduction, bool graph);

  /// Leaves gradients on the parameters. `odd`: this pass differs from others (it is observed, or draws noise) and is never recorded.
  PassNumbers run(Batch& batch, StepContext& ctx, bool odd);
  /// Whether passes are, or will be, recorded.
  bool recording() const { return graph_ != nullptr; }
  /// What was recorded no longer holds.
  void forget();
  /// Why nothing is recorded although it was asked for; empty, or told once.
  std::string takeNotice();

 private:
  PassNumbers runHere(Batch& batch, StepContext& ctx);
  PassNumbers runThere(Batch& batch, StepContext& ctx, bool odd);
  void bring(Batch& batch);
  void queue(StepContext ctx);          // the pass on the card, into packed_
  void repeat(const StepContext& ctx, bool odd);
  void refuse(std::string why);
  struct Total { at::Tensor loss; std::vector<at::Tensor> shares; };
  Total totalOf(const at::Tensor& loss, const StepContext& ctx) const;

  LanguageModel& model_;
  Optimizer& optimizer_;
  bool meanReduction_;
  std::unique_ptr<device::Graph> graph_;
  at::Tensor inputs_, targets_;         // on the card; a graph reads them where they are
  at::Tensor packed_;                   // double: gradient squares, then loss, total, aux, z, hits
  std::vector<at::Tensor> gradients_;   // those that the graph writes
  std::int64_t counted_ = 0, recorded_ = 0;
  int warm_ = 0, records_ = 0;
  std::string notice_;
};

}  // namespace serp
