// SPDX-License-Identifier: GPL-3.0-or-later
// Cross entropy over a vocabulary, its gradient and the argmax hit, in one pass over the logits.
//
//   loss[t] = logsumexp(logits[t]) - logits[t, target[t]];   dLogits[t,v] = scale * (softmax[t,v] - [v = target])
// Targets below 0 are ignored: loss 0, gradient 0, hit 0. logits [rows, vocab] with a row stride; dLogits may alias logits.
// Checked by tests/kernels/tst_cross_entropy.cpp.
#pragma once

#include "kernels/common.h"

namespace serp::kernels {

struct CrossEntropyOutput {
  float* loss = nullptr;         // [rows], nats
  std::uint8_t* hit = nullptr;   // [rows] 1 if argmax = target; or null
  float* dLogits = nullptr;      // [rows, vocab], row stride dStride; or null when no gradient is wanted
  std::int64_t dStride = 0;
  float scale = 1.0f;            // usually 1 / (number of targets >= 0)
};

/// Blocks. A target >= vocab gives BadArgument and writes nothing past what was done.
Status crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride, const std::int64_t* target,
                    const CrossEntropyOutput&, const ParallelFor&) noexcept;

namespace reference {
Status crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride, const std::int64_t* target,
                    const CrossEntropyOutput&) noexcept;
}

}  // namespace serp::kernels
