// SPDX-License-Identifier: GPL-3.0-or-later
// Whole Mamba models of Hugging Face transformers: imported, then logits, loss, every gradient, every layer and every decoding state
// against the oracle; and folders that must be refused.
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <QTemporaryDir>
#include <QTest>

#include <filesystem>
#include <fstream>
#include <functional>

#include "engine/interop/huggingface_mamba.h"
#include "engine/ops/cross_entropy.h"
#include "engine/run/checkpoint_store.h"
#include "tests/engine/model_testing.h"

using namespace serp;
using namespace serp::test;
namespace fs = std::filesystem;

namespace {

/// The model of a run folder, as its resolved design and its newest checkpoint have it.
std::unique_ptr<LanguageModel> modelOf(const fs::path& run) {
  auto spec = loadRunSpec((run / "resolved.yaml").string());
  if (!spec) throw std::runtime_error(spec.faults().text());
  auto model = std::make_unique<LanguageModel>(*spec, planOf(*spec), 3);
  const CheckpointSearch search = CheckpointStore(run).newestGood();
  if (!search.found) throw std::runtime_error("no good checkpoint: " + search.refusedText());
  auto file = SafetensorsFile::open(search.found->model());
  if (!file) throw std::runtime_error(file.faults().text());
  for (const Parameter& p : model->parameters()) {
    const at::Tensor target = p.tensor.detach();
    if (auto ok = file->read(p.name, target.mutable_data_ptr()); !ok) throw std::runtime_error(ok.faults().text());
  }
  return model;
}

/// "backbone.layers.1.mixer.A_log" → "blocks.1.mixer.A_log".
std::string ours(std::string name) {
  if (name == "lm_head.weight") return "head.weight";
  if (name.starts_with("backbone.")) name = name.substr(9);
  if (name == "embeddings.weight") return "embedding.weight";
  if (name == "norm_f.weight") return "final_norm.weight";
  return "blocks." + name.substr(7);
}

struct Watcher final : ActivationObserver {
  std::map<std::string, std::pair<at::Tensor, at::Tensor>> seen;
  at::Tensor embedded;
  void passed(const std::string& path, const at::Tensor& update, const at::Tensor& stream) override {
    if (path == "embedding") embedded = stream, stream.retain_grad();
    seen[path] = {update, stream};
  }
};

struct Imported {
  QTemporaryDir folder;
  std::unique_ptr<LanguageModel> model;
  explicit Imported(const Oracle& oracle) {
    const fs::path run = fs::path(folder.path().toStdString()) / "run";
    auto result = importHuggingFaceMamba(oracle.folder(), run);
    if (!result) throw std::runtime_error(result.faults().text());
    model = modelOf(run);
  }
};

}  // namespace

#define SERP_ORACLE()                                                                              \
  QFETCH(QString, name);                                                                           \
  QFETCH(double, tol);                                                                             \
  QFETCH(double, gradientTol);                                                                     \
  Q_UNUSED(gradientTol);                                                                           \
  const auto oracle = Oracle::open(name.toStdString());                                            \
  if (!oracle) QSKIP(oraclesMissing());                                                            \
  Imported imported(*oracle);                                                                      \
  LanguageModel& model = *imported.model;                                                          \
  const at::Tensor ids = toTensor(oracle->at("input_ids"));                                        \
  const std::int64_t B = ids.size(0), T = ids.size(1), V = model.vocab();                          \
  Q_UNUSED(T);                                                                                     \
  Q_UNUSED(V)

class TestOracleModels : public QObject {
  Q_OBJECT

