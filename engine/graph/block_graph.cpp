// SPDX-License-Identifier: GPL-3.0-or-later
// Reading, wiring and ordering a graph. Every fault of the text comes back at once; what hangs on a faulty node is left unmeasured, so one
// mistake is told once.
#include "engine/graph/block_graph.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "engine/base/text.h"
#include "engine/graph/graph_reader.h"

namespace serp {
namespace {

class Builder {
 public:
  Builder(const GraphSource& source, const GraphWidths& widths, const std::string& path, Diagnostics& faults)
      : source_(source), widths_(widths), path_(path + ".nodes"), outPath_(path + ".out"), faults_(faults) {}

  std::shared_ptr<BlockGraph> run() {
    entries_ = readGraph(source_.nodes, source_.self, path_, faults_);
    for (std::size_t i = 0; i < entries_.size(); ++i) index_[entries_[i].name] = static_cast<int>(i);
    for (GraphEntry& e : entries_) connect(e);
    if (entries_.empty()) return nullptr;
    if (source_.out == "out" && index_.count("out") == 0)
      faults_.error(outPath_, "no node is called out, which is the one that leaves the block; or say which one does, as in out: " +
                                  entries_.back().name);
    else out_ = reference(source_.out, outPath_);
    const std::vector<int> order = sorted();
    measure(order);
    checkOutput();
    if (faults_.hasErrors()) return nullptr;
    return collect(order);
  }

 private:
  GraphRef reference(const std::string& text, const std::string& path) {
    GraphRef ref;
    if (text == "x") {
      ref.node = GraphRef::kInput;
      return ref;
    }
    const auto dot = text.find('.');
    const std::string name = text.substr(0, dot);
    const auto it = index_.find(name);
    if (it == index_.end()) {
      std::vector<std::string> names = {"x"};
      for (const GraphEntry& e : entries_) names.push_back(e.name);
      const std::string close = nearest(name, names);
      faults_.error(path, "there is no node \"" + name + "\"" + (close.empty() ? "" : ", did you mean \"" + close + "\"?"));
      if (!close.empty()) faults_.items.back().fix = close + (dot == std::string::npos ? "" : text.substr(dot));
      return ref;
    }
    const GraphEntry& from = entries_[static_cast<std::size_t>(it->second)];
    if (dot == std::string::npos) {
      ref.node = it->second;
      return ref;
    }
    if (from.info == nullptr) {   // what it is meant to be is told already
      ref.node = it->second;
      return ref;
    }
    const std::string part = text.substr(dot + 1);
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < from.parts.size(); ++i) {
      parts.push_back(from.parts[i].first);
      if (from.parts[i].first == part) ref = {it->second, static_cast<int>(i)};
    }
    if (ref.node != GraphRef::kNone) return ref;
    const std::string close = nearest(part, parts);
    faults_.error(path, parts.empty()
                            ? "\"" + name + "\" is no split and has no parts"
                            : "\"" + name + "\" has no part \"" + part + "\"" + (close.empty() ? "" : ", did you mean \"" + close + "\"?"));
    return ref;
  }

  void connect(GraphEntry& e) {
    for (const std::string& text : e.from)
      e.inputs.push_back(text.empty() ? GraphRef{} : reference(text, path_ + "." + e.name + ".from"));
    for (GraphScope* scope = e.scope.get(); scope != nullptr; scope = scope->outer.get())
      if (scope->input.node == GraphRef::kNone) scope->input = reference(scope->inputText, path_ + "." + e.name + ".from");
  }

  /// What has to be measured before a node: its inputs, and what feeds the written-out block that it is part of.
  static std::vector<GraphRef> awaited(const GraphEntry& e) {
    std::vector<GraphRef> refs = e.inputs;
    for (const GraphScope* scope = e.scope.get(); scope != nullptr; scope = scope->outer.get()) refs.push_back(scope->input);
    return refs;
  }

