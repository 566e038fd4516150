// SPDX-License-Identifier: GPL-3.0-or-later
// Depthwise causal convolution, lanes on channels. A unit of work is one sequence and a tile of channels; it walks the
// rows in order with one pointer per tap. A tap that must read zero (before the sequence, or across a reset) points at
// a row of zeros.
#include "kernels/cpu/rows.h"

namespace serp::kernels::SERP_ISA {
namespace {

constexpr std::int64_t kTile = 256,
                       kNarrowTile = 64;  // wide: long runs of memory; narrow: enough pieces for the threads
constexpr int kMaxTap = static_cast<int>(kMaxTaps);
alignas(64) constexpr float kZeros[kTile] = {};

/// A tile of channels with its weights transposed, [tap][channel].
struct Tile {
  std::int64_t first, count;
  int taps;
  alignas(64) float weight[kMaxTap][kTile];
  alignas(64) float bias[kTile];
  const float* x[kMaxTap];  // x[k] meets weight k; x[taps - 1] is the present row
  int visible = 0;          // how many past tokens the present one sees

  Tile(const ConvShape& s, const ConvInput& in, std::int64_t b, std::int64_t begin, std::int64_t size)
      : first(begin), count(size), taps(static_cast<int>(s.width)) {
    for (int k = 0; k < taps; ++k)
      for (std::int64_t i = 0; i < kTile; ++i) weight[k][i] = i < count ? in.weight[(first + i) * taps + k] : 0.0f;
    for (std::int64_t i = 0; i < kTile; ++i) bias[i] = in.bias && i < count ? in.bias[first + i] : 0.0f;
    visible = taps - 1;
    for (int k = 0; k < taps; ++k)  // after the first advance these are the tokens -(taps-1) .. -1
      x[k] = k > 0 && in.previous ? in.previous + (b * (taps - 1) + k - 1) * s.channels + first : kZeros;
  }

  void advance(const ConvInput& in, std::int64_t row) {
    const bool reset = in.reset && in.reset[row];
    for (int k = 0; k + 1 < taps; ++k) x[k] = reset ? kZeros : x[k + 1];
    visible = reset ? 0 : visible + 1 < taps ? visible + 1 : taps - 1;
    x[taps - 1] = in.x + row * in.xStride + first;
  }

  /// Rows are a stride apart, often a page or more: the processor does not guess the next one.
  void fetch(const float* rows, std::int64_t row, std::int64_t stride) const {
    for (std::int64_t c = 0; c < count; c += 16) __builtin_prefetch(rows + row * stride + first + c);
  }

  template <int kTaps>
  Vec value(std::int64_t c, int n) const {
    Vec v = load(bias + c);
    if constexpr (kTaps > 0) {
#pragma GCC unroll 4
      for (int k = 0; k < kTaps; ++k) v += load(weight[k] + c) * load(x[k] + c, n);
    } else {
      for (int k = 0; k < taps; ++k) v += load(weight[k] + c) * load(x[k] + c, n);
    }
    return v;
  }
};

constexpr std::int64_t kAhead = 3;  // rows

struct Piece {
  std::int64_t b, first, count;
};

/// Sequences times tiles, in an order that does not matter: tiles are independent.
struct Pieces {
  std::int64_t width, tiles, channels, total;

