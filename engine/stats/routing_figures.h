// SPDX-License-Identifier: GPL-3.0-or-later
// The arithmetic of routing: load, balance, drops, association with tokens and labels. No tensor library.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/api/telemetry.h"

namespace serp {

/// T tokens of k choices over E experts; u_e = E * assigned_e / sum(assigned) is an expert's load ratio, 1 = fair.
struct LoadFigures {
  double dropRate = 0;       ///< sum(assigned - kept) / sum(assigned)
  double maxViolation = 0;   ///< max u - 1
  double variation = 0;      ///< standard deviation of assigned over its mean
  int dead = 0;              ///< experts without a token
};
LoadFigures loadFigures(const std::vector<double>& assigned, const std::vector<double>& kept);

/// I(a; b) / sqrt(H(a) H(b)) of two labellings of the same tokens; 0 where either is constant.
double normalisedMutualInformation(const std::vector<int>& a, const std::vector<int>& b);

/// The same after shuffling b, mean over `repeats` seeded shuffles: what chance alone gives for this many tokens.
double shuffledMutualInformation(const std::vector<int>& a, const std::vector<int>& b, int repeats, std::uint64_t seed);

struct TokenLift {
  std::string piece;
  int count = 0;        ///< of these tokens at this expert
  double lift = 0;      ///< P(expert | token) / P(expert)
};
/// Tokens seen at least `least` times at `expert`, by falling lift, at most `most`.
std::vector<TokenLift> topTokens(const std::vector<std::string>& pieces, const std::vector<std::int16_t>& experts, int expert, int least,
                                 std::size_t most);

}  // namespace serp
