// SPDX-License-Identifier: GPL-3.0-or-later
// serp export RUN --to FORMAT DIR: a run's model for other programs.
#include <cstdio>

#include "engine/interop/pytorch_module.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

struct Options {
  std::string run, to, folder;
  std::int64_t checkpoint = 0;
  bool json = false;
};

int exportRun(const Options& o) {
  auto run = resolveRun(o.run);
  if (!run) return report(run.faults());
  auto written = exportPytorch(*run, o.checkpoint, o.folder);
  if (!written) return report(written.faults());
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const std::filesystem::path& file : *written) files.push_back(file.string());
  if (o.json) print({{"written", files}});
  else
    for (const std::filesystem::path& file : *written) std::printf("%s\n", file.c_str());
  return 0;
}

}  // namespace

void addExport(CLI::App& app, int& exit) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("export", "a run's model as a PyTorch module that needs torch alone");
  verb->add_option("RUN", o->run, "a run folder, the beginning of a run's name, or last")->required();
  verb->add_option("--to", o->to, "pytorch: model.py and its weights")->required()->check(CLI::IsMember({"pytorch"}));
  verb->add_option("DIR", o->folder, "folder for the files; made if it is not there")->required();
  verb->add_option("--checkpoint", o->checkpoint, "step of the checkpoint; default: the newest")->check(CLI::PositiveNumber);
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->callback([o, &exit] { exit = exportRun(*o); });
}

}  // namespace serp::cli
