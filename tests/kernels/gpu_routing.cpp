// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU's routing, its permutations and static expert buffers against the plain loops: exact choices, whatever the
// shape and the numbers.
#include <tuple>

#include "kernels/reference/plain.h"
#include "tests/kernels/card.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

using Ints = std::vector<std::int32_t>;
using Counts = std::vector<std::int64_t>;

struct Routed {
  Floats probabilities, gate, logSumExp;
  Ints expert, slotOfChoice, tokenOfSlot, choiceOfSlot;
  Counts offsets, assigned;

  explicit Routed(const RouteShape& s) {
    const std::size_t choices = size(s.tokens * s.topK);
    probabilities.assign(size(s.tokens * s.experts), 7), gate.assign(choices, 7), logSumExp.assign(size(s.tokens), 7);
    expert.assign(choices, 7), slotOfChoice = tokenOfSlot = choiceOfSlot = expert;
    offsets.assign(size(s.experts + 1), 7), assigned.assign(size(s.experts), 7);
  }
  RouteOutput output() {
    return {probabilities.data(), expert.data(),  gate.data(),     slotOfChoice.data(), tokenOfSlot.data(),
            choiceOfSlot.data(),  offsets.data(), assigned.data(), logSumExp.data()};
  }
  /// The same in uninitialised device memory.
  RouteOutput room(Card& card) const {
    const auto floats = [&](const Floats& x) { return card.room<float>(static_cast<std::int64_t>(x.size())); };
    const auto ints = [&](const Ints& x) { return card.room<std::int32_t>(static_cast<std::int64_t>(x.size())); };
    const auto counts = [&](const Counts& x) { return card.room<std::int64_t>(static_cast<std::int64_t>(x.size())); };
    return {floats(probabilities), ints(expert),    floats(gate),     ints(slotOfChoice), ints(tokenOfSlot),
            ints(choiceOfSlot),    counts(offsets), counts(assigned), floats(logSumExp)};
  }
  void read(const Card& card, const RouteOutput& o) {
    probabilities = card.get(o.probabilities), gate = card.get(o.gate), logSumExp = card.get(o.logSumExp);
    expert = card.get(o.expert), slotOfChoice = card.get(o.slotOfChoice), tokenOfSlot = card.get(o.tokenOfSlot),
    choiceOfSlot = card.get(o.choiceOfSlot), offsets = card.get(o.offsets), assigned = card.get(o.assigned);
  }
  RouteOutput put(Card& card) const {
    return {card.put(probabilities), card.put(expert),      card.put(gate),
            card.put(slotOfChoice),  card.put(tokenOfSlot), card.put(choiceOfSlot),
            card.put(offsets),       card.put(assigned),    card.put(logSumExp)};
  }
  auto choices() const { return std::tie(expert, slotOfChoice, tokenOfSlot, choiceOfSlot, offsets, assigned); }
};

}  // namespace

