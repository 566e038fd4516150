// SPDX-License-Identifier: GPL-3.0-or-later
// What the compiler calls from kernel files built with -fsanitize=thread and some of -fsanitize=undefined: here instead
// of in the sanitizers' own libraries, which are not linked.
#include <cstdint>
#include <string>

#include "kernels/emulated/state.h"

using serp::kernels::emulator::access;
using serp::kernels::emulator::report;
using serp::kernels::emulator::running;
using serp::kernels::emulator::stopLaunch;

namespace {

/// The head of every description that the undefined-behaviour checks pass.
struct Place {
  const char* file;
  std::uint32_t line, column;
};

void undefined(const void* data, const char* what, bool ends = false) {
  const auto* place = static_cast<const Place*>(data);
  const std::string file = place->file ? place->file : "?";
  report(std::string(what) + " at " + file.substr(file.rfind('/') + 1) + ":" + std::to_string(place->line),
         reinterpret_cast<std::uint64_t>(data));
  if (ends && running.inKernel) stopLaunch();
}

}  // namespace

#define SERP_CODE __builtin_return_address(0)
#define SERP_ACCESS(bytes)                      \
  void __tsan_read##bytes(void* p) {            \
    access(p, bytes, false, SERP_CODE);         \
  }                                             \
  void __tsan_write##bytes(void* p) {           \
    access(p, bytes, true, SERP_CODE);          \
  }                                             \
  void __tsan_unaligned_read##bytes(void* p) {  \
    access(p, bytes, false, SERP_CODE);         \
  }                                             \
  void __tsan_unaligned_write##bytes(void* p) { \
    access(p, bytes, true, SERP_CODE);          \
  }                                             \
  void __tsan_volatile_read##bytes(void* p) {   \
    access(p, bytes, false, SERP_CODE);         \
  }                                             \
  void __tsan_volatile_write##bytes(void* p) {  \
    access(p, bytes, true, SERP_CODE);          \
  }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wbuiltin-declaration-mismatch"
extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
SERP_ACCESS(1)
SERP_ACCESS(2)
SERP_ACCESS(4)
SERP_ACCESS(8)
SERP_ACCESS(16)
void __tsan_read_range(void* p, unsigned long bytes) {
  if (bytes) access(p, bytes, false, SERP_CODE);
}
void __tsan_write_range(void* p, unsigned long bytes) {
  if (bytes) access(p, bytes, true, SERP_CODE);
}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

void __ubsan_handle_out_of_bounds(void* d, void*) {
  undefined(d, "out of bounds: an index past its array", true);
}
void __ubsan_handle_type_mismatch_v1(void* d, void*) {
  undefined(d, "misaligned: an access at an address that its type cannot have");
}
void __ubsan_handle_shift_out_of_bounds(void* d, void*, void*) {
  undefined(d, "a shift by more bits than there are");
}
void __ubsan_handle_divrem_overflow(void* d, void*, void*) {
  undefined(d, "a division by zero", true);
}
void __ubsan_handle_add_overflow(void* d, void*, void*) {
  undefined(d, "signed overflow");
}
void __ubsan_handle_sub_overflow(void* d, void*, void*) {
  undefined(d, "signed overflow");
}
void __ubsan_handle_mul_overflow(void* d, void*, void*) {
  undefined(d, "signed overflow");
}
void __ubsan_handle_negate_overflow(void* d, void*) {
  undefined(d, "signed overflow");
}
void __ubsan_handle_pointer_overflow(void* d, void*, void*) {
  undefined(d, "a pointer that wraps around");
}

}  // extern "C"
#pragma GCC diagnostic pop
