// SPDX-License-Identifier: GPL-3.0-or-later
// The field's probe tasks as generators of single windows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/random.h"

namespace serp {

enum class ProbeTask { SelectiveCopy, Induction, AssociativeRecall };
std::optional<ProbeTask> probeTaskNamed(std::string_view name);

enum class TaskRole : std::uint8_t { Filler, Content, Question };

/// A sequence of context + 1 tokens; position i is a question if the token after it is an answer.
struct TaskWindow {
  std::vector<std::int32_t> tokens;  // [context + 1]
  std::vector<TaskRole> roles;       // [context + 1]
};

/// Ids: data symbols 0..symbols-1, then the marks of kTaskMarks.
///  selective_copy (Gu, Dao 2023, §4.1.1): data symbols at random places among filler, then a mark, then the data in order.
///  induction (Gu, Dao 2023, §4.1.2; Olsson et al. 2022): random symbols; whatever followed the trigger for the first time follows
///  it every time.
///  associative_recall (multi-query; Arora et al. 2023): pairs of key and value, then the keys again among filler, each followed by
///  its value. Keys are the first half of the symbols, values the second.
TaskWindow makeTaskWindow(ProbeTask task, std::int64_t context, std::int64_t symbols, Random random);

/// Number of equally likely answers to a question.
std::int64_t taskAnswers(ProbeTask task, std::int64_t symbols);
inline constexpr std::int64_t kMinTaskContext = 8;

}  // namespace serp
