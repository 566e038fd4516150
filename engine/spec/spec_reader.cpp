// SPDX-License-Identifier: GPL-3.0-or-later
// A design from text to RunSpec: the sections against their schemas, then the rules that cross them; every fault at once.
#include <algorithm>
#include <map>

#include "engine/api/catalog.h"
#include "engine/base/atomic_file.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/spec/block_reader.h"
#include "engine/spec/check_design.h"
#include "engine/spec/overrides.h"
#include "engine/spec/value_reader.h"

namespace serp {
namespace {

class SpecReader {
 public:
  SpecReader(RunSpec& spec, FaultList& faults) : spec_(spec), faults_(faults) {}

  void read(const YamlNode& root) {
    for (const SectionInfo& s : sectionCatalog()) setDefaults(s);
    if (!root.isMap()) {
      faults_.at(root, "", "found " + describe(root) + ", expected keys such as name, model, train and data");
      return;
    }
    readSection(section(""), root, {"model", "train", "data", "reference"});
    if (const YamlNode* model = root.find("model")) {
      readSection(section("model"), *model, {"blocks"});
      const YamlNode* blocks = model->isMap() ? model->find("blocks") : nullptr;
      if (blocks != nullptr) spec_.blocks = readBlocks(*blocks, "model.blocks", faults_);
      else if (model->isMap()) faults_.at(model->place, "model.blocks", "the key is missing: a list of blocks, as in \"- {kind: mamba}\"");
    } else {
      faults_.at(root.place, "model", "the key is missing: d_model, norm and the list of blocks stand there");
    }
    if (const YamlNode* train = root.find("train")) readSection(section("train"), *train, {});
    if (const YamlNode* data = root.find("data")) readSection(section("data"), *data, {});
    if (const YamlNode* reference = root.find("reference")) readReference(*reference);
    readName();
    if (faults_.isFaulty("model.d_model")) return;
    addRules();
  }

 private:
  ParamSet& target(const std::string& name) {
    return name.empty() ? spec_.top : name == "model" ? spec_.model : name == "train" ? spec_.train : spec_.data;
  }

  void setDefaults(const SectionInfo& s) {
    for (const Param& p : s.schema) target(s.name).set(p.name, p.fallback);
  }

  void readSection(const SectionInfo& s, const YamlNode& node, const std::vector<std::string>& others) {
    if (node.refused || node.kind == YamlNode::Kind::Null) return;
    if (!node.isMap()) return faults_.at(node, s.name, "found " + describe(node) + ", expected a map of keys");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const YamlNode& key = node.keys[i];
      if (key.refused || std::find(others.begin(), others.end(), key.value) != others.end()) continue;
      const std::string path = s.name.empty() ? key.value : s.name + "." + key.value;
      const Param* param = find(s.schema, key.value);
      if (param == nullptr) {
        unknown(key, path, s, others);
        continue;
      }
      places_[path] = key.place;
      if (auto value = readValue(*param, node.items[i], path, faults_)) target(s.name).set(param->name, std::move(*value));
      else faults_.markFaulty(path);
    }
  }

  void unknown(const YamlNode& key, const std::string& path, const SectionInfo& s, const std::vector<std::string>& others) {
    for (const SectionInfo& other : sectionCatalog())
      if (other.name != s.name && find(other.schema, key.value) != nullptr)
        return faults_.at(key, path, "unknown key here; \"" + key.value + "\" belongs " + (other.name.empty() ? "to the top level" : "under \"" + other.name + "\""));
    std::vector<std::string> allowed;
    for (const Param& p : s.schema) allowed.push_back(p.name);
    allowed.insert(allowed.end(), others.begin(), others.end());
    const std::string close = nearest(key.value, allowed);
    const Param* param = find(s.schema, close);
    faults_.unknownKey(key, path, allowed, param == nullptr ? "" : param->rangeText(), close);
  }

