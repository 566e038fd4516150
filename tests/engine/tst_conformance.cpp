// SPDX-License-Identifier: GPL-3.0-or-later
// What every registered block has to hold, found from the catalogue: no block is named here. Each block is built with its defaults,
// at awkward sizes, and once for every value of every key its schema declares.
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include "engine/base/error.h"
#include "engine/graph/cost_model.h"
#include "engine/ops/kernel_calls.h"
#include "engine/run/safetensors.h"
#include "engine/spec/block_info.h"
#include "tests/engine/model_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

constexpr std::int64_t kBatch = 3;

/// One way to write a block: what stands in the design, at which width and length.
struct Variant {
  std::string label, kind, text;
  std::int64_t width = 16, length = 9;
  bool plain = false;   ///< the defaults: a fault in the plan is a fault of the block

  std::string design() const {
    return "name: conformance\nmodel: {d_model: " + std::to_string(width) + ", norm: none, blocks: [" + text +
           "]}\ntrain: {batch: " + std::to_string(kBatch) + "}\ndata: {context: " + std::to_string(length) + "}\n";
  }
};

bool isContainer(const BlockInfo& info) { return info.family == Family::Container; }

/// How a container is written around a body; every other block is {kind: ...}.
std::string written(const BlockInfo& info, const std::string& keys) {
  if (!isContainer(info)) return "{kind: " + info.kind + keys + "}";
  std::string body;
  for (const BlockInfo& other : blockCatalog())
    if (!isContainer(other)) body += (body.empty() ? "" : ", ") + std::string("{kind: ") + other.kind + "}";
  if (info.kind == "repeat") return "{repeat: 1, blocks: [{kind: linear}]}";  // gone once the plan is made
  return "{" + info.kind + ": [" + body + "]" + keys + "}";
}

/// Values of a key beside its default that a schema allows, as text.
std::vector<std::string> otherValues(const Param& p) {
  std::vector<std::string> values;
  if (p.type == ParamType::Choice) return p.choices;
  if (p.type == ParamType::Boolean) return {"true", "false"};
  if (p.type == ParamType::Integer)
    for (const double v : {p.minimum, 5.0})
      if (v >= p.minimum && v <= p.maximum) values.push_back(std::to_string(static_cast<std::int64_t>(v)));
  if (p.type == ParamType::Real && p.formula.empty()) {
    const double fallback = std::holds_alternative<double>(p.fallback) ? std::get<double>(p.fallback) : 0;
    for (const double v : {p.minimum, 0.62 * fallback, std::min(p.maximum, 0.5)})
      if (v > p.minimum || (v == p.minimum && !p.minimumOpen)) values.push_back(valueText(ParamValue(v)));
  }
  if (p.type == ParamType::Slot)
    for (const BlockInfo& other : blockCatalog())
      if (!isContainer(other)) values.push_back("{kind: " + other.kind + "}");
  return values;
}

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all = [] {
    std::vector<Variant> out;
    for (const BlockInfo& info : blockCatalog()) {
      const auto add = [&](const std::string& what, const std::string& keys, std::int64_t width, std::int64_t length, bool plain) {
        out.push_back({info.kind + ", " + what, info.kind, written(info, keys), width, length, plain});
      };
      add("defaults", "", 16, 9, true);
      add("defaults at odd width", "", 13, 17, true);
      add("defaults, one token", "", 16, 1, true);
      add("defaults, width 1", "", 1, 5, true);
      for (const Param& p : info.schema)
        for (const std::string& value : otherValues(p))
          if (info.kind != "repeat") add(p.name + ": " + value, ", " + p.name + ": " + value, 13, 9, false);
      if (isContainer(info) || info.family != Family::Experts) continue;
      for (const Param& p : info.schema)   // every other key again with one expert only
        for (const std::string& value : otherValues(p))
          if (p.name != "experts" && p.name != "top_k")
            add("one expert, " + p.name + ": " + value, ", experts: 1, " + p.name + ": " + value +
                (std::any_of(info.schema.begin(), info.schema.end(), [](const Param& q) { return q.name == "top_k"; }) ? ", top_k: 1" : ""), 13, 9, false);
    }
    return out;
  }();
  return all;
}

