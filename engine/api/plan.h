// SPDX-License-Identifier: GPL-3.0-or-later
// What a design costs, before any tensor exists: shapes, parameters, FLOPs, bytes, per block and in all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/catalog.h"
#include "engine/api/diagnostic.h"
#include "engine/api/spec.h"

namespace serp {

/// Conventions of contract.md §2: active counts top_k experts per token plus the router; FLOPs are forward, per token.
struct Cost {
  std::int64_t paramsTotal = 0, paramsActive = 0;
  double flopsPerToken = 0;
  std::int64_t stateBytes = 0;           ///< per sequence while decoding
  double activationBytesPerToken = 0;    ///< kept for the backward pass, estimate
  std::int64_t weightsTotal = 0, weightsActive = 0;  ///< of the parameters, matrices of projections and experts alone: the paper's budget

  Cost& operator+=(const Cost& o) {
    paramsTotal += o.paramsTotal; paramsActive += o.paramsActive; flopsPerToken += o.flopsPerToken;
    stateBytes += o.stateBytes; activationBytesPerToken += o.activationBytesPerToken;
    weightsTotal += o.weightsTotal; weightsActive += o.weightsActive;
    return *this;
  }
};

/// One block after expanding repeats. `path` is also the prefix of its tensor names: "blocks.3".
struct PlanNode {
  std::string path;          ///< "blocks.3", "blocks.3.mixer.out_proj" for a filled slot, "blocks.2.mixer.1" inside parallel
  std::string specPath;      ///< "model.blocks[0].blocks[1]": where it stands in the text
  std::string kind;
  Family family = Family::Dense;
  std::string label;         ///< "mamba 2": kind and running number
  std::int64_t in = 0, out = 0;          ///< widths
  std::int64_t dModel = 0;               ///< of the design
  ParamSet params;           ///< resolved, defaults filled in
  std::string norm;          ///< before this block: "layer_norm", "rms_norm" or "none"; empty inside slots
  bool bypassed = false;     ///< not built, costs nothing: x += nothing. Its number and those behind it stay, so checkpoints still fit
  Cost cost;                 ///< with children, with its norm
  std::vector<PlanNode> children;        ///< slots and parallel branches
  std::string slot;          ///< name of the slot it fills, or empty
  Place place;
};

struct Plan {
  std::string name, pattern;
  std::int64_t vocab = 0, dModel = 0, context = 0, batch = 0;
  std::vector<PlanNode> blocks;          ///< in order of execution
  Cost embedding, finalNorm, head;       ///< head is empty when tied
  Cost total;                            ///< everything
  std::int64_t nonEmbeddingTotal = 0, nonEmbeddingActive = 0, embeddingParams = 0;
  double flopsForward = 0, flopsTraining = 0;
  double weightBytes = 0, optimizerBytes = 0, activationBytes = 0, peakBytes = 0;
  std::int64_t stateBytesPerSequence = 0;
  Diagnostics diagnostics;               ///< warnings and notes; errors are in the Result
};

/// Counts a design. `vocab` 0 = what the design says, or the tokenizer's size (256 for bytes, 50257 for gpt2).
/// Returns at once (milliseconds for thousands of blocks); touches neither torch nor the disk.
Result<Plan> planRun(const RunSpec& spec);
/// The plan of a design that breaks rules yet, for drawing it: substitutes stand where a value is not allowed. Nothing if it is too large.
std::optional<Plan> planDraft(const RunSpec& spec);
/// Faults if the planned peak exceeds the memory that is there (ExitCode::OutOfMemory), with both figures and advice.
Diagnostics checkMemory(const Plan& plan, double availableBytes);
/// Contract.md §2, one JSON document.
std::string planJson(const Plan& plan);
/// A drawing of the design in the style of the paper's figures. SVG text.
std::string planSvg(const Plan& plan);

}  // namespace serp
