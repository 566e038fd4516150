// SPDX-License-Identifier: GPL-3.0-or-later
// One table of keys serves both directions, so that writing and reading cannot drift apart.
#include "engine/run/run_meta.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/base/atomic_file.h"

namespace serp {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::uint64_t kMaxMetaBytes = 4 << 20;

struct Writer {
  Json& object;
  template <class T>
  void operator()(const char* key, const T& value) {
    object[key] = value;
  }
  void operator()(const char* key, const double& value) { object[key] = std::isfinite(value) ? Json(value) : Json(nullptr); }
};

/// Takes a value only if it has the right type; anything else leaves the default, the version is what guards meaning.
struct Reader {
  const Json& object;
  const Json* at(const char* key) const {
    const auto it = object.find(key);
    return it == object.end() ? nullptr : &*it;
  }
  void operator()(const char* key, std::string& value) const {
    if (const Json* j = at(key); j && j->is_string()) value = j->get<std::string>();
  }
  void operator()(const char* key, std::int64_t& value) const {
    if (const Json* j = at(key); j && j->is_number_integer()) value = j->get<std::int64_t>();
  }
  void operator()(const char* key, std::uint64_t& value) const {
    if (const Json* j = at(key); j && j->is_number_unsigned()) value = j->get<std::uint64_t>();
  }
  void operator()(const char* key, int& value) const {
    if (const Json* j = at(key); j && j->is_number_integer()) value = j->get<int>();
  }
  void operator()(const char* key, double& value) const {
    if (const Json* j = at(key); j && j->is_number()) value = j->get<double>();
  }
  void operator()(const char* key, std::vector<std::string>& value) const {
    const Json* j = at(key);
    if (!j || !j->is_array()) return;
    for (const Json& item : *j)
      if (item.is_string()) value.push_back(item.get<std::string>());
  }
  void operator()(const char* key, std::map<std::string, std::string>& value) const {
    const Json* j = at(key);
    if (!j || !j->is_object()) return;
    for (const auto& [name, item] : j->items())
      if (item.is_string()) value[name] = item.get<std::string>();
  }
};

template <class Visitor, class Meta>
void visit(Visitor&& v, Meta& m) {
  v("id", m.id);
  v("name", m.name);
  v("status", m.status);
  v("reason", m.reason);
  v("started", m.started);
  v("ended", m.ended);
  v("pid", m.pid);
  v("host", m.host);
  v("device", m.device);
  v("threads", m.threads);
  v("precision", m.precision);
  v("kernels", m.kernels);
  v("seed", m.seed);
  v("versions", m.versions);
  v("parent_run", m.parentRun);
  v("parent_step", m.parentStep);
  v("pattern", m.pattern);
  v("parameters", m.parameters);
  v("active_parameters", m.activeParameters);
  v("vocab", m.vocab);
  v("context", m.context);
  v("batch", m.batch);
  v("tokenizer", m.tokenizer);
  v("data", m.dataDescription);
  v("labels", m.labelNames);
  v("uniform_loss", m.uniformLoss);
  v("unigram_loss", m.unigramLoss);
  v("entropy_rate", m.entropyRate);
  v("budget_steps", m.budgetSteps);
  v("steps", m.steps);
  v("tokens", m.tokens);
  v("last_loss", m.lastLoss);
  v("best_loss", m.bestLoss);
  v("train_loss", m.trainLoss);
  v("tokens_per_s", m.tokensPerSecond);
}

}  // namespace

std::string metaText(const RunMeta& meta) {
  Json root;
  root["format"] = "serpentarium run";
  root["version"] = RunMeta::kFormatVersion;
  visit(Writer{root}, meta);
  return root.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<RunMeta> parseMeta(const std::string& text, const std::string& file) {
  const auto refuse = [&](const std::string& why) { return fault(ExitCode::BadData, why, file); };
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth < 8; };
  const Json root = Json::parse(text, shallow, false);
  if (!root.is_object()) return refuse("damaged: not one JSON object");
  const auto format = root.find("format"), version = root.find("version");
  if (format == root.end() || *format != "serpentarium run") return refuse("this is not the meta.json of a run");
  if (version == root.end() || !version->is_number_integer()) return refuse("damaged: no format version");
  if (*version > RunMeta::kFormatVersion || *version < 1)
    return refuse("run format version " + version->dump() + ", this program reads up to version " +
                  std::to_string(RunMeta::kFormatVersion));
  RunMeta meta;
  visit(Reader{root}, meta);
  return meta;
}

Result<RunMeta> readMeta(const std::filesystem::path& run) {
  const auto text = readFileCapped(run / "meta.json", kMaxMetaBytes, ExitCode::BadData);
  if (!text) return text.faults();
  return parseMeta(*text, (run / "meta.json").string());
}

}  // namespace serp
