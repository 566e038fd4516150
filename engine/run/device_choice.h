// SPDX-License-Identifier: GPL-3.0-or-later
// Where a run computes: the design's key `device`, and what this program and this machine have.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "engine/api/spec.h"
#include "engine/device/device.h"

namespace serp {

struct DeviceChoice {
  at::Device device = at::kCPU;
  std::string name = "cpu";     ///< "cpu" or "cuda", for meta.json
  std::string kernels;          ///< the kernel set, with the card's name
};

/// What a choice depends on.
struct DeviceMachine {
  bool linked = false;          ///< device::linked()
  std::vector<device::Card> cards;
};
/// This program on this machine; asks the driver once.
const DeviceMachine& thisMachine();

/// Why no card can be used; empty where one can.
std::string whyNoCard(const DeviceMachine& machine);
/// `auto` takes a card that can be used; `cuda` without one throws serp::Error(BadConfiguration) with the reason.
DeviceChoice chooseDevice(const RunSpec& spec, const DeviceMachine& machine = thisMachine());
/// For a run that is only read: takes the CPU where the run's card is not there, with a sentence for a person in `notices`.
DeviceChoice chooseDeviceToRead(const RunSpec& spec, std::vector<std::string>& notices, const DeviceMachine& machine = thisMachine());
/// Free memory where the choice computes, bytes.
double freeMemoryOf(const DeviceChoice& choice);

}  // namespace serp
