// SPDX-License-Identifier: GPL-3.0-or-later
// serp blocks [KIND]: the catalogue with every parameter, as the blocks declare it.
#include <algorithm>
#include <cstdio>

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
  if (b.letter != 0) j["letter"] = std::string(1, b.letter);
  j["params"] = ordered_json::array();
  for (const Param& p : b.schema) j["params"].push_back(paramJson(p));
  return j;
}

void describe(const BlockInfo& b) {
  std::printf("%s   %s%s%s\n%s\n", b.kind.c_str(), familyName(b.family),
              b.letter == 0 ? "" : (std::string(", ") + b.letter + " in patterns").c_str(), b.causal ? "" : ", not causal with every choice",
              b.summary.c_str());
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
    return fail(ExitCode::BadConfiguration, "no block \"" + kind + "\"" + (close.empty() ? "; `serp blocks` names them all" : ", did you mean \"" + close + "\"?"));
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

}  // namespace

void addBlocks(CLI::App& app, int& exit) {
  struct Options { std::string kind; bool json = false; };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("blocks", "the catalogue of blocks with every parameter");
  verb->add_option("KIND", o->kind, "one block");
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->callback([o, &exit] { exit = blocks(o->kind, o->json); });
}

}  // namespace serp::cli
