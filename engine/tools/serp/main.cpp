// SPDX-License-Identifier: GPL-3.0-or-later
// `serp`: verbs that need no tensors here, the others in serp-engine beside it.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "engine/tools/serp/terminal.h"

namespace serp::cli {

void addBlocks(CLI::App& app, int& exit);
void addPlan(CLI::App& app, int& exit);
void addRuns(CLI::App& app, int& exit);
void addTokenize(CLI::App& app, int& exit);

namespace {

struct EngineVerb { const char *name, *summary; };
constexpr EngineVerb kEngineVerbs[] = {
    {"train", "trains a design, or continues a run"},
    {"eval", "loss, perplexity, bits per byte and accuracy of a run over a whole text"},
    {"generate", "samples text from a run"},
    {"logits", "next-token logits of a run at every position"},
    {"inspect", "where the tokens of a run go, expert by expert"},
    {"import", "another program's model as a run"},
    {"bench", "timings of this build on this machine"},
    {"doctor", "what this machine has and this build can use"},
};

/// build/bin/serp -> build/libexec/serp-engine; installed: ../libexec/serpentarium/serp-engine.
std::filesystem::path enginePath() {
  std::error_code error;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "libexec";
  const auto installed = folder / "serpentarium" / "serp-engine";
  return std::filesystem::exists(installed, error) ? installed : folder / "serp-engine";
}

int handOver(char** argv) {
  const auto engine = enginePath();
  ::execv(engine.c_str(), argv);
  return fail(ExitCode::Internal, "cannot start " + engine.string() + ": " + std::strerror(errno) + ". Build it with ./bootstrap build.");
}

}  // namespace
}  // namespace serp::cli

int main(int argc, char** argv) {
  using namespace serp::cli;
  for (const EngineVerb& verb : kEngineVerbs)
    if (argc > 1 && std::strcmp(argv[1], verb.name) == 0) return handOver(argv);

  CLI::App app("Serpentarium on the command line: plan, train and inspect Mamba and mixture-of-experts language models.", "serp");
  app.set_version_flag("--version", "serp " SERP_VERSION);
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "prints this help");
  int exit = 0;
  for (const auto add : {addBlocks, addPlan, addRuns, addTokenize}) add(app, exit);
  for (const EngineVerb& verb : kEngineVerbs) app.add_subcommand(verb.name, verb.summary);  // listed in the help
  return run(app, argc, argv, exit);
}
