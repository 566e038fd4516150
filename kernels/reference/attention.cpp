// SPDX-License-Identifier: GPL-3.0-or-later
// Causal softmax attention as its definition reads, in doubles, a head of a sequence at a time.
#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace serp::kernels::reference {
namespace {

using Matrix = std::vector<double>;  // [length, width]

template <class View>
auto* rowOf(const View& view, const AttentionShape& s, std::int64_t b, std::int64_t t, std::int64_t head) {
  return view.data + (b * s.length + t) * view.tokenStride + head * view.headStride;
}

/// The row of position t, rotated by its angles; `sign` -1: back.
void rotate(const AttentionShape& s, const AttentionInput& in, std::int64_t t, double sign, double* row) {
  for (std::int64_t i = 0; i < s.half; ++i) {
    const double c = in.cosine[t * s.half + i], w = sign * in.sine[t * s.half + i], a = row[i], b = row[i + s.half];
    row[i] = a * c - b * w;
    row[i + s.half] = b * c + a * w;
  }
}

Matrix read(const AttentionShape& s, const HeadsView& view, std::int64_t b, std::int64_t head) {
  Matrix m;
  for (std::int64_t t = 0; t < s.length; ++t) {
    const float* row = rowOf(view, s, b, t, head);
    m.insert(m.end(), row, row + s.width);
  }
  return m;
}

Matrix readRotated(const AttentionShape& s, const AttentionInput& in, const HeadsView& view, std::int64_t b, std::int64_t head) {
  Matrix m = read(s, view, b, head);
  for (std::int64_t t = 0; t < s.length; ++t) rotate(s, in, t, 1, m.data() + t * s.width);
  return m;
}

void write(const AttentionShape& s, const MutableHeadsView& view, std::int64_t b, std::int64_t head, const Matrix& m) {
  for (std::int64_t t = 0; t < s.length; ++t)
    for (std::int64_t i = 0; i < s.width; ++i) rowOf(view, s, b, t, head)[i] = static_cast<float>(m[t * s.width + i]);
}

double dot(const double* a, const double* b, std::int64_t width) {
  double sum = 0;
  for (std::int64_t i = 0; i < width; ++i) sum += a[i] * b[i];
  return sum;
}

std::int64_t firstKey(const AttentionShape& s, std::int64_t t) {
  return s.window > 0 ? std::max<std::int64_t>(0, t - s.window + 1) : 0;
}

}  // namespace

Status attentionForward(const AttentionShape& s, const AttentionInput& in, const AttentionOutput& o) noexcept {
  const double scale = 1 / std::sqrt(static_cast<double>(s.width));
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h) {
      const std::int64_t kh = h / (s.heads / s.keyHeads);
      const Matrix q = readRotated(s, in, in.q, b, h), k = readRotated(s, in, in.k, b, kh), v = read(s, in.v, b, kh);
      Matrix y(v.size()), scores(static_cast<std::size_t>(s.length));
      for (std::int64_t t = 0; t < s.length; ++t) {
        double top = -HUGE_VAL, sum = 0;
        for (std::int64_t key = firstKey(s, t); key <= t; ++key) {
          scores[key] = scale * dot(&q[t * s.width], &k[key * s.width], s.width);
          top = std::max(top, scores[key]);
        }
        for (std::int64_t key = firstKey(s, t); key <= t; ++key) sum += scores[key] = std::exp(scores[key] - top);
        for (std::int64_t key = firstKey(s, t); key <= t; ++key)
          for (std::int64_t i = 0; i < s.width; ++i) y[t * s.width + i] += scores[key] / sum * v[key * s.width + i];
        if (o.logSum) o.logSum[(b * s.heads + h) * s.length + t] = static_cast<float>(top + std::log(sum));
      }
      write(s, o.y, b, h, y);
    }
  return Status::Ok;
}

Status attentionBackward(const AttentionShape& s, const AttentionInput& in, const AttentionGradients& g) noexcept {
  const double scale = 1 / std::sqrt(static_cast<double>(s.width));
  const std::int64_t group = s.heads / s.keyHeads, W = s.width;
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t kh = 0; kh < s.keyHeads; ++kh) {
      const Matrix k = readRotated(s, in, in.k, b, kh), v = read(s, in.v, b, kh);
      Matrix dk(k.size()), dv(k.size());
      for (std::int64_t h = kh * group; h < (kh + 1) * group; ++h) {
        const Matrix q = readRotated(s, in, in.q, b, h), y = read(s, g.y, b, h), dy = read(s, g.dy, b, h);
        Matrix dq(q.size());
        for (std::int64_t t = 0; t < s.length; ++t) {
          const double mean = dot(&y[t * W], &dy[t * W], W), logSum = g.logSum[(b * s.heads + h) * s.length + t];
          for (std::int64_t key = firstKey(s, t); key <= t; ++key) {
            const double p = std::exp(scale * dot(&q[t * W], &k[key * W], W) - logSum);
            const double ds = p * (dot(&dy[t * W], &v[key * W], W) - mean) * scale;
            for (std::int64_t i = 0; i < W; ++i) {
              dv[key * W + i] += p * dy[t * W + i];
              dq[t * W + i] += ds * k[key * W + i];
              dk[key * W + i] += ds * q[t * W + i];
            }
          }
          rotate(s, in, t, -1, &dq[t * W]);
        }
        write(s, g.dq, b, h, dq);
      }
      for (std::int64_t t = 0; t < s.length; ++t) rotate(s, in, t, -1, &dk[t * W]);
      write(s, g.dk, b, kh, dk);
      write(s, g.dv, b, kh, dv);
    }
  return Status::Ok;
}

}  // namespace serp::kernels::reference
