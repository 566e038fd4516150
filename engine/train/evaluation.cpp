// SPDX-License-Identifier: GPL-3.0-or-later
// Batch after batch without gradients; sums in double.
#include "engine/train/evaluation.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "engine/data/corpus.h"
#include "engine/model/language_model.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/device_kernels.h"

namespace serp {

double Evaluation::perplexity() const { return std::exp(loss); }

double Evaluation::bitsPerByte() const {
  return bytes > 0 ? loss / std::log(2.0) * static_cast<double>(tokens) / static_cast<double>(bytes) : std::nan("");
}

Evaluation evaluate(LanguageModel& model, const Corpus& corpus, std::int64_t batches, const std::function<bool()>& goOn) {
  const c10::NoGradGuard noGrad;
  const std::int64_t all = corpus.validationBatches(), n = batches > 0 ? std::min(batches, all) : all;
  const auto options = at::TensorOptions().dtype(at::kLong);
  Evaluation e;
  double loss = 0;
  std::int64_t hits = 0;
  Batch batch;
  const std::int64_t separator = corpus.tokenizer().endOfText();  // stands between documents and for no bytes of theirs
  for (std::int64_t i = 0; i < n; ++i) {
    if (goOn && !goOn()) {
      e.complete = false;
      break;
    }
    corpus.validation(i, batch);
    StepContext ctx;
    const at::Tensor logits = model.forward(at::from_blob(batch.inputs.data(), {batch.rows, batch.context}, options), ctx);
    const auto ce = ops::crossEntropy(logits, at::from_blob(batch.targets.data(), {batch.rows * batch.context}, options));
    loss += static_cast<double>(ce.loss.item<float>()) * static_cast<double>(ce.counted);
    e.tokens += ce.counted;
    const at::Tensor each = ops::onHost(ce.hits);
    const auto* hit = each.const_data_ptr<std::uint8_t>();
    for (std::int64_t k = 0; k < each.numel(); ++k) hits += hit[k];
    for (const std::int64_t target : batch.targets)
      if (target >= 0 && target != separator) e.bytes += static_cast<std::int64_t>(corpus.tokenizer().piece(static_cast<std::int32_t>(target)).size());
  }
  const auto count = static_cast<double>(std::max<std::int64_t>(1, e.tokens));
  e.loss = loss / count;
  e.accuracy = static_cast<double>(hits) / count;
  return e;
}

}  // namespace serp