  /// Kahn's order over the nodes in the order of the text; whoever is left stands on a cycle or behind one.
  std::vector<int> sorted() {
    const int n = static_cast<int>(entries_.size());
    std::vector<int> waits(entries_.size(), 0), order;
    std::vector<std::vector<int>> next(entries_.size());
    for (int i = 0; i < n; ++i)
      for (const GraphRef ref : awaited(entries_[static_cast<std::size_t>(i)]))
        if (ref.node >= 0) {
          next[static_cast<std::size_t>(ref.node)].push_back(i);
          ++waits[static_cast<std::size_t>(i)];
        }
    std::set<int> ready;
    for (int i = 0; i < n; ++i)
      if (waits[static_cast<std::size_t>(i)] == 0) ready.insert(i);
    while (!ready.empty()) {
      const int i = *ready.begin();
      ready.erase(ready.begin());
      order.push_back(i);
      for (const int to : next[static_cast<std::size_t>(i)])
        if (--waits[static_cast<std::size_t>(to)] == 0) ready.insert(to);
    }
    if (static_cast<int>(order.size()) < n) tellCycles(waits);
    return order;
  }

  /// Walks backwards from a waiting node until one comes twice: that stretch is a cycle.
  void tellCycles(const std::vector<int>& waits) {
    std::set<int> told;
    for (std::size_t start = 0; start < entries_.size(); ++start) {
      if (waits[start] == 0 || told.count(static_cast<int>(start)) != 0) continue;
      std::vector<int> walk;
      int at = static_cast<int>(start);
      while (std::find(walk.begin(), walk.end(), at) == walk.end() && told.count(at) == 0) {
        walk.push_back(at);
        for (const GraphRef ref : awaited(entries_[static_cast<std::size_t>(at)]))
          if (ref.node >= 0 && waits[static_cast<std::size_t>(ref.node)] > 0) {
            at = ref.node;
            break;
          }
      }
      const auto first = std::find(walk.begin(), walk.end(), at);
      if (first != walk.end()) {
        std::string circle;
        for (auto it = walk.end(); it != first;) circle += entries_[static_cast<std::size_t>(*--it)].name + " → ";
        const std::string& name = entries_[static_cast<std::size_t>(walk.back())].name;
        faults_.error(path_ + "." + name + ".from",
                      "a cycle: " + circle + name + "; what a block remembers goes through recurrence or selective_scan");
      }
      told.insert(walk.begin(), walk.end());
    }
  }

  GraphShape shapeOf(GraphRef ref) const {
    if (ref.node == GraphRef::kNone) return {GraphShape::Kind::Tensor, {}};
    if (ref.node == GraphRef::kInput) return {GraphShape::Kind::Tokens, {widths_.in}};
    if (ref.part >= 0) return {GraphShape::Kind::Tokens, {nodes_.at(ref.node).parts[static_cast<std::size_t>(ref.part)].second}};
    return nodes_.at(ref.node).shape;
  }

  void measure(const std::vector<int>& order) {
    for (const int i : order) {
      const GraphEntry& e = entries_[static_cast<std::size_t>(i)];
      const std::vector<GraphRef> before = awaited(e);
      const bool known =
          std::all_of(before.begin(), before.end(), [&](GraphRef ref) { return ref.node < 0 || nodes_.count(ref.node) != 0; });
      const bool wired = e.usable && std::none_of(e.inputs.begin(), e.inputs.end(), [&](const GraphRef& ref) {
        return ref.node == GraphRef::kNone && !e.from[static_cast<std::size_t>(&ref - e.inputs.data())].empty();
      });
      if (!known || !wired) continue;
      std::vector<GraphShape> shapes;
      for (const GraphRef ref : e.inputs) shapes.push_back(shapeOf(ref));
      GraphNode node;
      node.name = e.name;
      node.info = e.info;
      node.inputs = e.inputs;
      node.written = e.from;
      const std::string path = path_ + "." + e.name;
      std::vector<std::int64_t> sizes;
      const GraphNumbers numbers{source_.values, widths_, shapes.empty() ? widths_.in : shapes.front().width(),
                                 [&](GraphRef ref) { return shapeOf(ref).width(); }};
      if (!readKeys(e, numbers, path, node, sizes, faults_)) continue;
      if (measureNode(node, shapes, sizes, widths_, path, faults_)) nodes_.emplace(i, std::move(node));
    }
  }

