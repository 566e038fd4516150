// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of the choice, apart from the machine, so that they can be tested on any.
#include "engine/run/device_choice.h"

#include "engine/base/error.h"
#include "engine/graph/free_memory.h"
#include "kernels/common.h"

namespace serp {
namespace {

constexpr int kLeastMajor = 8;  // the oldest cards that the kernels are compiled for

/// The same for one design.
std::string whyNot(const DeviceMachine& machine, const RunSpec& spec) {
  if (std::string why = whyNoCard(machine); !why.empty()) return why;
  const std::string& kernels = spec.top.text("kernels");
  return kernels == "fast" ? std::string() : "kernels: " + kernels + " runs on the CPU only";
}

DeviceChoice onCpu() { return {at::kCPU, "cpu", kernels::isaName(kernels::activeIsa())}; }

}  // namespace

const DeviceMachine& thisMachine() {
  static const DeviceMachine machine{device::linked(), device::cards()};
  return machine;
}

std::string whyNoCard(const DeviceMachine& machine) {
  if (!machine.linked)
    return "this program was built without it: it takes nvcc and the CUDA build of LibTorch (SERP_TORCH=cuda ./bootstrap build)";
  if (machine.cards.empty()) return "no NVIDIA card, or no driver that works, is on this machine (nvidia-smi shows what the driver sees)";
  const device::Card& card = machine.cards.front();
  if (card.major < kLeastMajor)
    return card.name + " has the compute capability " + std::to_string(card.major) + "." + std::to_string(card.minor) + ", the least is " +
           std::to_string(kLeastMajor) + ".0";
  return {};
}

DeviceChoice chooseDevice(const RunSpec& spec, const DeviceMachine& machine) {
  const std::string& wish = spec.top.text("device");
  if (wish == "cpu") return onCpu();
  if (const std::string why = whyNot(machine, spec); !why.empty()) {
    if (wish == "cuda")
      throw Error(fault(ExitCode::BadConfiguration, "device: cuda is asked for, but " + why + "; use device: cpu or auto", spec.file));
    return onCpu();
  }
  const device::Card& card = machine.cards.front();
  return {at::Device(at::kCUDA, 0), "cuda",
          "cuda (" + card.name + ", " + std::to_string(card.major) + "." + std::to_string(card.minor) + ")"};
}

DeviceChoice chooseDeviceToRead(const RunSpec& spec, std::vector<std::string>& notices, const DeviceMachine& machine) {
  if (const std::string why = whyNot(machine, spec); !why.empty()) {
    if (spec.top.text("device") == "cuda") notices.push_back("the run was made with device: cuda, this goes on with the CPU: " + why);
    return onCpu();
  }
  return chooseDevice(spec, machine);
}

double freeMemoryOf(const DeviceChoice& choice) { return choice.device.is_cuda() ? device::freeBytes() : freeMemory(); }

}  // namespace serp
