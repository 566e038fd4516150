// SPDX-License-Identifier: GPL-3.0-or-later
// One scan problem with every optional input, and room for everything a scan answers; for the tests of all its
// versions.
#pragma once

#include <cmath>
#include <limits>
#include <utility>

#include "kernels/selective_scan.h"
#include "tests/kernels/kernel_testing.h"

namespace serp::test::scan {

using namespace serp::kernels;

enum Option { kGate = 1, kSkip = 2, kBias = 4, kInitial = 8, kResets = 16, kSoftplus = 32, kStrided = 64, kAll = 127 };

/// Inputs of one problem. With kStrided every row is longer than its content.
struct Case {
  ScanShape s;
  int options;
  std::int64_t wide, narrow;  // strides
  std::vector<float> u, delta, A, B, C, D, z, bias, h0, dy, dLast;
  std::vector<std::uint8_t> reset;

  Case(ScanShape shape, int chosen) : s(shape), options(chosen) {
    const std::int64_t rows = s.batch * s.length, state = s.channels * s.states;
    wide = s.channels + (options & kStrided ? 5 : 0), narrow = s.states + (options & kStrided ? 3 : 0);
    const auto rowsOf = [&](std::int64_t width, std::int64_t stride, unsigned seed) {
      return spread(numbers(rows * width, seed), width, stride);
    };
    u = rowsOf(s.channels, wide, 1), delta = rowsOf(s.channels, wide, 2), z = rowsOf(s.channels, wide, 3),
    dy = rowsOf(s.channels, wide, 4);
    B = rowsOf(s.states, narrow, 5), C = rowsOf(s.states, narrow, 6);
    A = numbers(state, 7, -6.0f, -0.01f), D = numbers(s.channels, 8), bias = numbers(s.channels, 9, -3, 1);
    h0 = numbers(s.batch * state, 10), dLast = numbers(s.batch * state, 11);
    if (!(options & kSoftplus))
      for (float& x : delta) x = std::fabs(x);
    for (std::int64_t i = 0; i < rows; ++i) reset.push_back(i % 11 == 3 || i % 17 == 0);
  }
  ScanInput input() const {
    ScanInput in;
    in.u = u.data(), in.delta = delta.data(), in.A = A.data(), in.B = B.data(), in.C = C.data();
    in.uStride = in.deltaStride = in.zStride = wide, in.bStride = in.cStride = narrow;
    if (options & kSkip) in.D = D.data();
    if (options & kGate) in.z = z.data();
    if (options & kBias) in.deltaBias = bias.data();
    if (options & kInitial) in.h0 = h0.data();
    if (options & kResets) in.reset = reset.data();
    in.softplus = options & kSoftplus;
    return in;
  }
};

struct Results {
  std::vector<float> y, last, du, dDelta, dB, dC, dz, dA, dD, dBias, dh0, checkpoints, workspace;

  explicit Results(const Case& c) {
    const std::int64_t rows = c.s.batch * c.s.length, state = c.s.channels * c.s.states;
    y = du = dDelta = dz = std::vector<float>(size(rows * c.wide), 7);
    dB = dC = std::vector<float>(size(rows * c.narrow), 7);
    last = dh0 = std::vector<float>(size(c.s.batch * state), 7);
    dA = std::vector<float>(size(state), 7), dD = dBias = std::vector<float>(size(c.s.channels), 7);
  }
  ScanOutput output(const Case& c) {
    checkpoints.assign(size(scanCheckpointCount(c.s)), std::numeric_limits<float>::quiet_NaN());
    return {y.data(), c.wide, last.data(), checkpoints.data()};
  }
  ScanGradients gradients(const Case& c) {
    ScanGradients g;
    g.dy = c.dy.data(), g.dLastState = c.dLast.data();
    g.dyStride = g.duStride = g.dDeltaStride = g.dzStride = c.wide, g.dbStride = g.dcStride = c.narrow;
    g.du = du.data(), g.dDelta = dDelta.data(), g.dB = dB.data(), g.dC = dC.data(), g.dA = dA.data(), g.dD = dD.data();
    if (c.options & kGate) g.dz = dz.data();
    g.dDeltaBias = dBias.data(), g.dh0 = dh0.data();
    return g;
  }
  Status run(const Case& c, const ParallelFor& p) {
    if (const Status s = scanForward(c.s, c.input(), output(c), p); s != Status::Ok) return s;
    workspace.assign(size(scanBackwardWorkspace(c.s, p.threads)), std::numeric_limits<float>::quiet_NaN());
    return scanBackward(c.s, c.input(), checkpoints.data(), gradients(c), workspace.data(), p);
  }
};

inline constexpr std::pair<const char*, std::vector<float> Results::*> kResults[] = {
    {"y", &Results::y},   {"last", &Results::last},   {"du", &Results::du},  {"dDelta", &Results::dDelta},
    {"dB", &Results::dB}, {"dC", &Results::dC},       {"dz", &Results::dz},  {"dA", &Results::dA},
    {"dD", &Results::dD}, {"dBias", &Results::dBias}, {"dh0", &Results::dh0}};

}  // namespace serp::test::scan
