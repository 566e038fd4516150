// SPDX-License-Identifier: GPL-3.0-or-later
// The emulator's scheduler: lets every warp run until none of its lanes can, opens what all that are meant have
// reached, and tells what can never open.
#include "kernels/emulated/emulator.h"

#include <pthread.h>
#include <sys/time.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <utility>

#include "kernels/emulated/threads.h"

namespace serp::kernels::emulator {

Running running;
volatile bool inRuntime = false;
std::vector<std::unique_ptr<Thread>> threads;

std::string text(const Site& s) {
  const char* slash = std::strrchr(s.file, '/');
  return std::string(slash ? slash + 1 : s.file) + ":" + std::to_string(s.line);
}

void stop(Wait reason) {
  Thread& t = current();
  t.wait = reason;
  inRuntime = true;
  t.fibre.pause();
  inRuntime = false;
}

namespace {

struct Launch {
  Call call = nullptr;
  void* context = nullptr;
  unsigned count = 0;
  bool stopped = false;
  std::size_t said = 0;
  std::set<std::uint64_t> places;
};

Launch launch;
std::vector<std::string> errors;
unsigned orderSeed = kForward;
double timeoutSeconds = 60;
std::uint32_t blockSerial = 0, warpClock = 0;
volatile std::sig_atomic_t expired = 0;
std::mt19937 dice;

constexpr std::size_t kMostErrors = 20;

/// A fibre lives through blocks and launches, until it is abandoned.
void threadMain(void*) {
  for (;;) {
    inRuntime = false;
    launch.call(launch.context);
    stop(Wait::Finished);
  }
}

void resume(unsigned number) {
  Thread& t = *threads[number];
  if (!t.fibre.prepared()) t.fibre.prepare(threadMain, nullptr);
  inRuntime = true;  // until the fibre runs: the clock must not take this stack for its
  running.thread = number;
  running.warpTime = t.warpTime;
  running.inKernel = true;
  running.stackLow = t.fibre.low();
  t.fibre.resume();
  running.inKernel = false;
}

/// The clock of a launch that does not end. On a kernel's stack, unless the emulator is at work there.
void onExpired(int) {
  expired = 1;
  if (!running.inKernel || inRuntime) return;
  inRuntime = true;
  report("the launch does not end: out of time in a kernel that waits for nothing", 1);
  stopLaunch();
}

class Clock {
 public:
  Clock() {
    expired = 0;
    struct sigaction action = {};
    action.sa_handler = onExpired;
    sigaction(SIGVTALRM, &action, &before_);
    set(timeoutSeconds);
  }
  ~Clock() {
    set(0);
    sigaction(SIGVTALRM, &before_, nullptr);
    sigset_t signals;  // the handler may have been left by a jump
    sigemptyset(&signals);
    sigaddset(&signals, SIGVTALRM);
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  }

 private:
  static void set(double seconds) {
    itimerval t = {};
    t.it_value.tv_sec = static_cast<time_t>(seconds);
    t.it_value.tv_usec = static_cast<suseconds_t>((seconds - static_cast<double>(t.it_value.tv_sec)) * 1e6);
    setitimer(ITIMER_VIRTUAL, &t, nullptr);
  }
  struct sigaction before_ = {};
};

/// The threads of [begin, end) by where they are, as a sentence: "threads 0-31 at a.cu:12, threads 32-63 have
/// returned".
std::string whereabouts(unsigned begin, unsigned end) {
  std::string out;
  for (unsigned i = begin; i < end;) {
    const Thread& t = *threads[i];
    unsigned last = i;
    const auto same = [&](const Thread& o) {
      return o.wait == t.wait && (t.wait == Wait::Finished || (o.site.line == t.site.line && o.members == t.members));
    };
    while (last + 1 < end && same(*threads[last + 1])) ++last;
    out += (out.empty() ? "thread" : ", thread") + std::string(i == last ? " " : "s ") + std::to_string(i);
    if (i != last) out += "-" + std::to_string(last);
    if (t.wait == Wait::Finished) out += i == last ? " has returned" : " have returned";
    if (t.wait == Wait::Block) out += " at the barrier of " + text(t.site);
    if (t.wait == Wait::Warp) out += " at the warp operation of " + text(t.site);
    i = last + 1;
  }
  return out;
}

void fail(const std::string& what, unsigned thread) {
  running.thread = thread;
  report(what, 2);
  launch.stopped = true;
}

/// All members of a warp operation have come: gives each its answer and sets it free.
void deliver(unsigned first, unsigned members, Operation operation) {
  std::uint64_t votes = 0;
  ++warpClock;
  for (unsigned lane = 0; lane < 32; ++lane)
    if (members >> lane & 1) votes |= (threads[first + lane]->published & 1) << lane;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!(members >> lane & 1)) continue;
    Thread& t = *threads[first + lane];
    t.wait = Wait::Nothing;
    if (operation == Operation::Ballot) t.answer = votes;
    if (operation == Operation::Sync) t.warpTime = warpClock;
    if (operation != Operation::Exchange) continue;
    if (!(members >> t.from & 1))
      return fail(
          "a shuffle at " + text(t.site) + " reads lane " + std::to_string(t.from) + ", which is not among its members",
          first + lane);
    t.answer = threads[first + t.from]->published;
  }
}

