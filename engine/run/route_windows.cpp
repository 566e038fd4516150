// SPDX-License-Identifier: GPL-3.0-or-later
// Cutting, routing and joining.
#include "engine/run/route_windows.h"

#include <algorithm>

#include "engine/model/language_model.h"
#include "engine/stats/routing_probe.h"

namespace serp {
namespace {

template <class T>
void extend(std::vector<std::vector<T>>& to, const std::vector<std::vector<T>>& from) {
  to.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i].insert(to[i].end(), from[i].begin(), from[i].end());
}

void append(RoutedText& to, const RoutedText& window) {
  to.pieces.insert(to.pieces.end(), window.pieces.begin(), window.pieces.end());
  to.labels.insert(to.labels.end(), window.labels.begin(), window.labels.end());
  extend(to.expert, window.expert);
  extend(to.weight, window.weight);
  extend(to.entropy, window.entropy);
}

template <class T>
std::vector<T> part(const std::vector<T>& values, std::size_t at, std::size_t count) {
  const std::size_t begin = std::min(values.size(), at), end = std::min(values.size(), at + count);
  return std::vector<T>(values.begin() + static_cast<std::ptrdiff_t>(begin), values.begin() + static_cast<std::ptrdiff_t>(end));
}

}  // namespace

RoutedText routeWindows(LanguageModel& model, const Tokenizer& tokenizer, const std::vector<std::int32_t>& tokens,
                        const std::vector<std::uint8_t>& labels, const std::vector<std::string>& labelNames, RoutingProbe* tally) {
  RoutedText all;
  const auto context = static_cast<std::size_t>(model.plan().context);
  for (std::size_t at = 0; at < tokens.size(); at += context)
    append(all, *routeText(model, tokenizer, part(tokens, at, context), part(labels, at, context), {}, tally));
  all.labelNames = labelNames;
  return all;
}

}  // namespace serp