  void checkOutput() {
    if (out_.node == GraphRef::kNone || (out_.node >= 0 && nodes_.count(out_.node) == 0)) return;
    const GraphShape shape = shapeOf(out_);
    const GraphShape wanted{GraphShape::Kind::Tokens, {widths_.out}};
    if (shape.kind == wanted.kind && shape.sizes == wanted.sizes) return;
    const bool tokens = shape.kind == GraphShape::Kind::Tokens;
    faults_.error(out_.node >= 0 ? path_ + "." + entries_[static_cast<std::size_t>(out_.node)].name : outPath_,
                  "\"" + source_.out + "\" leaves the block as " + shape.text() + ", the stream is " + wanted.text() +
                      (tokens ? "; insert linear " + std::to_string(shape.width()) + " → " + std::to_string(widths_.out) : ""));
  }

  /// The nodes that lead to the output, renumbered; the others are told and left out.
  std::shared_ptr<BlockGraph> collect(const std::vector<int>& order) {
    std::set<int> used;
    std::vector<int> open;
    if (out_.node >= 0) open.push_back(out_.node);
    bool fed = out_.node == GraphRef::kInput;
    while (!open.empty()) {
      const int i = open.back();
      open.pop_back();
      if (!used.insert(i).second) continue;
      for (const GraphRef ref : nodes_.at(i).inputs) {
        if (ref.node >= 0) open.push_back(ref.node);
        fed = fed || ref.node == GraphRef::kInput;
      }
    }
    if (!fed) {
      faults_.error(outPath_, "nothing leads from x to \"" + source_.out + "\"");
      return nullptr;
    }
    auto graph = std::make_shared<BlockGraph>();
    std::map<int, int> place;
    const auto moved = [&](GraphRef ref) { return ref.node >= 0 ? GraphRef{place.at(ref.node), ref.part} : ref; };
    for (const int i : order) {
      if (used.count(i) == 0) {
        faults_.items.push_back({Severity::Warning,
                                 {},
                                 0,
                                 0,
                                 path_ + "." + entries_[static_cast<std::size_t>(i)].name,
                                 "leads nowhere, so it is left out; wire it or delete it",
                                 {},
                                 0});
        continue;
      }
      GraphNode node = std::move(nodes_.at(i));
      for (GraphRef& ref : node.inputs) ref = moved(ref);
      place[i] = static_cast<int>(graph->nodes.size());
      graph->cost += node.cost;
      graph->nodes.push_back(std::move(node));
    }
    graph->out = moved(out_);
    return graph;
  }

  const GraphSource& source_;
  const GraphWidths& widths_;
  std::string path_, outPath_;
  Diagnostics& faults_;
  std::vector<GraphEntry> entries_;
  std::map<std::string, int> index_;
  std::map<int, GraphNode> nodes_;   ///< measured, by index into entries_
  GraphRef out_;
};

/// Planning asks for the same graph several times, and so does every key typed beside it.
struct Cache {
  static constexpr std::size_t kMost = 128;
  struct Entry {
    std::shared_ptr<const BlockGraph> graph;
    Diagnostics faults;   ///< with paths from ".nodes" on
  };
  std::mutex mutex;
  std::map<std::string, Entry> built;
};

std::string keyOf(const GraphSource& source, const GraphWidths& w) {
  std::string key = source.self + "\n" + source.nodes + "\n" + source.out + "\n" + std::to_string(w.in) + " " + std::to_string(w.out) +
                    " " + std::to_string(w.dModel) + " " + std::to_string(w.context);
  for (const auto& [name, value] : source.values.all())
    if (name != "nodes" && name != "out") key += "\n" + name + "=" + valueText(value);
  return key + "\n" + ownBlocksState();
}

}  // namespace

