// SPDX-License-Identifier: GPL-3.0-or-later
// What the verbs of the command line share: the shape of a verb, reporting faults, and JSON on stdout.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/api/spec.h"

namespace serp::cli {

/// Adds a verb to `app`; its callback sets `exit`, a code of contract.md §4.
using AddVerb = void (*)(CLI::App& app, int& exit);

/// Parses and runs. Bad arguments: the fault, then exit code 2. serp::Error and everything else that escapes a verb becomes one
/// sentence on stderr and its exit code.
int run(CLI::App& app, int argc, char** argv, const int& exit);

/// One line per fault on stderr; gives the exit code they lead to.
int report(const Diagnostics& faults);
/// One sentence on stderr, "serp: ...".
int fail(ExitCode code, const std::string& sentence);

/// `--set key=value`, repeatable.
struct Overrides {
  std::vector<std::string> texts;
  void add(CLI::App& app);
  /// Faults for every text without '='.
  Result<std::vector<std::pair<std::string, std::string>>> pairs() const;
};

/// One JSON document on stdout; text that is not UTF-8 gets replacement characters.
void print(const nlohmann::ordered_json& document);

/// RUN of the contract: a folder, a prefix of a run's name, or "last".
Result<std::filesystem::path> resolveRun(const std::string& reference);

/// True where stderr is a terminal.
bool interactive();

/// "1 234 567" for people; "12.3 M" for large ones.
std::string grouped(std::int64_t number);
std::string millions(std::int64_t number);

}  // namespace serp::cli