/// Opens the warp operations of one warp that all their members have reached; only when no lane can run. Says whether
/// any was opened. What can never open is an error.
bool openWarp(unsigned first, unsigned end) {
  bool opened = false, waiting = false;
  for (unsigned i = first; i < end; ++i) {
    if (threads[i]->wait != Wait::Warp) continue;
    const Thread& t = *threads[i];
    bool all = true;
    for (unsigned lane = 0; lane < 32 && all; ++lane) {
      if (!(t.members >> lane & 1)) continue;
      const unsigned j = first + lane;
      if (j >= end || threads[j]->wait == Wait::Finished) {
        fail("a warp operation at " + text(t.site) + " names lane " + std::to_string(lane) +
                 (j >= end ? ", which the block does not have" : ", which has returned"),
             i);
        return false;
      }
      const Thread& o = *threads[j];
      all = o.wait == Wait::Warp && o.members == t.members && o.operation == t.operation &&
            o.site.line == t.site.line && std::strcmp(o.site.file, t.site.file) == 0;
    }
    waiting |= !all;
    if (!all) continue;
    deliver(first, t.members, t.operation);
    opened = true;
  }
  if (waiting && !opened) {
    for (unsigned i = first; i < end; ++i)
      if (threads[i]->wait == Wait::Warp) {
        fail("divergent warp operation: " + whereabouts(first, end), i);
        break;
      }
  }
  return opened;
}

/// Resumes what can run in one warp; says whether anything could.
bool runLanes(unsigned first, unsigned end) {
  const unsigned count = end - first, draw = orderSeed == kForward || orderSeed == kReverse ? 0 : dice();
  const unsigned start = draw % 32, stride = draw >> 8 | 1;
  bool any = false;
  for (unsigned i = 0; i < 32 && !launch.stopped; ++i) {
    unsigned lane = i;
    if (orderSeed == kReverse)
      lane = 31 - i;
    else if (orderSeed != kForward)
      lane = (start + i * stride) % 32;
    if (lane >= count || threads[first + lane]->wait != Wait::Nothing) continue;
    resume(first + lane);
    any = true;
  }
  return any;
}

void arrange(std::vector<unsigned>& order) {
  std::iota(order.begin(), order.end(), 0u);
  if (orderSeed == kReverse)
    std::reverse(order.begin(), order.end());
  else if (orderSeed != kForward)
    std::shuffle(order.begin(), order.end(), dice);
}

