// SPDX-License-Identifier: GPL-3.0-or-later
// A card for tests: the machine's own where there is one, else the GPU kernels emulated on the CPU, driven by the same code of the engine.
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/device/device.h"
#include "engine/ops/device_kernels.h"

namespace serp::test {

/// The emulated kernels as the table that ops call.
const ops::DeviceKernels& emulatedKernels();

/// While it lives, what is moved by there() takes a card's path. Where that is emulated, so does every tensor of the CPU.
class OnCard {
 public:
  OnCard() : real_(!device::cards().empty()) {
    if (!real_) ops::emulateDevice(&emulatedKernels());
  }
  ~OnCard() { ops::emulateDevice(nullptr); }
  OnCard(const OnCard&) = delete;
  OnCard& operator=(const OnCard&) = delete;

  at::Device device() const { return real_ ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU); }
  at::Tensor there(const at::Tensor& t) const { return t.defined() ? t.to(device()) : t; }

 private:
  bool real_;
};

}  // namespace serp::test
