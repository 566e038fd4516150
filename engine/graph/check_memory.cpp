// SPDX-License-Identifier: GPL-3.0-or-later
// Refusing what cannot fit, before anything is allocated.
#include "engine/api/plan.h"
#include "engine/base/text.h"

namespace serp {

Diagnostics checkMemory(const Plan& plan, double availableBytes) {
  Diagnostics d;
  if (plan.peakBytes <= availableBytes) return d;
  d.exit = ExitCode::OutOfMemory;
  d.error("", plan.name + " needs about " + bytesText(plan.peakBytes) + " to train (weights and gradients " + bytesText(2 * plan.weightBytes) +
                  ", optimizer " + bytesText(plan.optimizerBytes) + ", activations " + bytesText(plan.activationBytes) + "), but " +
                  bytesText(availableBytes) + " are free. Lower train.batch, data.context, experts or model.d_model.");
  return d;
}

}  // namespace serp
