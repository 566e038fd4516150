// SPDX-License-Identifier: GPL-3.0-or-later
// `serp`: verbs that need no tensors here, the others in serp-engine beside it.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "engine/base/text.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {

void addBlocks(CLI::App& app, int& exit);
void addExport(CLI::App& app, int& exit);
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
  // OpenMP's threads spin for about a millisecond at every barrier. Where another program wants the cores too, that makes a step ten
  // times slower; with a short spin they sleep instead and are woken at once. Read by libgomp when it is loaded, so it is set here.
  if (::getenv("OMP_WAIT_POLICY") == nullptr) ::setenv("GOMP_SPINCOUNT", "10000", 0);
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
  if (argc > 1 && argv[1][0] != '-') {
    std::vector<std::string> names = {"blocks", "export", "plan", "runs", "tokenize"};
    for (const EngineVerb& verb : kEngineVerbs) names.emplace_back(verb.name);
    if (std::find(names.begin(), names.end(), argv[1]) == names.end()) {
      const std::string close = serp::nearest(argv[1], names);
      return fail(serp::ExitCode::BadConfiguration, "no verb \"" + std::string(argv[1]) + "\"" +
                                                        (close.empty() ? "; `serp --help` names them all" : ", did you mean \"" + close + "\"?"));
    }
  }
  int exit = 0;
  for (const auto add : {addBlocks, addExport, addPlan, addRuns, addTokenize}) add(app, exit);
  for (const EngineVerb& verb : kEngineVerbs) app.add_subcommand(verb.name, verb.summary);  // listed in the help
  return run(app, argc, argv, exit);
}
