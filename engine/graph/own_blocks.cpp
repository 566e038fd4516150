// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of a person's own: one YAML file each in, catalogue entries out. Files are read like those of strangers: capped, strict, and
// nothing in them is run. A file that cannot be used never stands in the way of the others.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>

#include "engine/api/block_graph.h"
#include "engine/base/atomic_file.h"
#include "engine/base/text.h"
#include "engine/graph/graph_reader.h"
#include "engine/spec/fault_list.h"
#include "engine/spec/tree_text.h"
#include "engine/spec/value_reader.h"

namespace serp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = 1u << 20;
constexpr std::size_t kMaxFiles = 1000, kMaxKeys = 100;

std::atomic<std::uint64_t> gState{0};

struct OwnFile {
  BlockDefinition definition;
  ParamSet graph;                          ///< nodes, out
  std::map<std::string, Place> places;     ///< of ".nodes.NAME.KEY"
  std::string file;
};

bool isKind(const std::string& s) {
  return !s.empty() && s.size() <= 64 && s[0] >= 'a' && s[0] <= 'z' &&
         std::all_of(s.begin(), s.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

void addPlaces(const YamlNode& node, const std::string& path, std::map<std::string, Place>& places) {
  for (std::size_t i = 0; i < node.keys.size() && i < node.items.size(); ++i) {
    const std::string inner = path + "." + node.keys[i].value;
    places.try_emplace(inner, node.keys[i].place);
    addPlaces(node.items[i], inner, places);
  }
}

class FileReader {
 public:
  FileReader(const std::string& text, const std::string& file) : text_(text), faults_(file) { own_.file = file; }

  /// The block, or every fault of the file but those of its graph.
  Result<OwnFile> read() {
    const YamlText yaml = readYaml(text_, faults_.file());
    if (!yaml.usable) return yaml.faults;
    for (const Diagnostic& d : yaml.faults.items) faults_.add(d);
    const YamlNode& root = yaml.root;
    if (!root.isMap()) {
      faults_.at(root, "", "found " + describe(root) + ", expected keys such as block, summary, params and nodes");
      return faults_.sorted();
    }
    static const std::vector<std::string> allowed = {"block", "summary", "family", "params", "nodes", "out"};
    for (const YamlNode& key : root.keys)
      if (!key.refused && std::find(allowed.begin(), allowed.end(), key.value) == allowed.end())
        faults_.unknownKey(key, key.value, allowed, "", nearest(key.value, allowed));
    BlockInfo& info = own_.definition.info;
    info.own = true;
    info.kind = textOf(root, "block", "");
    if (!isKind(info.kind))
      faults_.at(placeOf(root, "block"), "block", "expected the block's name: small letters, digits and _, at most 64, a letter first");
    else if (const BlockDefinition* built = findDefinition(info.kind); built != nullptr && built->own.base.empty())
      faults_.at(placeOf(root, "block"), "block", "\"" + info.kind + "\" is a built-in block; give yours another name");
    else if (findPrimitive(info.kind) != nullptr)
      faults_.at(placeOf(root, "block"), "block", "\"" + info.kind + "\" is a primitive; give the block another name");
    info.summary = textOf(root, "summary", "A block of your own.");
    family(root);
    if (const YamlNode* params = root.find("params")) schema(*params);
    if (const YamlNode* nodes = root.find("nodes"); nodes == nullptr || !nodes->isMap()) {
      faults_.at(nodes == nullptr ? root.place : nodes->place, "nodes", "expected a map of nodes, as in {out: {op: linear, from: x}}");
    } else {
      own_.graph.set("nodes", flowText(*nodes));
      addPlaces(*nodes, ".nodes", own_.places);
      own_.places[".nodes"] = nodes->place;
    }
    own_.graph.set("out", textOf(root, "out", "out"));
    own_.places[".out"] = placeOf(root, "out");
    if (faults_.hasErrors()) return faults_.sorted();
    return std::move(own_);
  }

 private:
  static Place placeOf(const YamlNode& root, const char* key) {
    const YamlNode* node = root.find(key);
    return node == nullptr ? root.place : node->place;
  }
  std::string textOf(const YamlNode& root, const char* key, const std::string& fallback) {
    const YamlNode* node = root.find(key);
    if (node == nullptr) return fallback;
    const auto value = readValue(text(key, fallback, ""), *node, key, faults_);
    return value ? std::get<std::string>(*value) : fallback;
  }

  void family(const YamlNode& root) {
    BlockInfo& info = own_.definition.info;
    info.family = Family::Mixer;
    const YamlNode* node = root.find("family");
    if (node == nullptr) return;
    const auto value = readValue(choice("family", {"mixer", "experts", "attention", "dense"}, "mixer", ""), *node, "family", faults_);
    for (const Family f : {Family::Experts, Family::Attention, Family::Dense})
      if (value && std::get<std::string>(*value) == familyName(f)) info.family = f;
  }

  void schema(const YamlNode& params) {
    if (!params.isMap()) return faults_.at(params, "params", "found " + describe(params) + ", expected a map of parameters");
    if (params.keys.size() > kMaxKeys) return faults_.at(params, "params", "more than " + std::to_string(kMaxKeys) + " parameters");
    for (std::size_t i = 0; i < params.keys.size() && i < params.items.size(); ++i) param(params.keys[i], params.items[i]);
  }

  void param(const YamlNode& key, const YamlNode& node) {
    const std::string path = "params." + key.value;
    static const std::set<std::string> taken = {"kind",    "norm",    "nodes", "out", "d_in", "d_out",
                                                "d_model", "context", "width", "op",  "from", "to"};
    if (!isKind(key.value) || taken.count(key.value) != 0)
      return faults_.at(key, path, "this name is taken or no name: small letters, digits and _");
    if (!node.isMap())
      return faults_.at(node, path, "found " + describe(node) + ", expected {type: integer, default: 16, minimum: 1, maximum: 256}");
    static const std::vector<std::string> allowed = {"type", "default", "minimum", "maximum", "choices", "unit", "help"};
    for (const YamlNode& k : node.keys)
      if (std::find(allowed.begin(), allowed.end(), k.value) == allowed.end())
        faults_.unknownKey(k, path + "." + k.value, allowed, "", nearest(k.value, allowed));
    Param p;
    p.name = key.value;
    static const Param types = choice("type", {"integer", "real", "boolean", "choice"}, "integer", "");
    const YamlNode* type = node.find("type");
    const auto typeValue = type == nullptr ? std::nullopt : readValue(types, *type, path + ".type", faults_);
    if (type == nullptr) faults_.at(node, path + ".type", "the key is missing: integer, real, boolean or choice");
    if (!typeValue) return;
    const std::string& name = std::get<std::string>(*typeValue);
    p.type = name == "integer" ? ParamType::Integer
           : name == "real"    ? ParamType::Real
           : name == "boolean" ? ParamType::Boolean
                               : ParamType::Choice;
    p.help = textOf(node, "help", "");
    p.unit = textOf(node, "unit", "");
    if (!range(node, path, p)) return;
    fallback(node, path, p);
    own_.definition.info.schema.push_back(std::move(p));
  }

  bool range(const YamlNode& node, const std::string& path, Param& p) {
    const bool whole = p.type == ParamType::Integer;
    if (whole || p.type == ParamType::Real) {
      p.minimum = whole ? 1 : 0;
      p.maximum = whole ? 1048576 : 1e6;
      for (const auto& [key, place] : {std::pair{"minimum", &p.minimum}, std::pair{"maximum", &p.maximum}})
        if (const YamlNode* n = node.find(key)) {
          const auto v = readValue(real(key, -1e15, 1e15, 0, ""), *n, path + "." + key, faults_);
          if (!v) return false;
          *place = std::get<double>(*v);
        }
      if (p.minimum > p.maximum) faults_.at(node, path, "minimum is above maximum");
      return p.minimum <= p.maximum;
    }
    if (p.type != ParamType::Choice) return true;
    const YamlNode* n = node.find("choices");
    if (n == nullptr || !n->isSequence() || n->items.empty()) {
      faults_.at(node, path + ".choices", "a choice needs the list of its choices");
      return false;
    }
    for (const YamlNode& item : n->items) p.choices.push_back(item.value);
    return true;
  }

  void fallback(const YamlNode& node, const std::string& path, Param& p) {
    const YamlNode* n = node.find("default");
    if (n == nullptr) return faults_.at(node, path + ".default", "the key is missing: every parameter has a default");
    p.fallback = p.type == ParamType::Boolean ? ParamValue(false)
               : p.type == ParamType::Choice  ? ParamValue(p.choices.front())
               : p.type == ParamType::Integer ? ParamValue(static_cast<std::int64_t>(p.minimum))
                                              : ParamValue(p.minimum);
    const bool numeric = p.type == ParamType::Integer || p.type == ParamType::Real;
    if (numeric && n->isScalar() && !parseReal(n->value)) {
      p.formula = n->value;   // "4 * d_model"; worked out, and refused where it does not fit, when the block is used
      return;
    }
    if (auto v = readValue(p, *n, path + ".default", faults_)) p.fallback = std::move(*v);
  }

  const std::string& text_;
  FaultList faults_;
  OwnFile own_;
};

/// Ties the definition to the graph block that computes it.
BlockDefinition defined(const OwnFile& own) {
  BlockDefinition d = own.definition;
  const std::string kind = d.info.kind;
  d.own.base = "graph_block";
  d.own.file = own.file;
  d.own.asBase = [graph = own.graph](const ParamSet& params) {
    ParamSet all = params;
    for (const char* key : {"nodes", "out"}) all.set(key, graph.value(key));
    return all;
  };
  d.check = [kind](const ParamSet& p, const BuildContext& c, const std::string& path, Diagnostics& faults) {
    Diagnostics inside;
    buildGraph(graphSource(kind, p), {c.in, c.out, c.dModel, c.context}, "", inside);
    // The graph stands in a file of its own, so its faults are told at the block that uses it.
    for (Diagnostic& f : inside.items)
      faults.items.push_back(
          {f.severity, {}, 0, 0, path, "inside " + kind + ", " + f.path.substr(f.path.empty() ? 0 : 1) + ": " + f.message, {}, 0});
  };
  d.cost = [kind](const ParamSet& p, const BuildContext& c) {
    Diagnostics faults;
    const auto graph = buildGraph(graphSource(kind, p), {c.in, c.out, c.dModel, c.context}, "", faults);
    return graph == nullptr ? Cost{} : graph->cost;
  };
  return d;
}

/// Faults of the graph itself, with places in the file. A block may fit some widths only, so one width that works is enough.
Diagnostics graphFaults(const OwnFile& own) {
  Diagnostics first;
  for (const std::int64_t width : {64, 256, 96, 100}) {
    Diagnostics found;
    ParamSet values;
    for (const Param& p : own.definition.info.schema)
      values.set(p.name, p.formula.empty()              ? p.fallback
                         : p.type == ParamType::Integer ? ParamValue(width)
                                                        : ParamValue(static_cast<double>(width)));
    GraphSource source{own.graph.text("nodes"), own.graph.text("out"), values, own.definition.info.kind};
    if (buildGraph(source, {width, width, width, 16}, "", found) != nullptr) return {};
    if (first.items.empty()) first = found;
  }
  for (Diagnostic& d : first.items) {
    std::string key = d.path;
    auto it = own.places.find(key);
    for (std::size_t dot; it == own.places.end() && (dot = key.rfind('.')) != std::string::npos && dot > 0;)
      it = own.places.find(key = key.substr(0, dot));
    d.file = own.file;
    if (it != own.places.end()) d.line = it->second.line, d.column = it->second.column;
    if (!d.path.empty()) d.path.erase(0, 1);
  }
  return first;
}

Result<OwnFile> readFile(const fs::path& file) {
  auto text = readFileCapped(file, kMaxFileBytes, ExitCode::BadConfiguration);
  if (!text) return text.faults();
  auto own = FileReader(*text, file.string()).read();
  if (own && own->definition.info.kind != file.stem().string())
    return fault(ExitCode::BadConfiguration,
                 "the block inside is called \"" + own->definition.info.kind + "\", the file must have that name", file.string());
  return own;
}

}  // namespace

std::string ownBlocksState() { return std::to_string(gState.load()); }

fs::path ownBlocksFolder() {
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && data[0] == '/') return fs::path(data) / "serpentarium" / "blocks";
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : ".") / ".local" / "share" / "serpentarium" / "blocks";
}

