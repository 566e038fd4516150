// SPDX-License-Identifier: GPL-3.0-or-later
// An exported module computes what `serp logits` computes: run through the Python of this machine with the PyTorch that LibTorch came in.
#include <QRegularExpression>
#include <cmath>
#include <map>

#include "cli_testing.h"
#include "tests/engine/graph_designs.h"

using namespace serp::test;

namespace {

/// A Python that can import torch: the machine's own, or python3 with the wheel whose libraries this build links. The wheel may link parts
/// of CUDA that the CPU side never calls; where they are not installed, empty libraries of their names take their place.
class Torch {
 public:
  explicit Torch(const Room& room) {
    const QString wheel = QFileInfo(QStringLiteral(SERP_LIBTORCH_FOLDER)).dir().path();
    fs::create_directories(room.path("stubs"));
    environment_ = QProcessEnvironment::systemEnvironment();
    for (int attempt = 0; attempt < 12 && !works_; ++attempt) {
      const auto [code, out, err] = run("import torch\nprint(torch.__version__)");
      works_ = code == 0;
      if (works_) return;
      why_ = QString::fromStdString(err).trimmed().section('\n', -1);
      if (attempt == 0) {
        environment_.insert("PYTHONPATH", wheel);
        environment_.insert("LD_LIBRARY_PATH",
                            QString::fromStdString(room.path("stubs").string()) + ":" + QStringLiteral(SERP_CUDART_FOLDER));
        continue;
      }
      static const QRegularExpression missing(QStringLiteral("(lib\\S+\\.so\\S*): cannot open shared object file"));
      const auto match = missing.match(why_);
      if (!match.hasMatch() ||
          !QFile::copy(QStringLiteral(SERP_EMPTY_LIBRARY), QString::fromStdString(room.path("stubs").string()) + "/" + match.captured(1)))
        return;
    }
  }
  bool works() const { return works_; }
  QString why() const { return why_; }

  Ran run(const std::string& script) const {
    QProcess python;
    python.setProcessEnvironment(environment_);
    python.start("python3", {"-c", QString::fromStdString("import os, sys\nsys.setdlopenflags(os.RTLD_LAZY | os.RTLD_GLOBAL)\n" + script)});
    Ran ran;
    if (!python.waitForStarted() || !python.waitForFinished(120000)) return {-1, "", "python3 does not run"};
    ran.code = python.exitStatus() == QProcess::NormalExit ? python.exitCode() : -1;
    ran.out = python.readAllStandardOutput().toStdString();
    ran.err = python.readAllStandardError().toStdString();
    return ran;
  }

 private:
  QProcessEnvironment environment_;
  QString why_;
  bool works_ = false;
};

constexpr const char* kTokens = "84,104,101,32,115,101,114,112,101,110,116,44,32,97,103,97,105,110";

/// One of everything that has a counterpart.
std::string everything() {
  std::string blocks;
  for (
      const char* b :
      {"{kind: attention, heads: 4, kv_heads: 2, window: 5}", "{kind: attention, heads: 4, positions: learned, bias: true}",
       "{kind: attention, heads: 2, positions: none, norm: rms_norm}", "{kind: dense_ffn, activation: relu2}",
       "{kind: gated_ffn, bias: true}", "{kind: topk_moe, experts: 5, top_k: 2, shared_expert: 12}",
       "{kind: switch_moe, experts: 3, gated: true, activation: gelu}", "{kind: linear, bias: true}",
       "{kind: dense_ffn, d_ff: 20, share: a}", "{kind: dense_ffn, d_ff: 20, share: a}",
       "{kind: mamba, d_state: 4, proj_bias: true, conv_bias: false}",
       "{kind: mamba, d_state: 4, conv_proj: {kind: switch_moe, experts: 2, d_expert: 8}, out_proj: {kind: linear}}",
       "{parallel: [{kind: mamba, d_state: 3}, {kind: dense_ffn}], norms: own}", "{kind: mamba2, d_state: 6, head_dim: 8, groups: 2}",
       "{kind: mamba2, d_state: 6, head_dim: 12, gated_norm: false}",
       "{kind: shared_router_mamba, experts: 3, d_state: 4, gate_experts: false}", "{kind: expert_choice, experts: 3}",
       "{kind: expert_choice, experts: 2, score: tokens, gated: true, norm_output: false}",
       "{kind: graph_block, nodes: {half: {op: linear, from: x, bias: true}, lambda: {op: parameter, sizes: d_in, init: normal}, type: "
       "{op: rms_norm, from: half}, out: {op: multiply, from: [type, lambda]}}}"})
    blocks += std::string("    - ") + b + "\n";
  for (const serp::test::GraphDesign& d : serp::test::graphDesigns()) blocks += "    - {kind: graph_block, " + d.keys + "}\n";
  return "name: everything\nmodel:\n  d_model: 24\n  tie_embedding: true\n  positions: learned\n  final_norm: rms_norm\n  "
      "embedding_scale: 2\n  blocks:\n" +
         blocks + "train: {batch: 2}\ndata: {context: 24}\n";
}

}  // namespace

