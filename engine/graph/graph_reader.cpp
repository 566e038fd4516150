// SPDX-License-Identifier: GPL-3.0-or-later
// Entries of a graph from its text. A node whose operation is a block of a person's own is replaced by that block's nodes, named
// NODE__INNER, so that what is kept and trained never depends on a file outside the design.
#include "engine/graph/graph_reader.h"

#include <algorithm>

#include "engine/base/text.h"

namespace serp {
namespace {

constexpr std::size_t kMaxName = 64;

bool isName(const std::string& s) {
  if (s.empty() || s.size() > kMaxName || (s[0] >= '0' && s[0] <= '9')) return false;
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::vector<std::string> operations() {
  std::vector<std::string> all;
  for (const PrimitiveInfo& p : primitiveCatalog()) all.push_back(p.op);
  for (const BlockInfo& b : blockCatalog())
    if (b.own) all.push_back(b.kind);
  return all;
}

class GraphReader {
 public:
  explicit GraphReader(Diagnostics& faults) : faults_(faults) {}

  /// `faultPath` stays at the node of the block's own text while blocks are written out inside it.
  void read(const YamlNode& root, const std::string& prefix, const std::string& faultPath, const std::shared_ptr<GraphScope>& scope,
            const std::vector<std::string>& within) {
    if (root.keys.empty()) faults_.error(faultPath, "the graph is empty; at least one node is needed, as in {out: {op: linear, from: x}}");
    for (std::size_t i = 0; i < root.keys.size() && i < root.items.size(); ++i) {
      if (entries.size() >= kMaxGraphNodes) {
        if (!full_) faults_.error(faultPath, "more than " + std::to_string(kMaxGraphNodes) + " nodes; a block is smaller");
        full_ = true;
        return;
      }
      const std::string& name = root.keys[i].value;
      const std::string path = scope == nullptr ? faultPath + "." + name : faultPath;
      if (!isName(name)) faults_.error(path, "found the name \"" + name.substr(0, 60) + "\", expected letters, digits and _, at most 64");
      else if (name == "norm") faults_.error(path, "norm is the norm before the block; give the node another name");
      else if (name == "x") faults_.error(path, "x is the block's input; give the node another name");
      else if (const std::size_t before = entries.size(); !node(root.items[i], name, prefix, path, scope, within)) {
        entries.resize(before);
        entries.push_back({});
        entries.back().name = prefix + name;
        entries.back().usable = false;
      }
    }
  }

  std::vector<GraphEntry> entries;

 private:
  /// False where the text makes no node; then the fault is told.
  bool node(const YamlNode& map, const std::string& name, const std::string& prefix, const std::string& path,
            const std::shared_ptr<GraphScope>& scope, const std::vector<std::string>& within) {
    if (!map.isMap()) return fault(path, "found " + describe(map) + ", expected a node, as in {op: linear, from: x}");
    const YamlNode* op = map.find("op");
    if (op == nullptr || !op->isScalar())
      return fault(path + ".op", op == nullptr ? "the key is missing: what the node does, as in op: linear"
                                               : "found " + describe(*op) + ", expected the name of a primitive");
    GraphEntry e;
    e.name = prefix + name;
    e.info = findPrimitive(op->value);
    e.keys = map;
    e.scope = scope;
    if (e.info != nullptr) {
      wire(e, map.find("from"), prefix, path, scope);
      if (e.info->op == "split") parts(e, map.find("into"), path);
      if (e.info->op == "parameter" || e.info->op == "constant") sizes(e, map.find("sizes"), path);
      entries.push_back(std::move(e));
      return true;
    }
    const BlockDefinition* own = findDefinition(op->value);
    if (own != nullptr && own->own.base == "graph_block") return writeOut(*own, map, name, prefix, path, scope, within);
    if (std::find(within.begin(), within.end(), op->value) != within.end()) return tellItself(op->value, path, within);
    if (const std::string why = whyUnreadable(op->value); !why.empty())
      return fault(path + ".op", "the block \"" + op->value + "\" of your own cannot be used: " + why);
    const std::string close = nearest(op->value, operations());
    faults_.error(path + ".op", (own != nullptr ? "\"" + op->value + "\" is a block, no primitive; open it and take its nodes"
                                                : "unknown operation " + describe(*op) +
                                                      (close.empty() ? "; `serp blocks --primitives` names them all"
                                                                     : ", did you mean \"" + close + "\"?")));
    faults_.items.back().fix = own == nullptr ? close : "";
    return false;
  }

  bool fault(const std::string& path, const std::string& message) {
    faults_.error(path, message);
    return false;
  }

  bool tellItself(const std::string& kind, const std::string& path, const std::vector<std::string>& within) {
    std::string chain;
    for (const std::string& k : within) chain += k + " → ";
    return fault(path + ".op", "the block \"" + kind + "\" is made of itself: " + chain + kind);
  }

  static std::string moved(const std::string& ref, const std::string& prefix, const std::shared_ptr<GraphScope>& scope) {
    if (ref.empty() || prefix.empty()) return ref;
    return ref == "x" && scope != nullptr ? scope->inputText : prefix + ref;
  }

  /// `from` against the ports of the primitive.
  void wire(GraphEntry& e, const YamlNode* from, const std::string& prefix, const std::string& path,
            const std::shared_ptr<GraphScope>& scope) {
    const std::string at = path + ".from";
    const std::vector<PrimitivePort>& ports = e.info->ports;
    const auto bad = [&](const std::string& message) {
      faults_.error(at, message);
      e.usable = false;
    };
    std::string wanted;
    for (const PrimitivePort& p : ports) wanted += (wanted.empty() ? "" : ", ") + p.name + (p.optional ? " (or not)" : "");
    if (!e.info->variadic) e.from.assign(ports.size(), "");
    if (ports.empty() && !e.info->variadic) {
      if (from != nullptr) bad(e.info->op + " takes no input");
      return;
    }
    if (from == nullptr || from->kind == YamlNode::Kind::Null)
      return bad("the key is missing: " + e.info->op +
                 (e.info->variadic    ? " takes a list of nodes"
                  : ports.size() == 1 ? " takes one node"
                                      : " takes " + wanted));
    const auto take = [&](const YamlNode& value, std::size_t port) {
      if (!value.isScalar()) return bad("found " + describe(value) + ", expected the name of a node");
      if (e.info->variadic) e.from.push_back(moved(value.value, prefix, scope));
      else e.from[port] = moved(value.value, prefix, scope);
    };
    if (e.info->variadic) {
      if (!from->isSequence() || from->items.size() < 2) return bad("found " + describe(*from) + ", expected a list of at least two nodes");
      for (const YamlNode& item : from->items) take(item, 0);
    } else if (from->isMap()) {
      for (std::size_t i = 0; i < from->keys.size() && i < from->items.size(); ++i) {
        const auto it = std::find_if(ports.begin(), ports.end(), [&](const PrimitivePort& p) { return p.name == from->keys[i].value; });
        if (it == ports.end()) bad(e.info->op + " has no port \"" + from->keys[i].value + "\"; its ports are " + wanted);
        else take(from->items[i], static_cast<std::size_t>(it - ports.begin()));
      }
    } else if (from->isSequence()) {
      if (from->items.size() > ports.size())
        return bad("found " + std::to_string(from->items.size()) + " nodes, " + e.info->op + " takes " + wanted);
      for (std::size_t i = 0; i < from->items.size(); ++i) take(from->items[i], i);
    } else {
      take(*from, 0);
    }
    if (e.info->variadic || !e.usable) return;
    std::string missing;
    for (std::size_t i = 0; i < ports.size(); ++i)
      if (e.from[i].empty() && !ports[i].optional) missing += (missing.empty() ? "" : ", ") + ports[i].name;
    if (!missing.empty()) bad("nothing leads to " + missing + "; " + e.info->op + " takes " + wanted);
  }

  void parts(GraphEntry& e, const YamlNode* into, const std::string& path) {
    e.usable = e.usable && into != nullptr && into->isMap() && !into->keys.empty();
    if (into == nullptr || !into->isMap() || into->keys.empty())
      return faults_.error(path + ".into", "expected the parts and their widths, as in into: {u: d_in, z: d_in}");
    for (std::size_t i = 0; i < into->keys.size() && i < into->items.size(); ++i) {
      if (!isName(into->keys[i].value) || !into->items[i].isScalar()) {
        faults_.error(path + ".into",
                      "found " + describe(into->keys[i]) + ": " + describe(into->items[i]) + ", expected a name and a width");
        e.usable = false;
      } else {
        e.parts.emplace_back(into->keys[i].value, into->items[i].value);
      }
    }
  }

  void sizes(GraphEntry& e, const YamlNode* list, const std::string& path) {
    if (list != nullptr && list->isScalar()) {
      e.sizes = {list->value};
      return;
    }
    const bool good = list != nullptr && list->isSequence() && !list->items.empty() && list->items.size() <= 2 &&
                      std::all_of(list->items.begin(), list->items.end(), [](const YamlNode& n) { return n.isScalar(); });
    if (!good) {
      e.usable = false;
      return faults_.error(path + ".sizes", "expected one or two sizes, as in sizes: [d_in, 16]");
    }
    for (const YamlNode& item : list->items) e.sizes.push_back(item.value);
  }

  bool writeOut(const BlockDefinition& own, const YamlNode& map, const std::string& name, const std::string& prefix,
                const std::string& path, const std::shared_ptr<GraphScope>& outer, const std::vector<std::string>& within) {
    const std::string& kind = own.info.kind;
    if (std::find(within.begin(), within.end(), kind) != within.end()) return tellItself(kind, path, within);
    auto scope = std::make_shared<GraphScope>();
    scope->outer = outer;
    scope->to = "width";
    const YamlNode* from = map.find("from");
    if (from == nullptr || !from->isScalar()) return fault(path + ".from", "the block takes one node");
    scope->inputText = moved(from->value, prefix, outer);
    for (std::size_t i = 0; i < map.keys.size() && i < map.items.size(); ++i) {
      const std::string& key = map.keys[i].value;
      if (key == "op" || key == "from") continue;
      const bool known = std::any_of(own.info.schema.begin(), own.info.schema.end(), [&](const Param& p) { return p.name == key; });
      if (!map.items[i].isScalar() || (!known && key != "to")) {
        std::vector<std::string> allowed = {"to"};
        for (const Param& p : own.info.schema) allowed.push_back(p.name);
        const std::string close = nearest(key, allowed);
        faults_.error(path + "." + key, known ? "found " + describe(map.items[i]) + ", expected a value"
                                              : "unknown key" + (close.empty() ? "" : ", did you mean \"" + close + "\"?"));
      } else if (key == "to" && !known) {
        scope->to = map.items[i].value;
      } else {
        scope->given.emplace_back(key, map.items[i].value);
      }
    }
    ParamSet fallback;
    for (const Param& p : own.info.schema) {
      const std::string text =
          p.formula.empty() ? (std::holds_alternative<std::string>(p.fallback) ? std::get<std::string>(p.fallback) : valueText(p.fallback))
                            : p.formula;
      scope->defaults.emplace_back(p.name, text);
      fallback.set(p.name, p.fallback);
    }
    const ParamSet base = own.own.asBase(fallback);
    const YamlText yaml = readYaml(base.text("nodes"), {});
    std::vector<std::string> deeper = within;
    deeper.push_back(kind);
    const std::string inner = prefix + name + "__";
    read(yaml.root, inner, path, scope, deeper);
    // The node's own name goes on standing for what leaves the block.
    GraphEntry alias;
    alias.name = prefix + name;
    alias.info = findPrimitive("scale");
    alias.from = {moved(base.text("out"), inner, scope)};
    alias.scope = outer;
    alias.keys.kind = YamlNode::Kind::Map;
    entries.push_back(std::move(alias));
    return true;
  }

  Diagnostics& faults_;
  bool full_ = false;
};

}  // namespace

std::vector<GraphEntry> readGraph(const std::string& text, const std::string& self, const std::string& path, Diagnostics& faults) {
  const YamlText yaml = readYaml(text, {});
  if (!yaml.usable || !yaml.root.isMap()) {
    faults.error(path, yaml.faults.items.empty() ? "expected a map of nodes" : yaml.faults.items.front().message);
    return {};
  }
  GraphReader reader(faults);
  reader.read(yaml.root, "", path, nullptr, self.empty() ? std::vector<std::string>{} : std::vector<std::string>{self});
  return std::move(reader.entries);
}

}  // namespace serp
