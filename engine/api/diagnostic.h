// SPDX-License-Identifier: GPL-3.0-or-later
// What can be wrong with something a person gave us, and the Result that carries either a value or every fault at once.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace serp {

/// Exit codes of contract.md §4; a fault knows which one it leads to.
enum class ExitCode : int {
  Done = 0,
  Internal = 1,
  BadConfiguration = 2,
  BadData = 3,
  NonFinite = 4,
  OutOfMemory = 5,
  CannotWrite = 6,
  Interrupted = 130,
};

enum class Severity { Error, Warning, Note };

/// One fault: where (file, line and column from 1, 0 = unknown; path of the key) and one sentence that says what was found and
/// what is allowed.
struct Diagnostic {
  Severity severity = Severity::Error;
  std::string file;
  int line = 0;
  int column = 0;
  std::string path;     ///< "model.blocks[0].blocks[1].experts", or empty
  std::string message;  ///< 'unknown key, did you mean "experts"? (integer 1..4096, default 16)'
  std::string fix;      ///< replacement text for the faulty key or value when there is an obvious one, else empty
  int length = 0;       ///< characters the fault covers from `column` on; 0 = unknown

  /// "file:line:column  path: message", the one form used in terminals, logs and the window.
  std::string text() const {
    std::string out;
    if (!file.empty()) out += file + ":";
    if (line > 0) out += std::to_string(line) + ":" + std::to_string(column) + "  ";
    else if (!out.empty()) out += " ";
    if (!path.empty()) out += path + ": ";
    return out + message;
  }
};

/// Several diagnostics of one origin, and the exit code they lead to.
struct Diagnostics {
  std::vector<Diagnostic> items;
  ExitCode exit = ExitCode::BadConfiguration;

  bool hasErrors() const {
    for (const auto& d : items)
      if (d.severity == Severity::Error) return true;
    return false;
  }
  void error(std::string path, std::string message) {
    items.push_back({Severity::Error, {}, 0, 0, std::move(path), std::move(message), {}, 0});
  }
  void append(const Diagnostics& other) { items.insert(items.end(), other.items.begin(), other.items.end()); }
  /// One line per diagnostic.
  std::string text() const {
    std::string out;
    for (const auto& d : items) out += (out.empty() ? "" : "\n") + d.text();
    return out;
  }
};

/// A single fault with its exit code.
inline Diagnostics fault(ExitCode exit, std::string message, std::string file = {}) {
  Diagnostics d;
  d.exit = exit;
  d.items.push_back({Severity::Error, std::move(file), 0, 0, {}, std::move(message), {}, 0});
  return d;
}

/// Either a value or all the reasons why there is none. Never throws; value() of a failed result is a programming error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}        // NOLINT: implicit by design
  Result(Diagnostics faults) : state_(std::in_place_index<1>, std::move(faults)) {}  // NOLINT: implicit by design

  explicit operator bool() const { return state_.index() == 0; }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  const Diagnostics& faults() const { return std::get<1>(state_); }

 private:
  std::variant<T, Diagnostics> state_;
};

/// For operations that give nothing back but may fail.
struct Done {};

}  // namespace serp
