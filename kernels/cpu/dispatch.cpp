// SPDX-License-Identifier: GPL-3.0-or-later
// Which kernel set runs: the best one this CPU has, or the one SERP_KERNELS names. Decided once.
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "kernels/cpu/table.h"

namespace serp::kernels {
namespace {

struct Choice {
  Isa isa = Isa::Portable;
  bool reference = false;
};

Choice best() noexcept {
  Choice c;
  for (const Isa isa : {Isa::Avx2, Isa::Avx512})
    if (isaAvailable(isa)) c.isa = isa;
  if (const char* wish = std::getenv("SERP_KERNELS")) {
    if (std::strcmp(wish, "reference") == 0) c.reference = true;
    for (const Isa isa : {Isa::Portable, Isa::Avx2, Isa::Avx512})
      if (std::strcmp(wish, isaName(isa)) == 0 && isaAvailable(isa)) c.isa = isa;
  }
  return c;
}

Choice& choice() noexcept {
  static Choice c = best();
  return c;
}

}  // namespace

const char* statusText(Status status) noexcept {
  switch (status) {
    case Status::Ok:
      return "ok";
    case Status::BadShape:
      return "a size is negative or larger than the kernel supports";
    case Status::BadArgument:
      return "a needed pointer is missing or a value is out of range";
    case Status::NoDevice:
      return "there is no such device";
    case Status::LaunchFailed:
      return "the device refused the launch";
  }
  return "unknown status";
}

const char* isaName(Isa isa) noexcept {
  return isa == Isa::Avx512 ? "avx512" : isa == Isa::Avx2 ? "avx2" : "portable";
}

bool isaAvailable(Isa isa) noexcept {
#ifdef SERP_X86
  __builtin_cpu_init();
  if (isa == Isa::Avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
  if (isa == Isa::Avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return isa == Isa::Portable;
}

Isa activeIsa() noexcept {
  return choice().isa;
}

bool useReference() noexcept {
  return choice().reference;
}

Status forceIsa(Isa isa) noexcept {
  if (!isaAvailable(isa)) return Status::NoDevice;
  choice() = {isa, false};
  return Status::Ok;
}

const Table& activeTable() noexcept {
#ifdef SERP_X86
  if (choice().isa == Isa::Avx512) return avx512::table();
  if (choice().isa == Isa::Avx2) return avx2::table();
#endif
  return portable::table();
}

bool narrowIsFast() noexcept {
#ifdef SERP_X86
  return choice().isa == Isa::Avx512 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

const NarrowTable& activeNarrowTable() noexcept {
#ifdef SERP_X86
  if (narrowIsFast()) return avx512bf16::narrowTable();
  if (choice().isa == Isa::Avx512) return avx512::narrowTable();
  if (choice().isa == Isa::Avx2) return avx2::narrowTable();
#endif
  return portable::narrowTable();
}

}  // namespace serp::kernels
