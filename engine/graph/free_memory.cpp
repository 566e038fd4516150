// SPDX-License-Identifier: GPL-3.0-or-later
// Linux: MemAvailable, and the limit of the control group less what it uses for other things than file caches.
#include "engine/graph/free_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace serp {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::infinity();

double available() {
  std::ifstream file("/proc/meminfo");
  std::string name, rest;
  for (double kib = 0; file >> name >> kib; std::getline(file, rest))
    if (name == "MemAvailable:") return kib * 1024;
  return kUnknown;
}

double groupLeft() {
  std::ifstream limit("/sys/fs/cgroup/memory.max"), used("/sys/fs/cgroup/memory.current"), parts("/sys/fs/cgroup/memory.stat");
  double most = 0, now = 0, cached = 0;
  if (!(limit >> most) || !(used >> now)) return kUnknown;  // no group, or "max"
  std::string name;
  for (double bytes = 0; parts >> name >> bytes;)
    if (name == "inactive_file" || name == "active_file") cached += bytes;
  return most - std::max(0.0, now - cached);
}

}  // namespace

double freeMemory() { return std::max(0.0, std::min(available(), groupLeft())); }

}  // namespace serp
