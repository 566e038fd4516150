// SPDX-License-Identifier: GPL-3.0-or-later
// Routing: choice, capacity and slots against a naive restatement, the plain loops and the paper's oracle; rows there
// and back.
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/routing.h"
#include "tests/kernels/kernel_testing.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

struct Routed {
  std::vector<float> probabilities, gate, logSumExp;
  std::vector<std::int32_t> expert, slotOfChoice, tokenOfSlot, choiceOfSlot;
  std::vector<std::int64_t> offsets, assigned, workspace;
  Status status = Status::Ok;

  Routed(const RouteShape& s, const std::vector<float>& logits, std::int64_t stride, bool plain,
         const ParallelFor& p = serial()) {
    const std::size_t choices = size(s.tokens * s.topK);
    probabilities.assign(size(s.tokens * s.experts), 7), gate.assign(choices, 7), logSumExp.assign(size(s.tokens), 7);
    expert.assign(choices, 7), slotOfChoice = tokenOfSlot = choiceOfSlot = expert;
    offsets.assign(size(s.experts + 1), 7), assigned.assign(size(s.experts), 7),
        workspace.resize(size(routeWorkspace(s, p.threads) / 8 + 1));
    const RouteOutput o{probabilities.data(), expert.data(),  gate.data(),     slotOfChoice.data(), tokenOfSlot.data(),
                        choiceOfSlot.data(),  offsets.data(), assigned.data(), logSumExp.data()};
    status =
        plain ? reference::route(s, logits.data(), stride, o) : route(s, logits.data(), stride, o, workspace.data(), p);
  }
  bool sameChoices(const Routed& other) const {
    return expert == other.expert && slotOfChoice == other.slotOfChoice && tokenOfSlot == other.tokenOfSlot &&
           choiceOfSlot == other.choiceOfSlot && offsets == other.offsets && assigned == other.assigned;
  }
};

/// The definition once more, in its slowest form.
bool slotsAreRight(const RouteShape& s, const Routed& r) {
  const std::int64_t group = s.groupSize > 0 ? s.groupSize : s.tokens;
  std::int64_t slot = 0;
  for (std::int64_t e = 0; e < s.experts; ++e) {
    if (r.offsets[size(e)] != slot) return false;
    std::int64_t used = 0, count = 0;
    for (std::int64_t i = 0; i < s.tokens * s.topK; ++i) {
      if (i % (group * s.topK) == 0) used = 0;
      if (r.expert[size(i)] != e) continue;
      ++count;
      const bool kept = s.capacity == 0 || used < s.capacity;
      if (r.slotOfChoice[size(i)] != (kept ? slot : -1)) return false;
      if (!kept) continue;
      if (r.tokenOfSlot[size(slot)] != i / s.topK || r.choiceOfSlot[size(slot)] != i) return false;
      ++used, ++slot;
    }
    if (r.assigned[size(e)] != count) return false;
  }
  for (std::int64_t i = slot; i < s.tokens * s.topK; ++i)
    if (r.tokenOfSlot[size(i)] != -1) return false;
  return r.offsets[size(s.experts)] == slot;
}

}  // namespace

