// SPDX-License-Identifier: GPL-3.0-or-later
// The table of one instruction set; compiled once for each.
#include "kernels/cpu/table.h"

#include "kernels/cpu/vec.h"

namespace serp::kernels::SERP_ISA {

#if !defined(__AVX512BF16__)
KernelSignatures::ScanForward scanForwardImpl;
KernelSignatures::ScanBackward scanBackwardImpl;
KernelSignatures::ScanStep scanStepImpl;
KernelSignatures::ConvForward convForwardImpl;
KernelSignatures::ConvBackward convBackwardImpl;
KernelSignatures::SoftmaxRows softmaxRowsImpl;
KernelSignatures::RouteBackward routeBackwardImpl;
KernelSignatures::CombineRows combineRowsImpl;
KernelSignatures::CombineRowsBackward combineRowsBackwardImpl;
KernelSignatures::NormForward normForwardImpl;
KernelSignatures::NormBackward normBackwardImpl;
KernelSignatures::CrossEntropy crossEntropyImpl;
KernelSignatures::AdamW adamwImpl;
KernelSignatures::SumOfSquares sumOfSquaresImpl;
KernelSignatures::Matmul matmulImpl;
KernelSignatures::AttentionForward attentionForwardImpl;
KernelSignatures::AttentionBackward attentionBackwardImpl;
KernelSignatures::RoofChain roofChainImpl;

const Table& table() {
  static constexpr Table t{
      scanForwardImpl,  scanBackwardImpl,  scanStepImpl,    convForwardImpl,         convBackwardImpl,
      softmaxRowsImpl,  routeBackwardImpl, combineRowsImpl, combineRowsBackwardImpl, normForwardImpl,
      normBackwardImpl, crossEntropyImpl,  adamwImpl,       sumOfSquaresImpl,        matmulImpl,
      attentionForwardImpl, attentionBackwardImpl, roofChainImpl};
  return t;
}
#endif

KernelSignatures::Matmul matmulNarrowImpl;
KernelSignatures::AttentionForward attentionForwardNarrowImpl;
KernelSignatures::AttentionBackward attentionBackwardNarrowImpl;
KernelSignatures::RoofNarrowChain roofNarrowChainImpl;

const NarrowTable& narrowTable() {
  static constexpr NarrowTable t{matmulNarrowImpl, attentionForwardNarrowImpl, attentionBackwardNarrowImpl, roofNarrowChainImpl};
  return t;
}

}  // namespace serp::kernels::SERP_ISA
