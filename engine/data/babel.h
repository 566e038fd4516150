// SPDX-License-Identifier: GPL-3.0-or-later
// Babel, the generated language: small artificial tongues mixed by a Markov chain, with a computed entropy rate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/grammar.h"

namespace serp {

struct Tongue {
  std::string name;
  Grammar grammar;
};

/// The tongues, the same for every seed. Every text of a tongue ends in a line break after something that is no white space, and
/// the text of stretches one after another can be cut into stretches and tongues in one way only.
const std::vector<Tongue>& babelTongues();

/// A run of stretches of one tongue.
struct TongueRun {
  std::uint64_t begin = 0;  // byte where it starts; it ends where the next one starts
  std::uint8_t tongue = 0;
};

struct BabelText {
  std::string text;
  std::vector<TongueRun> runs;
  double nats = 0;                   // exact −ln P of this text
  std::vector<double> tongueNats;    // of the stretches of each tongue, without the choice of the tongue
  std::vector<std::uint64_t> tongueBytes;
};

/// Writes the language in pieces that continue each other. The same seed gives the same bytes on every machine.
class BabelWriter {
 public:
  explicit BabelWriter(std::uint64_t seed);
  /// At least `bytes` bytes, ending with the stretch that reaches them.
  BabelText write(std::uint64_t bytes);

 private:
  Random random_;
  int tongue_ = -1;
};

/// Expected nats per byte: of the mixture with the choice of tongues, and of each tongue alone.
struct BabelRates {
  double mixture = 0;
  std::vector<double> tongues;
};
BabelRates babelRates();

}  // namespace serp
