// SPDX-License-Identifier: GPL-3.0-or-later
// The public attention: arguments checked here, work done by the active table or the plain loops.
#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/table.h"

namespace serp::kernels {
namespace {

constexpr std::int64_t kLongest = std::int64_t{1} << 24;

Status check(const AttentionShape& s) {
  if (s.batch < 0 || s.length < 0 || s.length > kLongest || s.heads < 1 || s.keyHeads < 1 || s.heads % s.keyHeads != 0 || s.width < 1 ||
      s.width > kAttentionWidth || s.half < 0 || 2 * s.half > s.width || s.window < 0)
    return Status::BadShape;
  return Status::Ok;
}

bool present(const AttentionShape& s, const AttentionInput& in) {
  return in.q.data && in.k.data && in.v.data && (s.half == 0 || (in.cosine && in.sine));
}

}  // namespace

std::int64_t attentionForwardWorkspace(const AttentionShape& s, int threads) noexcept {
  if (check(s) != Status::Ok || s.batch == 0 || s.length == 0) return 0;
  const AttentionPlan plan(s, threads);
  return 16 + plan.pieces * plan.forwardFloats;
}

std::int64_t attentionBackwardWorkspace(const AttentionShape& s, int threads) noexcept {
  if (check(s) != Status::Ok || s.batch == 0 || s.length == 0) return 0;
  const AttentionPlan plan(s, threads);
  return 16 + plan.pieces * plan.backwardFloats;
}

Status attentionForward(const AttentionShape& s, const AttentionInput& in, const AttentionOutput& o, float* workspace,
                        const ParallelFor& parallel) noexcept {
  if (const Status status = check(s); status != Status::Ok) return status;
  if (s.batch == 0 || s.length == 0) return Status::Ok;
  if (!present(s, in) || !o.y.data || !workspace) return Status::BadArgument;
  if (useReference()) return reference::attentionForward(s, in, o);
  (s.narrow ? activeNarrowTable().attentionForward : activeTable().attentionForward)(s, in, o, workspace, parallel);
  return Status::Ok;
}

Status attentionBackward(const AttentionShape& s, const AttentionInput& in, const AttentionGradients& g, float* workspace,
                         const ParallelFor& parallel) noexcept {
  if (const Status status = check(s); status != Status::Ok) return status;
  if (s.batch == 0 || s.length == 0) return Status::Ok;
  if (!present(s, in) || !g.y.data || !g.dy.data || !g.logSum || !g.dq.data || !g.dk.data || !g.dv.data || !workspace)
    return Status::BadArgument;
  if (useReference()) return reference::attentionBackward(s, in, g);
  (s.narrow ? activeNarrowTable().attentionBackward : activeTable().attentionBackward)(s, in, g, workspace, parallel);
  return Status::Ok;
}

}  // namespace serp::kernels
