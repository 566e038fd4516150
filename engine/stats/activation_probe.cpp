// SPDX-License-Identifier: GPL-3.0-or-later
// RMS of the stream, ratio of update to stream, gradient norms per block.
#include "engine/stats/activation_probe.h"

#include <cmath>

#include "engine/model/language_model.h"
#include "engine/ops/device_calls.h"
#include "engine/ops/parallel.h"
#include "engine/ops/tensors.h"
#include "kernels/adamw.h"

namespace serp {
namespace {

double squares(const at::Tensor& t) {
  const at::Tensor c = t.detach().contiguous();
  if (ops::placeOf(c).gpu) {
    const at::Tensor total = ops::scratch(ops::placeOf(c), {1}, at::kDouble);
    ops::gpu::sumOfSquares(ops::placeOf(c), c.numel(), ops::data(c), total.mutable_data_ptr<double>());
    return ops::readBack(total)[0];
  }
  return kernels::sumOfSquares(c.numel(), ops::data(c), ops::torchParallel());
}

}  // namespace

void ActivationProbe::nameBlocks(const LanguageModel& model) {
  blocks_.clear();
  for (const auto& name : model.blockNames()) {
    BlockActivity activity;
    activity.path = name.path;
    activity.label = name.label;
    activity.kind = name.kind;
    blocks_.push_back(activity);
  }
}

void ActivationProbe::passed(const std::string& path, const at::Tensor& update, const at::Tensor& stream) {
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].path != path && blocks_[i].path + ".mixer" != path) continue;
    const double after = squares(stream);
    blocks_[i].outputNorm = std::sqrt(after / static_cast<double>(std::max<std::int64_t>(1, stream.numel())));
    if (i == 0) return;
    const double before = squares(stream.detach().sub(update.detach()));
    blocks_[i].updateRatio = before > 0 ? std::sqrt(squares(update) / before) : 0;
    if (i + 2 == blocks_.size()) blocks_.back().outputNorm = blocks_[i].outputNorm;
  }
}

void ActivationProbe::gradients(const std::vector<double>& squaresOf, const std::vector<int>& block) {
  std::vector<double> sum(blocks_.size(), 0);
  for (std::size_t i = 0; i < squaresOf.size(); ++i) sum[static_cast<std::size_t>(block[i])] += squaresOf[i];
  for (std::size_t i = 0; i < blocks_.size(); ++i) blocks_[i].gradNorm = std::sqrt(sum[i]);
}

ActivationFrame ActivationProbe::frame(std::int64_t step) const { return {step, 1, blocks_}; }

}  // namespace serp
