// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of config.json to a design, tensor names to ours. Bytes only: no tensor library is needed to move weights.
#include "engine/interop/huggingface_mamba.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/api/plan.h"
#include "engine/api/spec.h"
#include "engine/base/atomic_file.h"
#include "engine/base/text.h"
#include "engine/run/checkpoint_store.h"
#include "engine/run/run_folder.h"

namespace serp {
namespace {

using nlohmann::json;

struct Config {
  std::int64_t width = 0, layers = 0, state = 16, taps = 4, rank = 0, vocab = 0, inner = 0;
  double expand = 2, eps = 1e-5;
  bool convBias = true, projBias = false, tied = true;
};

class ConfigReader {
 public:
  ConfigReader(const json& j, Diagnostics& faults) : j_(j), faults_(faults) {}

  Config read() {
    Config c;
    if (const auto type = j_.find("model_type"); type == j_.end() || *type != "mamba")
      faults_.error("model_type", "found " + (type == j_.end() ? std::string("nothing") : type->dump().substr(0, 60)) +
                                      ", only \"mamba\" models can be imported");
    c.width = integer("hidden_size", 1, 65536, -1);
    c.layers = integer("num_hidden_layers", 1, 10000, -1);
    c.vocab = integer("vocab_size", 1, 16777216, -1);
    c.state = integer("state_size", 1, 256, 16);
    c.taps = integer("conv_kernel", 1, 16, 4);
    c.expand = number("expand", 2);
    c.inner = integer("intermediate_size", 1, 1 << 24, static_cast<std::int64_t>(c.expand * static_cast<double>(c.width)));
    if (const auto rank = j_.find("time_step_rank"); rank != j_.end() && rank->is_number_integer()) c.rank = integer("time_step_rank", 1, 65536, -1);
    else c.rank = (c.width + 15) / 16;
    c.eps = number("layer_norm_epsilon", 1e-5);
    c.convBias = flag("use_conv_bias", true);
    c.projBias = flag("use_bias", false);
    c.tied = flag("tie_word_embeddings", true);
    if (const auto act = j_.find("hidden_act"); act != j_.end() && *act != "silu")
      faults_.error("hidden_act", "found " + act->dump().substr(0, 60) + ", only \"silu\" is known");
    // intermediate_size rules; expand is only how it came about.
    const auto width = static_cast<double>(c.width);
    if (c.width > 0 && c.inner > 0) c.expand = static_cast<double>(c.inner) / width;
    if (static_cast<std::int64_t>(c.expand * width) < c.inner) c.expand = std::nextafter(c.expand, HUGE_VAL);  // it is truncated
    return c;
  }

 private:
  std::int64_t integer(const char* key, std::int64_t low, std::int64_t high, std::int64_t fallback) {
    const auto it = j_.find(key);
    if (it == j_.end() && fallback >= 0) return fallback;
    if (it != j_.end() && it->is_number_integer() && *it >= low && *it <= high) return it->get<std::int64_t>();
    faults_.error(key, std::string("found ") + (it == j_.end() ? "nothing" : it->dump().substr(0, 60)) + ", expected an integer " +
                           std::to_string(low) + ".." + std::to_string(high));
    return 0;
  }
  double number(const char* key, double fallback) {
    const auto it = j_.find(key);
    if (it == j_.end()) return fallback;
    if (it->is_number() && std::isfinite(it->get<double>()) && it->get<double>() > 0) return it->get<double>();
    faults_.error(key, "found " + it->dump().substr(0, 60) + ", expected a positive number");
    return fallback;
  }
  bool flag(const char* key, bool fallback) {
    const auto it = j_.find(key);
    if (it == j_.end()) return fallback;
    if (it->is_boolean()) return it->get<bool>();
    faults_.error(key, "found " + it->dump().substr(0, 60) + ", expected true or false");
    return fallback;
  }

