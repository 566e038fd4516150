// SPDX-License-Identifier: GPL-3.0-or-later
// How much memory this machine, or the container around the program, has left.
#pragma once

namespace serp {

/// Bytes that can still be taken without swapping; infinity where the system does not say. Page caches count as free. Returns at once.
double freeMemory();

}  // namespace serp
