// SPDX-License-Identifier: GPL-3.0-or-later
// The table of one instruction set; compiled once for each.
#include "kernels/cpu/table.h"

#include "kernels/cpu/vec.h"

namespace serp::kernels::SERP_ISA {

void scanForwardImpl(const ScanShape&, const ScanInput&, const ScanOutput&, const ParallelFor&);
void scanBackwardImpl(const ScanShape&, const ScanInput&, const float*, const ScanGradients&, float*, const ParallelFor&);
void scanStepImpl(const ScanShape&, const ScanInput&, float*, float*, std::int64_t, const ParallelFor&);
void convForwardImpl(const ConvShape&, const ConvInput&, float*, std::int64_t, const ParallelFor&);
void convBackwardImpl(const ConvShape&, const ConvInput&, const ConvGradients&, float*, const ParallelFor&);
void softmaxRowsImpl(std::int64_t, std::int64_t, const float*, std::int64_t, float*, float*, const ParallelFor&);
void normForwardImpl(const NormShape&, const float*, std::int64_t, const float*, const float*, float*, std::int64_t, float*,
                     const ParallelFor&);
void normBackwardImpl(const NormShape&, const float*, std::int64_t, const float*, const float*, const float*, std::int64_t, const float*,
                      float*, std::int64_t, float*, float*, float*, const ParallelFor&);
bool crossEntropyImpl(std::int64_t, std::int64_t, const float*, std::int64_t, const std::int64_t*, const CrossEntropyOutput&,
                      const ParallelFor&);
void adamwImpl(std::int64_t, float*, float*, float*, float*, const AdamWSettings&, bool, const ParallelFor&);
double sumOfSquaresImpl(std::int64_t, const float*, const ParallelFor&);

const Table& table() {
  static const Table t{scanForwardImpl, scanBackwardImpl, scanStepImpl, convForwardImpl, convBackwardImpl, softmaxRowsImpl,
                       normForwardImpl, normBackwardImpl, crossEntropyImpl, adamwImpl, sumOfSquaresImpl};
  return t;
}

}  // namespace serp::kernels::SERP_ISA
