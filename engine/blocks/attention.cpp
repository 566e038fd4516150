// SPDX-License-Identifier: GPL-3.0-or-later
// Causal multi-head softmax attention.
#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("heads", 1, 4096, derived("max(1, int(d_model / 64))"), "heads; must divide d_model"),
    choice("positions", {"rope", "learned", "none"}, "rope", "rope: rotary; learned: one vector per position, added to the input"),
    real("rope_base", 1, 1e9, 10000.0, "base of the rotary angles"),
    boolean("bias", false, "biases of qkv and out"),
};

void check(const ParamSet& p, const BuildContext& c, const std::string& path, Diagnostics& faults) {
  const std::int64_t heads = p.integer("heads");
  if (c.in % heads != 0)
    faults.error(path + ".heads", "found " + std::to_string(heads) + ", which does not divide the width " + std::to_string(c.in));
}

Cost cost(const ParamSet& p, const BuildContext& c) {
  Cost total = linearCost(c.in, 3 * c.in, p.boolean("bias"));
  total += linearCost(c.in, c.out, p.boolean("bias"));
  if (p.text("positions") == "learned") {
    total.paramsTotal += c.context * c.in;
    total.paramsActive += c.context * c.in;
  }
  const auto width = static_cast<double>(c.in), length = static_cast<double>(c.context);
  total.flopsPerToken += 2 * 2 * (length / 2) * width;
  total.stateBytes += 4 * 2 * c.in * c.context;
  total.activationBytesPerToken += 4.0 * 4 * width;
  return total;
}

const BlockRegistration kRegistration{
    {"attention", Family::Attention, "Causal softmax attention with rotary, learned or no positions.", true, '*', kSchema}, check, cost};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/model/block.h"
#include "engine/ops/attention.h"
#include "engine/ops/device_kernels.h"
#include "engine/ops/linear.h"
#include "engine/ops/rope.h"

namespace serp {
namespace {

/// Keys and values seen so far, in buffers that double.
struct AttentionState final : BlockState {
  at::Tensor keys, values;      // [B, H, capacity, d_head]
  std::int64_t length = 0;

  bool keepsSize() const override { return false; }
  NamedTensors tensors() const override {
    if (!keys.defined()) return {};
    return {{"keys", keys.narrow(2, 0, length)}, {"values", values.narrow(2, 0, length)}};
  }
};

/// Causal softmax attention; qkv rows grouped by head, in each head q, then k, then v (paper.md §3).
class Attention final : public Block {
 public:
  explicit Attention(const BuildingSite& site)
      : Block(site), heads_(site.node.params.integer("heads")), width_(site.node.in / heads_),
        rope_(site.node.params.text("positions") == "rope"), base_(site.node.params.real("rope_base")) {
    const auto in = site.node.in, out = site.node.out;
    const std::string base = path() + ".";
    const auto fanIn = static_cast<double>(in);
    qkv_ = addParameter("qkv.weight", site.init.truncated(base + "qkv.weight", {3 * in, in}, 0.1, fanIn), ParameterRole::Matrix);
    out_ = addParameter("out.weight", site.init.truncated(base + "out.weight", {out, in}, 0.1, fanIn), ParameterRole::Matrix);
    if (site.node.params.boolean("bias")) {
      const double bound = 1 / std::sqrt(fanIn);
      qkvBias_ = addParameter("qkv.bias", site.init.uniform(base + "qkv.bias", {3 * in}, -bound, bound), ParameterRole::Vector);
      outBias_ = addParameter("out.bias", site.init.uniform(base + "out.bias", {out}, -bound, bound), ParameterRole::Vector);
    }
    if (site.node.params.text("positions") == "learned")
      positions_ = addParameter("positions.weight", site.init.truncated(base + "positions.weight", {site.context, in}, 0.1, 1.0),
                                ParameterRole::Embedding);
  }

  at::Tensor forward(const at::Tensor& x, StepContext&) override { return run(x, nullptr); }
  std::unique_ptr<BlockState> makeState(std::int64_t) const override { return std::make_unique<AttentionState>(); }
  at::Tensor prefill(const at::Tensor& x, BlockState* state, StepContext&) override {
    return run(x, static_cast<AttentionState*>(state));
  }

 private:
  at::Tensor run(const at::Tensor& xIn, AttentionState* s) {
    const std::int64_t B = xIn.size(0), T = xIn.size(1), first = s ? s->length : 0;
    at::Tensor x = xIn;
    if (positions_.defined()) {
      if (first + T > positions_.size(0))
        throw Error(ExitCode::BadConfiguration, "[" + path() + "] learned positions end at " + std::to_string(positions_.size(0)) +
                                                    " tokens, asked for " + std::to_string(first + T));
      x = x.add(positions_.narrow(0, first, T));
    }
    const at::Tensor qkv = ops::linear(x, qkv_, qkvBias_);                              // [B, T, 3d]
    if (const ops::AttentionOptions options{heads_, rope_ ? base_ : 0.0, 0}; !s && ops::attentionFits(qkv, options))
      return ops::linear(ops::attention(qkv, options), out_, outBias_);
    at::Tensor q, k, v;                                                                // [B, H, T, d_head]
    ops::splitHeads(qkv, heads_, rope_ ? base_ : 0.0, first, q, k, v);
    at::Tensor mixed;
    if (!s) {
      mixed = attend(q, k, v, true);
    } else {
      remember(*s, k, v, B, T);
      const at::Tensor keys = s->keys.narrow(2, 0, s->length), values = s->values.narrow(2, 0, s->length);
      if (first == 0) mixed = attend(q, k, v, true);
      else if (T == 1) mixed = attend(q, keys, values, false);
      else throw Error(ExitCode::Internal, "[" + path() + "] a prefill must start from an empty state");
    }
    return ops::linear(mixed.transpose(1, 2).reshape({B, T, heads_ * width_}), out_, outBias_);
  }

  /// On a card the kernels that never hold the scores exist for narrow types: bfloat16 where the run's products have it.
  static at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
    if (ops::precision() == ops::Precision::Float32 || !ops::placeOf(q).gpu) return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
    const auto narrow = [](const at::Tensor& t) { return t.to(at::kBFloat16); };
    return at::scaled_dot_product_attention(narrow(q), narrow(k), narrow(v), {}, 0.0, causal).to(at::kFloat);
  }

  void remember(AttentionState& s, const at::Tensor& k, const at::Tensor& v, std::int64_t B, std::int64_t T) const {
    const std::int64_t needed = s.length + T;
    if (!s.keys.defined() || s.keys.size(2) < needed) {
      const std::int64_t capacity = std::max<std::int64_t>(64, 2 * needed);
      const at::Tensor keys = at::empty({B, heads_, capacity, width_}, k.options()), values = at::empty_like(keys);
      if (s.length > 0) {
        keys.narrow(2, 0, s.length).copy_(s.keys.narrow(2, 0, s.length));
        values.narrow(2, 0, s.length).copy_(s.values.narrow(2, 0, s.length));
      }
      s.keys = keys;
      s.values = values;
    }
    s.keys.narrow(2, s.length, T).copy_(k);
    s.values.narrow(2, s.length, T).copy_(v);
    s.length = needed;
  }

  std::int64_t heads_, width_;
  bool rope_;
  double base_;
  at::Tensor qkv_, qkvBias_, out_, outBias_, positions_;
};

const BlockFactory kFactory{"attention", makeBlock<Attention>};

}  // namespace
}  // namespace serp
#endif
