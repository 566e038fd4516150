// SPDX-License-Identifier: GPL-3.0-or-later
// The emulator's scheduler: runs every runnable fibre until it stops, then opens the barriers that all have reached.
#include "kernels/emulated/emulator.h"

#include <boost/context/fiber.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <vector>

namespace serp::kernels::emulator {
namespace {

using boost::context::fiber;

enum class Wait : unsigned char { Nothing, Block, Warp, Finished };

struct Thread {
  fiber own, scheduler;  // whichever of the two is not running is held here
  Wait wait = Wait::Nothing;
  std::uint64_t published[2] = {};  // two, because a quick lane may publish again before a slow one has read
  unsigned exchanges = 0;
};

struct Block {
  std::vector<Thread> threads;
  std::vector<unsigned char> shared;
  std::int64_t index = 0;
  unsigned running = 0;
  bool quit = false;
};

Block* block = nullptr;
unsigned orderSeed = 0;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "emulator: %s (block %lld, thread %u)\n", what, static_cast<long long>(block->index),
               block->running);
  std::abort();
}

/// Called by a kernel's fibre: stops it until the scheduler finds its condition met.
void stop(Wait reason) {
  Thread& t = block->threads[block->running];
  t.wait = reason;
  t.scheduler = std::move(t.scheduler).resume();
}

/// A fibre lives through all blocks of a launch.
fiber makeFibre(unsigned number, const std::function<void()>& kernel) {
  return fiber([number, &kernel](fiber&& caller) {
    block->threads[number].scheduler = std::move(caller);
    while (!block->quit) {
      kernel();
      stop(Wait::Finished);
    }
    return std::move(block->threads[number].scheduler);
  });
}

void resume(unsigned number) {
  block->running = number;
  Thread& t = block->threads[number];
  t.own = std::move(t.own).resume();
}

/// Sets free every thread of [begin, end) if all that have not finished wait for `reason`; says whether any was.
bool open(std::size_t begin, std::size_t end, Wait reason) {
  bool any = false;
  for (std::size_t i = begin; i < end; ++i) {
    const Wait w = block->threads[i].wait;
    if (w != reason && w != Wait::Finished) return false;
    any |= w == reason;
  }
  for (std::size_t i = begin; i < end; ++i)
    if (block->threads[i].wait == reason) block->threads[i].wait = Wait::Nothing;
  return any;
}

/// Resumes what can run in one warp; says whether anything could.
bool runWarp(std::size_t warp, std::mt19937& random) {
  unsigned lanes[32];
  std::iota(lanes, lanes + 32, static_cast<unsigned>(warp * 32));
  if (orderSeed != 0) std::shuffle(lanes, lanes + 32, random);
  bool any = false;
  for (const unsigned number : lanes)
    if (number < block->threads.size() && block->threads[number].wait == Wait::Nothing) {
      resume(number);
      any = true;
    }
  return any;
}

void runBlock(std::mt19937& random) {
  const std::size_t count = block->threads.size();
  std::fill(block->shared.begin(), block->shared.end(), static_cast<unsigned char>(0xff));  // NaN as float
  for (Thread& t : block->threads) t.wait = Wait::Nothing;
  std::vector<std::size_t> warps((count + 31) / 32);
  std::iota(warps.begin(), warps.end(), std::size_t{0});
  const auto finished = [](const Thread& t) { return t.wait == Wait::Finished; };
  while (!std::all_of(block->threads.begin(), block->threads.end(), finished)) {
    // Shuffled, one warp runs ahead of the others as far as barriers let it: a missing one is then noticed.
    bool ran = false;
    for (const std::size_t warp : warps) {
      ran |= runWarp(warp, random);
      if (ran && orderSeed != 0) break;
    }
    bool opened = false;
    for (std::size_t warp = 0; warp < count; warp += 32) opened |= open(warp, std::min(count, warp + 32), Wait::Warp);
    if (open(0, count, Wait::Block)) {
      opened = true;
      if (orderSeed != 0) std::shuffle(warps.begin(), warps.end(), random);
    }
    if (!ran && !opened) fail("threads wait at different barriers for ever");
  }
}

}  // namespace

unsigned threadX() {
  return block->running;
}
std::int64_t blockX() {
  return block->index;
}
void* sharedMemory() {
  return block->shared.data();
}
void syncThreads() {
  stop(Wait::Block);
}

namespace {

/// Publishes and waits for the warp; returns which of the two places all of it has published to.
unsigned publish(std::uint64_t value) {
  Thread& t = block->threads[block->running];
  const unsigned turn = t.exchanges++ % 2;
  t.published[turn] = value;
  stop(Wait::Warp);
  return turn;
}

}  // namespace

std::uint64_t exchange(std::uint64_t value, unsigned from) {
  const unsigned turn = publish(value), number = block->running, source = number / 32 * 32 + from;
  if (source >= block->threads.size() || block->threads[source].exchanges < block->threads[number].exchanges)
    fail("a shuffle from a lane that is not there");
  return block->threads[source].published[turn];
}

unsigned ballot(bool predicate) {
  const unsigned turn = publish(predicate), first = block->running / 32 * 32;
  unsigned mask = 0;
  for (unsigned i = first; i < block->threads.size() && i < first + 32; ++i)
    if (block->threads[i].wait != Wait::Finished)
      mask |= static_cast<unsigned>(block->threads[i].published[turn]) << (i - first);
  return mask;
}

void run(std::int64_t blocks, int threads, std::int64_t sharedBytes, const std::function<void()>& kernel) {
  Block b;
  b.threads.resize(static_cast<std::size_t>(threads));
  b.shared.resize(static_cast<std::size_t>(sharedBytes));
  block = &b;
  for (unsigned i = 0; i < b.threads.size(); ++i) b.threads[i].own = makeFibre(i, kernel);
  std::mt19937 random(orderSeed);
  std::vector<std::int64_t> blockOrder(static_cast<std::size_t>(std::max<std::int64_t>(0, blocks)));
  std::iota(blockOrder.begin(), blockOrder.end(), std::int64_t{0});
  if (orderSeed != 0) std::shuffle(blockOrder.begin(), blockOrder.end(), random);
  for (const std::int64_t index : blockOrder) {
    b.index = index;
    runBlock(random);
  }
  b.quit = true;
  for (unsigned i = 0; i < b.threads.size(); ++i) resume(i);
  block = nullptr;
}

void setOrder(unsigned seed) {
  orderSeed = seed;
}

}  // namespace serp::kernels::emulator
