// SPDX-License-Identifier: GPL-3.0-or-later
// Reads /proc/self/statm and /proc/meminfo.
#include "app/session/memory_use.h"

#include <unistd.h>

#include <cstdio>
#include <memory>

namespace serp::app {

MemoryUse memoryUse() {
  MemoryUse out;
  const auto open = [](const char* path) { return std::unique_ptr<std::FILE, int (*)(std::FILE*)>(std::fopen(path, "r"), [](std::FILE* f) { return f ? std::fclose(f) : 0; }); };
  if (const auto file = open("/proc/self/statm")) {
    long pages = 0;
    if (std::fscanf(file.get(), "%*s %ld", &pages) == 1) out.resident = static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
  if (const auto file = open("/proc/meminfo")) {
    char line[128];
    long kib = 0;
    while (std::fgets(line, sizeof line, file.get()))
      if (std::sscanf(line, "MemAvailable: %ld", &kib) == 1) out.available = static_cast<double>(kib) * 1024;
  }
  return out;
}

}  // namespace serp::app
