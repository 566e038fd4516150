// SPDX-License-Identifier: GPL-3.0-or-later
// The causal convolution: plain loops against the oracles, every instruction set against both; resets, strides, single
// steps.
#include "tests/kernels/conv_case.h"

using namespace serp::kernels;
using namespace serp::test;
using namespace serp::test::conv;

class TestCausalConv1d : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void matchesTheReference_data() { addIsaRows(); }
  void matchesTheReference() {
    SERP_USE_ISA();
    const ConvShape shapes[] = {{1, 1, 1, 4},    {2, 1, 5, 1},   {2, 2, 17, 4},  {1, 3, 64, 4},  {3, 19, 65, 4},
                                {1, 37, 341, 4}, {2, 6, 33, 16}, {1, 40, 12, 2}, {2, 5, 300, 7}, {1, 4, 257, 4}};
    for (const ConvShape& s : shapes)
      for (int options = 0; options <= kAll; ++options) {
        const Case c(s, options);
        Results got(c), want(c);
        QCOMPARE(got.run(c, serial()), Status::Ok);
        QCOMPARE(want.plain(c), Status::Ok);
        for (const auto& [name, member] : kResults)
          SERP_AGREES(got.*member, want.*member, 2e-6,
                      QString("%1 of L%2 D%3 W%4 options %5")
                          .arg(name)
                          .arg(s.length)
                          .arg(s.channels)
                          .arg(s.width)
                          .arg(options));
      }
  }

  void matchesTheOracle_data() { addIsaRows(); }
  void matchesTheOracle() {
    SERP_USE_ISA();
    const auto oracle = Oracle::open("causal_conv1d");
    if (!oracle) QSKIP(oraclesMissing());
    for (const auto& [label, config] : oracle->config()["cases"].items()) {
      Case c({config["batch"], config["length"], config["channels"], config["width"]}, config["silu"] ? kSilu : 0);
      c.x = oracle->at(label + ".x").turned().floats(), c.dOut = oracle->at(label + ".upstream.out").turned().floats();
      c.weight = oracle->at(label + ".weight").floats();
      if (oracle->has(label + ".bias")) c.bias = oracle->at(label + ".bias").floats(), c.options |= kBias;
      if (oracle->has(label + ".previous"))
        c.previous = oracle->at(label + ".previous").turned().floats(), c.options |= kPrevious;
      Results fast(c), plain(c);
      QCOMPARE(fast.run(c, serial()), Status::Ok);
      QCOMPARE(plain.plain(c), Status::Ok);
      const auto compare = [&](const char* name, std::vector<float> Results::*member, bool turn, double tol) {
        const std::string full = label + "." + name;
        if (!oracle->has(full)) return;
        const Tensor want = turn ? oracle->at(full).turned() : oracle->at(full);
        SERP_AGREES(fast.*member, want, tol, full.c_str());
        SERP_AGREES(plain.*member, want, 2e-7, full.c_str());
      };
      compare("out", &Results::out, true, 2e-6), compare("grad.x", &Results::dx, true, 5e-6);
      compare("grad.weight", &Results::dWeight, false, 5e-6), compare("grad.bias", &Results::dBias, false, 5e-6);
      compare("grad.previous", &Results::dPrevious, true, 5e-6);
      if (QTest::currentTestFailed()) return;
    }
  }

  void threadsDoNotChangeTheResult_data() { addIsaRows(); }
  void threadsDoNotChangeTheResult() {
    SERP_USE_ISA();
    const Case c({3, 70, 530, 4}, kAll);
    Results one(c), two(c), again(c);
    QCOMPARE(one.run(c, serial()), Status::Ok);
    QCOMPARE(two.run(c, threads(2)), Status::Ok);
    QCOMPARE(again.run(c, threads(2)), Status::Ok);
    for (const auto& [name, member] : kResults) {
      SERP_AGREES(two.*member, one.*member, 2e-6, name);
      QVERIFY2(two.*member == again.*member, name);
    }
  }

  void stepsEqualTheSequence_data() { addIsaRows(); }
  void stepsEqualTheSequence() {
    SERP_USE_ISA();
    for (const std::int64_t width : {1, 2, 4, 9}) {
      const Case c({1, 23, 37, width}, kAll);
      Results whole(c);
      QCOMPARE(convForward(c.s, c.input(), whole.out.data(), c.stride, serial()), Status::Ok);
      std::vector<float> window = c.previous, out(c.x.size(), 7);
      for (std::int64_t t = 0; t < c.s.length; ++t) {
        ConvInput in = c.input();
        in.x += t * c.stride, in.reset += t;
        QCOMPARE(
            convStep({1, 1, c.s.channels, width}, in, window.data(), out.data() + t * c.stride, c.stride, serial()),
            Status::Ok);
      }
      SERP_AGREES(out, whole.out, 1e-6, "out");
    }
  }

  void refusesWhatItCannotDo() {
    const Case c({1, 2, 3, 4}, kAll);
    Results r(c);
    for (const ConvShape bad : {ConvShape{-1, 2, 3, 4}, ConvShape{1, 2, 3, 0}, ConvShape{1, 2, 3, 17}})
      QCOMPARE(convForward(bad, c.input(), r.out.data(), c.stride, serial()), Status::BadShape);
    QCOMPARE(convForward(c.s, c.input(), nullptr, c.stride, serial()), Status::BadArgument);
    QCOMPARE(convForward(c.s, {}, r.out.data(), c.stride, serial()), Status::BadArgument);
    QCOMPARE(convBackward(c.s, c.input(), r.gradients(c), nullptr, serial()), Status::BadArgument);
    QCOMPARE(convForward({1, 0, 3, 4}, {}, nullptr, 0, serial()), Status::Ok);
    QCOMPARE(convBackward({0, 2, 3, 4}, {}, {}, nullptr, serial()), Status::Ok);
  }
};

QTEST_GUILESS_MAIN(TestCausalConv1d)
#include "tst_causal_conv1d.moc"
