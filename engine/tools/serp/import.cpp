// SPDX-License-Identifier: GPL-3.0-or-later
// serp import DIR: another program's model as a run folder with one checkpoint.
#include <cstdio>

#include "engine/api/runs.h"
#include "engine/interop/huggingface_mamba.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

int import(const std::string& source, const std::string& out, bool json) {
  std::string name = std::filesystem::absolute(source).lexically_normal().filename().string();
  const std::filesystem::path run = out.empty() ? newRunFolder(defaultRunsFolder(), name.empty() ? "imported" : name, 0) : std::filesystem::path(out);
  auto imported = importHuggingFaceMamba(source, run);
  if (!imported) return report(imported.faults());
  if (json) print({{"run", run.string()}, {"params", imported->parameters}, {"notes", imported->notes}});
  else std::printf("%s: %s parameters\n", run.c_str(), grouped(imported->parameters).c_str());
  if (!json)
    for (const std::string& note : imported->notes) std::fprintf(stderr, "note: %s\n", note.c_str());
  return 0;
}

}  // namespace

void addImport(CLI::App& app, int& exit) {
  struct Options { std::string source, out; bool json = false; };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("import", "a model folder of Hugging Face transformers (Mamba) as a run");
  verb->add_option("DIR", o->source, "folder with config.json and model.safetensors")->required();
  verb->add_option("--out", o->out, "folder of the new run; default: among all runs")->type_name("RUN");
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->callback([o, &exit] { exit = import(o->source, o->out, o->json); });
}

}  // namespace serp::cli
