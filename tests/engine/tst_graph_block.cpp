// SPDX-License-Identifier: GPL-3.0-or-later
// Built-in blocks opened into primitives compute the same numbers from the same tensors; patterns run fused; a changed graph trains.
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <QTest>

#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "engine/api/block_graph.h"
#include "engine/model/graph_program.h"
#include "engine/ops/recurrence.h"
#include "engine/ops/rope.h"
#include "engine/train/train_loop.h"
#include "tests/engine/graph_designs.h"
#include "tests/engine/model_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

constexpr std::int64_t kWidth = 24, kContext = 19, kBatch = 3;

/// The graph of a block as a flow entry of a design.
std::string opened(const std::string& entry) {
  const Plan plan = planOf(specOf("name: x\nmodel: {d_model: " + std::to_string(kWidth) + ", norm: none, blocks: [" + entry +
                                  "]}\ndata: {context: " + std::to_string(kContext) + "}\n"));
  auto text = openedBlock(plan.blocks.at(0));
  if (!text) throw std::runtime_error(text.faults().text());
  return *text;
}

LoneBlock loneOf(const std::string& blockList) {
  return LoneBlock(planOf(specOf("name: lone\nmodel:\n  d_model: " + std::to_string(kWidth) + "\n  norm: none\n  blocks:\n" + blockList +
                                 "\ntrain: {batch: 3}\ndata: {context: " + std::to_string(kContext) + "}\n")),
                   1);
}

std::string asListItem(const std::string& block) {
  std::string out = "    - ";
  for (const char c : block) {
    out += c;
    if (c == '\n') out += "      ";
  }
  return out;
}

/// Tensors of the built-in block by the names they have in its graph.
std::map<std::string, at::Tensor> byGraphName(const std::string& kind, const LoneBlock& block,
                                              const std::function<at::Tensor(const Parameter&)>& value) {
  std::map<std::string, at::Tensor> out;
  for (const Parameter& p : block.parameters) {
    const at::Tensor v = value(p);
    if (p.name.size() == 2 && (kind == "switch_moe" || kind == "topk_moe")) {
      out["experts." + p.name] = v;
    } else if (p.name.starts_with("shared.")) {
      out["shared_" + p.name.substr(7) + ".weight"] = v;
    } else if (p.name.starts_with("qkv.")) {
      const ParamSet& params = block.plan.blocks[0].params;
      const std::int64_t H = params.integer("heads"), K = params.integer("kv_heads"), w = params.integer("head_dim");
      const std::string part = p.name.substr(3);
      const char* names[3] = {"q", "k", "v"};
      if (H == K) {
        const at::Tensor grouped = v.reshape({H, 3, w, -1});
        for (int i = 0; i < 3; ++i)
          out[names[i] + part] =
              grouped.select(1, i).reshape(p.name == "qkv.bias" ? std::vector<std::int64_t>{H * w} : std::vector<std::int64_t>{H * w, -1});
      } else {
        const std::int64_t rows[3] = {H * w, K * w, K * w};
        for (std::int64_t i = 0, at = 0; i < 3; at += rows[i++]) out[names[i] + part] = v.narrow(0, at, rows[i]);
      }
    } else {
      out[p.name] = v;
    }
  }
  return out;
}

/// A line of /proc/self/status in KiB; 0 where there is none.
std::int64_t statusKiB(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return std::stoll(line.substr(key.size()));
  return 0;
}

struct Passed {
  at::Tensor y, dx;
  double balance = 0;
};

Passed pass(Block& block, const at::Tensor& input) {
  at::Tensor x = input.clone();
  x.set_requires_grad(true);
  StepContext ctx;
  ctx.training = true;
  ctx.batch = x.size(0);
  ctx.length = x.size(1);
  ctx.seed = 3;
  Passed p;
  p.y = block.forward(x, ctx);
  at::Tensor total = p.y.mul(noise(p.y.sizes(), 5)).sum();
  for (const at::Tensor& t : ctx.balance) total = total.add(t), p.balance += t.item<double>();
  for (const at::Tensor& t : ctx.zLoss) total = total.add(t);
  total.backward();
  p.dx = x.grad();
  return p;
}

}  // namespace

