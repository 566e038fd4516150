// SPDX-License-Identifier: GPL-3.0-or-later
// Which table is in use, its stream, and the one way back from a card to the host.
#include "engine/ops/device_kernels.h"

#include "engine/device/device.h"
#include "engine/ops/device_table.h"

namespace serp::ops {
namespace {

std::atomic<std::int64_t> gWaits{0};

}  // namespace

const DeviceKernels& deviceKernels() {
  const DeviceKernels* emulated = detail::gEmulated.load(std::memory_order_relaxed);
  return emulated != nullptr ? *emulated : cuda::table();
}

void* deviceStream() { return detail::gEmulated.load(std::memory_order_relaxed) != nullptr ? nullptr : device::currentStream(); }

void emulateDevice(const DeviceKernels* kernels) { detail::gEmulated.store(kernels); }

at::Tensor onHost(const at::Tensor& t) {
  if (placeOf(t).gpu) gWaits.fetch_add(1, std::memory_order_relaxed);
  return t.detach().cpu();
}

std::vector<double> readBack(const at::Tensor& t) {
  const at::Tensor values = onHost(t).to(at::kDouble).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

std::int64_t waits() { return gWaits.load(); }

}  // namespace serp::ops