/// A variant's plan; nothing where the block's own rules refuse the combination. `fault`: what must not be.
std::optional<Plan> planned(const Variant& v, std::string& fault) {
  auto spec = parseRunSpec(v.design());
  auto plan = spec ? planRun(*spec) : Result<Plan>(spec.faults());
  if (plan) return std::move(plan).value();
  if (v.plain) fault = plan.faults().text() + "\n" + v.design();
  return std::nullopt;
}

struct Observer final : RoutingObserver {
  std::vector<std::pair<std::string, ops::Assignment>> seen;
  void routed(const std::string& path, const ops::Assignment& a, double, float, float) override { seen.emplace_back(path, a); }
};

struct Pass {
  at::Tensor y;
  double balance = 0, z = 0;
  at::Tensor total;   ///< sum(y * G) and the auxiliary losses
};

Pass pass(Block& block, const at::Tensor& x, bool training, RoutingObserver* observer = nullptr) {
  StepContext ctx;
  ctx.training = training;
  ctx.batch = x.size(0);
  ctx.length = x.size(1);
  ctx.seed = 7;
  ctx.routing = observer;
  Pass p;
  p.y = block.forward(x, ctx);
  p.total = p.y.mul(noise(p.y.sizes(), 5)).sum();
  for (const at::Tensor& t : ctx.balance) p.total = p.total.add(t), p.balance += t.item<double>();
  for (const at::Tensor& t : ctx.zLoss) p.total = p.total.add(t), p.z += t.item<double>();
  return p;
}

void forEachBlock(const Block& b, const std::function<void(const Block&)>& f) {
  f(b);
  for (const Block* child : b.children()) forEachBlock(*child, f);
}

bool declaredCausal(const PlanNode& node) {
  const BlockDefinition* d = findDefinition(node.kind);
  if (!(d->hooks.causalFor ? d->hooks.causalFor(node.params) : d->info.causal)) return false;
  return std::all_of(node.children.begin(), node.children.end(), declaredCausal);
}

}  // namespace

/// Fetches the row, builds its block and an input, or skips a combination that the block refuses.
#define SERP_BUILD()                                                                        \
  QFETCH(int, variant);                                                                     \
  const Variant& v = variants()[static_cast<std::size_t>(variant)];                         \
  std::string fault;                                                                        \
  const auto plan = planned(v, fault);                                                      \
  QVERIFY2(fault.empty(), fault.c_str());                                                   \
  if (!plan) QSKIP("the block's own rules refuse this combination");                        \
  const LoneBlock lone(*plan, 1);                                                           \
  Block& block = *lone.block;                                                               \
  const at::Tensor x = noise({kBatch, v.length, v.width}, 2);                               \
  Q_UNUSED(block);                                                                          \
  Q_UNUSED(x)

class TestConformance : public QObject {
  Q_OBJECT

