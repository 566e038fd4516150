// SPDX-License-Identifier: GPL-3.0-or-later
// Faults to stderr, results to stdout, and nothing else.
#include "engine/api/block_graph.h"
#include "engine/tools/serp/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <new>

#include "engine/api/runs.h"
#include "engine/base/error.h"

namespace serp::cli {

int run(CLI::App& app, int argc, char** argv, const int& exit) {
  try {
    loadOwnBlocks();  // faults of a block are told where a design asks for it
    app.parse(argc, argv);
    std::fflush(stdout);
    return exit;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) {
      app.exit(e);
      return 0;
    }
    std::fprintf(stderr, "serp: %s\nTry: serp%s --help\n", e.what(),
                 argc > 1 && argv[1][0] != '-' ? (std::string(" ") + argv[1]).c_str() : "");
    return static_cast<int>(ExitCode::BadConfiguration);
  } catch (const Error& e) {
    if (!e.faults().items.empty()) return report(e.faults());
    return fail(e.exitCode(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::OutOfMemory, "out of memory");
  } catch (const std::exception& e) {
    const std::string what = e.what();
    return fail(ExitCode::Internal, "internal error, please report: " + what.substr(0, what.find('\n')));
  }
}

int report(const Diagnostics& faults) {
  for (const Diagnostic& d : faults.items) {
    const char* kind = d.severity == Severity::Error ? "" : d.severity == Severity::Warning ? "warning: " : "note: ";
    std::fprintf(stderr, "%s%s\n", kind, d.text().c_str());
  }
  return static_cast<int>(faults.exit);
}

int fail(ExitCode code, const std::string& sentence) {
  std::fprintf(stderr, "serp: %s\n", sentence.c_str());
  return static_cast<int>(code);
}

void Overrides::add(CLI::App& app) {
  app.add_option("--set", texts, "key=value: changes one key of the design; \"**.experts=8\" every key of that name")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
}

Result<std::vector<std::pair<std::string, std::string>>> Overrides::pairs() const {
  std::vector<std::pair<std::string, std::string>> out;
  Diagnostics faults;
  for (const std::string& text : texts) {
    const auto at = text.find('=');
    if (at == std::string::npos || at == 0) faults.error("--set " + text, "a key and a value are needed, as in --set train.steps=400");
    else out.emplace_back(text.substr(0, at), text.substr(at + 1));
  }
  if (faults.hasErrors()) return faults;
  return out;
}

void print(const nlohmann::ordered_json& document) {
  const std::string text = document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
}

Result<std::filesystem::path> resolveRun(const std::string& reference) { return findRun(reference, defaultRunsFolder()); }

bool interactive() { return ::isatty(STDERR_FILENO) == 1; }

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number < 0 ? -number : number), out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ' ';
    out += digits[i];
  }
  return (number < 0 ? "-" : "") + out;
}

std::string millions(std::int64_t number) {
  if (number < 100'000) return grouped(number);
  char text[32];
  std::snprintf(text, sizeof text, "%.3f M", static_cast<double>(number) / 1e6);
  return text;
}

}  // namespace serp::cli