  const json& j_;
  Diagnostics& faults_;
};

std::string designText(const Config& c, const std::string& name) {
  std::string block = "{kind: mamba, d_state: " + std::to_string(c.state) + ", d_conv: " + std::to_string(c.taps) + ", expand: " +
                      numberText(c.expand) + ", dt_rank: " + std::to_string(c.rank) + ", conv_bias: " + (c.convBias ? "true" : "false") +
                      ", proj_bias: " + (c.projBias ? "true" : "false") + "}";
  return "# " + name + ", imported from Hugging Face\nname: " + valueText(ParamValue(name)) + "\nmodel:\n  d_model: " + std::to_string(c.width) +
         "\n  vocab: " + std::to_string(c.vocab) + "\n  norm: rms_norm\n  norm_eps: " + numberText(c.eps) +
         "\n  final_norm: rms_norm\n  tie_embedding: " + (c.tied ? "true" : "false") + "\n  blocks:\n    - repeat: " + std::to_string(c.layers) +
         "\n      blocks:\n        - " + block + "\n" +
         (c.vocab < 256 ? "data: {tokenizer: chars}  # none was imported; bytes would need 256 rows\n" : "");
}

/// Theirs to ours with the shape ours has. A convolution's [D, 1, W] is our [D, W].
struct Move { std::string theirs, ours; std::vector<std::int64_t> shape; };

std::vector<Move> moves(const Config& c) {
  const std::int64_t d = c.width, D = c.inner, N = c.state, R = c.rank;
  std::vector<Move> m = {{"backbone.embeddings.weight", "embedding.weight", {c.vocab, d}}};
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const std::string a = "backbone.layers." + std::to_string(i) + ".", b = "blocks." + std::to_string(i) + ".";
    m.push_back({a + "norm.weight", b + "norm.weight", {d}});
    const auto mixer = [&](const std::string& name, std::vector<std::int64_t> shape) {
      m.push_back({a + "mixer." + name, b + "mixer." + name, std::move(shape)});
    };
    mixer("in_proj.weight", {2 * D, d});
    if (c.projBias) mixer("in_proj.bias", {2 * D});
    mixer("conv1d.weight", {D, c.taps});
    if (c.convBias) mixer("conv1d.bias", {D});
    mixer("x_proj.weight", {R + 2 * N, D});
    mixer("dt_proj.weight", {D, R});
    mixer("dt_proj.bias", {D});
    mixer("A_log", {D, N});
    mixer("D", {D});
    mixer("out_proj.weight", {d, D});
    if (c.projBias) mixer("out_proj.bias", {d});
  }
  m.push_back({"backbone.norm_f.weight", "final_norm.weight", {d}});
  if (!c.tied) m.push_back({"lm_head.weight", "head.weight", {c.vocab, d}});
  return m;
}

std::vector<std::int64_t> squeezed(std::vector<std::int64_t> shape) {
  if (shape.size() == 3 && shape[1] == 1) shape.erase(shape.begin() + 1);
  return shape;
}

float fromBf16(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

float fromF16(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  const double value = exponent == 0 ? std::ldexp(mantissa, -24) : exponent == 31 ? (mantissa ? std::nan("") : HUGE_VAL)
                                                                                  : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>(bits & 0x8000 ? -value : value);
}

Result<std::vector<float>> floats(const SafetensorsFile& file, const TensorEntry& t) {
  const std::size_t n = t.bytes / storedTypeSize(t.type);
  std::vector<float> out(n);
  if (t.type == StoredType::F32) {
    if (auto ok = file.read(t.name, out.data()); !ok) return ok.faults();
    return out;
  }
  std::vector<std::uint8_t> raw(t.bytes);
  if (auto ok = file.read(t.name, raw.data()); !ok) return ok.faults();
  for (std::size_t i = 0; i < n; ++i) {
    if (t.type == StoredType::F64) {
      double wide = 0;
      std::memcpy(&wide, &raw[i * 8], 8);
      out[i] = static_cast<float>(wide);
    } else {
      std::uint16_t half = 0;
      std::memcpy(&half, &raw[i * 2], 2);
      out[i] = t.type == StoredType::BF16 ? fromBf16(half) : fromF16(half);
    }
  }
  return out;
}

/// Every fault of the tensors: missing, left over, of another shape or type.
Diagnostics checkTensors(const SafetensorsFile& file, const std::vector<Move>& wanted, bool tied) {
  Diagnostics faults;
  faults.exit = ExitCode::BadData;
  std::set<std::string> used;
  for (const Move& m : wanted) {
    const TensorEntry* t = file.tensor(m.theirs);
    used.insert(m.theirs);
    if (t == nullptr) faults.error(m.theirs, "the tensor is missing, expected shape " + shapeText(m.shape));
    else if (squeezed(t->shape) != m.shape) faults.error(m.theirs, "has shape " + shapeText(t->shape) + ", the configuration asks for " + shapeText(m.shape));
    else if (t->type != StoredType::F32 && t->type != StoredType::F64 && t->type != StoredType::F16 && t->type != StoredType::BF16)
      faults.error(m.theirs, std::string("has type ") + storedTypeName(t->type) + ", numbers with a fraction are needed");
  }
  for (const TensorEntry& t : file.tensors())
    if (used.count(t.name) == 0 && !(tied && t.name == "lm_head.weight")) faults.error(t.name, "is no part of a Mamba of this configuration");
  for (Diagnostic& d : faults.items) d.file = file.path().string();
  return faults;
}

Result<Done> store(const std::filesystem::path& run, const SafetensorsFile& file, const std::vector<Move>& wanted) {
  std::vector<std::vector<float>> values;
  CheckpointContent content;
  for (const Move& m : wanted) {
    auto read = floats(file, *file.tensor(m.theirs));
    if (!read) return read.faults();
    values.push_back(std::move(read).value());
    TensorBlob blob;
    blob.name = m.ours;
    blob.shape = m.shape;
    content.model.push_back(std::move(blob));
  }
  for (std::size_t i = 0; i < values.size(); ++i) content.model[i].data = values[i].data();
  content.state = json({{"format", 1}, {"step", 0}, {"tokens", 0}, {"imported", "huggingface"}}).dump(2) + "\n";
  content.metadata = {{"format", "serpentarium"}, {"step", "0"}};
  auto written = CheckpointStore(run).write(content);
  if (!written) return written.faults();
  return Done{};
}

}  // namespace

Result<ImportedModel> importHuggingFaceMamba(const std::filesystem::path& source, const std::filesystem::path& run) {
  const auto configFile = source / "config.json";
  auto text = readFileCapped(configFile, 4 << 20, ExitCode::BadData);
  if (!text) return text.faults();
  const json j = json::parse(*text, nullptr, false);
  if (!j.is_object()) return fault(ExitCode::BadData, "is not a JSON object", configFile.string());
  Diagnostics faults;
  faults.exit = ExitCode::BadData;
  const Config c = ConfigReader(j, faults).read();
  for (Diagnostic& d : faults.items) d.file = configFile.string();
  if (faults.hasErrors()) return faults;

  ImportedModel out;
  std::string name = std::filesystem::absolute(source).lexically_normal().filename().string();
  if (name.empty()) name = "imported";
  out.design = designText(c, name);
  auto spec = parseRunSpec(out.design, configFile.string());
  if (!spec) return spec.faults();
  auto plan = planRun(*spec);
  if (!plan) return plan.faults();
  auto file = SafetensorsFile::open(source / "model.safetensors");
  if (!file) return file.faults();
  const std::vector<Move> wanted = moves(c);
  if (Diagnostics wrong = checkTensors(*file, wanted, c.tied); wrong.hasErrors()) return wrong;
  for (const Move& m : wanted) out.parameters += static_cast<std::int64_t>(*shapeBytes(StoredType::F32, m.shape) / 4);

  RunMeta meta;
  meta.name = name;
  meta.device = "cpu";
  meta.pattern = plan->pattern;
  meta.parameters = plan->nonEmbeddingTotal;
  meta.activeParameters = plan->nonEmbeddingActive;
  meta.vocab = plan->vocab;
  auto folder = RunFolder::create(run, meta, out.design, resolvedText(*spec));
  if (!folder) return folder.faults();
  if (auto stored = store(run, *file, wanted); !stored) {
    std::error_code error;
    std::filesystem::remove_all(run, error);
    return stored.faults();
  }
  if (auto ended = folder->end("finished", "imported from " + std::filesystem::absolute(source).string()); !ended) return ended.faults();
  out.run = run;
  out.notes.push_back("no tokenizer was imported: `serp logits` works on ids");
  return out;
}

}  // namespace serp
