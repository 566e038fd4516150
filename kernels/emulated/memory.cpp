// SPDX-License-Identifier: GPL-3.0-or-later
// The memory of an emulated card, and who may touch it when: every element keeps its last write and two reads.
//
// Accesses of two threads of a block are ordered by a barrier between them, those of two lanes also by a syncWarp;
// shuffles order nothing. Two blocks of one launch are never ordered.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

#include "kernels/emulated/fibres.h"
#include "kernels/emulated/state.h"

extern "C" {
extern char __executable_start, _end;            // of the linker
extern char __data_start __attribute__((weak));  // of the C start-up files
}

namespace serp::kernels::emulator {
namespace {

struct Access {
  std::uint32_t block = 0, epoch = 0, warpTime = 0, thread = 0;  // block 0: none
};
struct Cell {
  Access write, read[2];
  bool initialised = false;
};

struct Region {
  std::size_t begin = 0, end = 0;
  std::size_t grain = 4;
  bool shared = false;
  int number = 0;
  std::vector<Cell> cells;

  Region(std::size_t at, std::size_t bytes, std::size_t each, bool isShared)
      : begin(at), end(at + bytes), grain(each), shared(isShared), cells((bytes + each - 1) / each) {}
};

constexpr std::size_t kZone = 256;          // around every buffer and shared array: nobody's
constexpr std::size_t kArena = 512 * 1024;  // dynamic shared memory, then arrays, with gaps

std::map<std::size_t, std::unique_ptr<Region>> regions;  // by begin
std::map<const void*, unsigned char*> arrays;            // of the running block, by call site
Region* lastHit = nullptr;
int bufferCount = 0;
std::size_t arenaUsed = 0;

unsigned char* arena() {
  static unsigned char* const memory = static_cast<unsigned char*>(std::aligned_alloc(4096, kArena));
  return memory;
}
std::size_t address(const void* p) {
  return reinterpret_cast<std::size_t>(p);
}

Region* find(std::size_t at) {
  if (lastHit && at - lastHit->begin < lastHit->end - lastHit->begin) return lastHit;
  auto it = regions.upper_bound(at);
  if (it == regions.begin()) return nullptr;
  Region* r = std::prev(it)->second.get();
  if (at >= r->end) return nullptr;
  return lastHit = r;
}

std::string name(const Region& r) {
  return (r.shared ? "shared memory" : "buffer " + std::to_string(r.number)) + " of " +
         std::to_string(r.end - r.begin) + " bytes";
}
std::string at(const void* code) {
  char out[40];  // what addr2line takes
  std::snprintf(out, sizeof out, " (code +0x%zx)", address(code) - address(&__executable_start));
  return " in " + functionAt(code) + out;
}

Region* addRegion(std::size_t begin, std::size_t bytes, std::size_t grain, bool shared) {
  auto region = std::make_unique<Region>(begin, bytes, grain, shared);
  Region* r = region.get();
  regions[begin] = std::move(region);
  lastHit = nullptr;
  return r;
}

/// What lies where nothing may be touched.
std::string outside(std::size_t from, std::size_t bytes) {
  const auto after = regions.lower_bound(from);
  const bool hasBefore = after != regions.begin(), hasAfter = after != regions.end();
  const std::size_t past = hasBefore ? from - std::prev(after)->second->end : kZone,
                    ahead = hasAfter ? after->first - from : 2 * kZone;
  if (past < kZone && past <= ahead) return std::to_string(past) + " bytes past " + name(*std::prev(after)->second);
  if (ahead < kZone + bytes) return std::to_string(ahead) + " bytes before " + name(*after->second);
  if (from - address(&__executable_start) < static_cast<std::size_t>(&_end - &__executable_start))
    return "in a variable of the program, which is not in device memory";
  return "in memory of the host or of another thread, which is not in device memory";
}

bool ordered(const Access& a) {
  if (a.block != running.block) return a.block < running.firstBlock;  // 0, or of an earlier launch
  if (a.thread == running.thread || a.epoch < running.epoch) return true;
  return a.thread / 32 == running.thread / 32 && a.warpTime < running.warpTime;
}

void conflict(const Region& r, std::size_t offset, const Access& a, const char* what, const void* code) {
  const bool sameBlock = a.block == running.block;
  if (!worthSaying(address(code) * 8 + (sameBlock ? 1 : 2))) return;
  report(std::string("race: ") + what + " byte " + std::to_string(offset) + " of " + name(r) + at(code) + "; thread " +
         std::to_string(a.thread) +
         (sameBlock ? " did before, with no barrier between" : " of another block did before"));
}

}  // namespace

void access(const void* memory, std::size_t bytes, bool write, const void* code) {
  const std::size_t from = address(memory);
  if (!running.inKernel) {  // the host's half of a kernel file
    if (const Region* r = find(from); r && worthSaying(address(code) * 8))
      report("the host " + std::string(write ? "writes" : "reads") + " " + name(*r) + at(code));
    return;
  }
  if (!running.checked || from - running.stackLow < Fibre::kStackBytes) return;
  const bool wasRuntime = inRuntime;
  inRuntime = true;
  Region* r = find(from);
  if (!r && !write && from >= address(&__executable_start) && &__data_start && from < address(&__data_start)) {
    inRuntime = wasRuntime;  // a constant
    return;
  }
  if (!r || from + bytes > r->end) {
    report("out of bounds: " + std::string(write ? "writes " : "reads ") + std::to_string(bytes) + " bytes " +
               (r ? "across the end of " + name(*r) : outside(from, bytes)) + at(code),
           address(code) * 8);
    stopLaunch();
  }
  const Access me{running.block, running.epoch, running.warpTime, running.thread};
  const std::size_t first = (from - r->begin) / r->grain, last = (from - r->begin + bytes - 1) / r->grain;
  for (std::size_t i = first; i <= last; ++i) {
    Cell& c = r->cells[i];
    if (!ordered(c.write))
      conflict(*r, i * r->grain, c.write, write ? "writes after a write to" : "reads what is written to", code);
    if (write) {
      for (const Access& a : c.read)
        if (!ordered(a)) conflict(*r, i * r->grain, a, "writes after a read of", code);
      c.write = me;
      c.initialised = true;
    } else {
      if (!c.initialised && worthSaying(address(code) * 8 + 3))
        report("uninitialised: reads byte " + std::to_string(i * r->grain) + " of " + name(*r) + at(code));
      const auto mine = [&](const Access& a) { return a.block == me.block && a.thread == me.thread; };
      c.read[mine(c.read[1]) || (!mine(c.read[0]) && !ordered(c.read[0]))] = me;
    }
  }
  if (outOfTime()) {  // a kernel that waits in a loop spends its time here
    report("the launch does not end: out of time in a kernel that waits for nothing", 1);
    stopLaunch();
  }
  inRuntime = wasRuntime;
}

void asyncArrival(void* shared, std::size_t bytes, bool landed, const void* code) {
  if (!running.checked) return;
  if (landed) return access(shared, bytes, true, code);
  Region* r = find(address(shared));
  if (!r) return;
  for (std::size_t i = 0; i < bytes; i += r->grain)
    r->cells[(address(shared) - r->begin + i) / r->grain].initialised = false;
}

void resetShared(std::int64_t bytes) {
  const std::size_t begin = address(arena());
  regions.erase(regions.lower_bound(begin), regions.lower_bound(begin + kArena));
  lastHit = nullptr;
  arrays.clear();
  std::memset(arena(), 0xff, std::max(arenaUsed, static_cast<std::size_t>(bytes)));  // NaN as float
  arenaUsed = static_cast<std::size_t>(bytes);
  if (bytes > 0 && running.checked) addRegion(begin, arenaUsed, 2, true);
}

void* sharedMemory() {
  return arena();
}

void* sharedArray(const void* key, std::int64_t bytes) {
  const auto found = arrays.find(key);
  if (found != arrays.end()) return found->second;
  inRuntime = true;
  const std::size_t begin = (arenaUsed + kZone + 255) / 256 * 256, size = static_cast<std::size_t>(bytes);
  if (begin + size + kZone > kArena) {
    report("more shared arrays than a block has room for", 6);
    stopLaunch();
  }
  std::memset(arena() + begin, 0xff, size);
  arenaUsed = begin + size;
  arrays[key] = arena() + begin;
  if (running.checked) addRegion(address(arena()) + begin, size, 2, true);
  inRuntime = false;
  return arena() + begin;
}

void* allocate(std::int64_t bytes, int element) {
  const std::size_t size = static_cast<std::size_t>(bytes);
  auto* block = static_cast<unsigned char*>(std::aligned_alloc(256, (size + 255) / 256 * 256 + 2 * kZone));
  if (!block) return nullptr;
  std::memset(block, 0xff, size + 2 * kZone);
  Region* r = addRegion(address(block + kZone), size, static_cast<std::size_t>(std::max(1, element)), false);
  r->number = ++bufferCount;
  return block + kZone;
}

void release(void* memory) {
  const auto it = regions.find(address(memory));
  if (!memory || it == regions.end()) return;
  regions.erase(it);
  lastHit = nullptr;
  std::free(static_cast<unsigned char*>(memory) - kZone);
}

void copyIn(void* device, const void* host, std::int64_t bytes) {
  std::memcpy(device, host, static_cast<std::size_t>(bytes));
  Region* r = find(address(device));
  const std::size_t offset = address(device) - r->begin;
  for (std::size_t i = offset / r->grain;
       i <= (offset + static_cast<std::size_t>(bytes) - 1) / r->grain && i < r->cells.size(); ++i)
    r->cells[i].initialised = true;
}

void copyOut(void* host, const void* device, std::int64_t bytes) {
  std::memcpy(host, device, static_cast<std::size_t>(bytes));
}

bool isDevice(const void* memory, std::int64_t bytes) {
  const Region* r = find(address(memory));
  return r && !r->shared && address(memory) + static_cast<std::size_t>(bytes) <= r->end;
}

}  // namespace serp::kernels::emulator
