// SPDX-License-Identifier: GPL-3.0-or-later
// Reading the notation, drawing texts, solving for the expectations.
#include "engine/data/grammar.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/text.h"

namespace serp {

Grammar::Grammar(std::string_view rules) {
  while (!rules.empty()) {
    const std::size_t end = std::min(rules.find('\n'), rules.size());
    const std::string_view line = rules.substr(0, end);
    rules.remove_prefix(std::min(end + 1, rules.size()));
    if (line.empty()) continue;
    const std::size_t equals = line.find(" = ");
    SERP_CHECK(equals != std::string_view::npos, "rule of a grammar: " + std::string(line));
    const int rule = ruleNamed(line.substr(0, equals));
    std::string_view rest = line.substr(equals + 3);
    for (std::size_t bar = 0; bar != std::string_view::npos; rest.remove_prefix(std::min(bar + 3, rest.size()))) {
      bar = rest.find(" | ");
      addAlternative(rule, rest.substr(0, bar));
      if (bar == std::string_view::npos) break;
    }
  }
  for (Rule& rule : rules_) {
    SERP_CHECK(!rule.alternatives.empty(), "rule without alternatives: " + rule.name);
    std::uint64_t sum = 0;
    for (const Alternative& alternative : rule.alternatives) rule.cumulative.push_back(sum += alternative.weight);
  }
  solve();
}

int Grammar::ruleNamed(std::string_view name) {
  if (const auto found = index_.find(name); found != index_.end()) return found->second;
  const int index = static_cast<int>(rules_.size());
  index_.emplace(std::string(name), index);
  rules_.push_back({std::string(name), {}, {}});
  return index;
}

void Grammar::addAlternative(int rule, std::string_view text) {
  Alternative alternative;
  if (const std::size_t tilde = text.find('~'); tilde != std::string_view::npos) {
    const auto weight = parseInteger(text.substr(0, tilde));
    SERP_CHECK(weight && *weight > 0 && *weight < 1000000, "weight in a grammar: " + std::string(text));
    alternative.weight = static_cast<std::uint32_t>(*weight);
    text.remove_prefix(tilde + 1);
  }
  std::vector<int> references;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) alternative.parts.push_back({Part::Kind::Text, 0, literal});
    literal.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      SERP_CHECK(text.substr(i, 2) == "\\n", "escape in a grammar");
      literal += '\n';
      ++i;
    } else if (text[i] == '<') {
      flush();
      const std::size_t close = text.find('>', i);
      SERP_CHECK(close != std::string_view::npos, "reference in a grammar: " + std::string(text));
      const std::string_view name = text.substr(i + 1, close - i - 1);
      if (const auto number = parseInteger(name)) {
        SERP_CHECK(*number >= 1 && *number <= static_cast<long long>(references.size()), "copy in a grammar: " + std::string(text));
        alternative.parts.push_back({Part::Kind::Copy, references[static_cast<std::size_t>(*number - 1)], {}});
      } else {
        references.push_back(static_cast<int>(alternative.parts.size()));
        alternative.parts.push_back({Part::Kind::Rule, ruleNamed(name), {}});
      }
      i = close;
    } else {
      literal += text[i];
    }
  }
  flush();
  rules_[static_cast<std::size_t>(rule)].alternatives.push_back(std::move(alternative));
}

void Grammar::solve() {
  nats_.assign(rules_.size(), 0);
  bytes_.assign(rules_.size(), 0);
  // The expectations are the least fixed point; sweeps rise towards it by a constant factor as long as the grammar ends surely.
  for (int sweep = 0; sweep < 100000; ++sweep) {
    double change = 0;
    for (std::size_t r = 0; r < rules_.size(); ++r) {
      const Rule& rule = rules_[r];
      const auto all = static_cast<double>(rule.cumulative.back());
      double nats = 0, bytes = 0;
      for (const Alternative& alternative : rule.alternatives) {
        const double p = alternative.weight / all;
        double partNats = -std::log(p), partBytes = 0;
        for (const Part& part : alternative.parts) {
          const Part& shown = part.kind == Part::Kind::Copy ? alternative.parts[static_cast<std::size_t>(part.index)] : part;
          if (shown.kind == Part::Kind::Text) partBytes += static_cast<double>(shown.text.size());
          else partBytes += bytes_[static_cast<std::size_t>(shown.index)];
          if (part.kind == Part::Kind::Rule) partNats += nats_[static_cast<std::size_t>(part.index)];
        }
        nats += p * partNats;
        bytes += p * partBytes;
      }
      change = std::max({change, std::abs(nats - nats_[r]), std::abs(bytes - bytes_[r])});
      nats_[r] = nats;
      bytes_[r] = bytes;
    }
    if (change < 1e-12) return;
  }
  SERP_CHECK(false, "the texts of a grammar have no finite expected length");
}

double Grammar::sample(Random& random, std::string& out) const { return sampleRule(0, random, out); }

double Grammar::sampleRule(int index, Random& random, std::string& out) const {
  const Rule& rule = rules_[static_cast<std::size_t>(index)];
  const std::uint64_t all = rule.cumulative.back(), r = random.below(all);
  const auto chosen = static_cast<std::size_t>(std::upper_bound(rule.cumulative.begin(), rule.cumulative.end(), r) - rule.cumulative.begin());
  const Alternative& alternative = rule.alternatives[chosen];
  double nats = std::log(static_cast<double>(all) / alternative.weight);
  std::vector<std::pair<std::size_t, std::size_t>> spans;  // of the parts so far, for copies
  spans.reserve(alternative.parts.size());
  for (const Part& part : alternative.parts) {
    const std::size_t begin = out.size();
    if (part.kind == Part::Kind::Text) out += part.text;
    else if (part.kind == Part::Kind::Rule) nats += sampleRule(part.index, random, out);
    else {
      const auto [from, length] = spans[static_cast<std::size_t>(part.index)];
      out += out.substr(from, length);
    }
    spans.emplace_back(begin, out.size() - begin);
  }
  return nats;
}

}  // namespace serp