class TstGraphBlock : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(1); }

  void openedBlocksAreTheSame_data() {
    QTest::addColumn<QString>("entry");
    QTest::addColumn<int>("fused");   // nodes inside another node's operation
    for (
        const auto& [entry, fused] : std::vector<std::pair<const char*, int>>{
            {"{kind: mamba}", 3},
            {"{kind: mamba, d_state: 5, d_conv: 3, expand: 1.5, dt_rank: 7, conv_bias: false, proj_bias: true, out_proj_rescale: true}", 3},
            {"{kind: switch_moe, experts: 4}", 0},
            {"{kind: switch_moe, experts: 5, d_expert: 11, capacity_factor: 0.7, group: sequence, z_loss: 0.02, jitter: 0.3, "
                "activation: gelu, gated: true}",
             0},
            {"{kind: topk_moe, experts: 6, top_k: 2, shared_expert: 9}", 0},
            {"{kind: topk_moe, experts: 6, top_k: 3, shared_expert: 9, gated: false, activation: relu2, renormalise: false}", 0},
            {"{kind: gated_ffn}", 0},
            {"{kind: gated_ffn, d_ff: 17, activation: gelu, bias: true}", 0},
            {"{kind: dense_ffn}", 2},
            {"{kind: dense_ffn, activation: silu, bias: false}", 0},
            {"{kind: attention, heads: 3}", 0},
            {"{kind: attention, heads: 4, positions: learned, bias: true}", 0},
            {"{kind: attention, heads: 6, kv_heads: 2, window: 5, positions: none, head_dim: 5, bias: true}", 0}})
      QTest::newRow(entry) << entry << fused;
  }
  void openedBlocksAreTheSame() {
    QFETCH(QString, entry);
    QFETCH(int, fused);
    const LoneBlock whole = loneOf("    - " + entry.toStdString());
    const LoneBlock graph = loneOf(asListItem(opened(entry.toStdString())));
    const std::string kind = whole.plan.blocks[0].kind;
    QCOMPARE(graph.plan.blocks[0].kind, std::string("graph_block"));

    const Cost &a = whole.plan.blocks[0].cost, &b = graph.plan.blocks[0].cost;
    QCOMPARE(b.paramsTotal, a.paramsTotal);
    QCOMPARE(b.paramsActive, a.paramsActive);
    QCOMPARE(b.stateBytes, a.stateBytes);
    QVERIFY2(std::abs(b.flopsPerToken - a.flopsPerToken) <= 1e-9 * a.flopsPerToken,
             qPrintable(QString("%1 and %2").arg(b.flopsPerToken).arg(a.flopsPerToken)));

    const auto weights = byGraphName(kind, whole, [](const Parameter& p) { return p.tensor.detach(); });
    QCOMPARE(graph.parameters.size(), weights.size());
    for (const auto& [name, value] : weights) graph.set(name, value);

    const at::Tensor x = noise({kBatch, kContext, kWidth}, 2);
    const Passed p = pass(*whole.block, x), q = pass(*graph.block, x);
    SERP_MATCHES(q.y, floats(p.y), 1e-5, "y");
    SERP_MATCHES(q.dx, floats(p.dx), 1e-5, "dx");
    QVERIFY(std::abs(q.balance - p.balance) <= 1e-6);
    const auto gradients = byGraphName(kind, whole, [](const Parameter& t) { return t.tensor.grad(); });
    for (const Parameter& t : graph.parameters) {
      if (t.name ==
          "k.bias") {  // without rotation it shifts all scores of a query alike: its gradient is rounding, so it is measured beside v's
        SERP_MATCHES(at::cat({t.tensor.grad(), graph.parameter("v.bias").grad()}),
                     floats(at::cat({gradients.at("k.bias"), gradients.at("v.bias")})), 1e-5, "gradient of k.bias");
        continue;
      }
      SERP_MATCHES(t.tensor.grad(), floats(gradients.at(t.name)), 1e-5, "gradient of " + t.name);
    }

    Diagnostics faults;
    const PlanNode& node = graph.plan.blocks[0];
    const auto built = buildGraph(graphSource("graph_block", node.params), {node.in, node.out, node.dModel, kContext}, "", faults);
    QVERIFY(built != nullptr);
    const GraphProgram program(*built, BuildingSite{node, *graph.init, kContext, 1, 1e-5},
                               [](std::string, at::Tensor v, ParameterRole) { return v; });
    QCOMPARE(static_cast<int>(program.fused()), fused);
    QCOMPARE(graphNodes(node, graph.plan).size(), built->nodes.size());
  }

  void mambaStartsWithTheSameBits() {
    const LoneBlock whole = loneOf("    - {kind: mamba}"), graph = loneOf(asListItem(opened("{kind: mamba}")));
    for (const Parameter& p : whole.parameters) QVERIFY2(sameBits(p.tensor, graph.parameter(p.name)), p.name.c_str());
  }

  void nothingOfTheSizeOfAllStatesIsKept() {
    // All states of 4096 tokens, 48 channels and 128 states would be 96 MiB; one pass and its backward stay far below.
    const LoneBlock graph = loneOf(asListItem(opened("{kind: mamba, d_state: 128}")));
    const at::Tensor x = noise({1, 4096, kWidth}, 2);
    std::ofstream("/proc/self/clear_refs") << 5;   // the peak of the resident set starts anew
    const std::int64_t before = statusKiB("VmHWM:");
    if (before == 0 || before > statusKiB("VmRSS:") + 4096) QSKIP("the peak of the resident set cannot be started anew here");
    pass(*graph.block, x);
    const std::int64_t grown = statusKiB("VmHWM:") - before;
    QVERIFY2(grown < 64 * 1024, qPrintable(QString("%1 KiB").arg(grown)));
  }

  void slotsAndStrangersDoNotOpen() {
    for (const char* entry : {"{kind: mamba, out_proj: {kind: switch_moe, experts: 2}}", "{kind: expert_choice}", "{kind: linear}"}) {
      const Plan plan = planOf(specOf(std::string("name: x\nmodel: {d_model: 16, blocks: [") + entry + "]}\n"));
      QVERIFY(!openedBlock(plan.blocks[0]));
    }
    QVERIFY(openableKinds().size() >= 6);
  }

  void everyPrimitiveStandsInADesign() {
    std::set<std::string> used;
    for (const GraphDesign& d : graphDesigns())
      for (const GraphNodeView& view : [&] {
             const Plan plan = planOf(specOf("name: x\nmodel: {d_model: 24, blocks: [{kind: graph_block, " + d.keys + "}]}\n"));
             return graphNodes(plan.blocks[0], plan);
           }())
        used.insert(view.op);
    for (const PrimitiveInfo& p : primitiveCatalog()) QVERIFY2(used.count(p.op) != 0, p.op.c_str());
  }

  void fusedAndUnfusedAgree() {
    // A second reader of the inner nodes keeps the patterns apart; it is multiplied by zero.
    const std::string inner =
        "u: {op: causal_conv1d, from: x}, s: {op: silu, from: u}, dt: {op: linear, from: s, bias: true}, delta: {op: softplus, from: "
        "dt}, bc: {op: linear, from: x, to: 8}, "
        "low: {op: split, from: bc, into: {B: 4, C: 4}}, A: {op: constant, sizes: [d_in, 4], value: -1}, h: {op: selective_scan, from: "
        "{u: s, delta: delta, A: A, B: low.B, C: low.C}}, "
        "g: {op: gate, from: {value: h, gate: x}}, a: {op: linear, from: g}, r: {op: relu, from: a}, o: {op: linear, from: r}";
    const LoneBlock fused = loneOf("    - {kind: graph_block, nodes: {" + inner + "}, out: o}");
    const LoneBlock apart =
        loneOf("    - {kind: graph_block, nodes: {" + inner +
               ", all: {op: add, from: [u, dt, delta, h, a, r]}, none: {op: scale, from: all, by: 0}, out: {op: add, from: [o, none]}}}");
    for (const Parameter& p : fused.parameters) apart.set(p.name, p.tensor.detach());
    const at::Tensor x = noise({kBatch, kContext, kWidth}, 2);
    const Passed p = pass(*fused.block, x), q = pass(*apart.block, x);
    SERP_MATCHES(q.y, floats(p.y), 1e-5, "y");
    SERP_MATCHES(q.dx, floats(p.dx), 1e-5, "dx");
    for (const Parameter& t : fused.parameters)
      SERP_MATCHES(apart.parameter(t.name).grad(), floats(t.tensor.grad()), 1e-5, "gradient of " + t.name);
  }

  void recurrenceFollowsItsDefinition() {
    const std::int64_t B = 2, T = 7, D = 35;
    for (const bool perToken : {true, false}) {
      at::Tensor a = noise(perToken ? std::vector<std::int64_t>{B, T, D} : std::vector<std::int64_t>{D}, 1).sigmoid(),
                 b = noise({B, T, D}, 2);
      const at::Tensor first = noise({B, D}, 3), g = noise({B, T, D}, 4);
      std::vector<std::vector<float>> gradients;
      std::vector<at::Tensor> outputs;
      for (const bool plain : {true, false}) {
        at::Tensor av = a.clone().set_requires_grad(true), bv = b.clone().set_requires_grad(true), y;
        if (plain) {
          y = ops::recurrencePlain(av, bv, first);
        } else {
          y = ops::recurrence(av, bv, first);
        }
        y.mul(g).sum().backward();
        outputs.push_back(y.detach());
        gradients.push_back(floats(av.grad()));
        gradients.push_back(floats(bv.grad()));
      }
      SERP_MATCHES(outputs[1], floats(outputs[0]), 1e-6, "y");
      QVERIFY(disagreement(gradients[2], gradients[0]) <= 1e-6);
      QVERIFY(disagreement(gradients[3], gradients[1]) <= 1e-6);
    }
  }

  void aRouterOfAGraphIsSteered() {
    const LoneBlock whole = loneOf("    - {kind: switch_moe, experts: 4, balance: 0.5}");
    const LoneBlock graph = loneOf(asListItem(opened("{kind: switch_moe, experts: 4, balance: 0.5}")));
    double value = 0;
    QVERIFY(graph.block->live("balance", value) && value == 0.5);
    QCOMPARE(graph.block->liveValues().size(), whole.block->liveValues().size());
    for (const double wrong : {-0.1, 1.5}) QVERIFY(!graph.block->setLive("balance", wrong));
    QVERIFY(!graph.block->setLive("experts", 2));
    const at::Tensor x = noise({kBatch, kContext, kWidth}, 2);
    const double before = pass(*graph.block, x).balance;
    QVERIFY(graph.block->setLive("balance", 0.25));
    QVERIFY(std::abs(pass(*graph.block, x).balance - before / 2) < 1e-6);
  }

  void oneExpertUnderASharedRouterIsMamba() {
    const LoneBlock mamba = loneOf("    - {kind: mamba, d_state: 4}"),
                    routed = loneOf("    - {kind: shared_router_mamba, d_state: 4, experts: 1, balance: 0}");
    const std::int64_t D = 2 * kWidth;
    for (const Parameter& p : routed.parameters) {
      if (p.name == "router.weight") continue;
      if (p.name == "conv_proj.experts" || p.name == "gate_proj.experts")
        routed.set(p.name, mamba.parameter("in_proj.weight").detach().narrow(0, p.name[0] == 'c' ? 0 : D, D).t().unsqueeze(0));
      else if (p.name == "out_proj.experts") routed.set(p.name, mamba.parameter("out_proj.weight").detach().t().unsqueeze(0));
      else routed.set(p.name, mamba.parameter(p.name).detach());
    }
    const at::Tensor x = noise({kBatch, kContext, kWidth}, 2);
    const Passed p = pass(*mamba.block, x), q = pass(*routed.block, x);
    SERP_MATCHES(q.y, floats(p.y), 1e-5, "y");
    SERP_MATCHES(q.dx, floats(p.dx), 1e-5, "dx");
    SERP_MATCHES(routed.parameter("A_log").grad(), floats(mamba.parameter("A_log").grad()), 1e-5, "gradient of A_log");
    SERP_MATCHES(routed.parameter("out_proj.experts").grad().squeeze(0).t(), floats(mamba.parameter("out_proj.weight").grad()), 1e-5,
                 "gradient of out_proj");
    // Dropped tokens leave nothing: all choose expert 0, which has room for a third of them.
    const LoneBlock crowded = loneOf("    - {kind: shared_router_mamba, d_state: 4, experts: 3, capacity_factor: 1}");
    at::Tensor router = at::zeros({3, kWidth});
    router[0].fill_(5);
    crowded.set("router.weight", router);
    StepContext ctx;
    ctx.training = true;
    const at::Tensor y = crowded.block->forward(noise({kBatch, kContext, kWidth}, 3).abs(), ctx).reshape({-1, kWidth});
    QCOMPARE(y.abs().sum(1).gt(0).sum().item<std::int64_t>(), kBatch * kContext / 3);
  }

  void sharedBlocksShareTheirWeights() {
    const auto design = [](const std::string& keys) {
      return "name: x\nmodel: {d_model: 16, blocks: [{kind: mamba, d_state: 2" + keys +
             "}, {kind: attention, heads: 2}, {kind: mamba, d_state: 2" + keys + "}]}\ndata: {context: 12}\ntrain: {batch: 2}\n";
    };
    const RunSpec spec = specOf(design(", share: memory")), apart = specOf(design(""));
    const Plan plan = planOf(spec), twice = planOf(apart);
    const std::int64_t norm = 32, mamba = twice.blocks[0].cost.paramsTotal - norm;
    QCOMPARE(plan.total.paramsTotal, twice.total.paramsTotal - mamba);
    QCOMPARE(plan.flopsForward, twice.flopsForward);
    LanguageModel model(spec, plan, 1), other(apart, twice, 1);
    std::int64_t built = 0;
    std::map<std::string, at::Tensor> byName;
    for (const Parameter& p : model.parameters()) built += p.tensor.numel(), byName[p.name] = p.tensor;
    QCOMPARE(built, plan.total.paramsTotal);
    // The same weights in two blocks: the same logits, and the gradients of both add up in the one.
    {
      const c10::NoGradGuard noGrad;
      for (const Parameter& p : other.parameters()) {
        std::string name = p.name;
        if (name.starts_with("blocks.2.mixer")) name[7] = '0';
        p.tensor.copy_(byName.at(name));
      }
    }
    const at::Tensor tokens = noise({2, 12}, 4).abs().mul(7).clamp_max(19).to(at::kLong);
    StepContext a, b;
    const at::Tensor logits = model.forward(tokens, a), want = other.forward(tokens, b), g = noise(logits.sizes(), 6);
    SERP_MATCHES(logits, floats(want), 1e-6, "logits");
    logits.mul(g).sum().backward();
    want.mul(g).sum().backward();
    for (const Parameter& p : other.parameters()) {
      if (!p.name.starts_with("blocks.0.mixer")) continue;
      at::Tensor sum = p.tensor.grad();
      std::string twin = p.name;
      twin[7] = '2';
      for (const Parameter& q : other.parameters())
        if (q.name == twin) sum = sum.add(q.tensor.grad());
      SERP_MATCHES(byName.at(p.name).grad(), floats(sum), 1e-5, "gradient of " + p.name);
    }
    // Each place remembers for itself.
    DecodeState state = model.start(2);
    std::vector<at::Tensor> rows;
    for (std::int64_t t = 0; t < 12; ++t) rows.push_back(model.advance(tokens.narrow(1, t, 1).contiguous(), state, a).view({2, 1, 256}));
    SERP_MATCHES(at::cat(rows, 1), floats(logits.view({2, 12, 256})), 2e-5, "token by token");
    QVERIFY(resolvedText(spec).find("share: memory") != std::string::npos);
    auto wrong = parseRunSpec("name: x\nmodel: {d_model: 16, blocks: [{kind: mamba, share: m}, {kind: mamba, d_state: 3, share: m}]}\n");
    QVERIFY(bool(wrong) && !planRun(*wrong));
  }

  void headsFollowTheirDefinition() {
    for (const auto& [width, base, first] :
         {std::tuple{8, 10000.0, 0}, std::tuple{7, 100.0, 5}, std::tuple{6, 0.0, 0}, std::tuple{1, 10.0, 2}}) {
      at::Tensor a = noise({2, 5, 3 * width}, 1), b = a.clone();
      a.set_requires_grad(true);
      b.set_requires_grad(true);
      const at::Tensor y = ops::toHeads(a, 3, base, first), want = ops::toHeadsPlain(b, 3, base, first), g = noise(y.sizes(), 2);
      SERP_MATCHES(y, floats(want), 1e-6, "heads");
      y.mul(g).sum().backward();
      want.mul(g).sum().backward();
      SERP_MATCHES(a.grad(), floats(b.grad()), 1e-6, "gradient");
    }
  }

  void aChangedGraphTrains() {
    std::string text = opened("{kind: mamba, d_state: 4}");
    const auto line = text.find("  gated: ");
    text.erase(line, text.find('\n', line) + 1 - line);                       // the gate removed,
    const auto from = text.find("from: gated");
    text.replace(from, 11, "from: scan");                                      // and what followed it wired to the scan;
    const auto all = text.find("{op: linear, from: x, to: 2 * int(2 * d_in)");
    QVERIFY(all != std::string::npos);
    text.replace(all, 43, "{op: linear, from: x, to: int(2 * d_in)");          // the half that fed the gate goes with it
    const auto halves = text.find(", z: int(2 * d_in)");
    text.erase(halves, 18);
    RunSpec spec = specOf("name: gateless\nmodel:\n  d_model: 24\n  blocks:\n" + asListItem(text) +
                          "\ntrain: {learning_rate: 0.01, batch: 4, steps: 30}\ndata: {source: babel, context: 32, babel_bytes: 16384}\n");
    DataSettings d;
    d.source = spec.data.list("source");
    d.context = 32;
    d.batch = 4;
    d.babelBytes = 16384;
    auto corpus = openCorpus(d);
    QVERIFY(bool(corpus));
    spec.model.set("vocab", static_cast<std::int64_t>((*corpus)->tokenizer().vocabSize()));
    TrainLoop loop(spec, planOf(spec), std::shared_ptr<const Corpus>(std::move(corpus).value()));
    double first = 0, last = 0;
    for (int i = 0; i < 30; ++i) {
      last = loop.step().loss;
      if (i == 0) first = last;
    }
    QVERIFY2(std::isfinite(last) && last < first - 1, qPrintable(QString("%1 to %2").arg(first).arg(last)));
  }
};

QTEST_APPLESS_MAIN(TstGraphBlock)
#include "tst_graph_block.moc"
