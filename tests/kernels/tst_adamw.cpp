// SPDX-License-Identifier: GPL-3.0-or-later
// AdamW and the sum of squares: plain loops against five steps of the oracle, every instruction set against both.
#include <cmath>
#include <limits>

#include "kernels/adamw.h"
#include "tests/kernels/kernel_testing.h"

using namespace serp::kernels;
using namespace serp::test;

class TestAdamW : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void matchesTheReference_data() { addIsaRows(); }
  void matchesTheReference() {
    SERP_USE_ISA();
    for (const std::int64_t n : {1, 7, 16, 100, 70001}) {
      AdamWSettings s;
      s.weightDecay = 0.1f, s.gradScale = 0.7f;
      auto p = numbers(n, 1), m = std::vector<float>(size(n)), v = m;
      auto p2 = p, m2 = m, v2 = v, p3 = p, m3 = m, v3 = v;
      for (s.step = 1; s.step <= 4; ++s.step) {
        auto g = numbers(n, static_cast<std::uint64_t>(10 + s.step)), g2 = g, g3 = g;
        QCOMPARE(adamw(n, p.data(), g.data(), m.data(), v.data(), s, s.step % 2 == 0, serial()), Status::Ok);
        QCOMPARE(adamw(n, p3.data(), g3.data(), m3.data(), v3.data(), s, false, threads(2)), Status::Ok);
        QCOMPARE(reference::adamw(n, p2.data(), g2.data(), m2.data(), v2.data(), s), Status::Ok);
        if (s.step % 2 == 0)
          QVERIFY(g == std::vector<float>(size(n), 0.0f));
        else
          QVERIFY(g == g2);
      }
      SERP_AGREES(p, p2, 5e-7, "param");
      SERP_AGREES(m, m2, 1e-6, "m");
      SERP_AGREES(v, v2, 1e-6, "v");
      QVERIFY(p == p3 && m == m3 && v == v3);
    }
  }

  void matchesTheOracle_data() { addIsaRows(); }
  void matchesTheOracle() {
    SERP_USE_ISA();
    const auto oracle = Oracle::open("adamw");
    if (!oracle) QSKIP(oraclesMissing());
    for (const auto& [label, config] : oracle->config()["cases"].items())
      for (const bool plain : {false, true}) {
        const std::vector<std::string> names = {"p0", "p1", "p2"};
        std::vector<std::vector<float>> p, m, v;
        for (const auto& name : names) {
          p.push_back(oracle->at(label + "." + name).floats());
          m.emplace_back(p.back().size(), 0.0f), v.emplace_back(p.back().size(), 0.0f);
        }
        for (std::size_t step = 0; step < 5; ++step) {
          std::vector<std::vector<float>> grads;
          double squares = 0;
          for (std::size_t i = 0; i < names.size(); ++i) {
            const auto all = oracle->at(label + ".grads." + names[i]).floats();
            grads.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(step * p[i].size()),
                               all.begin() + static_cast<std::ptrdiff_t>((step + 1) * p[i].size()));
            squares += sumOfSquares(static_cast<std::int64_t>(p[i].size()), grads[i].data(), serial());
          }
          const double norm = std::sqrt(squares), want = oracle->at(label + ".norm").values[step];
          QVERIFY2(std::fabs(norm / want - 1) < 1e-6, label.c_str());
          AdamWSettings s;
          s.learningRate = config["lr"][step], s.beta1 = config["betas"][0], s.beta2 = config["betas"][1],
          s.eps = config["eps"];
          s.weightDecay = config["weight_decay"], s.step = static_cast<std::int64_t>(step) + 1;
          s.gradScale = static_cast<float>(std::min(1.0, config["max_norm"].get<double>() / (norm + 1e-6)));
          for (std::size_t i = 0; i < names.size(); ++i) {
            const auto n = static_cast<std::int64_t>(p[i].size());
            if (plain)
              reference::adamw(n, p[i].data(), grads[i].data(), m[i].data(), v[i].data(), s);
            else
              adamw(n, p[i].data(), grads[i].data(), m[i].data(), v[i].data(), s, false, serial());
            const auto part = [&](const char* what) {
              const auto& all = oracle->at(label + "." + what + "." + names[i]).values;
              return std::vector<double>(all.begin() + static_cast<std::ptrdiff_t>(step * p[i].size()),
                                         all.begin() + static_cast<std::ptrdiff_t>((step + 1) * p[i].size()));
            };
            const auto close = [](const std::vector<float>& got, const std::vector<double>& expected) {
              return disagreement<float>(got, expected) <= 5e-6;
            };
            QVERIFY(close(p[i], part("params")) && close(m[i], part("exp_avg")) && close(v[i], part("exp_avg_sq")));
            // One update is a thousandth of a parameter: compare the way walked, too.
            auto walked = p[i];
            auto way = part("params");
            const auto& start = oracle->at(label + "." + names[i]).values;
            for (std::size_t k = 0; k < walked.size(); ++k)
              walked[k] -= static_cast<float>(start[k]), way[k] -= start[k];
            QVERIFY(disagreement<float>(walked, way) <= 5e-4);
          }
        }
      }
  }

  void sumsInAFixedOrder_data() { addIsaRows(); }
  void sumsInAFixedOrder() {
    SERP_USE_ISA();
    for (const std::int64_t n : {0, 1, 5, 4095, 4096, 200003}) {
      const auto x = numbers(n, 5);
      double want = 0;
      for (const float f : x) want += static_cast<double>(f) * f;
      const double one = sumOfSquares(n, x.data(), serial()), two = sumOfSquares(n, x.data(), threads(2));
      QCOMPARE(one == two, true);
      QVERIFY(std::fabs(one - want) <= 1e-6 * want);
    }
    auto x = numbers(50000, 5);
    x[49998] = std::numeric_limits<float>::quiet_NaN();
    QVERIFY(!std::isfinite(sumOfSquares(50000, x.data(), serial())));
    x[49998] = -std::numeric_limits<float>::infinity();
    QVERIFY(!std::isfinite(sumOfSquares(50000, x.data(), serial())));
  }

  void refusesWhatItCannotDo() {
    float x = 1;
    AdamWSettings s;
    QCOMPARE(adamw(-1, &x, &x, &x, &x, s, false, serial()), Status::BadShape);
    QCOMPARE(adamw(1, nullptr, &x, &x, &x, s, false, serial()), Status::BadArgument);
    QCOMPARE(adamw(0, nullptr, nullptr, nullptr, nullptr, s, false, serial()), Status::Ok);
    s.step = 0;
    QCOMPARE(adamw(1, &x, &x, &x, &x, s, false, serial()), Status::BadArgument);
  }
};

QTEST_GUILESS_MAIN(TestAdamW)
#include "tst_adamw.moc"
