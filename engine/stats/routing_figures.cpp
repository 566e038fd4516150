// SPDX-License-Identifier: GPL-3.0-or-later
// Counts to figures; definitions in the header.
#include "engine/stats/routing_figures.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace serp {

LoadFigures loadFigures(const std::vector<double>& assigned, const std::vector<double>& kept) {
  LoadFigures f;
  const double sum = std::accumulate(assigned.begin(), assigned.end(), 0.0);
  if (assigned.empty() || sum <= 0) return f;
  const auto experts = static_cast<double>(assigned.size());
  const double mean = sum / experts;
  double square = 0;
  for (const double a : assigned) {
    square += (a - mean) * (a - mean);
    f.maxViolation = std::max(f.maxViolation, a / mean - 1);
    if (a == 0) ++f.dead;
  }
  f.variation = std::sqrt(square / experts) / mean;
  f.dropRate = (sum - std::accumulate(kept.begin(), kept.end(), 0.0)) / sum;
  return f;
}

double normalisedMutualInformation(const std::vector<int>& a, const std::vector<int>& b) {
  const std::size_t n = std::min(a.size(), b.size());
  if (n == 0) return 0;
  std::map<int, double> ca, cb;
  std::map<std::pair<int, int>, double> both;
  for (std::size_t i = 0; i < n; ++i) {
    ca[a[i]] += 1;
    cb[b[i]] += 1;
    both[{a[i], b[i]}] += 1;
  }
  const auto total = static_cast<double>(n);
  const auto entropy = [&](const std::map<int, double>& counts) {
    double h = 0;
    for (const auto& [key, c] : counts) h -= c / total * std::log(c / total);
    return h;
  };
  double information = 0;
  for (const auto& [key, c] : both) information += c / total * std::log(c * total / (ca[key.first] * cb[key.second]));
  const double scale = std::sqrt(entropy(ca) * entropy(cb));
  return scale > 1e-12 ? information / scale : 0;
}

double shuffledMutualInformation(const std::vector<int>& a, std::vector<int> const& b, int repeats, std::uint64_t seed) {
  std::vector<int> shuffled = b;
  double sum = 0;
  std::uint64_t state = seed | 1;
  for (int r = 0; r < repeats; ++r) {
    for (std::size_t i = shuffled.size(); i > 1; --i) {  // Fisher-Yates over a 64-bit multiplicative generator, equal everywhere
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      std::swap(shuffled[i - 1], shuffled[static_cast<std::size_t>((state >> 33) % i)]);
    }
    sum += normalisedMutualInformation(a, shuffled);
  }
  return repeats > 0 ? sum / repeats : 0;
}

std::vector<TokenLift> topTokens(const std::vector<std::string>& pieces, const std::vector<std::int16_t>& experts, int expert, int least,
                                 std::size_t most) {
  const std::size_t n = std::min(pieces.size(), experts.size());
  std::map<std::string, std::pair<int, int>> counts;  // at this expert, anywhere
  int here = 0;
  for (std::size_t i = 0; i < n; ++i) {
    auto& c = counts[pieces[i]];
    ++c.second;
    if (experts[i] == expert) ++c.first, ++here;
  }
  std::vector<TokenLift> out;
  for (const auto& [piece, c] : counts)
    if (c.first >= least && here > 0)
      out.push_back({piece, c.first, static_cast<double>(c.first) / c.second / (static_cast<double>(here) / static_cast<double>(n))});
  std::stable_sort(out.begin(), out.end(), [](const TokenLift& x, const TokenLift& y) { return x.lift != y.lift ? x.lift > y.lift : x.count > y.count; });
  if (out.size() > most) out.resize(most);
  return out;
}

}  // namespace serp