  Pieces(const ConvShape& s, int threads) : width(kTile), channels(s.channels) {
    if (s.batch * ((s.channels + kTile - 1) / kTile) < 2 * threads) width = kNarrowTile;
    tiles = (s.channels + width - 1) / width;
    total = s.batch * tiles;
  }
  Piece operator[](std::int64_t i) const {
    const std::int64_t first = i % tiles * width;
    return {i / tiles, first, lesser(width, channels - first)};
  }
};

template <int kTaps>
void forwardTile(const ConvShape& s, const ConvInput& in, Piece p, float* out, std::int64_t outStride) {
  Tile tile(s, in, p.b, p.first, p.count);
  const std::int64_t end = (p.b + 1) * s.length;
  for (std::int64_t row = end - s.length; row < end; ++row) {
    if (row + kAhead < end) tile.fetch(in.x, row + kAhead, in.xStride);
    tile.advance(in, row);
    float* to = out + row * outStride + tile.first;
    each(tile.count, [&](std::int64_t c, int n) {
      const Vec v = tile.value<kTaps>(c, n);
      store(to + c, in.silu ? v * sigmoid(v) : v, n);
    });
  }
}

/// dv of the last `taps` tokens, so that dx of token i can gather from the tokens i .. i + taps - 1 that see it.
struct Ring {
  alignas(64) float row[kMaxTap][kTile];
  int visible[kMaxTap];
};

template <int kTaps>
void backwardTile(const ConvShape& s, const ConvInput& in, const ConvGradients& g, Piece p, float* part) {
  Tile tile(s, in, p.b, p.first, p.count);
  const std::int64_t b = p.b;
  Ring ring;
  const int taps = tile.taps;
  const std::int64_t L = s.length;
  alignas(64) float dWeight[kMaxTap][kTile], dBias[kTile] = {};
  for (int k = 0; k < taps; ++k) setZero(dWeight[k], kTile);
  for (std::int64_t j = 0; j < L + taps - 1; ++j) {  // token j enters, token j - (taps-1) leaves
    if (j + kAhead < L) {
      tile.fetch(in.x, b * L + j + kAhead, in.xStride);
      tile.fetch(g.dOut, b * L + j + kAhead, g.dOutStride);
    }
    if (j < L) {
      tile.advance(in, b * L + j);
      float* dv = ring.row[j % taps];
      ring.visible[j % taps] = tile.visible;
      const float* dOut = g.dOut + (b * L + j) * g.dOutStride + tile.first;
      each(tile.count, [&](std::int64_t c, int n) {
        Vec d = load(dOut + c, n);
        if (in.silu) {
          const Vec v = tile.value<kTaps>(c, n), sig = sigmoid(v);
          d *= sig * (splat(1.0f) + v * (splat(1.0f) - sig));
        }
        store(dv + c, d);
        store(dBias + c, load(dBias + c) + d);
        for (int k = 0; k < (kTaps > 0 ? kTaps : taps); ++k)
          store(dWeight[k] + c, load(dWeight[k] + c) + d * load(tile.x[k] + c, n));
      });
    }
    const std::int64_t i = j - (taps - 1);
    float* dx = i >= 0 ? (g.dx ? g.dx + (b * L + i) * g.dxStride : nullptr)
                       : (g.dPrevious ? g.dPrevious + (b * (taps - 1) + taps - 1 + i) * s.channels : nullptr);
    if (!dx) continue;
    dx += tile.first;
    const float* from[kMaxTap];  // from[k] meets weight k: token i + (taps-1) - k
    for (int k = 0; k < taps; ++k) {
      const std::int64_t t = i + taps - 1 - k;
      from[k] = t >= 0 && t < L && taps - 1 - k <= ring.visible[t % taps] ? ring.row[t % taps] : kZeros;
    }
    each(tile.count, [&](std::int64_t c, int n) {
      Vec d{};
      for (int k = 0; k < (kTaps > 0 ? kTaps : taps); ++k) d += load(tile.weight[k] + c) * load(from[k] + c);
      store(dx + c, d, n);
    });
  }
  for (int k = 0; k < taps; ++k)
    std::memcpy(part + k * s.channels + tile.first, dWeight[k], static_cast<std::size_t>(tile.count) * sizeof(float));
  std::memcpy(part + taps * s.channels + tile.first, dBias, static_cast<std::size_t>(tile.count) * sizeof(float));
}

}  // namespace

void convForwardImpl(const ConvShape& s, const ConvInput& in, float* out, std::int64_t outStride,
                     const ParallelFor& parallel) {
  const Pieces pieces(s, parallel.threads);
  parallel(pieces.total, 1 + 500 / s.length, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      if (s.width == 4)
        forwardTile<4>(s, in, pieces[i], out, outStride);
      else
        forwardTile<0>(s, in, pieces[i], out, outStride);
  });
}

void convBackwardImpl(const ConvShape& s, const ConvInput& in, const ConvGradients& g, float* workspace,
                      const ParallelFor& parallel) {
  const Pieces pieces(s, parallel.threads);
  const std::int64_t W = s.width, partSize = (W + 1) * s.channels;
  parallel(pieces.total, 1 + 200 / s.length, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      float* part = workspace + pieces[i].b * partSize;
      if (W == 4)
        backwardTile<4>(s, in, g, pieces[i], part);
      else
        backwardTile<0>(s, in, g, pieces[i], part);
    }
  });
  // Over the batch in order.
  for (std::int64_t k = 0; k <= W; ++k)
    each(s.channels, [&](std::int64_t c, int n) {
      Vec total{};
      for (std::int64_t b = 0; b < s.batch; ++b) total += load(workspace + b * partSize + k * s.channels + c, n);
      if (k == W && g.dBias) store(g.dBias + c, total, n);
      for (int i = 0; k < W && g.dWeight && i < n; ++i) g.dWeight[(c + i) * W + k] = total[i];
    });
}

}  // namespace serp::kernels::SERP_ISA
