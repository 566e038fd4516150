// SPDX-License-Identifier: GPL-3.0-or-later
// serp plan CONFIG: checks a design and counts it without building it.
#include <cstdio>
#include <iostream>

#include "engine/api/plan.h"
#include "engine/base/atomic_file.h"
#include "engine/base/text.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

struct Options {
  std::string config, svg;
  Overrides overrides;
  bool json = false, list = false;
};

void table(const Plan& p) {
  std::printf("%s   %s\n\n", p.name.c_str(), p.pattern.c_str());
  std::printf("  %-12s %-14s %12s %12s %14s\n", "block", "kind", "parameters", "active", "MFLOP/token");
  const auto row = [](const std::string& path, const std::string& kind, const Cost& c) {
    std::printf("  %-12s %-14s %12s %12s %14.3f\n", path.c_str(), kind.c_str(), millions(c.paramsTotal).c_str(), millions(c.paramsActive).c_str(),
                c.flopsPerToken / 1e6);
  };
  row("embedding", "", p.embedding);
  constexpr std::size_t kMost = 64;
  for (std::size_t i = 0; i < p.blocks.size() && i < kMost; ++i) row(p.blocks[i].path, p.blocks[i].kind, p.blocks[i].cost);
  if (p.blocks.size() > kMost) std::printf("  and %zu more blocks\n", p.blocks.size() - kMost);
  if (p.finalNorm.paramsTotal > 0) row("final_norm", "", p.finalNorm);
  row("head", p.head.paramsTotal == 0 ? "tied" : "", p.head);
  std::printf("\n  parameters without embedding  %s, active %s\n", millions(p.nonEmbeddingTotal).c_str(), millions(p.nonEmbeddingActive).c_str());
  std::printf("  embedding and head            %s\n", millions(p.embeddingParams).c_str());
  std::printf("  forward, training             %.3f, %.3f MFLOP per token\n", p.flopsForward / 1e6, p.flopsTraining / 1e6);
  std::printf("  memory to train               %s (weights %s, optimizer %s, activations %s)\n", bytesText(p.peakBytes).c_str(),
              bytesText(p.weightBytes).c_str(), bytesText(p.optimizerBytes).c_str(), bytesText(p.activationBytes).c_str());
  std::printf("  state while decoding          %s per sequence\n", bytesText(static_cast<double>(p.stateBytesPerSequence)).c_str());
}

int plan(const Options& o) {
  if (o.list) {
    for (const PresetInfo& p : listPresets()) std::printf("%-36s %s\n", p.name.c_str(), p.title.c_str());
    return 0;
  }
  if (o.config.empty()) return fail(ExitCode::BadConfiguration, "a design is needed: a file, or a name from `serp plan --list`");
  auto overrides = o.overrides.pairs();
  if (!overrides) return report(overrides.faults());
  auto spec = loadRunSpec(o.config, *overrides);
  if (!spec) return report(spec.faults());
  auto plan = planRun(*spec);
  if (!plan) return report(plan.faults());
  if (!o.svg.empty()) {
    if (auto written = writeFileAtomically(o.svg, planSvg(*plan)); !written) return report(written.faults());
  }
  if (o.json) {
    std::cout << planJson(*plan) << "\n";
  } else {
    table(*plan);
    report(plan->diagnostics);
  }
  return 0;
}

}  // namespace

void addPlan(CLI::App& app, int& exit) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("plan", "checks a design and counts it without building it; draws it");
  verb->add_option("CONFIG", o->config, "a design file, or the name of a shipped preset such as start/moe_mamba");
  o->overrides.add(*verb);
  verb->add_option("--svg", o->svg, "writes a drawing of the design")->type_name("FILE");
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->add_flag("--list", o->list, "names the shipped presets");
  verb->callback([o, &exit] { exit = plan(*o); });
}

}  // namespace serp::cli
