// SPDX-License-Identifier: GPL-3.0-or-later
// Windows of the three probe tasks.
#include "engine/data/probe_tasks.h"

#include <algorithm>
#include <numeric>

#include "engine/base/error.h"

namespace serp {
namespace {

/// `count` of the numbers below `n`, in random order.
std::vector<std::int64_t> draw(std::int64_t n, std::int64_t count, Random& random) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  for (std::int64_t i = 0; i < count; ++i)
    std::swap(all[static_cast<std::size_t>(i)],
              all[static_cast<std::size_t>(i) + static_cast<std::size_t>(random.below(static_cast<std::uint64_t>(n - i)))]);
  all.resize(static_cast<std::size_t>(count));
  return all;
}

struct Maker {
  std::int64_t context, symbols;
  Random random;
  TaskWindow window;

  std::int32_t mark(int which) const { return static_cast<std::int32_t>(symbols) + which; }
  std::int32_t symbol() { return static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(symbols))); }
  void set(std::int64_t at, std::int32_t token, TaskRole role) {
    window.tokens[static_cast<std::size_t>(at)] = token;
    window.roles[static_cast<std::size_t>(at)] = role;
  }

  void selectiveCopy() {
    const std::int64_t data = std::clamp<std::int64_t>(context / 8, 1, 16), body = context - data;
    std::vector<std::int64_t> places = draw(body, data, random);
    std::sort(places.begin(), places.end());
    set(body, mark(1), TaskRole::Question);
    for (std::int64_t k = 0; k < data; ++k) {
      const std::int32_t token = symbol();
      set(places[static_cast<std::size_t>(k)], token, TaskRole::Content);
      set(body + 1 + k, token, k + 1 < data ? TaskRole::Question : TaskRole::Content);
    }
  }

  void induction() {
    for (std::int64_t i = 0; i <= context; ++i) set(i, symbol(), TaskRole::Filler);
    // Slots of two tokens, so that no trigger takes the place of an answer; the last slot is always asked.
    const std::int64_t slots = (context + 1) / 2, shift = (context + 1) % 2;
    const std::int64_t asked = std::clamp<std::int64_t>(context / 32, 1, 8);
    std::vector<std::int64_t> places = draw(slots - 1, asked, random);
    places.push_back(slots - 1);
    std::sort(places.begin(), places.end());
    const std::int32_t answer = symbol();
    for (std::size_t k = 0; k < places.size(); ++k) {
      const std::int64_t at = places[k] * 2 + shift;
      set(at, mark(2), k == 0 ? TaskRole::Content : TaskRole::Question);
      set(at + 1, answer, TaskRole::Content);
    }
  }

  void associativeRecall() {
    const std::int64_t keys = symbols / 2, pairs = std::clamp<std::int64_t>((context + 1) / 4, 1, keys);
    const std::vector<std::int64_t> chosen = draw(keys, pairs, random);
    std::vector<std::int32_t> values;
    for (std::int64_t k = 0; k < pairs; ++k) {
      values.push_back(static_cast<std::int32_t>(keys + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(symbols - keys)))));
      set(2 * k, static_cast<std::int32_t>(chosen[static_cast<std::size_t>(k)]), TaskRole::Content);
      set(2 * k + 1, values.back(), TaskRole::Content);
    }
    const std::int64_t rest = 2 * pairs, slots = (context + 1 - rest) / 2, shift = (context + 1 - rest) % 2;
    const std::vector<std::int64_t> places = draw(slots, pairs, random);
    for (std::int64_t k = 0; k < pairs; ++k) {
      const std::int64_t at = rest + shift + 2 * places[static_cast<std::size_t>(k)];
      set(at, static_cast<std::int32_t>(chosen[static_cast<std::size_t>(k)]), TaskRole::Question);
      set(at + 1, values[static_cast<std::size_t>(k)], TaskRole::Content);
    }
  }
};

}  // namespace

std::optional<ProbeTask> probeTaskNamed(std::string_view name) {
  if (name == "selective_copy") return ProbeTask::SelectiveCopy;
  if (name == "induction") return ProbeTask::Induction;
  if (name == "associative_recall") return ProbeTask::AssociativeRecall;
  return std::nullopt;
}

std::int64_t taskAnswers(ProbeTask task, std::int64_t symbols) {
  return task == ProbeTask::AssociativeRecall ? symbols - symbols / 2 : symbols;
}

TaskWindow makeTaskWindow(ProbeTask task, std::int64_t context, std::int64_t symbols, Random random) {
  SERP_CHECK(context >= kMinTaskContext && symbols >= 2, "size of a probe task");
  Maker maker{context, symbols, random, {}};
  maker.window.tokens.assign(static_cast<std::size_t>(context) + 1, maker.mark(0));
  maker.window.roles.assign(static_cast<std::size_t>(context) + 1, TaskRole::Filler);
  if (task == ProbeTask::SelectiveCopy) maker.selectiveCopy();
  else if (task == ProbeTask::Induction) maker.induction();
  else maker.associativeRecall();
  return std::move(maker.window);
}

}  // namespace serp
