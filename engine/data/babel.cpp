// SPDX-License-Identifier: GPL-3.0-or-later
// The mixture: after every stretch the tongue stays with 3/4, else it becomes one of the others.
#include "engine/data/babel.h"

#include <cmath>

namespace serp {
namespace {

constexpr std::uint64_t kStay = 3, kOf = 4;
constexpr std::uint64_t kBabelStream = 0x626162656cull;

}  // namespace

BabelWriter::BabelWriter(std::uint64_t seed) : random_(seed, kBabelStream) {}

BabelText BabelWriter::write(std::uint64_t bytes) {
  const std::vector<Tongue>& tongues = babelTongues();
  const auto count = static_cast<std::uint64_t>(tongues.size());
  const double stayNats = std::log(static_cast<double>(kOf) / kStay);
  const double moveNats = std::log(static_cast<double>(kOf) / (kOf - kStay) * static_cast<double>(count - 1));
  BabelText out;
  out.tongueNats.assign(count, 0);
  out.tongueBytes.assign(count, 0);
  out.text.reserve(bytes + 4096);
  while (out.text.size() < bytes) {
    if (tongue_ < 0) {
      tongue_ = static_cast<int>(random_.below(count));
      out.nats += std::log(static_cast<double>(count));
    } else if (random_.below(kOf) < kStay) {
      out.nats += stayNats;
    } else {
      const auto step = static_cast<int>(random_.below(count - 1)) + 1;
      tongue_ = (tongue_ + step) % static_cast<int>(count);
      out.nats += moveNats;
    }
    const std::uint64_t begin = out.text.size();
    const auto t = static_cast<std::size_t>(tongue_);
    if (out.runs.empty() || out.runs.back().tongue != tongue_) out.runs.push_back({begin, static_cast<std::uint8_t>(tongue_)});
    const double nats = tongues[t].grammar.sample(random_, out.text);
    out.nats += nats;
    out.tongueNats[t] += nats;
    out.tongueBytes[t] += out.text.size() - begin;
  }
  return out;
}

BabelRates babelRates() {
  // Renewal-reward: the chain of tongues is symmetric, so every tongue has the same share of the stretches, and the rate is the
  // expected nats of a stretch with its choice over the expected bytes of a stretch.
  const std::vector<Tongue>& tongues = babelTongues();
  const double n = static_cast<double>(tongues.size()), stay = static_cast<double>(kStay) / kOf;
  const double choice = -stay * std::log(stay) - (1 - stay) * std::log((1 - stay) / (n - 1));
  BabelRates rates;
  double nats = choice, bytes = 0;
  for (const Tongue& tongue : tongues) {
    nats += tongue.grammar.expectedNats() / n;
    bytes += tongue.grammar.expectedBytes() / n;
    rates.tongues.push_back(tongue.grammar.expectedNats() / tongue.grammar.expectedBytes());
  }
  rates.mixture = nats / bytes;
  return rates;
}

}  // namespace serp