Diagnostics loadOwnBlocks(const fs::path& folder) {
  static std::mutex mutex;   // two readers at once would take each other's blocks out
  const std::lock_guard lock(mutex);
  Diagnostics notes;
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end && files.size() < kMaxFiles; it.increment(error))
    if (it->path().extension() == ".yaml") files.push_back(it->path());
  std::sort(files.begin(), files.end());
  std::vector<OwnFile> read;
  std::set<std::string> there;
  const auto refuse = [&](const std::string& kind, const Diagnostics& faults) {
    std::string why;
    for (Diagnostic d : faults.items) {
      if (d.severity != Severity::Error) continue;
      if (why.empty()) why = d.text();
      d.severity = Severity::Warning;
      notes.items.push_back(std::move(d));
    }
    forgetOwnBlock(kind);
    setUnreadableBlock(kind, why);
  };
  for (const fs::path& file : files) {
    there.insert(file.stem().string());
    if (auto own = readFile(file)) read.push_back(std::move(own).value());
    else refuse(file.stem().string(), own.faults());
  }
  std::vector<std::string> gone;
  for (const BlockInfo& b : blockCatalog())
    if (b.own && there.count(b.kind) == 0) gone.push_back(b.kind);
  for (const std::string& kind : gone) forgetOwnBlock(kind);
  // Blocks may be made of each other: all stand in the catalogue before the first graph is looked at, and a refusal may bring down others.
  for (const OwnFile& own : read) registerOwnBlock(defined(own));
  ++gState;
  for (bool again = true; again;) {
    again = false;
    for (auto it = read.begin(); it != read.end();) {
      const Diagnostics faults = graphFaults(*it);
      if (!faults.hasErrors()) {
        setUnreadableBlock(it->definition.info.kind, "");
        ++it;
        continue;
      }
      refuse(it->definition.info.kind, faults);
      it = read.erase(it);
      ++gState;
      again = true;
    }
  }
  return notes;
}