  static void rows() {
    QTest::addColumn<int>("variant");
    for (std::size_t i = 0; i < variants().size(); ++i) QTest::newRow(variants()[i].label.c_str()) << static_cast<int>(i);
  }

 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(1); }  // tests of several folders share the cores

  void theCatalogueIsComplete() {
    QVERIFY(blockCatalog().size() >= 10);
    for (const BlockInfo& info : blockCatalog())
      QVERIFY2(info.kind == "repeat" || BlockFactory::find(info.kind) != nullptr, qPrintable("no class for " + QString::fromStdString(info.kind)));
  }

  void parametersAreAsCounted_data() { rows(); }
  void parametersAreAsCounted() {
    SERP_BUILD();
    std::int64_t built = 0;
    for (const Parameter& p : lone.parameters) built += p.tensor.numel();
    const PlanNode& node = plan->blocks[0];
    QCOMPARE(built, node.cost.paramsTotal - normCost(node.norm, node.in).paramsTotal);
    QVERIFY(node.cost.paramsActive <= node.cost.paramsTotal);
    QVERIFY(node.cost.flopsPerToken > 0);
  }

  void shapeIsKeptAndOutputFinite_data() { rows(); }
  void shapeIsKeptAndOutputFinite() {
    SERP_BUILD();
    for (const bool training : {true, false}) {
      const Pass p = pass(block, x, training);
      QCOMPARE(p.y.sizes().vec(), x.sizes().vec());
      QVERIFY(p.y.isfinite().all().item<bool>());
    }
  }

  void theFutureIsUnseenOrDeclared_data() { rows(); }
  void theFutureIsUnseenOrDeclared() {
    SERP_BUILD();
    if (!declaredCausal(plan->blocks[0])) QSKIP("declared not causal");
    if (v.length < 2) QSKIP("one token has no future");
    const c10::NoGradGuard noGrad;
    const std::int64_t cut = v.length / 2;
    at::Tensor other = x.clone();
    other.slice(1, cut).copy_(noise({kBatch, v.length - cut, v.width}, 9));
    // Without training no sequence sees another's future either; with a capacity over the batch a sequence sees no future of its own.
    const at::Tensor a = pass(block, x, false).y, b = pass(block, other, false).y;
    SERP_MATCHES(b.slice(1, 0, cut), floats(a.slice(1, 0, cut)), 1e-5, "the past of a changed future");
    for (std::int64_t row = 0; row < kBatch; ++row) {
      at::Tensor one = x.clone();
      one[row].slice(0, cut).copy_(other[row].slice(0, cut));
      const at::Tensor c = pass(block, x, true).y, d = pass(block, one, true).y;
      SERP_MATCHES(d[row].slice(0, 0, cut), floats(c[row].slice(0, 0, cut)), 1e-5, "the past of a changed future, in training");
    }
  }

  void gradientReachesEveryParameter_data() { rows(); }
  void gradientReachesEveryParameter() {
    SERP_BUILD();
    at::Tensor input = x.clone();
    input.set_requires_grad(true);
    pass(block, input, true).total.backward();
    QVERIFY(input.grad().defined() && input.grad().isfinite().all().item<bool>());
    const ParamSet& params = plan->blocks[0].params;
    const bool single = params.has("experts") && params.integer("experts") == 1;
    for (const Parameter& p : lone.parameters) {
      const at::Tensor g = p.tensor.grad();
      QVERIFY2(g.defined() && g.sizes() == p.tensor.sizes(), qPrintable("no gradient for " + QString::fromStdString(p.name)));
      QVERIFY2(g.isfinite().all().item<bool>(), qPrintable("a gradient of " + QString::fromStdString(p.name) + " is not finite"));
      const bool constant = single && p.name.ends_with("router.weight");  // the softmax of one expert is 1 whatever its weights
      // A norm of one number is its bias, so what lies before it has no say; a single token has no state to decay.
      if (v.plain && v.width > 1 && v.length > 1 && !constant)
        QVERIFY2(g.abs().max().item<float>() > 0, qPrintable("the gradient of " + QString::fromStdString(p.name) + " is 0 everywhere"));
    }
  }

  void sameSeedSameBits_data() { rows(); }
  void sameSeedSameBits() {
    SERP_BUILD();
    const LoneBlock twin(*plan, 1), stranger(*plan, 2);
    bool differs = false;
    for (std::size_t i = 0; i < lone.parameters.size(); ++i) {
      QVERIFY2(sameBits(lone.parameters[i].tensor, twin.parameters[i].tensor), lone.parameters[i].name.c_str());
      differs = differs || !sameBits(lone.parameters[i].tensor, stranger.parameters[i].tensor);
    }
    QVERIFY(differs);
    QVERIFY(sameBits(pass(block, x, true).y, pass(*twin.block, x, true).y));
    QVERIFY(sameBits(pass(block, x, true).y, pass(block, x, true).y));
  }

  void savedAndLoadedGivesTheSame_data() { rows(); }
  void savedAndLoadedGivesTheSame() {
    SERP_BUILD();
    QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("block.safetensors").toStdString();
    std::vector<TensorDeclaration> declared;
    for (const Parameter& p : lone.parameters) declared.push_back({p.name, StoredType::F32, p.tensor.sizes().vec()});
    auto writer = SafetensorsWriter::create(file, declared);
    QVERIFY(bool(writer));
    for (const Parameter& p : lone.parameters)
      QVERIFY(bool(writer->append(p.tensor.const_data_ptr(), static_cast<std::size_t>(p.tensor.nbytes()))));
    QVERIFY(bool(writer->finish()));
    const LoneBlock other(*plan, 99);
    auto stored = SafetensorsFile::open(file);
    QVERIFY(bool(stored));
    QCOMPARE(stored->tensors().size(), other.parameters.size());
    for (const Parameter& p : other.parameters) {
      const at::Tensor target = p.tensor.detach();
      QVERIFY(bool(stored->read(p.name, target.mutable_data_ptr())));
    }
    QVERIFY(sameBits(pass(block, x, true).y, pass(*other.block, x, true).y));
  }

  void tokenByTokenEqualsTheWhole_data() { rows(); }
  void tokenByTokenEqualsTheWhole() {
    SERP_BUILD();
    if (!declaredCausal(plan->blocks[0])) QSKIP("declared not causal");
    const c10::NoGradGuard noGrad;
    const std::vector<float> whole = floats(pass(block, x, false).y);
    for (const std::int64_t prefill : {std::int64_t{0}, std::int64_t{1}, v.length / 2, v.length}) {
      StepContext ctx;
      ctx.batch = kBatch;
      auto state = block.makeState(kBatch);
      std::vector<at::Tensor> parts;
      if (prefill > 0) parts.push_back(block.prefill(x.slice(1, 0, prefill).contiguous(), state.get(), ctx));
      for (std::int64_t t = prefill; t < v.length; ++t) parts.push_back(block.step(x.select(1, t).contiguous(), state.get(), ctx).unsqueeze(1));
      SERP_MATCHES(at::cat(parts, 1), whole, 2e-5, "prefill of " + std::to_string(prefill) + " and single steps");
    }
  }

  void liveKeysActAtTheNextStep_data() { rows(); }
  void liveKeysActAtTheNextStep() {
    SERP_BUILD();
    const BlockInfo& info = findDefinition(plan->blocks[0].kind)->info;
    if (std::none_of(info.schema.begin(), info.schema.end(), [](const Param& p) { return p.acts; })) QSKIP("no live key");
    const at::Tensor many = noise({8, 32, v.width}, 3);  // enough tokens that a capacity of 2 % of its range is felt
    int keys = 0;
    for (const Param& p : info.schema) {
      if (!p.acts) {
        double nothing = 0;
        QVERIFY(!block.live(p.name, nothing));
        QVERIFY(!block.setLive(p.name, 1));
        continue;
      }
      ++keys;
      double before = 0, now = 0;
      QVERIFY2(block.live(p.name, before), p.name.c_str());
      QCOMPARE(before, plan->blocks[0].params.real(p.name));
      const double other = p.minimum + 0.02 * (p.maximum - p.minimum);
      const Pass old = pass(block, many, true);
      QVERIFY(block.setLive(p.name, other));
      QVERIFY(block.live(p.name, now) && now == other);
      const Pass changed = pass(block, many, true);
      QVERIFY(block.setLive(p.name, before));
      const Pass again = pass(block, many, true);
      QVERIFY(sameBits(old.y, again.y) && old.balance == again.balance && old.z == again.z);
      const bool acted = !sameBits(old.y, changed.y) || old.balance != changed.balance || old.z != changed.z;
      const ParamSet& params = plan->blocks[0].params;
      const bool single = params.has("experts") && params.integer("experts") == 1;   // one gate of 1: noise cannot move it
      if (v.plain && other != before && !single) QVERIFY2(acted, qPrintable(QString::fromStdString(p.name) + " does nothing"));
    }
    QCOMPARE(block.liveValues().size(), static_cast<std::size_t>(keys));
  }

  void tokensAreConserved_data() { rows(); }
  void tokensAreConserved() {
    SERP_BUILD();
    int routers = 0;
    forEachBlock(block, [&](const Block& b) {
      for (const Parameter& p : b.parameters()) routers += p.name == "router.weight";
    });
    if (routers == 0) QSKIP("no router");
    for (const bool crowd : {false, true}) {
      if (crowd) {
        // Every token to expert 0: its row of the router alone is large, and the tokens are positive.
        const c10::NoGradGuard noGrad;
        for (const Parameter& p : lone.parameters)
          if (p.name.ends_with("router.weight")) {
            p.tensor.zero_();
            p.tensor[0].fill_(4);
          }
      }
      const at::Tensor input = crowd ? x.abs().add(0.1) : x;
      for (const bool training : {true, false}) {
        Observer observer;
        const Pass p = pass(block, input, training, &observer);
        QVERIFY(p.y.isfinite().all().item<bool>());
        QCOMPARE(observer.seen.size(), static_cast<std::size_t>(routers));
        for (const auto& [path, a] : observer.seen) {
          std::vector<std::int64_t> dropped(static_cast<std::size_t>(a.experts), 0);
          std::int64_t assigned = 0, kept = 0;
          QCOMPARE(a.offsets.back(), a.slots);
          const std::vector<float> expert = floats(a.expert), slot = floats(a.slotOfChoice);
          for (std::size_t i = 0; i < slot.size(); ++i)
            if (slot[i] < 0) ++dropped[static_cast<std::size_t>(expert[i])];
          const bool byToken = std::accumulate(a.assigned.begin(), a.assigned.end(), std::int64_t{0}) == a.tokens * a.topK;
          for (std::int64_t e = 0; e < a.experts; ++e) {
            const std::int64_t held = a.offsets[e + 1] - a.offsets[e];
            // Where experts choose, a token may be held by several or by none; then each expert's places are all filled.
            if (byToken && a.tokenOfSlot.defined()) QCOMPARE(held + dropped[static_cast<std::size_t>(e)], a.assigned[e]);
            else QCOMPARE(held, a.assigned[e]);
            assigned += a.assigned[e];
            kept += held;
          }
          QVERIFY(kept <= assigned);
          if (!training) QCOMPARE(kept, assigned);
        }
      }
    }
  }

  void fastAndPlainKernelsAgree_data() { rows(); }
  void fastAndPlainKernelsAgree() {
    SERP_BUILD();
    const auto run = [&](ops::KernelMode mode) {
      ops::setKernelMode(mode);
      for (const Parameter& p : lone.parameters) p.tensor.mutable_grad() = at::Tensor();
      const Pass p = pass(block, x, true);
      p.total.backward();
      std::vector<at::Tensor> out = {p.y.detach()};
      for (const Parameter& q : lone.parameters) out.push_back(q.tensor.grad());
      return out;
    };
    std::vector<at::Tensor> fast, checked, plain;
    try {
      fast = run(ops::KernelMode::Fast);
      checked = run(ops::KernelMode::Check);
      plain = run(ops::KernelMode::Reference);
    } catch (...) {
      ops::setKernelMode(ops::KernelMode::Fast);
      throw;
    }
    ops::setKernelMode(ops::KernelMode::Fast);
    for (std::size_t i = 0; i < fast.size(); ++i) {
      const std::string name = i == 0 ? "y" : "gradient of " + lone.parameters[i - 1].name;
      QVERIFY2(sameBits(fast[i], checked[i]), qPrintable(QString::fromStdString(name) + " changes when it is checked"));
      SERP_MATCHES(fast[i], floats(plain[i]), 1e-3, name);
    }
  }

  void aDisagreementIsAFault() {
    const std::vector<float> want = {1, -2, 3}, near = {1, -2, 3.0001f}, far = {1, -2, 3.01f}, broken = {1, NAN, 3};
    ops::setKernelMode(ops::KernelMode::Fast);
    QCOMPARE(ops::checkSummary(), std::string("no kernel was compared"));
    ops::compareKernels("some kernel", "y", near, want);
    QVERIFY(ops::checkSummary().find("some kernel, y: off by 1.7e-05 of its largest value at element 2 (3.0001 against 3)") != std::string::npos);
    for (const auto& got : {far, broken}) {
      try {
        ops::compareKernels("some kernel", "y", got, want);
        QFAIL("nothing was noticed");
      } catch (const Error& e) {
        QVERIFY(std::string(e.what()).find("[some kernel]") != std::string::npos);
        QCOMPARE(e.exitCode(), ExitCode::Internal);
      }
    }
  }
};

QTEST_APPLESS_MAIN(TestConformance)
#include "tst_conformance.moc"
