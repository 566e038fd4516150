// SPDX-License-Identifier: GPL-3.0-or-later
// Which library multiplies matrices on this machine: our kernel, or LibTorch's where that is clearly faster (a processor with matrix
// units). Measured once per machine and remembered.
#pragma once

#include <filesystem>
#include <string>

namespace serp::ops {

struct ProductRates {
  double kernel = 0, library = 0;  ///< flops per second; 0: not measured
};

struct ProductChoice {
  ProductRates wide, narrow;  ///< float32, bfloat16
  /// LibTorch's product is taken only where it is faster by a margin that no busy machine explains, since the two differ in the last bits.
  static constexpr double kMargin = 1.3;
  bool library(bool isNarrow) const {
    const ProductRates& r = isNarrow ? narrow : wide;
    return r.library > kMargin * r.kernel;
  }
};

/// Until chooseProducts() has run: our kernel for both.
const ProductChoice& productChoice();
/// Reads what `cache` says of this processor, build and thread count, or measures (some hundredths of a second) and writes it there; an
/// empty path, or one that cannot be written, means measuring at every start. Before the first step, from one thread.
void chooseProducts(const std::filesystem::path& cache);
/// $XDG_CACHE_HOME/serpentarium/products.txt or ~/.cache/…; empty without either.
std::filesystem::path productCache();

}  // namespace serp::ops
