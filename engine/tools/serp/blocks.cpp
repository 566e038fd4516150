// SPDX-License-Identifier: GPL-3.0-or-later
// serp blocks [KIND]: the catalogue with every parameter, as the blocks declare it; primitives; a block opened into them.
#include <algorithm>
#include <cstdio>

#include "engine/api/block_graph.h"
#include "engine/api/catalog.h"
#include "engine/base/text.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

using nlohmann::ordered_json;

const char* typeName(ParamType type) {
  switch (type) {
    case ParamType::Integer: return "integer";
    case ParamType::Real: return "real";
    case ParamType::Boolean: return "boolean";
    case ParamType::Choice: return "choice";
    case ParamType::Text: return "text";
    case ParamType::TextList: return "list";
    case ParamType::Slot: return "slot";
    case ParamType::Graph: return "graph";
  }
  return "text";
}

ordered_json valueJson(const ParamValue& value) {
  return std::visit([](const auto& v) { return ordered_json(v); }, value);
}

ordered_json paramJson(const Param& p) {
  ordered_json j = {{"name", p.name}, {"type", typeName(p.type)}};
  if (p.type == ParamType::Integer || p.type == ParamType::Real) {
    j["minimum"] = p.minimum;
    j["maximum"] = p.maximum;
    if (p.minimumOpen) j["minimum_open"] = true;
  }
  if (p.type == ParamType::Choice) j["choices"] = p.choices;
  if (p.type == ParamType::Slot) {
    j["default"] = p.slotKind;
    j["input"] = p.slotIn;
    j["output"] = p.slotOut;
  } else if (!p.formula.empty()) {
    j["default_formula"] = p.formula;
  } else {
    j["default"] = valueJson(p.fallback);
  }
  if (!p.unit.empty()) j["unit"] = p.unit;
  j["help"] = p.help;
  j["live"] = p.acts;
  return j;
}

ordered_json blockJson(const BlockInfo& b) {
  ordered_json j = {{"kind", b.kind}, {"family", familyName(b.family)}, {"summary", b.summary}, {"causal", b.causal}};
  if (b.own) j["own"] = true;
  if (b.letter != 0) j["letter"] = std::string(1, b.letter);
  j["params"] = ordered_json::array();
  for (const Param& p : b.schema) j["params"].push_back(paramJson(p));
  return j;
}

void describe(const BlockInfo& b) {
  std::printf("%s   %s%s%s\n%s\n", b.kind.c_str(), familyName(b.family),
              b.letter == 0 ? "" : (std::string(", ") + b.letter + " in patterns").c_str(),
              b.causal ? "" : ", not causal with every choice", b.summary.c_str());
  std::size_t width = 0;
  for (const Param& p : b.schema) width = std::max(width, p.name.size());
  const int w = static_cast<int>(width);
  for (const Param& p : b.schema) {
    std::printf("\n  %-*s   %s%s\n", w, p.name.c_str(), p.rangeText().c_str(), p.acts ? "; acts at the next step of a running model" : "");
    std::printf("  %-*s   %s\n", w, "", p.help.c_str());
  }
}

void overview(const std::vector<const BlockInfo*>& all) {
  std::size_t width = 0;
  for (const BlockInfo* b : all) width = std::max(width, b->kind.size());
  const BlockInfo* before = nullptr;
  for (const BlockInfo* b : all) {
    if (before == nullptr || b->family != before->family) std::printf("%s%s\n", before == nullptr ? "" : "\n", familyName(b->family));
    before = b;
    std::printf("  %c  %-*s   %s\n", b->letter == 0 ? ' ' : b->letter, static_cast<int>(width), b->kind.c_str(), b->summary.c_str());
  }
  std::printf("\nThe letters make patterns such as (ME)4. `serp blocks KIND` shows the parameters of one.\n");
}

int blocks(const std::string& kind, bool json) {
  std::vector<const BlockInfo*> chosen;
  std::vector<std::string> kinds;
  for (const BlockInfo& b : blockCatalog()) {
    kinds.push_back(b.kind);
    if (kind.empty() || b.kind == kind) chosen.push_back(&b);
  }
  if (chosen.empty()) {
    const std::string close = nearest(kind, kinds);
    return fail(ExitCode::BadConfiguration,
                "no block \"" + kind + "\"" + (close.empty() ? "; `serp blocks` names them all" : ", did you mean \"" + close + "\"?"));
  }
  if (json) {
    ordered_json all = ordered_json::array();
    for (const BlockInfo* b : chosen) all.push_back(blockJson(*b));
    print(all);
  } else if (kind.empty()) {
    overview(chosen);
  } else {
    describe(*chosen.front());
  }
  return 0;
}

