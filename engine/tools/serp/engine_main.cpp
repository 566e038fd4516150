// SPDX-License-Identifier: GPL-3.0-or-later
// The verbs that need the engine. `serp` starts this program with its own arguments; nobody has to know of it.
#include "engine/tools/serp/terminal.h"

namespace serp::cli {

void addBench(CLI::App& app, int& exit);
void addDoctor(CLI::App& app, int& exit);
void addEval(CLI::App& app, int& exit);
void addGenerate(CLI::App& app, int& exit);
void addImport(CLI::App& app, int& exit);
void addInspect(CLI::App& app, int& exit);
void addLogits(CLI::App& app, int& exit);
void addTrain(CLI::App& app, int& exit);

}  // namespace serp::cli

int main(int argc, char** argv) {
  using namespace serp::cli;
  CLI::App app("Serpentarium on the command line.", "serp");
  app.require_subcommand(1);
  int exit = 0;
  for (const auto add : {addTrain, addEval, addGenerate, addLogits, addInspect, addImport, addBench, addDoctor}) add(app, exit);
  return run(app, argc, argv, exit);
}
