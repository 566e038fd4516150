// SPDX-License-Identifier: GPL-3.0-or-later
// Small kernels with one bug each, and the same kernels without it: what the emulation has to notice.
#pragma once

#include <span>
#include <vector>

namespace serp::test {

/// How a bug shows: in a sentence of the emulator, in bits that depend on the order of threads, or in a wrong answer.
enum class Shows { InWords, InOrder, InAnswer };

struct PlantedBug {
  const char* name;
  Shows shows;
  const char* words;                    ///< part of the sentence
  std::vector<float> (*run)(bool bug);  ///< the kernel's output
};

std::span<const PlantedBug> plantedBugs();

}  // namespace serp::test
