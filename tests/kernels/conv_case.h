// SPDX-License-Identifier: GPL-3.0-or-later
// One convolution with every optional input, and room for everything it answers; for the tests of all its versions.
#pragma once

#include <utility>

#include "kernels/causal_conv1d.h"
#include "tests/kernels/kernel_testing.h"

namespace serp::test::conv {

using namespace serp::kernels;

enum Option { kBias = 1, kPrevious = 2, kResets = 4, kSilu = 8, kStrided = 16, kAll = 31 };

struct Case {
  ConvShape s;
  int options;
  std::int64_t stride;
  std::vector<float> x, weight, bias, previous, dOut;
  std::vector<std::uint8_t> reset;

  Case(ConvShape shape, int chosen) : s(shape), options(chosen), stride(s.channels + (options & kStrided ? 7 : 0)) {
    const std::int64_t rows = s.batch * s.length;
    x = spread(numbers(rows * s.channels, 1, -2, 2), s.channels, stride),
    dOut = spread(numbers(rows * s.channels, 2), s.channels, stride);
    weight = numbers(s.channels * s.width, 3), bias = numbers(s.channels, 4),
    previous = numbers(s.batch * (s.width - 1) * s.channels, 5);
    for (std::int64_t i = 0; i < rows; ++i) reset.push_back(i % 5 == 2 || i % 7 == 3);
  }
  ConvInput input() const {
    ConvInput in;
    in.x = x.data(), in.weight = weight.data(), in.xStride = stride, in.silu = options & kSilu;
    if (options & kBias) in.bias = bias.data();
    if (options & kPrevious) in.previous = previous.data();
    if (options & kResets) in.reset = reset.data();
    return in;
  }
};

struct Results {
  std::vector<float> out, dx, dWeight, dBias, dPrevious, workspace;

  explicit Results(const Case& c)
      : out(c.x.size(), 7),
        dx(c.x.size(), 7),
        dWeight(c.weight.size(), 7),
        dBias(c.bias.size(), 7),
        dPrevious(c.previous.size(), 7) {}
  ConvGradients gradients(const Case& c) {
    return {c.dOut.data(), c.stride, dx.data(), c.stride, dWeight.data(), dBias.data(), dPrevious.data()};
  }
  Status run(const Case& c, const ParallelFor& p) {
    if (const Status s = convForward(c.s, c.input(), out.data(), c.stride, p); s != Status::Ok) return s;
    workspace.assign(size(convBackwardWorkspace(c.s, p.threads)), 1e30f);
    return convBackward(c.s, c.input(), gradients(c), workspace.data(), p);
  }
  Status plain(const Case& c) {
    reference::convForward(c.s, c.input(), out.data(), c.stride);
    return reference::convBackward(c.s, c.input(), gradients(c));
  }
};

inline constexpr std::pair<const char*, std::vector<float> Results::*> kResults[] = {
    {"out", &Results::out},
    {"dx", &Results::dx},
    {"dWeight", &Results::dWeight},
    {"dBias", &Results::dBias},
    {"dPrevious", &Results::dPrevious}};

}  // namespace serp::test::conv
