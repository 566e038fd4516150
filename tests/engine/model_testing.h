// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of tensors share: a design text to a plan, a block or a model; numbers of an oracle to tensors and back.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>
#include <QTest>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/api/plan.h"
#include "engine/model/language_model.h"
#include "tests/support/oracle.h"

namespace serp::test {

/// Throws with the faults' text if the design is wrong.
inline Plan planOf(const RunSpec& spec) {
  auto plan = planRun(spec);
  if (!plan) throw std::runtime_error(plan.faults().text());
  return std::move(plan).value();
}
inline RunSpec specOf(const std::string& design) {
  auto spec = parseRunSpec(design);
  if (!spec) throw std::runtime_error(spec.faults().text() + "\n" + design);
  return std::move(spec).value();
}

/// The one block of a design without a norm before it, and all its parameters by path below "blocks.0.mixer.".
struct LoneBlock {
  Plan plan;
  std::shared_ptr<Initialiser> init;
  std::unique_ptr<Block> block;
  std::vector<Parameter> parameters;

  LoneBlock(Plan p, std::uint64_t seed, bool paper = true) : plan(std::move(p)), init(std::make_shared<Initialiser>(seed, paper)) {
    PlanNode node = plan.blocks.at(0);
    node.path += ".mixer";
    const auto make = BlockFactory::find(node.kind);
    if (make == nullptr) throw std::runtime_error("no class for " + node.kind);
    block = make(BuildingSite{node, *init, plan.context, 1, 1e-5});
    collect(*block);
  }
  explicit LoneBlock(const std::string& blockText, std::int64_t width, std::int64_t context = 16, std::uint64_t seed = 1)
      : LoneBlock(planOf(specOf("name: lone\nmodel: {d_model: " + std::to_string(width) + ", norm: none, blocks: [" + blockText +
                                "]}\ntrain: {batch: 2}\ndata: {context: " + std::to_string(context) + "}\n")),
                  seed) {}

  at::Tensor parameter(const std::string& name) const {
    for (const Parameter& p : parameters)
      if (p.name == name) return p.tensor;
    throw std::runtime_error("the block has no parameter " + name);
  }
  void set(const std::string& name, const at::Tensor& value) const {
    const c10::NoGradGuard noGrad;
    parameter(name).copy_(value);
  }

 private:
  void collect(const Block& b) {
    const std::string prefix = b.path().substr(std::min(b.path().size(), block->path().size()));
    for (const Parameter& p : b.parameters())
      parameters.push_back({prefix.empty() ? p.name : prefix.substr(1) + "." + p.name, p.tensor, p.role});
    for (const Block* child : b.children()) collect(*child);
  }
};

inline at::Tensor toTensor(const Tensor& t) {
  if (!t.counts.empty()) return at::tensor(t.counts, at::kLong).view(t.shape);
  return at::tensor(t.values, at::kDouble).to(at::kFloat).view(t.shape);
}

inline std::vector<float> floats(const at::Tensor& t) {
  const at::Tensor c = t.detach().to(at::kFloat).contiguous();
  return {c.const_data_ptr<float>(), c.const_data_ptr<float>() + c.numel()};
}

/// Seeded N(0, 1).
inline at::Tensor noise(at::IntArrayRef sizes, std::uint64_t seed) { return Initialiser(seed, true).normal("noise", sizes, 1); }

inline bool sameBits(const at::Tensor& a, const at::Tensor& b) { return a.sizes() == b.sizes() && floats(a) == floats(b); }

/// The comparison of the oracles' README; the deviation is in the message.
#define SERP_MATCHES(got, want, tol, name)                                                                             \
  do {                                                                                                                 \
    const double serpWorst = serp::test::disagreement(serp::test::floats(got), want);                                  \
    QVERIFY2(serpWorst <= (tol), qPrintable(QStringLiteral("%1 is off by %2, allowed is %3")                           \
                                                .arg(QString::fromStdString(name)).arg(serpWorst).arg(double(tol)))); \
  } while (false)

}  // namespace serp::test
