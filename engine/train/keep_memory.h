// SPDX-License-Identifier: GPL-3.0-or-later
// Keeping the memory of one training step for the next.
#pragma once

namespace serp {

/// From now on freed memory stays with the process, which asks for the same sizes at every step. Once is enough; any thread.
void keepMemory();

}  // namespace serp