class TestPytorchExport : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    if (!QFile::exists(QStringLiteral(SERP_BINARY_DIR "/libexec/serp-engine"))) QSKIP("the engine is not built");
  }

  void modulesComputeOurLogits() {
    const Room room;
    const std::vector<std::pair<std::string, std::string>> designs = {{"moe_mamba", "start/moe_mamba"},
                                                                      {"parallel_moe_mamba", "start/parallel_moe_mamba"},
                                                                      {"everything", room.write("everything.yaml", everything())}};
    std::map<std::string, std::vector<std::vector<double>>> ours;
    std::string script = "import json, runpy, torch\ntokens = torch.tensor([[" + std::string(kTokens) + "]])\nfor path in [";
    for (const auto& [name, design] : designs) {
      const Ran trained = room.run({"train",
                                    QString::fromStdString(design),
                                    "--steps",
                                    "3",
                                    "--set",
                                    "train.learning_rate=0.01",
                                    "--set",
                                    "data.context=32",
                                    "--set",
                                    "data.babel_bytes=65536",
                                    "--set",
                                    "train.sample_every=0",
                                    "--set",
                                    "train.eval_batches=1",
                                    "--set",
                                    "train.batch=2",
                                    "--threads",
                                    "1",
                                    "--quiet",
                                    "--out",
                                    QString::fromStdString(room.path(name).string())});
      QVERIFY2(trained.code == 0, trained.err.c_str());
      const QString folder = QString::fromStdString(room.path(name + "_torch").string());
      const Ran exported = room.run({"export", QString::fromStdString(room.path(name).string()), "--to", "pytorch", folder, "--json"});
      QVERIFY2(exported.code == 0, exported.err.c_str());
      QCOMPARE(exported.json().at("written").size(), std::size_t{2});
      QVERIFY(fs::exists(room.path(name + "_torch/model.py")) && fs::exists(room.path(name + "_torch/model.safetensors")));
      const Ran logits = room.run({"logits", QString::fromStdString(room.path(name).string()), "--tokens", kTokens, "--json"});
      QVERIFY2(logits.code == 0, logits.err.c_str());
      ours[name] = logits.json().at("logits").get<std::vector<std::vector<double>>>();
      script += Json((room.path(name + "_torch") / "model.py").string()).dump() + ", ";
    }
    const Torch torch(room);
    if (!torch.works()) QSKIP(qPrintable("no Python that imports torch: " + torch.why()));
    // The module reads the file by itself: neither numpy nor safetensors is asked for.
    const Ran ran = torch.run(
        script +
        "]:\n    module = runpy.run_path(path)\n    with torch.no_grad():\n        "
        "print(json.dumps(module['load']()(tokens)[0].tolist()))\n");
    QVERIFY2(ran.code == 0, ran.err.c_str());
    const std::vector<Json> theirs = ran.lines();
    QCOMPARE(theirs.size(), designs.size());
    for (std::size_t d = 0; d < designs.size(); ++d) {
      const auto& want = ours.at(designs[d].first);
      const auto got = theirs[d].get<std::vector<std::vector<double>>>();
      QCOMPARE(got.size(), want.size());
      double worst = 0, largest = 0;
      for (std::size_t t = 0; t < want.size(); ++t) {
        QCOMPARE(got[t].size(), want[t].size());
        for (std::size_t v = 0; v < want[t].size(); ++v) {
          worst = std::max(worst, std::abs(got[t][v] - want[t][v]));
          largest = std::max(largest, std::abs(want[t][v]));
        }
      }
      qInfo("%s: largest difference %.2g of %.2g", designs[d].first.c_str(), worst, largest);
      QVERIFY(largest > 0 && worst <= 5e-6 * largest);
    }
  }

  void whatCannotBeWrittenIsTold() {
    const Room room;
    const std::string design = room.write(
        "choice.yaml",
        "name: choice\nmodel: {d_model: 16, blocks: [{kind: mamba, d_state: 2}, {kind: expert_choice, group: sequence, experts: "
        "2}]}\ndata: {context: 16}\ntrain: {batch: 2}\n");
    QCOMPARE(
        room.run({"train", QString::fromStdString(design), "--steps", "1", "--set", "data.babel_bytes=65536", "--quiet", "--out", "run"})
            .code,
        0);
    const Ran refused = room.run({"export", "run", "--to", "pytorch", "out"});
    QCOMPARE(refused.code, 2);
    QVERIFY2(refused.err.find("expert_choice over a sequence") != std::string::npos, refused.err.c_str());
    QVERIFY(!fs::exists(room.path("out/model.py")));
    QCOMPARE(room.run({"export", "nowhere", "--to", "pytorch", "out"}).code, 2);
    QCOMPARE(room.run({"export", "run", "--to", "tensorflow", "out"}).code, 2);
    room.write("file", "");
    const Ran blocked = room.run({"export", "run", "--to", "pytorch", "file/below"});
    QVERIFY2(blocked.code == 2 || blocked.code == 6, blocked.err.c_str());
  }
};

QTEST_GUILESS_MAIN(TestPytorchExport)
#include "tst_pytorch_export.moc"
