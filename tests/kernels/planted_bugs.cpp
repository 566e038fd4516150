// SPDX-License-Identifier: GPL-3.0-or-later
// The bugs that people put into kernels, one by one. Compiled as kernel files are in the checked emulation.
#include "tests/kernels/planted_bugs.h"

#include "kernels/cuda/device.h"
#include "kernels/cuda_memory.h"

namespace serp::kernels::SERP_GPU {
namespace {

using Floats = std::vector<float>;

/// Device memory of one case; numbers 1, 2, 3 … or nothing yet.
struct Memory {
  std::vector<void*> all;
  ~Memory() {
    for (void* p : all) release(p);
  }
  template <class T = float>
  T* room(std::int64_t count) {
    void* p = nullptr;
    allocate(count * static_cast<std::int64_t>(sizeof(T)), sizeof(T), &p);
    all.push_back(p);
    return static_cast<T*>(p);
  }
  float* ramp(std::int64_t count) {
    Floats host;
    for (std::int64_t i = 0; i < count; ++i) host.push_back(static_cast<float>(i + 1));
    float* p = room(count);
    copyIn(p, host.data(), count * 4);
    return p;
  }
  static Floats read(const float* p, std::int64_t count) {
    Floats host(static_cast<std::size_t>(count));
    copyOut(host.data(), p, count * 4);
    return host;
  }
};

constexpr int kThreads = 64;
constexpr std::int64_t kBytes = kThreads * sizeof(float);

/// Runs a kernel of (bug, in, out, count) over `count` numbers.
template <class Kernel>
Floats overNumbers(Kernel kernel, bool bug, std::int64_t count, std::int64_t sharedBytes = kBytes,
                   int threads = kThreads) {
  Memory m;
  const float* in = m.ramp(count);
  float* out = m.room(count);
  launch(kernel, {ceilDiv(count, threads), threads, sharedBytes, {}}, bug, in, out, count);
  return Memory::read(out, count);
}

// --- barriers ------------------------------------------------------------------------------------------------------

SERP_KERNEL turnAround(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  s[threadX()] = in[threadX()];
  if (!bug) syncThreads();
  out[threadX()] = s[kThreads - 1 - threadX()];
}
SERP_KERNEL reuse(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  s[threadX()] = in[threadX()];
  syncThreads();
  const float x = s[(threadX() + 33) % kThreads];
  if (!bug) syncThreads();
  s[threadX()] = 2 * x;
  syncThreads();
  out[threadX()] = s[threadX()];
}
SERP_KERNEL treeSum(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  s[threadX()] = in[threadX()];
  syncThreads();
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    if (threadX() < half) s[threadX()] += s[threadX() + half];
    if (!bug || half > 8) syncThreads();  // "the last warp needs none"
  }
  out[threadX()] = threadX() == 0 ? s[0] : 0.0f;
}
SERP_KERNEL barrierInBranch(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  s[threadX()] = in[threadX()];
  if (bug && threadX() < 40)
    syncThreads();
  else
    syncThreads();
  out[threadX()] = s[kThreads - 1 - threadX()];
}
SERP_KERNEL barrierAgainstShuffle(bool bug, const float* in, float* out, std::int64_t) {
  float x = in[threadX()];
  if (!bug || laneX() < 16) x = shuffleXor(x, 1);
  syncThreads();
  out[threadX()] = x;
}
SERP_KERNEL warpExchange(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  s[threadX()] = in[threadX()];
  if (!bug) syncWarp();
  out[threadX()] = s[threadX() ^ 1];
}
SERP_KERNEL shuffleIsNoBarrier(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  s[threadX()] = in[threadX()];
  const float x = shuffleXor(1.0f, 1);
  if (!bug) syncWarp();
  out[threadX()] = s[threadX() ^ 1] * x;
}

// --- warp operations -----------------------------------------------------------------------------------------------

SERP_KERNEL shuffleInBranches(bool bug, const float* in, float* out, std::int64_t) {
  float x = in[threadX()];
  if (bug && threadX() % 2)
    x = shuffleXor(x, 1) + 1;
  else
    x = shuffleXor(x, 1) + (threadX() % 2 ? 1.0f : 0.0f);
  out[threadX()] = x;
}
SERP_KERNEL returnedLane(bool bug, const float* in, float* out, std::int64_t count) {
  const std::int64_t i = globalX(kThreads);
  if (bug && i >= count) return;
  float x = i < count ? in[i] : 0.0f;
  x = shuffleXor(x, 1);
  if (i < count) out[i] = x;
}
SERP_KERNEL absentLane(bool bug, const float* in, float* out, std::int64_t) {
  const unsigned members = !bug && threadX() >= 32 ? 0xffffu : 0xffffffffu;
  out[threadX()] = shuffleXor(in[threadX()], 1, members);
}
SERP_KERNEL notAMember(bool bug, const float* in, float* out, std::int64_t) {
  out[threadX()] = shuffleXor(in[threadX()], 1, bug ? 0x7fffffffu : 0xffffffffu);
}
SERP_KERNEL strangersLane(bool bug, const float* in, float* out, std::int64_t) {
  const unsigned members = laneX() < 16 ? 0x0000ffffu : 0xffff0000u;
  out[threadX()] = shuffleXor(in[threadX()], bug ? 16 : 8, members);
}
SERP_KERNEL ballotInLoop(bool bug, const float* in, float* out, std::int64_t) {
  int rounds = 0;
  const int most = bug ? static_cast<int>(laneX()) + 1 : 32;
  for (int i = 0; i < most; ++i) rounds += bitsSet(ballot(in[threadX()] > 0)) > 0;
  out[threadX()] = static_cast<float>(rounds);
}

// --- bounds --------------------------------------------------------------------------------------------------------

SERP_KERNEL tailRead(bool bug, const float* in, float* out, std::int64_t count) {
  const std::int64_t i = globalX(kThreads);
  const float x = bug || i < count ? in[i] : 0.0f;
  if (i < count) out[i] = x;
}
SERP_KERNEL tailWrite(bool bug, const float* in, float* out, std::int64_t count) {
  const std::int64_t i = globalX(kThreads);
  const float x = i < count ? in[i] : 0.0f;
  if (bug || i < count) out[i] = x;
}
SERP_KERNEL halo(bool bug, const float* in, float* out, std::int64_t count) {
  const std::int64_t i = globalX(kThreads);
  if (i < count) out[i] = in[i] + (bug || i > 0 ? in[i - 1] : 0.0f);
}
SERP_KERNEL haloInShared(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();  // one more than threads; launched with room for kThreads + 1
  s[threadX() + 1] = in[threadX()];
  if (threadX() == 0) s[0] = 0;
  syncThreads();
  out[threadX()] = s[threadX()] + (bug || threadX() + 1 < kThreads ? s[threadX() + 2] : 0.0f);
}
SERP_KERNEL arrayIntoArray(bool bug, const float* in, float* out, std::int64_t) {
  SERP_SHARED(float, first, kThreads);
  SERP_SHARED(float, second, kThreads);
  float* to = first;
  to[threadX() + (bug && threadX() == 63 ? 1 : 0)] = in[threadX()];
  second[threadX()] = 1;
  syncThreads();
  out[threadX()] = first[threadX() / 2] + second[threadX()];
}
SERP_KERNEL registerArray(bool bug, const float* in, float* out, std::int64_t) {
  float last[4] = {1, 2, 3, 4};
  int at = bug ? 4 : 3;
  asm("" : "+r"(at));  // or the compiler knows better
  last[at] = in[threadX()];
  out[threadX()] = last[3];
}
SERP_KERNEL widthOfZero(bool bug, const float* in, float* out, std::int64_t count) {
  std::int64_t width = bug ? 0 : 8;
  asm("" : "+r"(width));
  out[threadX()] = in[static_cast<std::int64_t>(threadX()) / width] + static_cast<float>(count);
}
SERP_KERNEL narrowIndex(bool bug, const float* in, float* out, std::int64_t) {
  int stride = bug ? 0x7fffff00 : 1;
  asm("" : "+r"(stride));
  const int i = static_cast<int>(threadX()) * stride;
  out[threadX()] = in[i & (kThreads - 1)];
}
SERP_KERNEL misaligned(bool bug, const float* in, float* out, std::int64_t) {
  const std::int64_t i = threadX() % 8 * 4 + (bug ? 1 : 0);
  const auto p = *reinterpret_cast<const Pack<float, 4>*>(in + i);
  out[threadX()] = p.at[0] + p.at[3];
}

// --- memory that holds nothing yet ---------------------------------------------------------------------------------

SERP_KERNEL sharedSum(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  if (!bug) s[threadX()] = 0;
  s[threadX()] += in[threadX()];
  out[threadX()] = s[threadX()];
}
SERP_KERNEL blocksShareNothing(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  if (!bug || blockX() == 0) s[threadX()] = in[threadX()];
  syncThreads();
  out[globalX(kThreads)] = s[threadX() ^ 1];
}
SERP_KERNEL accumulates(bool bug, const float* in, float* out, std::int64_t) {
  out[threadX()] = bug ? out[threadX()] + in[threadX()] : in[threadX()];
}
SERP_KERNEL registerSum(bool bug, const float* in, float* out, std::int64_t) {
  float sums[4];
  for (int k = 0; k < (bug ? 3 : 4); ++k) sums[k] = in[threadX()];
  float total = 0;
  for (int k = 0; k < 4; ++k) total += sums[k];
  out[threadX()] = total;
}

// --- several blocks and several writers ----------------------------------------------------------------------------

SERP_KERNEL blocksOverlap(bool bug, const float* in, float* out, std::int64_t) {
  const std::int64_t i = blockX() * (kThreads - (bug ? 1 : 0)) + threadX();
  out[i] = in[i];
}
SERP_KERNEL readsNeighbourBlock(bool bug, const float* in, float* out, std::int64_t count) {
  const std::int64_t i = globalX(kThreads);
  out[i] = in[i];
  if (bug && i + kThreads < count) out[i] += out[(i + kThreads) % count] * 0;
}
SERP_KERNEL everyoneWrites(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  if (bug || threadX() == 0) s[0] = in[0];  // "all write the same"
  syncThreads();
  out[threadX()] = s[0];
}
SERP_KERNEL countsInPlace(bool bug, const float* in, float* out, std::int64_t) {
  if (threadX() == 0) out[0] = 0;
  syncThreads();
  if (bug)
    out[0] += in[threadX()];  // lost updates on a card
  else if (threadX() == 0)
    for (int i = 0; i < kThreads; ++i) out[0] += in[i];
  if (threadX() > 0) out[threadX()] = 0;
}
[[gnu::no_sanitize("thread"), gnu::noinline]] void atomicAdd(float* to, float x) {  // as a card does it: in some order
  *to += x;
}
SERP_KERNEL sumsByAtomics(bool bug, const float* in, float* out, std::int64_t) {
  if (threadX() == 0) out[0] = 0;
  for (unsigned i = threadX() == 0 ? 1 : threadX(); threadX() > 0 && i < kThreads; i += kThreads) out[i] = 0;
  syncThreads();
  const float x = 1.0f / (in[threadX()] * in[threadX()]);
  if (bug) atomicAdd(out, x);
  float sum = x;
  for (unsigned mask = 1; mask < 32; mask *= 2) sum += shuffleXor(sum, mask);
  if (!bug && threadX() == 0) out[0] = sum;
}

// --- asynchronous copies -------------------------------------------------------------------------------------------

template <int kVariant>  // of the bug: 0 no wait, 1 waits for one group too few, 2 no barrier
SERP_KERNEL copiesAhead(bool bug, const float* in, float* out, std::int64_t) {
  SERP_SHARED(float, buffer, 2 * kThreads * 4);
  for (int half = 0; half < 2; ++half) {
    copyAsync16(buffer + (half * kThreads + static_cast<int>(threadX())) * 4,
                in + (half * kThreads + static_cast<int>(threadX())) * 4);
    commitCopies();
  }
  if (!bug || kVariant != 0) {
    if (bug && kVariant == 1)
      waitCopies<1>();
    else
      waitCopies<0>();
  }
  if (!bug || kVariant != 2) syncThreads();
  out[threadX()] = buffer[(kThreads + (threadX() ^ 1)) * 4];
}

// --- what is not the card's ----------------------------------------------------------------------------------------

float hostSide[kThreads] = {1, 2, 3};
float counter = 0;

SERP_KERNEL copyOver(bool, const float* in, float* out, std::int64_t) {
  out[threadX()] = in[threadX()];
}
SERP_KERNEL globalVariable(bool bug, const float* in, float* out, std::int64_t) {
  if (bug && threadX() == 0) counter += in[0];
  out[threadX()] = in[threadX()] + (bug ? counter : 0.0f);
}
SERP_KERNEL waitsForABlock(bool bug, const float* in, float* out, std::int64_t) {
  volatile float* flag = out;
  if (blockX() == 1 && threadX() == 0) *flag = 1;
  while (bug && blockX() == 0 && !(*flag == 1)) {
  }
  if (blockX() > 0 && threadX() > 0) out[threadX()] = in[threadX()];
}
SERP_KERNEL waitsForAFlag(bool bug, const float* in, float* out, std::int64_t) {
  float* s = dynShared<float>();
  if (threadX() == 0) s[0] = 0;
  syncThreads();
  while (bug && s[0] == 0) syncThreads();
  out[threadX()] = in[threadX()];
}

template <class Kernel>
Floats copied(Kernel kernel, bool bug) {
  Memory m;
  const float* in = m.ramp(2 * kThreads * 4);
  float* out = m.room(kThreads);
  launch(kernel, {1, kThreads, 0, {}}, bug, in, out, kThreads);
  return Memory::read(out, kThreads);
}

Floats outOf(float* memory) {
  return Memory::read(memory, kThreads);
}

using test::PlantedBug;
using test::Shows;

#define SERP_PLANTED(words, kernel, ...)                                                           \
  PlantedBug {                                                                                     \
#kernel, Shows::InWords, words, [](bool bug) { return overNumbers(kernel, bug, __VA_ARGS__); } \
  }

const PlantedBug kBugs[] = {
    SERP_PLANTED("race: reads what is written", turnAround, 64),
    SERP_PLANTED("race: writes after a read", reuse, 64),
    SERP_PLANTED("race", treeSum, 64),
    SERP_PLANTED("divergent barrier: threads 0-39 at the barrier", barrierInBranch, 64),
    SERP_PLANTED("divergent warp operation", barrierAgainstShuffle, 64),
    SERP_PLANTED("race", warpExchange, 64),
    SERP_PLANTED("race", shuffleIsNoBarrier, 64),
    SERP_PLANTED("divergent warp operation: thread 0 at the warp operation", shuffleInBranches, 64),
    SERP_PLANTED("names lane 8, which has returned", returnedLane, 40),
    SERP_PLANTED("names lane 16, which the block does not have", absentLane, 48, 0, 48),
    SERP_PLANTED("by a lane that is not among its members", notAMember, 64),
    SERP_PLANTED("reads lane 16, which is not among its members", strangersLane, 64),
    SERP_PLANTED("which has returned", ballotInLoop, 64),
    SERP_PLANTED("out of bounds: reads 4 bytes 0 bytes past buffer", tailRead, 100),
    SERP_PLANTED("out of bounds: writes 4 bytes 0 bytes past buffer", tailWrite, 100),
    SERP_PLANTED("out of bounds: reads 4 bytes 4 bytes before buffer", halo, 100),
    SERP_PLANTED("out of bounds: reads 4 bytes 0 bytes past shared memory", haloInShared, 64, kBytes + 4),
    SERP_PLANTED("out of bounds: writes 4 bytes 0 bytes past shared memory", arrayIntoArray, 64),
    SERP_PLANTED("out of bounds: an index past its array", registerArray, 64),
    SERP_PLANTED("a division by zero", widthOfZero, 64),
    SERP_PLANTED("signed overflow", narrowIndex, 64),
    SERP_PLANTED("misaligned", misaligned, 64),
    SERP_PLANTED("uninitialised: reads byte 0 of shared memory", sharedSum, 64),
    SERP_PLANTED("uninitialised", blocksShareNothing, 128),
    SERP_PLANTED("uninitialised: reads byte 0 of buffer", accumulates, 64),
    SERP_PLANTED("of another block did before", blocksOverlap, 128),
    SERP_PLANTED("race", readsNeighbourBlock, 128),
    SERP_PLANTED("race: writes after a write", everyoneWrites, 64),
    SERP_PLANTED("race", countsInPlace, 64),
    {"copiesAhead<0>", Shows::InWords, "uninitialised", [](bool bug) { return copied(copiesAhead<0>, bug); }},
    {"copiesAhead<1>", Shows::InWords, "uninitialised", [](bool bug) { return copied(copiesAhead<1>, bug); }},
    {"copiesAhead<2>", Shows::InWords, "race", [](bool bug) { return copied(copiesAhead<2>, bug); }},
    SERP_PLANTED("a variable of the program", globalVariable, 64),
    SERP_PLANTED("does not end: out of time in a kernel", waitsForABlock, 128),
    SERP_PLANTED("does not end", waitsForAFlag, 64),
    {"registerSum", Shows::InAnswer, "", [](bool bug) { return overNumbers(registerSum, bug, 64); }},
    {"sumsByAtomics", Shows::InOrder, "", [](bool bug) { return overNumbers(sumsByAtomics, bug, 64); }},
    {"hostPointer", Shows::InWords, "which is not in device memory",
     [](bool bug) {
       Memory m;
       const float* in = m.ramp(kThreads);
       float* out = m.room(kThreads);
       const Floats host(kThreads, 1.0f);
       launch(copyOver, {1, kThreads, 0, {}}, bug, bug ? host.data() : in, out, kThreads);
       return outOf(out);
     }},
    {"hostVariable", Shows::InWords, "in a variable of the program",
     [](bool bug) {
       Memory m;
       const float* in = m.ramp(kThreads);
       float* out = m.room(kThreads);
       launch(copyOver, {1, kThreads, 0, {}}, bug, bug ? hostSide : in, out, kThreads);
       return outOf(out);
     }},
    {"releasedBuffer", Shows::InWords, "which is not in device memory",
     [](bool bug) {
       Memory m, gone;
       const float* in = gone.ramp(kThreads);
       float* out = m.room(kThreads);
       if (bug) {
         release(gone.all[0]);
         gone.all.clear();
       }
       launch(copyOver, {1, kThreads, 0, {}}, bug, in, out, kThreads);
       return outOf(out);
     }},
    {"tooLittleSharedMemory", Shows::InWords, "past shared memory",
     [](bool bug) { return overNumbers(turnAround, false, 64, bug ? kBytes - 4 : kBytes); }},
    {"tooMuchSharedMemory", Shows::InWords, "more than a card has",
     [](bool bug) { return overNumbers(turnAround, false, 64, bug ? 120 * 1024 : kBytes); }},
    {"hostReadsTheCard", Shows::InWords, "the host reads buffer",
     [](bool bug) {
       Memory m;
       const float* in = m.ramp(kThreads);
       float* out = m.room(kThreads);
       launch(copyOver, {1, kThreads, 0, {}}, bug, in, out, bug && in[0] > 5 ? 1 : kThreads);
       return outOf(out);
     }},
};

}  // namespace
}  // namespace serp::kernels::SERP_GPU

std::span<const serp::test::PlantedBug> serp::test::plantedBugs() {
  return serp::kernels::SERP_GPU::kBugs;
}
