// SPDX-License-Identifier: GPL-3.0-or-later
// A recursive-descent evaluator; formulas are ours, short, and checked by a test over the whole catalogue.
#include "engine/spec/formula.h"

#include <cctype>
#include <cmath>
#include <numeric>
#include <vector>

#include "engine/base/text.h"

namespace serp {
namespace {

class Evaluator {
 public:
  Evaluator(std::string_view text, const FormulaNames& names) : text_(text), names_(names) {}

  std::optional<double> run() {
    const double value = sum();
    blanks();
    if (bad_ || at_ != text_.size() || !std::isfinite(value)) return std::nullopt;
    return value;
  }

 private:
  void blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  double sum() {
    double value = product();
    for (;;) {
      if (take('+')) value += product();
      else if (take('-')) value -= product();
      else return value;
    }
  }
  double product() {
    double value = atom();
    for (;;) {
      if (take('*')) value *= atom();
      else if (take('/')) value /= atom();
      else return value;
    }
  }
  double atom() {
    blanks();
    if (take('(')) {
      const double value = sum();
      if (!take(')')) bad_ = true;
      return value;
    }
    const std::size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_' || text_[at_] == '.')) ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    if (word.empty()) return fail();
    if (std::isdigit(static_cast<unsigned char>(word[0]))) {
      const auto number = parseReal(word);
      return number ? *number : fail();
    }
    if (take('(')) return call(word);
    const auto value = names_(word);
    return value ? *value : fail();
  }
  double call(std::string_view name) {
    std::vector<double> arguments{sum()};
    while (take(',')) arguments.push_back(sum());
    if (!take(')')) return fail();
    const double a = arguments[0];
    if (arguments.size() == 1) {
      if (name == "ceil") return std::ceil(a);
      if (name == "floor") return std::floor(a);
      if (name == "int") return std::trunc(a);
    } else if (arguments.size() == 2) {
      const double b = arguments[1];
      if (name == "max") return std::max(a, b);
      if (name == "min") return std::min(a, b);
      if (name == "gcd" && std::abs(a) < 1e15 && std::abs(b) < 1e15)
        return static_cast<double>(std::gcd(static_cast<long long>(a), static_cast<long long>(b)));
    }
    return fail();
  }
  double fail() {
    bad_ = true;
    at_ = text_.size();
    return 0;
  }

  std::string_view text_;
  const FormulaNames& names_;
  std::size_t at_ = 0;
  bool bad_ = false;
};

}  // namespace

std::optional<double> evaluateFormula(std::string_view formula, const FormulaNames& names) {
  return Evaluator(formula, names).run();
}

}  // namespace serp