  void readReference(const YamlNode& node) {
    static const ParamSchema schema = {
        real("loss", -1000, 1000, 0.0, "published loss"),          real("steps", 0, 1e12, 0.0, "steps it took"),
        real("speedup", 0, 1e6, 0.0, "in steps over the baseline"), text("source", "", "paper and table"),
        text("baseline", "", "what the speed-up is measured against"),
    };
    if (node.refused || node.kind == YamlNode::Kind::Null) return;
    if (!node.isMap()) return faults_.at(node, "reference", "found " + describe(node) + ", expected a map of keys");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const YamlNode& key = node.keys[i];
      if (key.refused) continue;
      const std::string path = "reference." + key.value;
      const Param* param = find(schema, key.value);
      if (param == nullptr) {
        const std::vector<std::string> allowed = {"loss", "steps", "speedup", "source", "baseline"};
        faults_.unknownKey(key, path, allowed, "", nearest(key.value, allowed));
        continue;
      }
      const auto value = readValue(*param, node.items[i], path, faults_);
      if (!value) continue;
      ReferenceResult& r = spec_.reference;
      if (key.value == "source") r.source = std::get<std::string>(*value);
      else if (key.value == "baseline") r.baseline = std::get<std::string>(*value);
      else (key.value == "loss" ? r.loss : key.value == "steps" ? r.steps : r.speedup) = std::get<double>(*value);
    }
  }

  void readName() {
    spec_.name = spec_.top.text("name");
    spec_.top.erase("name");
    bool bad = spec_.name.empty() || spec_.name.size() > 100 || spec_.name == "." || spec_.name == "..";
    for (const char c : spec_.name) bad = bad || static_cast<unsigned char>(c) < 0x20 || c == '/';
    if (!bad) return;
    faults_.at(places_["name"], "name", "the name becomes a folder's name: 1..100 bytes, no slash, no control characters");
  }

  /// Rules over the whole design, with places looked up by path.
  void addRules() {
    const Diagnostics found = checkDesign(spec_, [this](const std::string& path) { return faults_.isFaulty(path); });
    for (const Diagnostic& d : found.items) {
      Place place{d.line, d.column};
      if (const auto it = places_.find(d.path); it != places_.end()) place = it->second;
      if (faults_.isFaulty(d.path)) continue;
      if (d.severity == Severity::Error) faults_.soft(place, d.path, d.message);
      else faults_.warn(place, d.path, d.message);
    }
  }

  static const Param* find(const ParamSchema& schema, const std::string& name) {
    for (const Param& p : schema)
      if (p.name == name) return &p;
    return nullptr;
  }

  RunSpec& spec_;
  FaultList& faults_;
  std::map<std::string, Place> places_;
};

}  // namespace

DraftSpec draftRunSpec(const std::string& text, const std::string& file, const std::vector<std::pair<std::string, std::string>>& overrides) {
  DraftSpec out;
  YamlText yaml = readYaml(text, file);
  if (!yaml.usable) {
    out.faults = std::move(yaml.faults);
    return out;
  }
  RunSpec spec;
  spec.text = text;
  spec.file = file;
  spec.overrides = overrides;
  FaultList faults(file);
  for (const Diagnostic& d : yaml.faults.items) faults.add(d);
  applyOverrides(yaml.root, overrides, faults);
  SpecReader(spec, faults).read(yaml.root);
  out.faults = faults.sorted();
  if (!faults.readable()) return out;
  if (!out.faults.hasErrors()) spec.notes = out.faults;
  out.spec = std::move(spec);
  return out;
}

Result<RunSpec> parseRunSpec(const std::string& text, const std::string& file,
                             const std::vector<std::pair<std::string, std::string>>& overrides) {
  DraftSpec draft = draftRunSpec(text, file, overrides);
  if (draft.faults.hasErrors()) return std::move(draft.faults);
  return std::move(*draft.spec);
}

}  // namespace serp