class TestGpuRouting : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { SERP_NEEDS_CARD(); }

  void routes_data() {
    QTest::addColumn<QVector<qint64>>("shape");
    const QVector<QVector<qint64>> shapes = {
        {0, 4, 1, 0, 1},      {1, 1, 1, 0, 0},       {5, 1, 1, 0, 3},     {3, 40, 2, 0, 0},    {3, 40, 40, 0, 1},
        {74, 5, 1, 0, 14},    {64, 8, 2, 16, 3},     {600, 17, 1, 0, 20}, {96, 17, 3, 32, 2},  {33, 70, 4, 11, 1},
        {1100, 3, 2, 0, 500}, {1400, 6, 2, 700, 90}, {40, 200, 1, 1, 1},  {12, 160, 150, 6, 2}};
    for (const auto& s : shapes)
      QTest::addRow("T%lld E%lld k%lld group %lld capacity %lld", s[0], s[1], s[2], s[3], s[4]) << s;
  }
  void routes() {
    QFETCH(QVector<qint64>, shape);
    const RouteShape s{shape[0], shape[1], shape[2], shape[3], shape[4]};
    for (const float range : {0.0f, 3.0f, -1.0f}) {  // 0: every logit ties; -1: NaN and infinities among them
      const std::int64_t stride = s.experts + 3;
      auto logits = numbers(s.tokens * stride, 1, -std::fabs(range), std::fabs(range));
      for (std::int64_t t = 0; range > 0 && t < s.tokens; t += 3)
        logits[size(t * stride)] = logits[size(t * stride + s.experts - 1)] = 3.5f;
      for (std::size_t i = 0; range < 0 && i < logits.size(); i += 4)
        logits[i] = i % 3 == 0 ? -std::numeric_limits<float>::infinity() : kNaN;
      Routed got(s), want(s);
      bool first = true;
      for (const unsigned order : orders()) {
        Card card;
        const RouteOutput o = got.room(card);
        setOrder(order);
        const Status status = gpu::route(s, card.put(logits), stride, o, {});
        setOrder(0);
        const QString said = complaints();
        QVERIFY2(said.isEmpty(), qPrintable(said));
        QCOMPARE(status, Status::Ok);
        Routed other(s);
        other.read(card, o);
        QVERIFY(first || (other.choices() == got.choices() && sameBits(other.probabilities, got.probabilities)));
        got = other, first = false;
      }
      if (s.tokens == 0) {
        QVERIFY(got.offsets == Counts(5, 0) && got.assigned == Counts(4, 0));
        continue;
      }
      reference::route(s, logits.data(), stride, want.output());
      QVERIFY(got.choices() == want.choices());
      if (range < 0) continue;
      SERP_AGREES(got.probabilities, want.probabilities, 1e-6, "probabilities");
      SERP_AGREES(got.gate, want.gate, 1e-6, "gate");
      SERP_AGREES(got.logSumExp, want.logSumExp, 1e-6, "logSumExp");
      const Floats dGate = numbers(s.tokens * s.topK, 5), column = numbers(s.experts, 6);
      SERP_IN_EVERY_ORDER(back, [&]() -> std::vector<Floats> {
        Card card;
        const float* P = card.put(want.probabilities);
        float *mean = card.room<float>(s.experts), *d = card.room<float>(s.tokens * s.experts),
              *workspace = card.room<float>(gpu::routeMeanProbabilityWorkspace(s.tokens, s.experts));
        if (gpu::routeMeanProbability(s.tokens, s.experts, P, mean, workspace, {}) != Status::Ok) return {};
        if (gpu::routeBackward(s.tokens, s.experts, s.topK, P, card.put(want.expert), card.put(dGate), card.put(column),
                               card.put(want.logSumExp), 0.3f, d, {}) != Status::Ok)
          return {};
        return {card.get(mean), card.get(d)};
      });
      Floats mean(size(s.experts)), d(want.probabilities.size());
      routeMeanProbability(s.tokens, s.experts, want.probabilities.data(), mean.data(), serial());
      reference::routeBackward(s.tokens, s.experts, s.topK, want.probabilities.data(), want.expert.data(), dGate.data(),
                               column.data(), want.logSumExp.data(), 0.3f, d.data());
      SERP_AGREES(back[0], mean, 1e-6, "mean");
      SERP_AGREES(back[1], d, 5e-6, "dLogits");
    }
  }

  void rowsThereAndBack_data() {
    QTest::addColumn<int>("width");
    for (const int width : {1, 13, 64, 100}) QTest::addRow("width %d", width) << width;
  }
  void rowsThereAndBack() {
    QFETCH(int, width);
    for (const DType type : kTypes)
      for (const bool weighted : {true, false}) {
        const RouteShape s{60, 6, 2, 0, 15};
        Routed r(s);
        reference::route(s, numbers(60 * 6, 1).data(), 6, r.output());
        const std::int64_t stride = width + 4, all = 120;
        const auto some = [&](std::uint64_t seed) {
          return stored(spread(numbers(60 * width, seed), width, stride, 1e3f), type);
        };
        const Floats x = some(2), dy = some(3), weight = numbers(120, 4);
        SERP_IN_EVERY_ORDER(got, [&]() -> std::vector<Floats> {
          Card card(type);
          const RouteOutput o = r.put(card);
          float *rows = card.act(Floats(size(all * width), 7)), *y = card.act(Floats(x.size(), 7)),
                *dRows = card.act(Floats(size(all * width), 7)), *dWeight = card.room<float>(all),
                *w = weighted ? card.put(weight) : nullptr, *d = card.act(dy);
          if (gpu::gatherRows(card.act(x), stride, width, o.tokenOfSlot, all, rows, {}, type) != Status::Ok) return {};
          if (gpu::combineRows(rows, width, o.slotOfChoice, w, 60, 2, y, stride, {}, type) != Status::Ok) return {};
          if (gpu::combineRowsBackward(rows, width, o.tokenOfSlot, o.choiceOfSlot, o.slotOfChoice, w, 60, 2, all, d,
                                       stride, dRows, dWeight, {}, type) != Status::Ok)
            return {};
          return {card.get(rows), card.get(y), card.get(dRows), card.get(dWeight)};
        });
        Floats rows(size(all * width)), y(x.size(), 7), dRows = rows, dWeight(size(all));
        const float* w = weighted ? weight.data() : nullptr;
        gatherRows(x.data(), stride, width, r.tokenOfSlot.data(), all, rows.data(), serial());
        reference::combineRows(rows.data(), width, r.slotOfChoice.data(), w, 60, 2, y.data(), stride);
        reference::combineRowsBackward(rows.data(), width, r.choiceOfSlot.data(), w, 2, all, dy.data(), stride,
                                       dRows.data(), dWeight.data());
        QVERIFY(got[0] == rows);
        SERP_AGREES(got[1], stored(y, type), tolerance(type, 1e-6), "y");
        SERP_AGREES(got[2], stored(dRows, type), tolerance(type, 1e-6), "dRows");
        SERP_AGREES(got[3], dWeight, 2e-6, "dWeight");
      }
  }

  void staticExpertBuffers() {
    for (const std::int64_t capacity : {1, 4, 30}) {
      const RouteShape s{40, 5, 2, 0, 0};
      Routed r(s);
      reference::route(s, numbers(40 * 5, 3).data(), 5, r.output());
      const std::int64_t places = s.experts * capacity, width = 8, choices = s.tokens * s.topK;
      const Floats x = numbers(s.tokens * width, 2);
      Ints placeOfChoice, tokenOfPlace, choiceOfPlace;
      SERP_IN_EVERY_ORDER(got, [&]() -> std::vector<Floats> {
        Card card;
        const RouteOutput o = r.put(card);
        auto *p = card.room<std::int32_t>(choices), *t = card.room<std::int32_t>(places),
             *c = card.room<std::int32_t>(places);
        if (gpu::capacityPlaces(s.tokens, s.experts, s.topK, capacity, o, p, t, c, {}) != Status::Ok) return {};
        float *rows = card.room<float>(places * width), *y = card.room<float>(s.tokens * width);
        if (gpu::gatherRows(card.put(x), width, width, t, places, rows, {}) != Status::Ok) return {};
        if (gpu::combineRows(rows, width, p, nullptr, s.tokens, s.topK, y, width, {}) != Status::Ok) return {};
        placeOfChoice = card.get(p), tokenOfPlace = card.get(t), choiceOfPlace = card.get(c);
        return {card.get(rows), card.get(y)};
      });
      Counts used(size(s.experts), 0);
      Floats rows(size(places * width), 0), y(size(s.tokens * width), 0);
      Ints wantPlace(size(choices), -1), wantToken(size(places), -1), wantChoice(size(places), -1);
      for (std::int64_t i = 0; i < choices; ++i) {  // first come, first served
        const std::int64_t e = r.expert[size(i)], at = e * capacity + used[size(e)];
        if (used[size(e)]++ >= capacity) continue;
        wantPlace[size(i)] = static_cast<std::int32_t>(at), wantToken[size(at)] = static_cast<std::int32_t>(i / s.topK),
        wantChoice[size(at)] = static_cast<std::int32_t>(i);
        for (std::int64_t c = 0; c < width; ++c) {
          rows[size(at * width + c)] = x[size(i / s.topK * width + c)];
          y[size(i / s.topK * width + c)] += x[size(i / s.topK * width + c)];
        }
      }
      QVERIFY(placeOfChoice == wantPlace && tokenOfPlace == wantToken && choiceOfPlace == wantChoice);
      QVERIFY(got[0] == rows && got[1] == y);
    }
  }

  void refusesWhatItCannotDo() {
    QCOMPARE(gpu::capacityPlaces(1, 1, 1, 0, {}, nullptr, nullptr, nullptr, {}), Status::BadShape);
    QCOMPARE(gpu::capacityPlaces(1, 1, 1, 1, {}, nullptr, nullptr, nullptr, {}), Status::BadArgument);
    QCOMPARE(gpu::route({1, 5000, 1, 0, 0}, nullptr, 1, {}, {}), Status::BadShape);
    QCOMPARE(gpu::gatherRows(nullptr, 4, 4, nullptr, 1, nullptr, {}), Status::BadArgument);
  }
};

QTEST_GUILESS_MAIN(TestGpuRouting)
#include "gpu_routing.moc"