/// All that have not returned wait at the barrier, or can never get there.
void openBlock(unsigned count) {
  const Thread* first = nullptr;
  bool same = true;
  unsigned at = 0;
  for (unsigned i = 0; i < count; ++i) {
    const Thread& t = *threads[i];
    if (t.wait == Wait::Finished) continue;
    if (t.wait != Wait::Block) return fail("deadlock: " + whereabouts(0, count), i);
    if (!first) first = &t, at = i;
    same &= t.site.line == first->site.line && std::strcmp(t.site.file, first->site.file) == 0;
  }
  if (!same) return fail("divergent barrier: " + whereabouts(0, count), at);
  ++running.epoch;
  for (unsigned i = 0; i < count; ++i)
    if (threads[i]->wait == Wait::Block) threads[i]->wait = Wait::Nothing;
}

void runBlock(std::int64_t sharedBytes) {
  const unsigned count = launch.count;
  running.block = ++blockSerial;
  running.epoch = 1;
  resetShared(sharedBytes);
  for (unsigned i = 0; i < count; ++i) {
    Thread& t = *threads[i];
    t.wait = Wait::Nothing;
    t.warpTime = 0;
    t.copies.clear();
    t.copyGroup = 0;
  }
  const auto finished = [&] {
    for (unsigned i = 0; i < count; ++i)
      if (threads[i]->wait != Wait::Finished) return false;
    return true;
  };
  std::vector<unsigned> warps((count + 31) / 32);
  while (!launch.stopped) {
    // A warp runs as far as it can before the next one starts: a barrier that is missing is then noticed.
    arrange(warps);
    for (const unsigned warp : warps) {
      const unsigned first = warp * 32, end = std::min(count, first + 32);
      while (!launch.stopped && (runLanes(first, end) || openWarp(first, end)))
        if (expired) fail("the launch does not end: out of time", first);
    }
    if (launch.stopped || finished()) return;
    openBlock(count);
    if (expired) fail("the launch does not end: out of time", 0);
  }
}

}  // namespace

bool worthSaying(std::uint64_t place) {
  return launch.said < kMostErrors && launch.places.insert(place).second;
}

void report(const std::string& what) {
  ++launch.said;
  errors.push_back(what + " (" + functionAt(running.kernel) + ", block " + std::to_string(running.blockIndex) +
                   ", thread " + std::to_string(running.thread) + ")");
}

bool outOfTime() {
  return expired != 0;
}

void stopLaunch() {
  launch.stopped = true;
  inRuntime = true;
  Thread& t = current();
  for (;;) t.fibre.pause();  // never resumed: run() prepares it anew
}

bool run(const Grid& grid, Call call, void* context) {
  launch.places.clear();
  launch.said = 0;
  launch.stopped = false;
  launch.call = call, launch.context = context;
  launch.count = static_cast<unsigned>(std::max(0, grid.threads));
  running.kernel = grid.kernel;
  running.checked = grid.checked;
  running.blockIndex = 0, running.thread = 0;
  running.firstBlock = blockSerial + 1;
  if (grid.threads < 1 || grid.threads > kMostThreads || grid.sharedBytes < 0 || grid.sharedBytes > kMostSharedBytes) {
    report("a launch of " + std::to_string(grid.threads) + " threads with " + std::to_string(grid.sharedBytes) +
               " bytes of shared memory, more than a card has",
           5);
    return false;
  }
  while (threads.size() < launch.count) threads.push_back(std::make_unique<Thread>());
  const Clock clock;
  dice.seed(orderSeed);
  std::vector<std::int64_t> order(static_cast<std::size_t>(std::max<std::int64_t>(0, grid.blocks)));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (orderSeed == kReverse)
    std::reverse(order.begin(), order.end());
  else if (orderSeed != kForward)
    std::shuffle(order.begin(), order.end(), dice);
  for (const std::int64_t index : order) {
    running.blockIndex = index;
    runBlock(grid.sharedBytes);
    if (launch.stopped) break;
  }
  if (launch.stopped)
    for (auto& t : threads)
      if (t->fibre.prepared()) t->fibre.prepare(threadMain, nullptr);
  resetShared(0);
  running.checked = false;
  return launch.said == 0;
}

void setOrder(unsigned seed) {
  orderSeed = seed;
}
void setTimeout(double seconds) {
  timeoutSeconds = seconds;
}
std::vector<std::string> takeErrors() {
  return std::exchange(errors, {});
}

}  // namespace serp::kernels::emulator
