// SPDX-License-Identifier: GPL-3.0-or-later
// What a kernel calls: its place, barriers, warp operations and asynchronous copies.
#include <algorithm>

#include "kernels/emulated/threads.h"

namespace serp::kernels::emulator {

unsigned threadX() {
  return running.thread;
}
std::int64_t blockX() {
  return running.blockIndex;
}

void syncThreads(const char* file, int line) {
  current().site = {file, line};
  current().members = 0;
  stop(Wait::Block);
}

namespace {

/// Publishes, waits for the members and returns what the operation gives this lane.
std::uint64_t takePart(Operation operation, std::uint64_t value, unsigned from, unsigned members, Site site) {
  Thread& t = current();
  inRuntime = true;
  if (!(members >> (running.thread % 32) & 1)) {
    report("a warp operation at " + text(site) + " by a lane that is not among its members", 3);
    stopLaunch();
  }
  t.published = value;
  t.from = from;
  t.operation = operation;
  t.members = members;
  t.site = site;
  stop(Wait::Warp);
  return t.answer;
}

}  // namespace

std::uint64_t exchange(std::uint64_t value, unsigned from, unsigned members, Site site) {
  return takePart(Operation::Exchange, value, from, members, site);
}
unsigned ballot(bool predicate, unsigned members, const char* file, int line) {
  return static_cast<unsigned>(takePart(Operation::Ballot, predicate, 0, members, {file, line}));
}
void syncWarp(unsigned members, const char* file, int line) {
  takePart(Operation::Sync, 0, 0, members, {file, line});
}

void copyAsync16(void* shared, const void* global) {
  inRuntime = true;
  const void* code = __builtin_return_address(0);
  if ((reinterpret_cast<std::size_t>(shared) | reinterpret_cast<std::size_t>(global)) % 16 != 0) {
    report("an asynchronous copy between addresses that are no multiples of 16", reinterpret_cast<std::uint64_t>(code));
    stopLaunch();
  }
  access(global, 16, false, code);
  access(shared, 16, true, code);
  asyncArrival(shared, 16, false, code);
  Thread& t = current();
  t.copies.push_back({shared, {}, t.copyGroup});
  std::memcpy(t.copies.back().bytes, global, 16);
  inRuntime = false;
}
void commitCopies() {
  ++current().copyGroup;
}
void waitCopies(int groups) {
  inRuntime = true;
  Thread& t = current();
  const auto landed = [&](const Copy& c) { return c.group < t.copyGroup - groups; };
  for (const Copy& c : t.copies)
    if (landed(c)) {
      std::memcpy(c.to, c.bytes, sizeof c.bytes);
      asyncArrival(c.to, sizeof c.bytes, true, __builtin_return_address(0));
    }
  t.copies.erase(std::remove_if(t.copies.begin(), t.copies.end(), landed), t.copies.end());
  inRuntime = false;
}

}  // namespace serp::kernels::emulator