Result<fs::path> saveOwnBlock(const std::string& text, const fs::path& folder) {
  auto own = FileReader(text, "").read();
  if (!own) return own.faults();
  if (const Diagnostics faults = graphFaults(*own); faults.hasErrors()) return faults;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fault(ExitCode::CannotWrite, "cannot create the folder: " + error.message(), folder.string());
  const fs::path file = folder / (own->definition.info.kind + ".yaml");
  if (auto written = writeFileAtomically(file, text); !written) return written.faults();
  own->file = file.string();
  registerOwnBlock(defined(*own));
  setUnreadableBlock(own->definition.info.kind, "");
  ++gState;
  return file;
}

Result<std::string> ownBlockText(const std::string& kind, const std::string& summary, Family family, const std::string& graphEntry) {
  const YamlText yaml = readYaml(graphEntry, {});
  const YamlNode* nodes = yaml.usable && yaml.root.isMap() ? yaml.root.find("nodes") : nullptr;
  if (nodes == nullptr || !nodes->isMap()) return fault(ExitCode::BadConfiguration, "the entry has no nodes");
  const YamlNode* out = yaml.root.find("out");
  std::string text = "block: " + kind + "\nsummary: " + valueText(ParamValue(summary)) + "\nfamily: " + familyName(family) + "\nnodes:\n";
  for (std::size_t i = 0; i < nodes->keys.size() && i < nodes->items.size(); ++i)
    text += "  " + nodes->keys[i].value + ": " + flowText(nodes->items[i]) + "\n";
  return text + "out: " + (out != nullptr && out->isScalar() ? out->value : "out") + "\n";
}

}  // namespace serp
