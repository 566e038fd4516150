// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU's norms, cross entropy, activations, heads, column sums, embedding and AdamW against plain loops.
#include <cmath>

#include "kernels/reference/plain.h"
#include "tests/kernels/card.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

using Tokens = std::vector<std::int64_t>;

double plainAct(gpu::Activation kind, double x) {
  switch (kind) {
    case gpu::Activation::Relu:
      return x <= 0 ? 0 : x;
    case gpu::Activation::Gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case gpu::Activation::Silu:
      return x / (1 + std::exp(-x));
    case gpu::Activation::Relu2:
      break;
  }
  return x <= 0 ? 0 : x * x;
}
/// By central differences: nothing shared with the kernel's formula.
double plainSlope(gpu::Activation kind, double x) {
  return (plainAct(kind, x + 1e-6) - plainAct(kind, x - 1e-6)) / 2e-6;
}

}  // namespace

class TestGpuRows : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { SERP_NEEDS_CARD(); }

  void norms_data() {
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("gap");
    for (const int width : {1, 33, 64, 341})
      for (const int gap : {3, 8}) QTest::addRow("width %d, gap %d", width, gap) << width << gap;
  }
  void norms() {
    QFETCH(int, width);
    QFETCH(int, gap);
    for (const NormKind kind : {NormKind::Layer, NormKind::Rms})
      for (const DType type : kTypes)
        for (const bool bare : {false, true}) {
          const NormShape s{kind, 70, width, 1e-5f};
          const std::int64_t stride = width + gap, rows = s.rows;
          const auto some = [&](std::uint64_t seed, float low = -1, float high = 1) {
            return stored(spread(numbers(rows * width, seed, low, high), width, stride, 1e3f), type);
          };
          const Floats a = some(1, -1, 3), b = some(7), dy = some(2), add = some(5);
          const Floats weight = numbers(width, 3), bias = numbers(width, 4), filled(a.size(), 7);
          Floats x = a;  // of the plain loops: the sum as it is stored
          for (std::size_t i = 0; i < x.size(); ++i) x[i] = bare ? a[i] : a[i] + b[i];
          x = stored(x, type);
          SERP_IN_EVERY_ORDER(got, [&]() -> std::vector<Floats> {
            Card card(type);
            const float *w = bare ? nullptr : card.put(weight), *c = bare ? nullptr : card.put(bias);
            float *in = card.act(a), *y = card.act(filled), *dx = card.act(filled), *stats = card.room<float>(2 * rows),
                  *dWeight = card.room<float>(width), *dBias = card.room<float>(width),
                  *workspace = card.room<float>(gpu::normBackwardWorkspace(s));
            const Status forward = bare ? gpu::normForward(s, in, stride, w, c, y, stride, stats, {}, type)
                                        : gpu::normResidualForward(s, in, stride, card.act(b), stride, in, stride, w, c,
                                                                   y, stride, stats, {}, type);
            if (forward != Status::Ok) return {};
            if (gpu::normBackward(s, in, stride, w, stats, card.act(dy), stride, bare ? nullptr : card.act(add), dx,
                                  stride, dWeight, dBias, workspace, {}, type) != Status::Ok)
              return {};
            return {card.get(y), card.get(stats), card.get(dx), card.get(dWeight), card.get(dBias)};
          });
          Floats y = filled, stats(size(2 * rows)), dx = filled, dWeight(size(width)), dBias(size(width));
          const float *w = bare ? nullptr : weight.data(), *c = bare ? nullptr : bias.data();
          reference::normForward(s, x.data(), stride, w, c, y.data(), stride, stats.data());
          reference::normBackwardAdding(s, x.data(), stride, w, stats.data(), dy.data(), stride,
                                        bare ? nullptr : add.data(), dx.data(), stride, dWeight.data(), dBias.data());
          const Floats want[] = {stored(y, type), stats, stored(dx, type), dWeight, dBias};
          for (std::size_t i = 0; i < 5; ++i)
            SERP_AGREES(got[i], want[i], i % 2 == 0 && i < 4 ? tolerance(type, 5e-6) : 5e-6,
                        QString("answer %1 in %2").arg(i).arg(typeName(type)));
        }
  }

  void crossEntropies() {
    for (const std::int64_t vocab : {1, 2, 64, 257, 704})
      for (const DType type : kTypes) {
        const std::int64_t rows = 11, stride = vocab + (vocab % 8 == 0 ? 8 : 2);
        const Floats logits = stored(spread(numbers(rows * vocab, 1, -30, 30), vocab, stride, 1e30f), type);
        Tokens target;
        for (std::int64_t i = 0; i < rows; ++i) target.push_back(i % 5 == 4 ? -100 : i * 7919 % vocab);
        for (const bool inPlace : {false, true}) {
          SERP_IN_EVERY_ORDER(got, [&]() -> std::vector<Floats> {
            Card card(type);
            float *x = card.act(logits), *loss = card.room<float>(rows), *grad = inPlace ? x : card.act(logits);
            auto* hit = card.room<std::uint8_t>(rows);
            if (gpu::crossEntropy(rows, vocab, x, stride, card.put(target), {loss, hit, grad, stride, 0.25f}, {},
                                  type) != Status::Ok)
              return {};
            const auto hits = card.get(hit);
            return {card.get(loss), packed(card.get(grad), vocab, stride), Floats(hits.begin(), hits.end())};
          });
          Floats loss(size(rows)), grad(logits.size());
          std::vector<std::uint8_t> hit(size(rows));
          reference::crossEntropy(rows, vocab, logits.data(), stride, target.data(),
                                  {loss.data(), hit.data(), grad.data(), stride, 0.25f});
          SERP_AGREES(got[0], loss, 1e-6, "loss");
          SERP_AGREES(got[1], stored(packed(grad, vocab, stride), type), tolerance(type, 2e-6), "gradient");
          QCOMPARE(got[2], Floats(hit.begin(), hit.end()));
        }
      }
  }

  void crossEntropiesOfOddRows() {
    const float inf = std::numeric_limits<float>::infinity();
    struct Row {
      Floats logits;
      std::int64_t target;
      float loss;
      int hit;
    };
    const std::vector<Row> rows = {{Floats(40, 0.5f), 0, std::log(40.0f), 1},
                                   {Floats(40, 0.5f), 3, std::log(40.0f), 0},
                                   {Floats(40, 0.5f), 40, kNaN, 0},
                                   {{-inf, 1, -inf}, 1, 0, 1},
                                   {{-inf, 1, -inf}, 0, inf, 0},
                                   {{kNaN, 1, 2}, 1, kNaN, 0},
                                   {{inf, 1, 2}, 1, kNaN, 0}};
    for (const Row& row : rows) {
      Card card;
      const auto vocab = static_cast<std::int64_t>(row.logits.size());
      float *loss = card.room<float>(1), *grad = card.room<float>(vocab);
      auto* hit = card.room<std::uint8_t>(1);
      QCOMPARE(gpu::crossEntropy(1, vocab, card.act(row.logits), vocab, card.put(Tokens{row.target}),
                                 {loss, hit, grad, vocab, 1}, {}),
               Status::Ok);
      const float got = card.get(loss)[0];
      QVERIFY2(std::isnan(row.loss) ? std::isnan(got) : got == row.loss || std::fabs(got - row.loss) < 1e-5,
               qPrintable(QString::number(got)));
      if (!std::isnan(row.loss)) QCOMPARE(int{card.get(hit)[0]}, row.hit);
    }
    QVERIFY2(complaints().isEmpty(), "of an odd row");
  }

  void activations() {
    for (const gpu::Activation kind :
         {gpu::Activation::Relu, gpu::Activation::Gelu, gpu::Activation::Silu, gpu::Activation::Relu2})
      for (const std::int64_t width : {1, 13, 32})
        for (const DType type : kTypes)
          for (const bool gated : {false, true}) {
            const std::int64_t rows = 19, stride = 2 * width;  // both halves of one matrix
            const Floats h = stored(numbers(rows * stride, 1, -4, 4), type),
                         dOut = stored(numbers(rows * width, 2), type);
            SERP_IN_EVERY_ORDER(got, [&]() -> std::vector<Floats> {
              Card card(type);
              const float *x = card.act(h),
                          *up = reinterpret_cast<const float*>(reinterpret_cast<const char*>(x) +
                                                               width * (type == DType::BFloat16 ? 2 : 4));
              float *y = card.act(Floats(size(rows * width), 7)), *dh = card.act(Floats(size(rows * width), 7)),
                    *dUp = card.act(Floats(size(rows * width), 7));
              const gpu::ActivationRows r{rows, width, x, stride, gated ? up : nullptr, stride};
              if (gpu::activate(r, kind, y, width, {}, type) != Status::Ok) return {};
              if (gpu::activateBackward(r, kind, card.act(dOut), width, dh, width, gated ? dUp : nullptr, width, {},
                                        type) != Status::Ok)
                return {};
              return {card.get(y), card.get(dh), card.get(dUp)};
            });
            Floats y, dh, dUp;
            for (std::int64_t i = 0; i < rows * width; ++i) {
              const double x = h[size(i / width * stride + i % width)],
                           u = gated ? h[size(i / width * stride + width + i % width)] : 1.0, d = dOut[size(i)];
              y.push_back(static_cast<float>(plainAct(kind, x) * u));
              dh.push_back(static_cast<float>(plainSlope(kind, x) * u * d));
              dUp.push_back(gated ? static_cast<float>(plainAct(kind, x) * d) : 7.0f);
            }
            SERP_AGREES(got[0], stored(y, type), tolerance(type, 2e-6), "act");
            SERP_AGREES(got[1], stored(dh, type), tolerance(type, 2e-6), "dh");
            SERP_AGREES(got[2], stored(dUp, type), tolerance(type, 2e-6), "dUp");
          }
    Card card;
    float* y = card.put(Floats{kNaN, -1});
    QCOMPARE(gpu::activate({1, 2, y, 2, nullptr, 0}, gpu::Activation::Relu, y, 2, {}), Status::Ok);
    QVERIFY(std::isnan(card.get(y)[0]) && card.get(y)[1] == 0);
  }

  void heads() {
    for (const std::int64_t width : {1, 5, 16})
      for (const DType type : kTypes)
        for (const bool turned : {true, false}) {
          const gpu::HeadsShape s{2, 7, 3, width};
          const std::int64_t first = 5, half = turned ? width / 2 : 0, rows = s.batch * s.length * s.heads;
          const Floats qkv = stored(numbers(rows * 3 * width, 1), type),
                       grad = stored(numbers(3 * rows * width, 2), type);
          const auto inQkv = [&](std::int64_t b, std::int64_t t, std::int64_t h, std::int64_t p, std::int64_t i) {
            return size((((b * s.length + t) * s.heads + h) * 3 + p) * width + i);
          };
          // Gradients come as [B, T, heads, width]: an order that is not that of the outputs.
          const auto inGrad = [&](std::int64_t b, std::int64_t t, std::int64_t h, std::int64_t p, std::int64_t i) {
            return size(p * rows * width + ((b * s.length + t) * s.heads + h) * width + i);
          };
          SERP_IN_EVERY_ORDER(got, [&]() -> std::vector<Floats> {
            Card card(type);
            const std::int64_t angles = std::max<std::int64_t>(1, s.length * (width / 2));
            float *c = card.room<float>(angles), *n = card.room<float>(angles);
            if (gpu::ropeAngles(s.length, width, 100.0, first - 2, card.put(Tokens{2}), c, n, {}) != Status::Ok)
              return {};
            const float *cosines = turned ? c : nullptr, *sines = turned ? n : nullptr;
            const std::int64_t each = type == DType::BFloat16 ? 2 : 4;
            float *q = card.act(Floats(size(rows * width))), *k = card.act(Floats(size(rows * width))),
                  *v = card.act(Floats(size(rows * width))), *g = card.act(grad), *back = card.act(Floats(qkv.size()));
            const auto view = [&](std::int64_t p) {
              return gpu::HeadsView{reinterpret_cast<float*>(reinterpret_cast<char*>(g) + p * rows * width * each),
                                    s.length * s.heads * width, width, s.heads * width};
            };
            if (gpu::splitHeads(s, card.act(qkv), cosines, sines, q, k, v, {}, type) != Status::Ok) return {};
            if (gpu::splitHeadsBackward(s, view(0), view(1), view(2), cosines, sines, back, {}, type) != Status::Ok)
              return {};
            return {card.get(q), card.get(k), card.get(v), card.get(back)};
          });
          Floats want[4] = {Floats(size(rows * width)), Floats(size(rows * width)), Floats(size(rows * width)),
                            Floats(qkv.size())};
          for (std::int64_t b = 0; b < s.batch; ++b)
            for (std::int64_t t = 0; t < s.length; ++t)
              for (std::int64_t h = 0; h < s.heads; ++h)
                for (std::int64_t p = 0; p < 3; ++p)
                  for (std::int64_t i = 0; i < width; ++i) {
                    const std::size_t to = size(((b * s.heads + h) * s.length + t) * width + i);
                    if (p == 2 || i >= 2 * half) {
                      want[p][to] = qkv[inQkv(b, t, h, p, i)],
                      want[3][inQkv(b, t, h, p, i)] = grad[inGrad(b, t, h, p, i)];
                      continue;
                    }
                    const double angle =
                        static_cast<double>(first + t) *
                        std::pow(100.0, -2.0 * static_cast<double>(i % half) / static_cast<double>(width));
                    const std::int64_t j = i < half ? i + half : i - half;
                    const double sine = std::sin(angle) * (i < half ? -1 : 1);
                    want[p][to] = static_cast<float>(qkv[inQkv(b, t, h, p, i)] * std::cos(angle) +
                                                     qkv[inQkv(b, t, h, p, j)] * sine);
                    want[3][inQkv(b, t, h, p, i)] = static_cast<float>(grad[inGrad(b, t, h, p, i)] * std::cos(angle) -
                                                                       grad[inGrad(b, t, h, p, j)] * sine);
                  }
          for (std::size_t i = 0; i < 4; ++i)
            SERP_AGREES(got[i], stored(want[i], type), tolerance(type, 1e-6),
                        QString("part %1, width %2").arg(i).arg(width));
        }
  }

  void columnSums() {
    for (const std::int64_t rows : {0, 1, 63, 64, 65, 200})
      for (const std::int64_t width : {1, 7, 40})
        for (const DType type : kTypes) {
          const std::int64_t stride = width + 8;
          const Floats x = stored(spread(numbers(rows * width, 1), width, stride), type);
          SERP_IN_EVERY_ORDER(got, [&]() -> std::vector<Floats> {
            Card card(type);
            float* sums = card.room<float>(width);
            if (gpu::columnSum(rows, width, card.act(x), stride, sums,
                               card.room<float>(gpu::columnSumWorkspace(rows, width)), {}, type) != Status::Ok)
              return {};
            return {card.get(sums)};
          });
          Floats want;
          for (std::int64_t c = 0; c < width; ++c) {
            double sum = 0;
            for (std::int64_t r = 0; r < rows; ++r) sum += x[size(r * stride + c)];
            want.push_back(static_cast<float>(sum));
          }
          SERP_AGREES(got[0], want, 3e-6, "sums");
        }
  }

  void embeddings_data() {
    QTest::addColumn<QVector<qint64>>("shape");  // count, vocab, width, how skewed
    for (const auto& s : QVector<QVector<qint64>>{{0, 5, 3, 1},
                                                  {1, 1, 1, 1},
                                                  {7, 300, 8, 1},
                                                  {200, 1, 5, 1},
                                                  {300, 7, 4, 1},
                                                  {1100, 700, 3, 1},
                                                  {600, 70000, 2, 1},
                                                  {700, 9, 8, 40}})
      QTest::addRow("%lld of %lld, width %lld, skew %lld", s[0], s[1], s[2], s[3]) << s;
  }
  void embeddings() {
    QFETCH(QVector<qint64>, shape);
    const std::int64_t count = shape[0], vocab = shape[1], width = shape[2];
    Tokens tokens;
    for (std::int64_t i = 0; i < count; ++i) tokens.push_back(i % shape[3] != 0 ? 3 % vocab : i * 7919 % vocab);
    if (count > 250 && vocab > 1) tokens[5] = -1, tokens[9] = vocab, tokens[70] = std::int64_t{1} << 40;
    for (const DType type : kTypes)
      for (const bool add : {false, true}) {
        const Floats table = stored(numbers(vocab * width, 1), type),
                     dy = stored(spread(numbers(count * width, 2), width, width + 8), type);
        SERP_IN_EVERY_ORDER(got, [&]() -> std::vector<Floats> {
          Card card(type);
          const std::int64_t* t = card.put(tokens);
          float *out = card.act(Floats(size(count * width), 7)),
                *dTable = add ? card.put(Floats(size(vocab * width), 0.5f)) : card.room<float>(vocab * width);
          if (gpu::embeddingForward(count, vocab, width, t, card.act(table), 3.0f, out, width, {}, type) != Status::Ok)
            return {};
          if (gpu::embeddingBackward(count, vocab, width, t, card.act(dy), width + 8, 3.0f, add, dTable,
                                     card.room<float>(gpu::embeddingBackwardWorkspace(count, width)), {},
                                     type) != Status::Ok)
            return {};
          return {card.get(out), card.get(dTable)};
        });
        Floats out;
        std::vector<double> sums(size(vocab * width), add ? 0.5 : 0.0);
        for (std::int64_t i = 0; i < count; ++i)
          for (std::int64_t c = 0; c < width; ++c) {
            const std::int64_t t = tokens[size(i)];
            const bool known = t >= 0 && t < vocab;
            out.push_back(known ? 3 * table[size(t * width + c)] : kNaN);
            if (known) sums[size(t * width + c)] += 3.0 * dy[size(i * (width + 8) + c)];
          }
        SERP_AGREES(got[0], stored(out, type), tolerance(type, 1e-7), "rows");
        SERP_AGREES(got[1], Floats(sums.begin(), sums.end()), 5e-6, "gradient");
      }
  }

  void adamwSteps() {
    for (const std::int64_t n : {1, 7, 1000}) {
      AdamWSettings s;
      s.weightDecay = 0.1f, s.gradScale = 0.7f;
      Floats p2 = numbers(n, 1), m2(size(n)), v2(size(n));
      Card card;
      float *p = card.put(p2), *m = card.put(m2), *v = card.put(v2);
      auto* shadow = card.room<std::uint16_t>(n);
      // The same through device memory, as a recorded step does it; a gradient so large that it is clipped.
      float *q = card.put(p2), *qm = card.put(m2), *qv = card.put(v2), *factors = card.room<float>(gpu::kAdamWFactors),
            *norm = card.room<float>(1);
      auto* step = card.put(Tokens{0});
      double *total = card.room<double>(1),
             *squares = card.room<double>(std::max<std::int64_t>(1, gpu::sumOfSquaresWorkspace(n)));
      const float* rate = card.put(Floats{s.learningRate});
      for (s.step = 1; s.step <= 3; ++s.step) {
        const Floats g = numbers(n, static_cast<std::uint64_t>(10 + s.step), 50, 60);
        const float clip = 10;
        float *g1 = card.put(g), *g2 = card.put(g);
        Floats plain = g;
        AdamWSettings clipped = s;
        const double whole = std::sqrt(reference::sumOfSquares(n, g.data())) * s.gradScale;
        clipped.gradScale *= static_cast<float>(std::min(1.0, clip / (whole + 1e-6)));
        QCOMPARE(gpu::adamw(n, p, g1, m, v, clipped, s.step == 2, {}, reinterpret_cast<gpu::Bf16*>(shadow)),
                 Status::Ok);
        reference::adamw(n, p2.data(), plain.data(), m2.data(), v2.data(), clipped);
        QVERIFY(card.get(g1) == (s.step == 2 ? Floats(size(n), 0.0f) : g));
        AdamWSettings unset = s;
        unset.learningRate = 7, unset.step = 99;
        QCOMPARE(gpu::sumOfSquares(n, g2, squares, total, {}), Status::Ok);
        QCOMPARE(gpu::adamwPrepare(unset, rate, total, clip, step, factors, norm, {}), Status::Ok);
        QCOMPARE(gpu::adamwApply(n, q, g2, qm, qv, factors, s.weightDecay, true, nullptr, {}), Status::Ok);
        QVERIFY(std::fabs(card.get(norm)[0] - whole) <= 1e-6 * whole);
        QVERIFY(card.get(g2) == Floats(size(n), 0.0f));
      }
      QCOMPARE(card.get(step)[0], std::int64_t{3});
      SERP_AGREES(card.get(p), p2, 5e-7, "param");
      SERP_AGREES(card.get(m), m2, 1e-6, "m");
      SERP_AGREES(card.get(v), v2, 1e-6, "v");
      SERP_AGREES(card.get(q), p2, 1e-6, "param of a recorded step");
      SERP_AGREES(card.get(qv), v2, 1e-6, "v of a recorded step");
      const auto halves = card.get(shadow), parameters = [&] {
        std::vector<std::uint16_t> bits;
        for (const float x : card.get(p)) bits.push_back(bf16Bits(x));
        return bits;
      }();
      QVERIFY(halves == parameters);
      auto* copy = card.room<std::uint16_t>(n);
      QCOMPARE(gpu::writeShadow(n, p, reinterpret_cast<gpu::Bf16*>(copy), {}), Status::Ok);
      QVERIFY(card.get(copy) == halves);
    }
    QVERIFY2(complaints().isEmpty(), "of AdamW");
  }

  void sumsOfSquares() {
    for (const std::int64_t n : {0, 1, 5, 9001}) {
      const Floats x = numbers(n, 5);
      SERP_IN_EVERY_ORDER(got, [&]() -> std::vector<Floats> {
        Card card;
        auto *workspace = card.room<double>(gpu::sumOfSquaresWorkspace(n)), *total = card.room<double>(1);
        if (gpu::sumOfSquares(n, card.put(x), workspace, total, {}) != Status::Ok) return {};
        const double sum = card.get(total)[0], want = reference::sumOfSquares(n, x.data());
        return {{static_cast<float>(sum), std::fabs(sum - want) <= 1e-12 * want ? 1.0f : 0.0f}};
      });
      QCOMPARE(got[0][1], 1.0f);
    }
  }
};

QTEST_GUILESS_MAIN(TestGpuRows)
#include "gpu_rows.moc"