class TestRouting : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void matchesTheReference_data() { addIsaRows(); }
  void matchesTheReference() {
    SERP_USE_ISA();
    const RouteShape shapes[] = {{1, 1, 1, 0, 0},     {5, 1, 1, 0, 3},   {3, 40, 2, 0, 0},   {3, 40, 40, 0, 1},
                                 {74, 5, 1, 0, 14},   {64, 8, 2, 16, 3}, {96, 17, 3, 32, 2}, {200, 32, 1, 0, 6},
                                 {33, 300, 4, 11, 1}, {0, 4, 1, 0, 1}};
    for (const RouteShape& s : shapes)
      for (const float range : {0.0f, 3.0f}) {  // 0: every logit ties
        const std::int64_t stride = s.experts + 3;
        auto logits = numbers(s.tokens * stride, 1, -range, range);
        for (std::int64_t t = 0; range > 0 && t < s.tokens; t += 3)
          logits[size(t * stride)] = logits[size(t * stride + s.experts - 1)] = 3.5f;  // ties
        const Routed got(s, logits, stride, false), two(s, logits, stride, false, threads(2));
        QCOMPARE(got.status, Status::Ok);
        if (s.tokens == 0) {
          QVERIFY(got.offsets == std::vector<std::int64_t>(5, 0));
          continue;
        }
        const Routed want(s, logits, stride, true);
        const QString name = QString("T%1 E%2 k%3 C%4").arg(s.tokens).arg(s.experts).arg(s.topK).arg(s.capacity);
        QVERIFY2(slotsAreRight(s, got), qPrintable(name));
        QVERIFY2(got.sameChoices(want) && got.sameChoices(two), qPrintable(name));
        SERP_AGREES(got.probabilities, want.probabilities, 1e-6, name);
        SERP_AGREES(got.gate, want.gate, 1e-6, name);
        SERP_AGREES(got.logSumExp, want.logSumExp, 1e-6, name);
        for (std::int64_t t = 0; t < s.tokens; ++t)
          for (std::int64_t j = 1; j < s.topK; ++j) {
            const auto a = got.expert[size(t * s.topK + j - 1)], b = got.expert[size(t * s.topK + j)];
            const float la = logits[size(t * stride + a)], lb = logits[size(t * stride + b)];
            QVERIFY(la > lb || (la == lb && a < b));
          }
      }
  }

  void everyTokenToOneExpert_data() { addIsaRows(); }
  void everyTokenToOneExpert() {
    SERP_USE_ISA();
    const RouteShape s{50, 4, 1, 0, 12};
    std::vector<float> logits(50 * 4, 0.0f);
    for (std::size_t t = 0; t < 50; ++t) logits[4 * t + 2] = 1;
    const Routed r(s, logits, 4, false);
    QCOMPARE(r.assigned, (std::vector<std::int64_t>{0, 0, 50, 0}));
    QCOMPARE(r.offsets, (std::vector<std::int64_t>{0, 0, 0, 12, 12}));
    for (std::int32_t t = 0; t < 50; ++t) QCOMPARE(r.slotOfChoice[size(t)], t < 12 ? t : -1);
  }

  void nanLogitsStillNameExperts() {
    const std::vector<float> logits(7 * 5, std::numeric_limits<float>::quiet_NaN());
    const Routed r({7, 5, 3, 0, 0}, logits, 5, false);
    for (std::size_t t = 0; t < 7; ++t)
      for (std::int32_t j = 0; j < 3; ++j) QCOMPARE(r.expert[3 * t + size(j)], j);
    QVERIFY(std::isnan(r.gate[0]));
  }

  void matchesTheOracle_data() { addIsaRows(); }
  void matchesTheOracle() {
    SERP_USE_ISA();
    const auto oracle = Oracle::open("switch_paper");
    if (!oracle) QSKIP(oraclesMissing());
    const auto& config = oracle->config()["cases"][""];
    const std::int64_t T = config["batch"].get<std::int64_t>() * config["length"].get<std::int64_t>(),
                       E = config["experts"], d = config["d_model"];
    const auto logits = oracle->at("logits").floats();
    const auto turn = [&](const std::vector<float>& dLogits) {  // dWr = X^T dLogits
      std::vector<float> out(size(d * E));
      const auto& X = oracle->at("X").values;
      for (std::int64_t i = 0; i < d; ++i)
        for (std::int64_t e = 0; e < E; ++e) {
          double sum = 0;
          for (std::int64_t t = 0; t < T; ++t) sum += X[size(t * d + i)] * dLogits[size(t * E + e)];
          out[size(i * E + e)] = static_cast<float>(sum);
        }
      return out;
    };
    for (const auto& [name, capacity] : config["capacity"].items()) {
      const RouteShape s{T, E, 1, 0, capacity};
      const Routed r(s, logits, E, false);
      SERP_AGREES(r.probabilities, oracle->at("P"), 5e-6, "P");
      SERP_AGREES(r.gate, oracle->at("gate"), 5e-6, "gate");
      QVERIFY(r.assigned == oracle->at("assigned").counts);
      std::vector<std::int64_t> expert(r.expert.begin(), r.expert.end()), kept, mask;
      for (std::size_t e = 0; e < size(E); ++e) kept.push_back(r.offsets[e + 1] - r.offsets[e]);
      for (const std::int32_t slot : r.slotOfChoice) mask.push_back(slot >= 0);
      QVERIFY(expert == oracle->at("expert").counts);
      QVERIFY(kept == oracle->at(name + ".kept").counts && mask == oracle->at(name + ".kept_mask").counts);
      // Balance and z loss, and what they alone send back into the router.
      std::vector<float> mean(size(E)), column(size(E)), dLogits(logits.size());
      QCOMPARE(routeMeanProbability(T, E, r.probabilities.data(), mean.data(), serial()), Status::Ok);
      const double alpha = config["alpha"];
      double balance = 0, z = 0;
      for (std::size_t e = 0; e < size(E); ++e) {
        const double fraction = static_cast<double>(r.assigned[e]) / static_cast<double>(T);
        balance += alpha * static_cast<double>(E) * fraction * mean[e];
        column[e] = static_cast<float>(alpha * static_cast<double>(E) * fraction / static_cast<double>(T));
      }
      for (const float l : r.logSumExp) z += static_cast<double>(l) * l / static_cast<double>(T);
      SERP_AGREES(std::vector<float>{static_cast<float>(balance)}, oracle->at("balance_loss"), 5e-6, "balance");
      SERP_AGREES(std::vector<float>{static_cast<float>(z)}, oracle->at("z_loss"), 5e-6, "z");
      const std::vector<float> none(r.gate.size(), 0.0f);
      routeBackward(T, E, 1, r.probabilities.data(), r.expert.data(), none.data(), column.data(), nullptr, 0,
                    dLogits.data(), serial());
      SERP_AGREES(turn(dLogits), oracle->at("grad_balance.Wr"), 1e-5, "grad_balance");
      routeBackward(T, E, 1, r.probabilities.data(), r.expert.data(), nullptr, nullptr, r.logSumExp.data(),
                    1.0f / static_cast<float>(T), dLogits.data(), serial());
      SERP_AGREES(turn(dLogits), oracle->at("grad_z.Wr"), 1e-5, "grad_z");
    }
  }

  void backwardMatchesFiniteDifferences_data() { addIsaRows(); }
  void backwardMatchesFiniteDifferences() {
    SERP_USE_ISA();
    const std::int64_t T = 3, E = 7, k = 2;
    const RouteShape s{T, E, k, 0, 0};
    const auto logits = numbers(T * E, 4), dGate = numbers(T * k, 5), column = numbers(E, 6);
    const Routed r(s, logits, E, false);
    std::vector<float> d(size(T * E));
    QCOMPARE(routeBackward(T, E, k, r.probabilities.data(), r.expert.data(), dGate.data(), column.data(),
                           r.logSumExp.data(), 0.3f, d.data(), threads(2)),
             Status::Ok);
    const auto loss = [&](std::int64_t at, double step) {  // for the token of `at`, choices held
      const std::int64_t t = at / E;
      std::vector<double> l(size(E));
      double sum = 0, out = 0;
      for (std::int64_t e = 0; e < E; ++e)
        l[size(e)] = logits[size(t * E + e)] + (t * E + e == at ? step : 0), sum += std::exp(l[size(e)]);
      for (std::int64_t e = 0; e < E; ++e) out += std::exp(l[size(e)]) / sum * column[size(e)];
      for (std::int64_t j = 0; j < k; ++j)
        out += std::exp(l[size(r.expert[size(t * k + j)])]) / sum * dGate[size(t * k + j)];
      return out + static_cast<double>(0.3f) * std::log(sum) * std::log(sum);
    };
    for (std::int64_t i = 0; i < T * E; ++i)
      QVERIFY(std::fabs((loss(i, 1e-4) - loss(i, -1e-4)) / 2e-4 - d[size(i)]) < 1e-5);
  }

  void rowsThereAndBack_data() { addIsaRows(); }
  void rowsThereAndBack() {
    SERP_USE_ISA();
    for (const std::int64_t width : {1, 13, 64, 100}) {
      const RouteShape s{60, 6, 2, 0, 15};
      const Routed r(s, numbers(60 * 6, 1), 6, false);
      const std::int64_t stride = width + 3, all = 120, kept = r.offsets[6];
      QVERIFY(kept < all);
      const auto x = spread(numbers(60 * width, 2), width, stride), dy = spread(numbers(60 * width, 3), width, stride),
                 weight = numbers(120, 4);
      std::vector<float> rows(size(all * width), 7), y(x.size(), 7), dRows = rows, dWeight(120, 7);
      QCOMPARE(gatherRows(x.data(), stride, width, r.tokenOfSlot.data(), all, rows.data(), threads(2)), Status::Ok);
      QCOMPARE(
          combineRows(rows.data(), width, r.slotOfChoice.data(), weight.data(), 60, 2, y.data(), stride, threads(2)),
          Status::Ok);
      QCOMPARE(
          combineRowsBackward(rows.data(), width, r.tokenOfSlot.data(), r.choiceOfSlot.data(), r.slotOfChoice.data(),
                              weight.data(), 60, 2, all, dy.data(), stride, dRows.data(), dWeight.data(), threads(2)),
          Status::Ok);
      for (std::int64_t t = 0; t < 60; ++t) {
        float sum = 0;
        for (std::int64_t i = 2 * t; i < 2 * t + 2; ++i) {
          const bool in = r.slotOfChoice[size(i)] >= 0;
          if (in) sum += weight[size(i)];
          double dot = 0;
          for (std::int64_t c = 0; in && c < width; ++c)
            dot += static_cast<double>(dy[size(t * stride + c)]) * x[size(t * stride + c)];
          QVERIFY(std::fabs(dWeight[size(i)] - dot) < 1e-4);
          for (std::int64_t c = 0; in && c < width; ++c)
            QCOMPARE(dRows[size(r.slotOfChoice[size(i)] * width + c)], weight[size(i)] * dy[size(t * stride + c)]);
        }
        for (std::int64_t c = 0; c < width; ++c)
          QVERIFY(std::fabs(y[size(t * stride + c)] - sum * x[size(t * stride + c)]) < 1e-5f);
        QCOMPARE(y[size(t * stride + width)], 7.0f);
      }
      for (std::int64_t i = kept * width; i < all * width; ++i) QVERIFY(rows[size(i)] == 0 && dRows[size(i)] == 0);
    }
  }

  void refusesWhatItCannotDo() {
    const std::vector<float> logits(8);
    QCOMPARE(Routed({2, 4, 5, 0, 0}, logits, 4, false).status, Status::BadShape);
    QCOMPARE(Routed({2, 4, 1, 3, 0}, logits, 4, false).status, Status::BadShape);
    QCOMPARE(Routed({2, 4, 1, 0, 0}, logits, 3, false).status, Status::BadArgument);
    QCOMPARE(route({-1, 4, 1, 0, 0}, nullptr, 4, {}, nullptr, serial()), Status::BadShape);
  }
};

QTEST_GUILESS_MAIN(TestRouting)
#include "tst_routing.moc"
