// SPDX-License-Identifier: GPL-3.0-or-later
// Probabilistic context-free grammars with copies: texts are drawn from them, and their entropy and length are computed exactly.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/random.h"

namespace serp {

/// Rules, one a line: `name = alternative | 3~alternative | …`. `3~` is the weight (1 if left out), `<name>` another rule, `<2>`
/// the text that the second reference of the same alternative produced (a copy: it costs no choice), `\n` a new line; everything
/// else stands for itself. A space on each side of `|` and `=` is notation.
///
/// Entropy: the code length of a text is the sum of −ln(weight / all weights) over the choices made. It is the information of the
/// text itself exactly if the text determines the choices, i.e. if the grammar is unambiguous (tests/data/tst_babel parses texts
/// back to check that of babel). By linearity of expectation the expected code length H and length L of each rule satisfy
///   H(rule) = H(choice) + Σ p(alternative) Σ H(part),   L(rule) = Σ p(alternative) Σ L(part),
/// where a copy adds its original's length and no entropy. They are solved by iteration to machine precision.
class Grammar {
 public:
  struct Part {
    enum class Kind { Text, Rule, Copy } kind = Kind::Text;
    int index = 0;     // of the rule, or of the part that is copied
    std::string text;  // of a text
  };
  struct Alternative {
    std::uint32_t weight = 1;
    std::vector<Part> parts;
  };
  struct Rule {
    std::string name;
    std::vector<Alternative> alternatives;
    std::vector<std::uint64_t> cumulative;  // weights up to and including each alternative
  };

  /// The first rule is the start. Faults in the notation are our own bugs: SERP_CHECK.
  explicit Grammar(std::string_view rules);

  /// Appends one text of the start rule to `out` and returns its code length in nats.
  double sample(Random& random, std::string& out) const;
  /// Expected code length in nats and expected length in bytes of one text of the start rule.
  double expectedNats() const { return nats_.front(); }
  double expectedBytes() const { return bytes_.front(); }
  const std::vector<Rule>& rules() const { return rules_; }

 private:
  int ruleNamed(std::string_view name);
  void addAlternative(int rule, std::string_view text);
  void solve();
  double sampleRule(int rule, Random& random, std::string& out) const;

  std::vector<Rule> rules_;
  std::map<std::string, int, std::less<>> index_;
  std::vector<double> nats_, bytes_;
};

}  // namespace serp
