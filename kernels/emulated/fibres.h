// SPDX-License-Identifier: GPL-3.0-or-later
// Fibres that can be abandoned: a kernel thread that has gone wrong is never resumed, and its stack is used anew. (The
// public fibre of Boost.Context would unwind it, which code compiled for a card is not made for.)
#pragma once

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>

namespace serp::kernels::emulator {

class Fibre {
 public:
  Fibre() = default;
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  /// Forgets what ran here; the next resume() starts `entry(argument)`, which must not return.
  void prepare(void (*entry)(void* argument), void* argument);
  /// Runs the fibre until it calls pause(). From the scheduler only.
  void resume();
  /// Back to whoever resumed this fibre. From the fibre only; returns when it is resumed again.
  void pause();

  bool prepared() const { return context_ != nullptr; }
  /// Lowest address of the stack.
  std::size_t low() const { return low_; }

  static constexpr std::size_t kStackBytes = 256 * 1024;  // touched pages only cost memory

 private:
  static void start(boost::context::detail::transfer_t);

  boost::context::detail::fcontext_t context_ = nullptr, scheduler_ = nullptr;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  std::size_t low_ = 0;  // lowest address of the stack; a page that faults lies below
};

}  // namespace serp::kernels::emulator
