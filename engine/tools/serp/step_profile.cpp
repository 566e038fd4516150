// SPDX-License-Identifier: GPL-3.0-or-later
// The profile of a step as JSON and as a table.
#include "engine/tools/serp/step_profile.h"

#include <algorithm>
#include <cstdio>

#include "engine/ops/parallel.h"
#include "engine/ops/profile.h"
#include "kernels/roof.h"

namespace serp::cli {
namespace {

using nlohmann::ordered_json;

bool isNarrow(const std::string& name) { return name.find("bfloat16") != std::string::npos; }

/// Seconds that the machine needs at least: for what is computed, and for what is moved.
double computing(const ops::Work& w, const kernels::Roof& roof, bool narrow) {
  return w.flops / (narrow ? roof.narrowFlops : roof.flops) + w.exponentials / roof.exponentials;
}

}  // namespace

ordered_json stepProfile(int steps, bool narrow) {
  ops::setProfiling(false);
  const kernels::Roof roof = kernels::measureRoof(ops::torchParallel());
  const double per = 1e3 / std::max(1, steps);
  double timed = 0, least = 0, whole = 0;
  ordered_json rows = ordered_json::array();
  for (const ops::Timed& t : ops::profile()) {
    if (t.name == "step") {
      whole = t.seconds;
      continue;
    }
    const double compute = computing(t.work, roof, isNarrow(t.name)), move = t.work.bytes / roof.bytes;
    timed += t.seconds;
    least += compute;
    rows.push_back({{"kernel", t.name}, {"calls", static_cast<double>(t.calls) / std::max(1, steps)}, {"ms", t.seconds * per},
                    {"gflops", t.work.flops / t.seconds / 1e9}, {"gexp", t.work.exponentials / t.seconds / 1e9},
                    {"gbytes", t.work.bytes / t.seconds / 1e9}, {"share_of_roof", std::max(compute, move) / t.seconds}});
  }
  for (ordered_json& row : rows) row["share_of_step"] = row["ms"].get<double>() / (whole * per);
  rows.push_back({{"kernel", "everything else"}, {"ms", (whole - timed) * per}, {"share_of_step", (whole - timed) / whole}});
  return {{"steps", steps}, {"step_ms", whole * per}, {"share_of_roof", least / whole},
          {"roof", {{"gflops", roof.flops / 1e9}, {"gflops_bfloat16", roof.narrowFlops / 1e9}, {"gexp", roof.exponentials / 1e9},
                    {"gbytes", roof.bytes / 1e9}}},
          {"precision", narrow ? "bfloat16" : "float32"}, {"kernels", rows}};
}

void printStepProfile(const ordered_json& p) {
  const auto number = [](const ordered_json& row, const char* key) { return row.value(key, 0.0); };
  std::printf("\n  %-28s %7s %9s %7s %9s %8s %8s %8s\n", "kernel", "calls", "ms", "step", "GFLOP/s", "Gexp/s", "GB/s", "roof");
  for (const ordered_json& row : p["kernels"]) {
    const auto text = [&](const char* key) {
      char out[32] = "";
      if (number(row, key) > 0) std::snprintf(out, sizeof out, "%.1f", number(row, key));
      return std::string(out);
    };
    std::printf("  %-28s %7s %9.2f %6.1f%% %9s %8s %8s %7s\n", row["kernel"].get<std::string>().c_str(), text("calls").c_str(), number(row, "ms"),
                100 * number(row, "share_of_step"), text("gflops").c_str(), text("gexp").c_str(), text("gbytes").c_str(),
                row.contains("share_of_roof") ? (std::to_string(static_cast<int>(100 * number(row, "share_of_roof") + 0.5)) + "%").c_str() : "");
  }
  const ordered_json& roof = p["roof"];
  std::printf("  one step %.2f ms; products and exponentials need at least %.0f %% of it\n", number(p, "step_ms"), 100 * number(p, "share_of_roof"));
  std::printf("  roof of this machine now: %.0f GFLOP/s, %.0f in bfloat16, %.1f Gexp/s, %.1f GB/s copied\n\n", number(roof, "gflops"),
              number(roof, "gflops_bfloat16"), number(roof, "gexp"), number(roof, "gbytes"));
}

}  // namespace serp::cli
