// SPDX-License-Identifier: GPL-3.0-or-later
// serp runs [DIR]: the runs of a folder.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/api/runs.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

using nlohmann::ordered_json;

ordered_json number(double x) { return std::isfinite(x) ? ordered_json(x) : ordered_json(nullptr); }

std::string figure(const char* format, double x) {
  if (!std::isfinite(x)) return "-";
  char text[48];
  std::snprintf(text, sizeof text, format, x);
  return text;
}

int runs(const std::string& folder, bool json) {
  const std::filesystem::path where = folder.empty() ? defaultRunsFolder() : std::filesystem::path(folder);
  std::error_code error;
  if (!folder.empty() && !std::filesystem::is_directory(where, error)) return fail(ExitCode::BadData, where.string() + " is no folder");
  const std::vector<RunSummary> list = listRuns(where);
  if (json) {
    ordered_json all = ordered_json::array();
    for (const RunSummary& r : list)
      all.push_back({{"name", r.name}, {"run", r.folder.filename().string()}, {"folder", r.folder.string()}, {"status", r.status},
                     {"reason", r.reason}, {"started", r.started}, {"ended", r.ended}, {"pattern", r.pattern}, {"device", r.device},
                     {"seed", r.seed}, {"steps", r.steps}, {"budget_steps", r.budgetSteps}, {"tokens", r.tokens},
                     {"parameters", r.parameters}, {"active_parameters", r.activeParameters}, {"last_loss", number(r.lastLoss)},
                     {"best_loss", number(r.bestLoss)}, {"train_loss", number(r.trainLoss)}, {"tokens_per_s", number(r.tokensPerSecond)}});
    print(all);
    return 0;
  }
  if (list.empty()) {
    std::printf("No runs in %s. `serp train start/moe_mamba` makes one.\n", where.c_str());
    return 0;
  }
  std::size_t width = 3;
  for (const RunSummary& r : list) width = std::max(width, r.folder.filename().string().size());
  std::printf("%-*s  %-11s  %17s  %8s  %8s  %9s\n", static_cast<int>(width), "run", "status", "steps", "best", "last", "tokens/s");
  for (const RunSummary& r : list)
    std::printf("%-*s  %-11s  %17s  %8s  %8s  %9s\n", static_cast<int>(width), r.folder.filename().c_str(), r.status.c_str(),
                (grouped(r.steps) + " / " + grouped(r.budgetSteps)).c_str(), figure("%.4f", r.bestLoss).c_str(), figure("%.4f", r.lastLoss).c_str(),
                figure("%.0f", r.tokensPerSecond).c_str());
  return 0;
}

}  // namespace

void addRuns(CLI::App& app, int& exit) {
  struct Options { std::string folder; bool json = false; };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("runs", "lists runs: name, status, steps, best and last loss, tokens/s");
  verb->add_option("DIR", o->folder, "a folder of runs; default: where `serp train` puts them");
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->callback([o, &exit] { exit = runs(o->folder, o->json); });
}

}  // namespace serp::cli
