// SPDX-License-Identifier: GPL-3.0-or-later
// Compiled with SERP_GPU=emulated: the table is that of the emulated kernels.
#include "tests/engine/emulated_device.h"

#include "engine/ops/device_table.h"

namespace serp::test {

const ops::DeviceKernels& emulatedKernels() { return ops::SERP_GPU::table(); }

}  // namespace serp::test