  static void rows() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<double>("tol");
    QTest::addColumn<double>("gradientTol");
    QTest::newRow("hf_mamba") << "hf_mamba" << 2e-5 << 5e-5;
    QTest::newRow("hf_mamba_odd") << "hf_mamba_odd" << 1e-5 << 2e-5;
  }

 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(1); }

  void logitsLossAndGradients_data() { rows(); }
  void logitsLossAndGradients() {
    SERP_ORACLE();
    Watcher watcher;
    StepContext ctx;
    ctx.training = true;
    ctx.activations = &watcher;
    const at::Tensor logits = model.forward(ids, ctx);
    SERP_MATCHES(logits, oracle->at("logits"), tol, "logits");
    at::Tensor target = at::full({B, T}, -1, at::kLong);
    target.slice(1, 0, T - 1).copy_(ids.slice(1, 1, T));
    const auto ce = ops::crossEntropy(logits, target.view({-1}));
    QCOMPARE(ce.counted, B * (T - 1));
    SERP_MATCHES(ce.loss.view({1}), oracle->at("loss"), tol, "loss");
    ce.loss.backward();
    std::size_t compared = 0;
    for (const auto& [theirName, want] : oracle->tensors()) {
      if (!theirName.starts_with("grad.") || theirName == "grad.inputs_embeds") continue;
      for (const Parameter& p : model.parameters())
        if (p.name == ours(theirName.substr(5))) {
          SERP_MATCHES(p.tensor.grad(), want, gradientTol, theirName);
          ++compared;
        }
    }
    QCOMPARE(compared, model.parameters().size());
    SERP_MATCHES(watcher.embedded.grad(), oracle->at("grad.inputs_embeds"), gradientTol, "grad.inputs_embeds");
    SERP_MATCHES(watcher.embedded, oracle->at("act.backbone.embeddings"), tol, "embeddings");
    for (std::size_t i = 0; i + 2 < model.blockNames().size(); ++i) {
      const auto& [update, stream] = watcher.seen.at("blocks." + std::to_string(i) + ".mixer");
      const std::string act = "act.backbone.layers." + std::to_string(i);
      SERP_MATCHES(update, oracle->at(act + ".mixer"), tol, act + ".mixer");
      SERP_MATCHES(stream, oracle->at(act), tol, act);
    }
  }

  void prefillAndSingleTokens_data() { rows(); }
  void prefillAndSingleTokens() {
    SERP_ORACLE();
    const std::int64_t prefill = 32, steps = oracle->at("decode.logits").dim(1);
    DecodeState state = model.start(B);
    const auto statesAre = [&](const std::string& when) {
      for (std::size_t i = 0; i < state.blocks.size(); ++i) {
        const std::string at = when + ".layers." + std::to_string(i) + ".";
        for (const auto& [part, tensor] : state.blocks[i]->tensors())
          if (part == "h") SERP_MATCHES(tensor, oracle->at(at + "ssm_state"), tol, at + "ssm_state");
          else  // they keep the present token too; ours are the three before the next one
            SERP_MATCHES(tensor, floats(toTensor(oracle->at(at + "conv_state")).slice(2, 1).transpose(1, 2)), tol, at + "conv_state");
      }
    };
    StepContext ctx;
    std::vector<at::Tensor> parts = {model.advance(ids.slice(1, 0, prefill).contiguous(), state, ctx).view({B, prefill, V})};
    statesAre("prefill");
    for (std::int64_t t = prefill; t < prefill + steps; ++t)
      parts.push_back(model.advance(ids.slice(1, t, t + 1).contiguous(), state, ctx).view({B, 1, V}));
    statesAre("decode");
    const at::Tensor all = at::cat(parts, 1);
    SERP_MATCHES(all.slice(1, prefill), oracle->at("decode.logits"), tol, "decode.logits");
    QCOMPARE(all.size(1), T);
    SERP_MATCHES(all, oracle->at("logits"), tol, "logits of prefill and single tokens");
    const c10::NoGradGuard noGrad;
    SERP_MATCHES(all.view({-1, V}), floats(model.forward(ids, ctx)), tol, "prefill and single tokens against the full pass");
  }

  void theImportedDesignSaysWhatItIs_data() { rows(); }
  void theImportedDesignSaysWhatItIs() {
    SERP_ORACLE();
    Q_UNUSED(tol);
    QCOMPARE(V, std::int64_t{97});
    QCOMPARE(T, std::int64_t{37});
    QCOMPARE(B, std::int64_t{2});
    QCOMPARE(model.plan().blocks.size(), oracle->config().at("num_hidden_layers").get<std::size_t>());
    std::int64_t elements = 0;
    for (const auto& [theirName, tensor] : oracle->tensors())
      if (theirName.starts_with("backbone.") || theirName.starts_with("lm_head.")) elements += tensor.size();
    QCOMPARE(model.plan().total.paramsTotal, elements);
  }

  void badFoldersAreRefused_data() {
    QTest::addColumn<QString>("says");
    for (const auto& [what, says] : std::initializer_list<std::pair<const char*, const char*>>{
             {"no config", "config.json"}, {"config is no JSON", "not a JSON object"}, {"another architecture", "model_type"},
             {"absurd size", "hidden_size"}, {"no weights", "model.safetensors"}, {"pickle", "pickle"}, {"truncated header", "model.safetensors"},
             {"truncated data", "model.safetensors"}, {"wrong shape", "has shape"}, {"missing tensor", "is missing"},
             {"extra tensor", "is no part"}, {"integers", "fraction"}, {"unknown activation", "hidden_act"}})
      QTest::newRow(what) << says;
  }
  void badFoldersAreRefused() {
    QFETCH(QString, says);
    const std::string what = QTest::currentDataTag();
    const auto oracle = Oracle::open("hf_mamba_odd");
    if (!oracle) QSKIP(oraclesMissing());
    QTemporaryDir dir;
    const fs::path source = fs::path(dir.path().toStdString()) / "model", run = fs::path(dir.path().toStdString()) / "run";
    fs::create_directory(source);
    const fs::path config = source / "config.json", weights = source / "model.safetensors";
    nlohmann::json j = oracle->config();
    if (what == "another architecture") j["model_type"] = "jamba";
    if (what == "absurd size") j["hidden_size"] = -5;
    if (what == "wrong shape") j["state_size"] = 7;
    if (what == "unknown activation") j["hidden_act"] = "mish";
    if (what == "config is no JSON") std::ofstream(config) << "[1, 2";
    else if (what != "no config") std::ofstream(config) << j;
    if (what == "pickle") std::ofstream(weights, std::ios::binary) << "\x80\x04\x95 a pickle of some other program, longer than a header length.";
    else if (what != "no weights") fs::copy_file(oracle->folder() / "model.safetensors", weights);
    if (what == "truncated header") fs::resize_file(weights, 100);
    if (what == "truncated data") fs::resize_file(weights, fs::file_size(weights) - 1000);
    if (what == "missing tensor" || what == "extra tensor" || what == "integers") rewrite(weights, what);
    const auto result = importHuggingFaceMamba(source, run);
    QVERIFY(!result);
    const std::string text = result.faults().text();
    QVERIFY2(text.find(says.toStdString()) != std::string::npos, text.c_str());
    QCOMPARE(result.faults().exit, ExitCode::BadData);
    QVERIFY2(!fs::exists(run), "a run folder was left behind");
  }

  void anOccupiedFolderIsLeftAlone() {
    const auto oracle = Oracle::open("hf_mamba_odd");
    if (!oracle) QSKIP(oraclesMissing());
    QTemporaryDir dir;
    const fs::path run = dir.path().toStdString();
    std::ofstream(run / "mine.txt") << "keep";
    QVERIFY(!importHuggingFaceMamba(oracle->folder(), run));
    QVERIFY(fs::exists(run / "mine.txt"));
    QCOMPARE(std::distance(fs::directory_iterator(run), fs::directory_iterator()), std::ptrdiff_t{1});
  }

  void widthsThatAreNoMultiple() {
    // The factor in the design must give the inner width again after truncation, whatever its last bit.
    for (const std::int64_t width : {7, 37, 49}) {
      for (std::int64_t inner = 1; inner <= 3 * width; inner += 2) {
        QTemporaryDir dir;
        const fs::path source = fs::path(dir.path().toStdString()) / "model", run = fs::path(dir.path().toStdString()) / "run";
        fs::create_directory(source);
        std::ofstream(source / "config.json") << nlohmann::json({{"model_type", "mamba"}, {"hidden_size", width}, {"intermediate_size", inner},
            {"num_hidden_layers", 1}, {"vocab_size", 5}, {"state_size", 2}, {"time_step_rank", 1}, {"tie_word_embeddings", true}});
        const std::string m = "backbone.layers.0.mixer.";
        const std::vector<TensorDeclaration> tensors = {
            {"backbone.embeddings.weight", StoredType::F32, {5, width}}, {"backbone.layers.0.norm.weight", StoredType::F32, {width}},
            {m + "in_proj.weight", StoredType::F32, {2 * inner, width}}, {m + "conv1d.weight", StoredType::F32, {inner, 1, 4}},
            {m + "conv1d.bias", StoredType::F32, {inner}},               {m + "x_proj.weight", StoredType::F32, {5, inner}},
            {m + "dt_proj.weight", StoredType::F32, {inner, 1}},         {m + "dt_proj.bias", StoredType::F32, {inner}},
            {m + "A_log", StoredType::F32, {inner, 2}},                  {m + "D", StoredType::F32, {inner}},
            {m + "out_proj.weight", StoredType::F32, {width, inner}},    {"backbone.norm_f.weight", StoredType::F32, {width}}};
        auto writer = SafetensorsWriter::create(source / "model.safetensors", tensors);
        QVERIFY(bool(writer));
        for (const TensorDeclaration& t : tensors) {
          const std::vector<char> zeros(static_cast<std::size_t>(*shapeBytes(t.type, t.shape)), 0);
          QVERIFY(bool(writer->append(zeros.data(), zeros.size())));
        }
        QVERIFY(bool(writer->finish()));
        auto result = importHuggingFaceMamba(source, run);
        QVERIFY2(bool(result), result ? "" : result.faults().text().c_str());
        QCOMPARE(modelOf(run)->plan().total.paramsTotal, result->parameters);
        if (width > 7) inner += 10;
      }
    }
  }

 private:
  /// The same file with one tensor less, more, or of whole numbers.
  static void rewrite(const fs::path& path, const std::string& what) {
    auto file = SafetensorsFile::open(path);
    if (!file) throw std::runtime_error(file.faults().text());
    std::vector<TensorDeclaration> declared;
    std::vector<std::vector<char>> bytes;
    for (const TensorEntry& t : file->tensors()) {
      if (what == "missing tensor" && t.name.ends_with("layers.1.mixer.D")) continue;
      declared.push_back({t.name, what == "integers" && t.name.ends_with("layers.1.mixer.D") ? StoredType::I32 : t.type, t.shape});
      bytes.emplace_back(t.bytes);
      if (auto ok = file->read(t.name, bytes.back().data()); !ok) throw std::runtime_error(ok.faults().text());
    }
    if (what == "extra tensor") {
      declared.push_back({"backbone.layers.7.surprise", StoredType::F32, {2}});
      bytes.emplace_back(8);
    }
    auto writer = SafetensorsWriter::create(path, declared);
    if (!writer) throw std::runtime_error(writer.faults().text());
    for (const auto& b : bytes)
      if (auto ok = writer->append(b.data(), b.size()); !ok) throw std::runtime_error(ok.faults().text());
    if (auto ok = writer->finish(); !ok) throw std::runtime_error(ok.faults().text());
  }
};

QTEST_APPLESS_MAIN(TestOracleModels)
#include "tst_oracle_models.moc"
