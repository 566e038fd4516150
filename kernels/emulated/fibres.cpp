// SPDX-License-Identifier: GPL-3.0-or-later
// Stacks and switches of the emulator's fibres.
#include "kernels/emulated/fibres.h"

#include <sys/mman.h>

#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace serp::kernels::emulator {

namespace context = boost::context::detail;

namespace {
constexpr std::size_t kGuardBytes = 4096;
}

Fibre::~Fibre() {
  if (low_ != 0) munmap(reinterpret_cast<void*>(low_ - kGuardBytes), kStackBytes + kGuardBytes);
}

void Fibre::prepare(void (*entry)(void*), void* argument) {
  if (low_ == 0) {
    void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, kGuardBytes, PROT_NONE) != 0) std::abort();
    low_ = reinterpret_cast<std::size_t>(memory) + kGuardBytes;
  }
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(reinterpret_cast<void*>(low_), kStackBytes);  // what an abandoned frame left behind
#endif
  entry_ = entry;
  argument_ = argument;
  context_ = context::make_fcontext(reinterpret_cast<void*>(low_ + kStackBytes), kStackBytes, &Fibre::start);
}

void Fibre::start(context::transfer_t from) {
  auto* self = static_cast<Fibre*>(from.data);
  self->scheduler_ = from.fctx;
  self->entry_(self->argument_);
  std::abort();  // an entry never returns
}

void Fibre::resume() {
  context_ = context::jump_fcontext(context_, this).fctx;
}

void Fibre::pause() {
  scheduler_ = context::jump_fcontext(scheduler_, nullptr).fctx;
}

}  // namespace serp::kernels::emulator
