// SPDX-License-Identifier: GPL-3.0-or-later
// serp plan CONFIG: checks a design and counts it without building it.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "engine/api/plan.h"
#include "engine/base/atomic_file.h"
#include "engine/graph/free_memory.h"
#include "engine/tools/serp/plan_table.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

struct Options {
  std::string config, svg;
  Overrides overrides;
  bool json = false, list = false;
};

const char* severityName(Severity s) { return s == Severity::Error ? "error" : s == Severity::Warning ? "warning" : "note"; }

/// A design that cannot be planned: the document of contract.md §2 holds its faults and nothing else.
int refuse(const Diagnostics& faults, bool json) {
  if (json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Diagnostic& d : faults.items)
      list.push_back({{"severity", severityName(d.severity)}, {"path", d.path}, {"line", d.line}, {"column", d.column}, {"message", d.message}});
    print({{"diagnostics", list}});
  }
  return report(faults);
}

/// Training a design that does not fit will be refused; counting it is not.
void warnOfMemory(Plan& plan) {
  for (Diagnostic d : checkMemory(plan, freeMemory()).items) {
    d.severity = Severity::Warning;
    plan.diagnostics.items.push_back(std::move(d));
  }
}

/// Of the terminal on stdout; plenty where it is none.
std::size_t terminalColumns() {
  winsize size{};
  return ::isatty(STDOUT_FILENO) != 0 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 1000;
}

void list() {
  std::size_t width = 0;
  std::vector<PresetInfo> presets = listPresets();
  std::stable_partition(presets.begin(), presets.end(), [](const PresetInfo& p) { return p.name.starts_with("start/"); });
  for (const PresetInfo& p : presets) width = std::max(width, p.name.size());
  for (const PresetInfo& p : presets) std::printf("%-*s  %s\n", static_cast<int>(width), p.name.c_str(), p.title.c_str());
}

int plan(const Options& o) {
  if (o.list) {
    list();
    return 0;
  }
  if (o.config.empty()) return fail(ExitCode::BadConfiguration, "a design is needed: a file, or a name from `serp plan --list`");
  auto overrides = o.overrides.pairs();
  if (!overrides) return report(overrides.faults());
  auto spec = loadRunSpec(o.config, *overrides);
  if (!spec) return refuse(spec.faults(), o.json);
  auto plan = planRun(*spec);
  if (!plan) return refuse(plan.faults(), o.json);
  warnOfMemory(*plan);
  if (!o.svg.empty()) {
    if (auto written = writeFileAtomically(o.svg, planSvg(*plan)); !written) return report(written.faults());
  }
  if (o.json) {
    std::cout << planJson(*plan) << "\n";
  } else {
    std::cout << planTable(*plan, terminalColumns()) << std::flush;
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