int primitives(bool json) {
  if (json) {
    ordered_json all = ordered_json::array();
    for (const PrimitiveInfo& p : primitiveCatalog()) {
      ordered_json j = {{"op", p.op},
                        {"group", p.group},
                        {"summary", p.summary},
                        {"variadic", p.variadic},
                        {"ports", ordered_json::array()},
                        {"params", ordered_json::array()}};
      for (const PrimitivePort& port : p.ports)
        j["ports"].push_back({{"name", port.name}, {"optional", port.optional}, {"meaning", port.meaning}});
      for (const Param& param : p.schema) j["params"].push_back(paramJson(param));
      all.push_back(std::move(j));
    }
    print(all);
    return 0;
  }
  std::string group;
  for (const PrimitiveInfo& p : primitiveCatalog()) {
    if (p.group != group) std::printf("%s%s\n", group.empty() ? "" : "\n", p.group.c_str());
    group = p.group;
    std::string ports = p.variadic ? "[a, b, ...]" : "";
    for (const PrimitivePort& port : p.ports) ports += (ports.empty() ? "" : ", ") + port.name + (port.optional ? "?" : "");
    std::printf("  %-15s %s   (%s)\n", p.op.c_str(), p.summary.c_str(), ports.c_str());
    for (const Param& param : p.schema)
      std::printf("  %-15s   %s: %s; %s\n", "", param.name.c_str(), param.rangeText().c_str(), param.help.c_str());
  }
  return 0;
}

/// The block as a graph of primitives, as it stands in a stream of this width.
int openBlock(const std::string& kind, std::int64_t width, const std::vector<std::pair<std::string, std::string>>& keys, bool json) {
  auto spec = parseRunSpec("name: " + kind + "\nmodel: {d_model: " + std::to_string(width) +
                               ", norm: none, blocks: [{kind: " + valueText(ParamValue(kind)) + "}]}\n",
                           {}, [&] {
                             std::vector<std::pair<std::string, std::string>> paths;
                             for (const auto& [key, value] : keys) paths.emplace_back("model.blocks[0]." + key, value);
                             return paths;
                           }());
  if (!spec) return report(spec.faults());
  auto plan = planRun(*spec);
  if (!plan) return report(plan.faults());
  const PlanNode& node = plan->blocks.front();
  auto text = openedBlock(node);
  if (!text) return report(text.faults());
  if (json) print({{"kind", kind}, {"d_model", width}, {"params", node.cost.paramsTotal}, {"text", *text}});
  else
    std::printf("# %s in a stream of width %lld: %s parameters\n%s", kind.c_str(), static_cast<long long>(width),
                grouped(node.cost.paramsTotal).c_str(), text->c_str());
  return 0;
}

}  // namespace

void addBlocks(CLI::App& app, int& exit) {
  struct Options { std::string kind; bool json = false, open = false, primitives = false; std::int64_t width = 256; Overrides set; };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("blocks", "the catalogue of blocks with every parameter");
  verb->add_option("KIND", o->kind, "one block");
  verb->add_flag("--primitives", o->primitives, "what graph_block is made of");
  verb->add_flag("--open", o->open, "KIND as a graph of primitives: an entry of a design that computes the same");
  verb->add_option("--width", o->width, "--open: d_model of the design it is for")->check(CLI::Range(1, 65536))->capture_default_str();
  o->set.add(*verb);
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->callback([o, &exit] {
    const auto keys = o->set.pairs();
    if (!keys) exit = report(keys.faults());
    else if (o->primitives) exit = primitives(o->json);
    else if (o->open && o->kind.empty()) exit = fail(ExitCode::BadConfiguration, "which block shall open? `serp blocks --open mamba`");
    else exit = o->open ? openBlock(o->kind, o->width, *keys, o->json) : blocks(o->kind, o->json);
  });
}

}  // namespace serp::cli