std::shared_ptr<const BlockGraph> buildGraph(const GraphSource& source, const GraphWidths& widths, const std::string& path,
                                             Diagnostics& faults) {
  static Cache cache;
  const std::string key = keyOf(source, widths);
  std::optional<Cache::Entry> entry;
  {
    const std::lock_guard lock(cache.mutex);
    if (const auto it = cache.built.find(key); it != cache.built.end()) entry = it->second;
  }
  if (!entry) {
    entry.emplace();
    entry->graph = Builder(source, widths, "", entry->faults).run();
    const std::lock_guard lock(cache.mutex);
    if (cache.built.size() >= Cache::kMost) cache.built.clear();
    cache.built.emplace(key, *entry);
  }
  for (Diagnostic d : entry->faults.items) {
    d.path = path + d.path;
    faults.items.push_back(std::move(d));
  }
  return entry->graph;
}

GraphSource graphSource(const std::string& kind, const ParamSet& params) {
  const BlockDefinition* definition = findDefinition(kind);
  const ParamSet all = definition != nullptr && definition->own.asBase ? definition->own.asBase(params) : params;
  return {all.text("nodes"), all.text("out"), all, definition != nullptr && definition->own.asBase ? kind : std::string()};
}

GraphShape BlockGraph::shapeOf(GraphRef ref, std::int64_t in) const {
  if (ref.node == GraphRef::kInput) return {GraphShape::Kind::Tokens, {in}};
  if (ref.node < 0) return {GraphShape::Kind::Tensor, {}};
  const GraphNode& node = nodes[static_cast<std::size_t>(ref.node)];
  return ref.part < 0 ? node.shape : GraphShape{GraphShape::Kind::Tokens, {node.parts[static_cast<std::size_t>(ref.part)].second}};
}

std::string refText(const BlockGraph& graph, GraphRef ref) {
  if (ref.node == GraphRef::kInput) return "x";
  if (ref.node < 0) return "";
  const GraphNode& node = graph.nodes[static_cast<std::size_t>(ref.node)];
  return ref.part < 0 ? node.name : node.name + "." + node.parts[static_cast<std::size_t>(ref.part)].first;
}

std::string graphText(const BlockGraph& graph) {
  std::string out;
  for (const GraphNode& node : graph.nodes) {
    out += (out.empty() ? "" : ", ") + node.name + ": {op: " + node.op();
    std::string from;
    const bool named = !node.info->variadic && node.inputs.size() > 1;
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i].node != GraphRef::kNone)
        from += (from.empty() ? "" : ", ") + (named ? node.info->ports[i].name + ": " : std::string()) + refText(graph, node.inputs[i]);
    if (!from.empty()) out += ", from: " + (named ? "{" + from + "}" : node.info->variadic ? "[" + from + "]" : from);
    if (!node.parts.empty()) {
      std::string parts;
      for (const auto& [name, width] : node.parts) parts += (parts.empty() ? "" : ", ") + name + ": " + std::to_string(width);
      out += ", into: {" + parts + "}";
    }
    if (node.op() == "parameter" || node.op() == "constant") {
      std::string sizes;
      for (const std::int64_t s : node.shape.sizes) sizes += (sizes.empty() ? "" : ", ") + std::to_string(s);
      out += ", sizes: [" + sizes + "]";
    }
    for (const Param& p : node.info->schema) out += ", " + p.name + ": " + valueText(node.params.value(p.name));
    out += "}";
  }
  return "{" + out + "}";
}

}  // namespace serp
