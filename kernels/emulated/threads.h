// SPDX-License-Identifier: GPL-3.0-or-later
// The threads of the running block, as the scheduler and the operations of a kernel see them.
#pragma once

#include <memory>

#include "kernels/emulated/fibres.h"
#include "kernels/emulated/state.h"

namespace serp::kernels::emulator {

enum class Wait : unsigned char { Nothing, Block, Warp, Finished };
enum class Operation : unsigned char { Exchange, Ballot, Sync };

struct Copy {
  void* to;
  unsigned char bytes[16];
  int group;
};

struct Thread {
  Fibre fibre;
  Wait wait = Wait::Nothing;
  Operation operation = Operation::Sync;
  Site site;
  unsigned members = 0, from = 0;  // of a warp operation: who takes part, whose value this lane wants
  std::uint64_t published = 0, answer = 0;
  std::uint32_t warpTime = 0;
  std::vector<Copy> copies;
  int copyGroup = 0;
};

extern std::vector<std::unique_ptr<Thread>> threads;  // kept from launch to launch: stacks are dear

inline Thread& current() {
  return *threads[running.thread];
}
/// Called by a kernel's fibre: stops it until the scheduler finds its condition met.
void stop(Wait reason);
/// "file.cu:12"
std::string text(const Site&);

}  // namespace serp::kernels::emulator
